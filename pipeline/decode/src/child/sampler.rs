//! Which decoded frame stands for which planned instant.
//!
//! The rule: the frame displayed at an instant stands for it, that is the last one not after it, unless
//! it is older than the plan's hold. Every instant is answered once, in order. Pure: frames are values
//! that it never looks into.

use domain::time::MediaMs;

use crate::plan::SamplingPlan;

/// What stands for an instant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a, F> {
    /// This frame, which stood for no instant before.
    New { instant: MediaMs, at: MediaMs, frame: &'a F },
    /// The frame of the answer before.
    Same { instant: MediaMs },
    /// Nothing.
    Gap { instant: MediaMs },
}

/// Takes frames in order of media time, gives answers in order of instants.
#[derive(Debug)]
pub(super) struct Sampler<F> {
    plan: SamplingPlan,
    /// The first instant without an answer.
    next: MediaMs,
    standing: Option<Standing<F>>,
}

#[derive(Debug)]
struct Standing<F> {
    at: MediaMs,
    frame: F,
    answered: bool,
}

impl<F> Sampler<F> {
    pub(super) fn new(plan: SamplingPlan) -> Self {
        Self { plan, next: plan.first(), standing: None }
    }

    /// Whether no instant of the plan is left.
    pub(super) fn is_finished(&self) -> bool {
        !self.plan.is_open_at(self.next)
    }

    /// Takes the next frame and answers the instants before it.
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
        self.answer_before(at, answer)?;
        self.standing = Some(Standing { at, frame, answered: false });
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
        self.answer_before(self.plan.until().unwrap_or(end), answer)
    }

    fn answer_before<E>(
        &mut self,
        end: MediaMs,
        answer: &mut dyn FnMut(Answer<'_, F>) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.next < end && self.plan.is_open_at(self.next) {
            let instant = self.next;
            self.next = instant + self.plan.interval();
            let hold = self.plan.hold();
            let standing = self
                .standing
                .as_mut()
                .filter(|standing| standing.at <= instant && instant - standing.at <= hold);
            answer(match standing {
                None => Answer::Gap { instant },
                Some(standing) if standing.answered => Answer::Same { instant },
                Some(standing) => {
                    standing.answered = true;
                    Answer::New { instant, at: standing.at, frame: &standing.frame }
                }
            })?;
        }
        Ok(())
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
                Answer::New { instant, at, frame } => {
                    assert_eq!(at.0, *frame);
                    assert_ne!(last, Some(at.0), "a frame is new only once");
                    last = Some(at.0);
                    (instant.0, last)
                }
                Answer::Same { instant } => (instant.0, last),
                Answer::Gap { instant } => (instant.0, None),
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
    fn a_pause_is_no_gap_until_the_hold_is_over() {
        let plan = SamplingPlan::every(Millis(500)).holding(Millis(1000));
        let answers = sampled(plan, &[0, 2000], 2100);
        let expected = [(0, Some(0)), (500, Some(0)), (1000, Some(0)), (1500, None), (2000, Some(2000))];
        assert_eq!(answers, expected);
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
        let plan = SamplingPlan::every(Millis(500))
            .starting_at(MediaMs(2200))
            .within(Interval::new(MediaMs(2000), MediaMs(4000)))
            .holding(Millis(600));
        let answers = sampled(plan, &[2200, 2700], 2760);
        assert_eq!(answers, [(2000, None), (2500, Some(2200)), (3000, Some(2700)), (3500, None)]);
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
            duration in 0i64..200,
        ) {
            frames.push(0);
            frames.sort_unstable();
            frames.dedup();
            let plan = SamplingPlan::every(Millis(interval)).holding(Millis(hold));
            let last = *frames.last().unwrap();
            let end = last + duration;
            let expected: Vec<_> = (0..)
                .map(|index| index * interval)
                .take_while(|instant| *instant < end || *instant == last)
                .map(|instant| {
                    let displayed = frames.iter().copied().rfind(|at| *at <= instant);
                    (instant, displayed.filter(|at| instant - at <= hold))
                })
                .collect();
            prop_assert_eq!(sampled(plan, &frames, end), expected);
        }
    }
}
