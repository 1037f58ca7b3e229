//! Which decoded frame stands for which planned instant.
//!
//! The rule: for a sample stands the frame displayed at its moment, that is the last one not after it. A frame
//! stands up to the next one, or up to the end of the plan or of the medium, if that comes within the
//! plan's hold; otherwise there is a hole, and it stands for a short while only. Every sample is answered
//! once, in order, as soon as the frame after it is there. Pure: frames are values that it never looks
//! into.

use std::collections::VecDeque;

use domain::ports::SampleTime;
use domain::time::MediaMs;

use crate::plan::SamplingPlan;

/// Of frames that are announced, so many are remembered: decoders hold back sixteen at most.
const MOST_ANNOUNCED: usize = 64;

/// What stands for a sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a, F> {
    /// This frame, which stood for none before.
    New { time: SampleTime, at: MediaMs, frame: &'a F },
    /// The frame of the answer before.
    Same { time: SampleTime },
    /// Nothing.
    Gap { time: SampleTime },
}

/// Takes frames in order of media time, gives answers in the order of the plan.
#[derive(Debug)]
pub(super) struct Sampler<F> {
    plan: SamplingPlan,
    /// When the first sample without an answer is due.
    due: MediaMs,
    /// The last sample with an answer.
    last: Option<SampleTime>,
    standing: Option<Standing<F>>,
    /// The next samples, as far as they are decided.
    decided: VecDeque<SampleTime>,
    /// Frames after the standing one that were announced, in order.
    announced: VecDeque<MediaMs>,
}

#[derive(Debug)]
struct Standing<F> {
    at: MediaMs,
    frame: F,
    answered: bool,
}

impl<F> Sampler<F> {
    pub(super) fn new(plan: SamplingPlan) -> Self {
        let (decided, announced) = (VecDeque::new(), VecDeque::new());
        Self { plan, due: plan.first(), last: None, standing: None, decided, announced }
    }

    /// Whether no sample of the plan is left.
    pub(super) fn is_finished(&self) -> bool {
        !self.plan.is_open_at(self.due)
    }

    /// Learns of the next sample that is decided. Decisions come before any frame after their moment; where
    /// frames have no time in their container, they may come too late to matter.
    pub(super) fn decide(&mut self, sample: SampleTime) {
        if self.last.is_none_or(|last| sample.planned > last.planned) {
            self.decided.push_back(sample);
        }
    }

    /// The next sample.
    fn next(&self) -> SampleTime {
        self.decided.front().copied().unwrap_or(SampleTime::exactly(self.due))
    }

    /// Learns that there is a frame at `at`, which may never be decoded because it stands for nothing:
    /// before it there is no hole. Announcements come in order, each before any frame that follows it.
    pub(super) fn announce(&mut self, at: MediaMs) {
        if self.announced.len() == MOST_ANNOUNCED {
            self.announced.pop_front();
        }
        self.announced.push_back(at);
    }

    /// Takes the next frame and answers the samples before it.
    ///
    /// A frame that goes back in time is ignored: what was answered stays answered.
    pub(super) fn push<E>(
        &mut self,
        at: MediaMs,
        frame: F,
        answer: &mut dyn FnMut(Answer<'_, F>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.standing.as_ref().is_some_and(|standing| at < standing.at) {
            return Ok(());
        }
        self.answer_before(at, |sample, end| sample.moment < end, answer)?;
        self.standing = Some(Standing { at, frame, answered: false });
        while self.announced.front().is_some_and(|announced| *announced <= at) {
            self.announced.pop_front();
        }
        Ok(())
    }

    /// Answers what is left of the plan after the last frame, which ends at `end`.
    pub(super) fn finish<E>(
        &mut self,
        end: MediaMs,
        answer: &mut dyn FnMut(Answer<'_, F>) -> Result<(), E>,
    ) -> Result<(), E> {
        let last = self.standing.as_ref().map(|standing| standing.at);
        // A frame without duration is displayed at its own instant at least.
        let end = last.map_or(end, |last| end.max(MediaMs(last.0.saturating_add(1))));
        self.answer_before(self.plan.until().unwrap_or(end), |sample, end| sample.planned < end, answer)
    }

    /// Answers the samples that are due before `end`, where the next frame comes or nothing more.
    fn answer_before<E>(
        &mut self,
        end: MediaMs,
        is_due: impl Fn(SampleTime, MediaMs) -> bool,
        answer: &mut dyn FnMut(Answer<'_, F>) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = self.plan.until().map_or(end, |until| until.min(end));
        let stands_until = self.standing.as_ref().map(|standing| self.stands_until(standing.at, end));
        while self.plan.is_open_at(self.due) && is_due(self.next(), end) {
            let time = self.next();
            self.due = self.plan.after(time);
            self.last = Some(time);
            self.decided.pop_front();
            let standing = self.standing.as_mut().filter(|_| Some(time.moment) <= stands_until);
            answer(match standing {
                None => Answer::Gap { time },
                Some(standing) if standing.answered => Answer::Same { time },
                Some(standing) => {
                    standing.answered = true;
                    Answer::New { time, at: standing.at, frame: &standing.frame }
                }
            })?;
        }
        Ok(())
    }

    /// The last moment for which a frame stands that nothing decoded follows before `end`.
    fn stands_until(&self, at: MediaMs, end: MediaMs) -> MediaMs {
        let hold = self.plan.hold();
        if end - at <= hold {
            return end;
        }
        let followed = self.announced.front().filter(|next| **next - at <= hold);
        followed.copied().unwrap_or(at).max(at + self.plan.hold_before_hole())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use domain::time::{Interval, Millis};
    use proptest::prelude::*;

    use super::*;

    /// Instants with the time of the picture that stands for them.
    fn sampled(plan: SamplingPlan, frames: &[i64], end: i64) -> Vec<(i64, Option<i64>)> {
        let mut answers = Vec::new();
        let mut last = None;
        let mut take = |answer: Answer<'_, i64>| {
            answers.push(match answer {
                Answer::New { time, at, frame } => {
                    assert_eq!(at.0, *frame);
                    assert_ne!(last, Some(at.0), "a frame is new only once");
                    last = Some(at.0);
                    (time.planned.0, last)
                }
                Answer::Same { time } => (time.planned.0, last),
                Answer::Gap { time } => (time.planned.0, None),
            });
            Ok::<(), Infallible>(())
        };
        let mut sampler = Sampler::new(plan);
        for at in frames {
            let Ok(()) = sampler.push(MediaMs(*at), *at, &mut take);
        }
        let Ok(()) = sampler.finish(MediaMs(end), &mut take);
        answers
    }

    #[test]
    fn the_displayed_frame_stands() {
        let plan = SamplingPlan::every(Millis(500));
        let answers = sampled(plan, &[0, 67, 466, 533, 1000, 1066], 1100);
        assert_eq!(answers, [(0, Some(0)), (500, Some(466)), (1000, Some(1000))]);
    }

    #[test]
    fn a_pause_within_the_hold_is_bridged_and_a_longer_one_is_a_hole() {
        let plan = SamplingPlan::every(Millis(500)).holding(Millis(2000));
        let bridged = [(0, Some(0)), (500, Some(0)), (1000, Some(0)), (1500, Some(0)), (2000, Some(2000))];
        assert_eq!(sampled(plan, &[0, 2000], 2100), bridged);
        let hole = [(0, Some(0)), (500, Some(0)), (1000, None), (1500, None), (2000, None)];
        assert_eq!(sampled(plan, &[0, 2001], 2100), hole);
    }

    #[test]
    fn a_frame_that_is_never_decoded_leaves_no_hole() {
        let plan = SamplingPlan::every(Millis(1000)).holding(Millis(2000));
        for (announced, expected) in [(None, None), (Some(1900), Some(0)), (Some(2100), None)] {
            let mut sampler = Sampler::new(plan);
            let mut answers = Vec::new();
            let mut take = |answer: Answer<'_, i64>| {
                answers.push(matches!(answer, Answer::New { .. } | Answer::Same { .. }));
                Ok::<(), Infallible>(())
            };
            let Ok(()) = sampler.push(MediaMs(0), 0, &mut take);
            announced.into_iter().for_each(|at| sampler.announce(MediaMs(at)));
            let Ok(()) = sampler.push(MediaMs(3000), 3000, &mut take);
            assert_eq!(answers, [true, expected.is_some(), false], "{announced:?}");
        }
    }

    #[test]
    fn announcements_are_bounded() {
        let mut sampler = Sampler::<()>::new(SamplingPlan::every(Millis(1)));
        (1..100_000).for_each(|at| sampler.announce(MediaMs(at)));
        assert!(sampler.announced.len() <= MOST_ANNOUNCED);
    }

    #[test]
    fn the_end_of_the_last_frame_ends_the_plan() {
        let plan = SamplingPlan::every(Millis(500));
        assert_eq!(sampled(plan, &[0, 480], 500).len(), 1);
        assert_eq!(sampled(plan, &[0, 480], 501).len(), 2);
        assert_eq!(sampled(plan, &[0, 500], 500).len(), 2, "a frame without duration counts");
        assert_eq!(sampled(plan, &[], 0), []);
    }

    #[test]
    fn a_window_is_answered_whole() {
        let window = |end| Interval::new(MediaMs(2000), MediaMs(end));
        let plan = SamplingPlan::every(Millis(500)).starting_at(MediaMs(2200)).holding(Millis(1300));
        let within_the_hold = [(2000, None), (2500, Some(2200)), (3000, Some(2700)), (3500, Some(2700))];
        assert_eq!(sampled(plan.within(window(4000)), &[2200, 2700], 2760), within_the_hold);
        assert_eq!(sampled(plan.within(window(4000)), &[2200, 2700, 9000], 9060), within_the_hold);
        let hole = [(2000, None), (2500, Some(2200)), (3000, Some(2700)), (3500, None), (4000, None)];
        assert_eq!(sampled(plan.within(window(4001)), &[2200, 2700], 2760), hole);
    }

    #[test]
    fn time_that_goes_back_is_ignored() {
        let plan = SamplingPlan::every(Millis(500));
        let answers = sampled(plan, &[0, 900, 100, 600, 1000], 1010);
        assert_eq!(answers, [(0, Some(0)), (500, Some(0)), (1000, Some(1000))]);
    }

    proptest! {
        /// Against the rule written down as a search over all frames.
        #[test]
        fn agrees_with_the_rule(
            mut frames in prop::collection::vec(0i64..20_000, 1..80),
            interval in 100i64..1500,
            hold in 0i64..5000,
            duration in 0i64..6000,
            window in prop::option::of(0i64..25_000),
        ) {
            frames.push(0);
            frames.sort_unstable();
            frames.dedup();
            let mut plan = SamplingPlan::every(Millis(interval)).holding(Millis(hold));
            let last = *frames.last().unwrap();
            let medium_end = last + duration;
            let mut end = medium_end.max(last + 1);
            if let Some(until) = window {
                plan = plan.within(Interval::new(MediaMs(0), MediaMs(until)));
                end = until;
            }
            let stands = |at: i64, instant: i64| {
                let next = frames.iter().copied().find(|next| *next > at).unwrap_or(end).min(end);
                next - at <= hold || instant - at <= hold.min(500)
            };
            let expected: Vec<_> = (0..end)
                .step_by(interval as usize)
                .map(|instant| {
                    let displayed = frames.iter().copied().rfind(|at| *at <= instant);
                    (instant, displayed.filter(|at| stands(*at, instant)))
                })
                .collect();
            prop_assert_eq!(sampled(plan, &frames, medium_end), expected);
        }
    }
}
