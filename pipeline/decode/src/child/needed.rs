//! Which encoded frames have to be decoded at all.
//!
//! A frame is needed if it stands for a planned instant, or if one that does depends on it. Between
//! the last instant before a keyframe and that keyframe nothing is: those frames are held back until
//! the keyframe comes, and then dropped. A sparse plan over short groups of pictures saves up to half
//! of the decoding; and everything before the window of a plan costs demultiplexing only.
//!
//! Dropping is the exception that must be proven; whatever is unclear is decoded. Pure.

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

/// Holds encoded frames back until it is known whether they are needed.
#[derive(Debug)]
pub(super) struct Needed<B> {
    plan: SamplingPlan,
    /// The first instant that no frame has passed yet.
    next: MediaMs,
    /// The last instant that a frame has passed.
    passed: Option<MediaMs>,
    /// The latest frame.
    latest: Option<MediaMs>,
    held: Vec<B>,
    held_bytes: usize,
    dropped: u64,
}

impl<B> Needed<B> {
    pub(super) fn new(plan: SamplingPlan) -> Self {
        let next = plan.first();
        Self { plan, next, passed: None, latest: None, held: Vec::new(), held_bytes: 0, dropped: 0 }
    }

    /// How many frames were not needed.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether a frame at `at` comes after the next instant: what is displayed there has been seen.
    pub(super) fn is_passed_by(&self, at: MediaMs) -> bool {
        at > self.next
    }

    /// Takes the next frame; returns those that have to be decoded now.
    pub(super) fn push(&mut self, frame: Encoded<B>) -> Vec<B> {
        let Some(at) = frame.at else {
            // Without a time of its own it shares the fate of its neighbours.
            return self.hold(frame);
        };
        self.latest = self.latest.max(Some(at));
        if self.is_passed_by(at) {
            // The frame displayed at `next` has been seen. Frames may still come that are displayed
            // before this one but decoded after it; they are let through below.
            let mut ready = self.release();
            self.next = self.plan.not_before(at);
            self.passed = Some(self.next - self.plan.interval());
            if self.plan.is_open_at(self.next) {
                ready.extend(self.hold(frame));
            } else {
                // The plan is over: the sampler needs to see a frame to learn that.
                ready.push(frame.buffer);
            }
            return ready;
        }
        if self.passed.is_some_and(|passed| at <= passed) {
            let mut ready = self.release();
            ready.push(frame.buffer);
            return ready;
        }
        if frame.is_key {
            // Displayed at `next` is this frame or a later one: nothing held stands for anything.
            self.dropped += self.held.len() as u64;
            self.held.clear();
            self.held_bytes = 0;
        }
        self.hold(frame)
    }

    /// The medium is over and its last frame ends at `end`; returns what still has to be decoded.
    pub(super) fn finish(&mut self, end: MediaMs) -> Vec<B> {
        let is_displayed = self.next < end || self.latest == Some(self.next);
        if self.plan.until().map_or(is_displayed, |until| self.next < until) {
            return self.release();
        }
        self.dropped += self.held.len() as u64;
        self.held.clear();
        Vec::new()
    }

    /// Everything held, for an event that must not overtake it.
    pub(super) fn release(&mut self) -> Vec<B> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    fn hold(&mut self, frame: Encoded<B>) -> Vec<B> {
        self.held_bytes += frame.size + OVERHEAD;
        self.held.push(frame.buffer);
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
            times.extend(needed.push(Encoded { at: at_time, is_key: *is_key, size: 1, buffer: *at }));
        }
        times.extend(needed.finish(MediaMs(end)));
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
            needed.push(Encoded { at, is_key: false, size: 1 << 20, buffer: index });
            largest = largest.max(needed.held.len());
        }
        assert!(largest <= 8, "{largest}");
        for _ in 0..100_000 {
            let at = Some(MediaMs(100));
            needed.push(Encoded { at, is_key: false, size: 0, buffer: 100 });
            largest = largest.max(needed.held.len());
        }
        assert!(largest < 20_000, "{largest}");
    }

    /// Instants with the time of the frame that stands for them, when frames pass through a decoder that
    /// holds some of them back.
    fn answers(plan: SamplingPlan, frames: &[(i64, bool)], all: bool, held_back: usize) -> Vec<(i64, i64)> {
        let mut needed = Needed::new(plan);
        let mut sampler = Sampler::new(plan);
        let mut answers = Vec::new();
        let mut last = -1;
        let mut take = |answer: Answer<'_, i64>| {
            answers.push(match answer {
                Answer::New { instant, at, .. } => {
                    last = at.0;
                    (instant.0, last)
                }
                Answer::Same { instant } => (instant.0, last),
                Answer::Gap { instant } => (instant.0, -1),
            });
            Ok::<(), std::convert::Infallible>(())
        };
        let mut decoder = std::collections::VecDeque::new();
        for (at, is_key) in frames {
            if needed.is_passed_by(MediaMs(*at)) {
                sampler.announce(MediaMs(*at));
            }
            let frame = Encoded { at: Some(MediaMs(*at)), is_key: *is_key, size: 1, buffer: *at };
            let ready = needed.push(frame);
            decoder.extend(if all { vec![*at] } else { ready });
            while decoder.len() > held_back {
                let at = decoder.pop_front().unwrap();
                let Ok(()) = sampler.push(MediaMs(at), at, &mut take);
            }
        }
        let end = frames.last().map_or(0, |(at, _)| at + 40);
        decoder.extend(if all { Vec::new() } else { needed.finish(MediaMs(end)) });
        for at in decoder {
            let Ok(()) = sampler.push(MediaMs(at), at, &mut take);
        }
        let Ok(()) = sampler.finish(MediaMs(end), &mut take);
        answers
    }

    proptest! {
        /// What is passed over changes no answer: it leaves no hole behind.
        #[test]
        fn answers_are_those_of_decoding_everything(
            steps in prop::collection::vec((1i64..2500, prop::bool::weighted(0.3)), 1..60),
            interval in 100i64..6000,
            hold in 0i64..3000,
            held_back in 0usize..16,
        ) {
            let mut time = 0;
            let mut frames = vec![(0, true)];
            for (step, is_key) in steps {
                time += step;
                frames.push((time, is_key));
            }
            let plan = SamplingPlan::every(Millis(interval)).holding(Millis(hold));
            prop_assert_eq!(answers(plan, &frames, false, held_back), answers(plan, &frames, true, 0));
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
