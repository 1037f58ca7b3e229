//! Which encoded frames have to be decoded at all, and which moments are looked at.
//!
//! A frame is needed if it is displayed at a moment that is looked at, or if one that is depends on it. The
//! plan says which moment that is, once the keyframes around are known: the instant itself, a little before
//! it, or a keyframe; between that moment and the next keyframe nothing is needed. Frames are held back until
//! it is known, and then dropped. A sparse plan over short groups of pictures saves more than half of the
//! decoding; and everything before the window of a plan costs demultiplexing only.
//!
//! Dropping is the exception that must be proven; whatever is unclear is decoded. Pure.

use domain::ports::SampleTime;
use domain::time::MediaMs;

use crate::plan::SamplingPlan;

/// More encoded bytes than this are never held back: beyond it they are decoded, needed or not.
const MOST_BYTES: usize = 8 << 20;
/// What a frame costs besides its bytes: there may be millions of a single one.
const OVERHEAD: usize = 512;

/// An encoded frame, in decoding order.
#[derive(Debug)]
pub(super) struct Encoded<B> {
    /// Media time, if the container gave one.
    pub(super) at: Option<MediaMs>,
    /// Whether decoding can begin here.
    pub(super) is_key: bool,
    pub(super) size: usize,
    pub(super) buffer: B,
}

/// What is known after a frame.
#[derive(Debug)]
pub(super) struct Known<B> {
    /// What has to be decoded now.
    pub(super) frames: Vec<B>,
    /// The next samples of the plan.
    pub(super) samples: Vec<SampleTime>,
    /// Where frames are that come after their moments and may never be decoded, in order.
    pub(super) announced: Vec<MediaMs>,
    /// Whether nothing else will have to be decoded.
    pub(super) is_all: bool,
}

impl<B> Known<B> {
    fn nothing_but(frames: Vec<B>) -> Self {
        Self { frames, samples: Vec::new(), announced: Vec::new(), is_all: false }
    }
}

/// A frame that is held back.
#[derive(Debug)]
struct Held<B> {
    at: Option<MediaMs>,
    /// What it costs, in bytes.
    size: usize,
    buffer: B,
}

/// Holds encoded frames back until it is known whether they are needed.
#[derive(Debug)]
pub(super) struct Needed<B> {
    plan: SamplingPlan,
    /// When the first sample is due that is not decided yet.
    due: MediaMs,
    /// The last moment whose picture was asked for.
    asked: Option<MediaMs>,
    /// The last keyframe that may be looked at for what is due, or that it depends on.
    key: Option<MediaMs>,
    /// The latest frame.
    latest: Option<MediaMs>,
    /// The frame with which the last sample of the plan was decided.
    over: Option<MediaMs>,
    held: Vec<Held<B>>,
    held_bytes: usize,
    dropped: u64,
}

impl<B> Needed<B> {
    pub(super) fn new(plan: SamplingPlan) -> Self {
        Self {
            plan,
            due: plan.first(),
            asked: None,
            key: None,
            latest: None,
            over: None,
            held: Vec::new(),
            held_bytes: 0,
            dropped: 0,
        }
    }

    /// How many frames were not needed.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the next frame.
    pub(super) fn push(&mut self, frame: Encoded<B>) -> Known<B> {
        let Some(at) = frame.at else {
            // Without a time of its own it shares the fate of its neighbours.
            return Known::nothing_but(self.hold(frame));
        };
        self.latest = self.latest.max(Some(at));
        if self.asked.is_some_and(|asked| at <= asked) {
            // Displayed before what has been asked for, but decoded after it.
            let mut frames = self.release();
            frames.push(frame.buffer);
            return Known::nothing_but(frames);
        }
        if self.over.is_some_and(|over| at > over) {
            // Whatever is displayed before the frame that decided the last sample has come by now.
            self.drop_held();
            self.dropped += 1;
            return Known { is_all: true, ..Known::nothing_but(Vec::new()) };
        }
        let mut known = Known::nothing_but(Vec::new());
        let late = self.plan.late();
        if self.over.is_none() && at > self.due + late {
            known = self.decide(|due| due + late < at);
            known.announced.push(at);
            self.over = (!self.plan.is_open_at(self.due)).then_some(at);
        }
        if frame.is_key {
            // What is due is looked at in this frame or a later one: nothing held stands for anything.
            self.drop_held();
            self.key = self.key.max(Some(at));
        }
        known.frames.extend(self.hold(frame));
        known
    }

    /// The medium is over and its last frame ends at `end`.
    pub(super) fn finish(&mut self, end: MediaMs) -> Known<B> {
        // A frame without a duration is displayed at its own instant at least.
        let end = self.latest.map_or(end, |latest| end.max(MediaMs(latest.0.saturating_add(1))));
        let until = self.plan.until().unwrap_or(end);
        let mut known = self.decide(|due| due < until);
        if self.latest.is_none() && !known.samples.is_empty() {
            // Only the decoder may know the times.
            known.frames = self.release();
        }
        self.drop_held();
        Known { is_all: true, ..known }
    }

    /// Decides the samples that are due, and what they need.
    fn decide(&mut self, is_due: impl Fn(MediaMs) -> bool) -> Known<B> {
        let mut samples = Vec::new();
        while is_due(self.due) && self.plan.is_open_at(self.due) {
            let sample = self.plan.sample(self.due, self.key);
            samples.push(sample);
            self.due = self.plan.after(sample);
        }
        let frames = self.release_for(&samples);
        // Those that are left come after the last moment.
        let announced = self.held.iter().filter_map(|held| held.at).min();
        Known { frames, samples, announced: announced.into_iter().collect(), is_all: false }
    }

    /// Everything held, for an event that must not overtake it.
    pub(super) fn release(&mut self) -> Vec<B> {
        self.held_bytes = 0;
        self.held.drain(..).map(|held| held.buffer).collect()
    }

    /// What is held up to the last of these moments, and all that it may depend on.
    fn release_for(&mut self, samples: &[SampleTime]) -> Vec<B> {
        let Some(asked) = samples.last().map(|sample| sample.moment) else { return Vec::new() };
        self.asked = self.asked.max(Some(asked));
        let is_asked = |held: &Held<B>| held.at.is_some_and(|at| at <= asked);
        let count = self.held.iter().rposition(is_asked).map_or(0, |last| last + 1);
        self.held_bytes -= self.held[..count].iter().map(|held| held.size).sum::<usize>();
        self.held.drain(..count).map(|held| held.buffer).collect()
    }

    fn drop_held(&mut self) {
        self.dropped += self.held.len() as u64;
        self.held.clear();
        self.held_bytes = 0;
    }

    fn hold(&mut self, frame: Encoded<B>) -> Vec<B> {
        let size = frame.size + OVERHEAD;
        self.held_bytes += size;
        self.held.push(Held { at: frame.at, size, buffer: frame.buffer });
        if self.held_bytes > MOST_BYTES { self.release() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use domain::time::{Interval, Millis};
    use proptest::prelude::*;

    use super::*;
    use crate::child::sampler::{Answer, Sampler};

    /// Feeds (time, is keyframe) in decoding order; returns the times that are decoded.
    fn decoded(plan: SamplingPlan, frames: &[(i64, bool)], end: i64) -> Vec<i64> {
        let mut needed = Needed::new(plan);
        let mut times = Vec::new();
        for (at, is_key) in frames {
            let at_time = Some(MediaMs(*at));
            let known = needed.push(Encoded { at: at_time, is_key: *is_key, size: 1, buffer: *at });
            times.extend(known.frames);
            if known.is_all {
                return times;
            }
        }
        times.extend(needed.finish(MediaMs(end)).frames);
        assert_eq!(times.len() as u64 + needed.dropped(), frames.len() as u64);
        times
    }

    /// Ten frames a second, a keyframe every `group` frames.
    fn stream(frames: i64, group: i64) -> Vec<(i64, bool)> {
        (0..frames).map(|index| (index * 100, index % group == 0)).collect()
    }

    #[test]
    fn the_tail_of_a_group_is_dropped() {
        let plan = SamplingPlan::every(Millis(1000));
        let times = decoded(plan, &stream(40, 20), 4000);
        let expected: Vec<i64> = (0..=1000).step_by(100).chain((2000..=3000).step_by(100)).collect();
        assert_eq!(times, expected);
    }

    #[test]
    fn a_keyframe_after_the_instant_saves_nothing_before_it() {
        let plan = SamplingPlan::every(Millis(1000));
        let frames = [(0, true), (400, false), (900, false), (1100, true), (1500, false)];
        assert_eq!(decoded(plan, &frames, 1600), [0, 400, 900]);
    }

    #[test]
    fn with_slack_a_group_ends_earlier_and_a_keyframe_is_never_passed_over() {
        let plan = SamplingPlan::every(Millis(1000)).slackened(Millis(200));
        let expected: Vec<i64> = (0..=800).step_by(100).chain((2000..=2800).step_by(100)).collect();
        assert_eq!(decoded(plan, &stream(40, 20), 4000), expected);
        let frames = [(0, true), (800, false), (900, true), (950, false), (1100, false)];
        assert_eq!(decoded(plan, &frames, 1200), [0, 900]);
    }

    #[test]
    fn calm_time_costs_keyframes_alone_while_they_are_close_enough() {
        let window = |end| Interval::new(MediaMs(0), MediaMs(end));
        let plan = SamplingPlan::keyframes(Millis(2000));
        assert_eq!(decoded(plan.within(window(2000)), &stream(20, 20), 2000), [0]);
        assert_eq!(decoded(plan.within(window(6000)), &stream(60, 10), 6000), [0, 2000, 4000]);
        let late = [(0, true), (1990, false), (2040, true), (2100, false), (2200, false)];
        assert_eq!(decoded(plan, &late, 2300), [0, 2040]);
        let rare: Vec<i64> = (0..=2000).step_by(100).chain([3000]).collect();
        assert_eq!(decoded(plan.within(window(5000)), &stream(50, 30), 5000), rare);
    }

    #[test]
    fn the_plan_is_over_when_nothing_displayed_earlier_can_come() {
        let window = Interval::new(MediaMs(0), MediaMs(2000));
        let plan = SamplingPlan::every(Millis(1000)).slackened(Millis(200)).within(window);
        let frames = [(0, true), (1300, false), (700, false), (1000, false), (1400, false), (1500, false)];
        assert_eq!(decoded(plan, &frames, 1600), [0, 1300, 700]);
    }

    #[test]
    fn what_lies_before_the_window_is_dropped() {
        let window = Interval::new(MediaMs(5000), MediaMs(6000));
        let plan = SamplingPlan::every(Millis(500)).within(window);
        let times = decoded(plan, &stream(80, 20), 8000);
        assert_eq!(times.first(), Some(&4000));
        assert!(times.contains(&5500));
    }

    #[test]
    fn frames_displayed_before_but_decoded_after_are_let_through() {
        let plan = SamplingPlan::every(Millis(1000));
        let frames = [(0, true), (1200, false), (600, false), (1000, false), (1400, true)];
        assert_eq!(decoded(plan, &frames, 1500), [0, 1200, 600, 1000]);
    }

    #[test]
    fn held_bytes_are_bounded() {
        let mut needed = Needed::new(SamplingPlan::every(Millis(100_000)));
        let mut largest = 0;
        for index in 1..100 {
            let at = Some(MediaMs(index));
            let _ = needed.push(Encoded { at, is_key: false, size: 1 << 20, buffer: index });
            largest = largest.max(needed.held.len());
        }
        assert!(largest <= 8, "{largest}");
        for _ in 0..100_000 {
            let at = Some(MediaMs(100));
            let _ = needed.push(Encoded { at, is_key: false, size: 0, buffer: 100 });
            largest = largest.max(needed.held.len());
        }
        assert!(largest < 20_000, "{largest}");
    }

    /// Samples with the time of the frame that stands for them, when frames pass through a decoder that
    /// holds some of them back.
    fn answers(plan: SamplingPlan, frames: &[(i64, bool)], held_back: usize) -> Vec<(SampleTime, i64)> {
        let mut needed = Needed::new(plan);
        let mut sampler = Sampler::new(plan);
        let mut answers = Vec::new();
        let mut last = -1;
        let mut take = |answer: Answer<'_, i64>| {
            answers.push(match answer {
                Answer::New { time, at, .. } => {
                    last = at.0;
                    (time, last)
                }
                Answer::Same { time } => (time, last),
                Answer::Gap { time } => (time, -1),
            });
            Ok::<(), std::convert::Infallible>(())
        };
        let mut decoder = std::collections::VecDeque::new();
        for (at, is_key) in frames {
            let frame = Encoded { at: Some(MediaMs(*at)), is_key: *is_key, size: 1, buffer: *at };
            let known = needed.push(frame);
            known.announced.into_iter().for_each(|at| sampler.announce(at));
            known.samples.into_iter().for_each(|sample| sampler.decide(sample));
            decoder.extend(known.frames);
            while decoder.len() > held_back {
                let at = decoder.pop_front().unwrap();
                let Ok(()) = sampler.push(MediaMs(at), at, &mut take);
            }
        }
        let end = frames.last().map_or(0, |(at, _)| at + 40);
        let known = needed.finish(MediaMs(end));
        known.announced.into_iter().for_each(|at| sampler.announce(at));
        known.samples.into_iter().for_each(|sample| sampler.decide(sample));
        decoder.extend(known.frames);
        for at in decoder {
            let Ok(()) = sampler.push(MediaMs(at), at, &mut take);
        }
        let Ok(()) = sampler.finish(MediaMs(end), &mut take);
        answers
    }

    /// The same by the rule, written down as a search over all frames.
    fn by_the_rule(plan: SamplingPlan, frames: &[(i64, bool)], pace: Pace) -> Vec<(SampleTime, i64)> {
        let end = frames.last().map_or(0, |(at, _)| at + 40);
        let hold = plan.hold().0;
        let last_key = |before: i64| frames.iter().rfind(|(at, is_key)| *is_key && *at <= before).unwrap().0;
        let answer = |(planned, moment): (i64, i64)| {
            let shown = frames.iter().rposition(|(at, _)| *at <= moment).unwrap();
            let at = frames[shown].0;
            let next = frames.get(shown + 1).map_or(end, |(at, _)| *at);
            let stands = next - at <= hold || moment - at <= hold.min(500);
            let time = SampleTime { planned: MediaMs(planned), moment: MediaMs(moment) };
            (time, if stands { at } else { -1 })
        };
        let mut samples = Vec::new();
        match pace {
            Pace::Grid(interval, slack) => {
                samples.extend(
                    (0..end)
                        .step_by(interval as usize)
                        .map(|planned| (planned, last_key(planned).max(planned - slack))),
                );
            }
            Pace::Keyframes(apart) => {
                let mut last = -apart;
                while last + apart < end {
                    let key = last_key(last + apart + 100);
                    last = if key > last && key >= 0 { key } else { last + apart };
                    samples.push((last, last));
                }
            }
        }
        samples.into_iter().map(answer).collect()
    }

    #[derive(Debug, Clone, Copy)]
    enum Pace {
        Grid(i64, i64),
        Keyframes(i64),
    }

    fn pace() -> impl Strategy<Value = Pace> {
        let slack = prop_oneof![Just(0i64), 0i64..400];
        prop_oneof![
            (100i64..6000, slack).prop_map(|(interval, slack)| Pace::Grid(interval, slack)),
            (200i64..4000).prop_map(Pace::Keyframes),
        ]
    }

    proptest! {
        /// What is passed over changes no answer: it leaves no hole behind.
        #[test]
        fn answers_are_those_of_the_rule(
            steps in prop::collection::vec((1i64..2500, prop::bool::weighted(0.3)), 1..60),
            pace in pace(),
            hold in 0i64..3000,
            held_back in 0usize..16,
        ) {
            let mut time = 0;
            let mut frames = vec![(0, true)];
            for (step, is_key) in steps {
                time += step;
                frames.push((time, is_key));
            }
            let plan = match pace {
                Pace::Grid(interval, slack) => SamplingPlan::every(Millis(interval)).slackened(Millis(slack)),
                Pace::Keyframes(apart) => SamplingPlan::keyframes(Millis(apart)),
            };
            let plan = plan.holding(Millis(hold));
            prop_assert_eq!(answers(plan, &frames, held_back), by_the_rule(plan, &frames, pace));
        }

        /// The frame displayed at each instant is decoded, and so is everything since its keyframe.
        #[test]
        fn nothing_needed_is_dropped(
            steps in prop::collection::vec((1i64..400, prop::bool::weighted(0.15)), 1..120),
            interval in 100i64..2000,
        ) {
            let mut time = 0;
            let mut frames = vec![(0, true)];
            for (step, is_key) in steps {
                time += step;
                frames.push((time, is_key));
            }
            let end = time + 1;
            let times = decoded(SamplingPlan::every(Millis(interval)), &frames, end);
            for instant in (0..end).step_by(interval as usize) {
                let displayed = frames.iter().rposition(|(at, _)| *at <= instant).unwrap();
                let key = frames[..=displayed].iter().rposition(|(_, is_key)| *is_key).unwrap();
                for (at, _) in &frames[key..=displayed] {
                    prop_assert!(times.contains(at), "{at} for {instant}: {times:?}");
                }
            }
        }
    }
}
