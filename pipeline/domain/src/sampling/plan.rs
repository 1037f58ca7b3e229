//! The plan of a segment before anything is known of it.
//!
//! A function of how calm its session has been and of how much has to be shed, so that a plan can be
//! understood from what is recorded of it. What a plan leaves out because of our own load is listed, sample
//! by sample: it lowers coverage and says why.

use super::calm::Calm;
use super::grid::SampleGrid;
use crate::messages::PlanReason;
use crate::time::{Interval, MediaMs, Millis};

/// How a segment is looked at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasePlan {
    /// At which instants.
    pub pace: Pace,
    /// Why so.
    pub reason: PlanReason,
    /// Whether it is looked at more closely when a sample is suspicious.
    pub escalates: bool,
}

/// How instants follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Every one of so many instants of the base grid; the others are shed.
    Grid {
        /// 1, or how many of them share one look.
        one_of: u32,
    },
    /// At the start of the segment, then at keyframes, at most [`BasePlan::KEYFRAMES_APART`] from one to the
    /// next.
    Keyframes,
}

/// How much is shed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Every other sample.
    Half,
    /// Three of four, and closer looks.
    Most,
    /// Seven of eight, and closer looks: the least that is looked at whatever the load.
    Nearly,
}

impl Level {
    /// All of them, from nothing up.
    pub const ALL: [Self; 4] = [Self::None, Self::Half, Self::Most, Self::Nearly];

    /// How many samples of the base grid share one look.
    pub fn one_of(self) -> u32 {
        1 << self as u32
    }

    /// The next higher one.
    pub fn more(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// The next lower one.
    pub fn less(self) -> Option<Self> {
        (self as usize).checked_sub(1).map(|below| Self::ALL[below])
    }
}

impl BasePlan {
    /// What a calm session is looked at: a coverage of 2 s is the most that a sample stands for (scoring
    /// rules).
    pub const KEYFRAMES_APART: Millis = Millis(2000);

    /// Every instant of the base grid.
    pub const FULL: Self =
        Self { pace: Pace::Grid { one_of: 1 }, reason: PlanReason::Default, escalates: true };

    /// The plan for the segment at `start` of a session, of which `calm` is known. `calm_after` is how long it
    /// has to be calm to be looked at keyframes only; never, if there is none.
    pub fn decide(start: MediaMs, calm: Option<&Calm>, calm_after: Option<Millis>, shed: Level) -> Self {
        let is_calm = calm_after.zip(calm).is_some_and(|(after, calm)| calm.length_before(start) >= after);
        let one_of = shed.one_of();
        match shed {
            // Keyframes are as rare as every other sample.
            Level::None | Level::Half if is_calm => {
                Self { pace: Pace::Keyframes, reason: PlanReason::Calm, escalates: true }
            }
            Level::None => Self::FULL,
            Level::Half => Self { pace: Pace::Grid { one_of }, reason: PlanReason::Load, escalates: true },
            Level::Most | Level::Nearly => {
                Self { pace: Pace::Grid { one_of }, reason: PlanReason::Load, escalates: false }
            }
        }
    }

    /// Time from one sample to the next, at most.
    pub fn interval(self, grid: SampleGrid) -> Millis {
        match self.pace {
            Pace::Grid { one_of } => Millis(grid.base().0 * i64::from(one_of)),
            Pace::Keyframes => Self::KEYFRAMES_APART,
        }
    }

    /// The instants of a segment that are left out because of our load.
    pub fn shed(self, grid: SampleGrid, segment: Interval) -> impl Iterator<Item = MediaMs> {
        let kept = match self.pace {
            Pace::Grid { .. } => self.interval(grid),
            Pace::Keyframes => Millis(1),
        };
        grid.instants(segment, false).filter(move |instant| instant.0.rem_euclid(kept.0) != 0)
    }

    /// Whether persons and objects are looked for at an instant of this plan whatever is seen there: at the
    /// first one in each stretch of `every` on the media clock; at all of them if `every` is shorter than
    /// what samples are ever apart.
    pub fn is_for_things(self, grid: SampleGrid, instant: MediaMs, every: Millis) -> bool {
        if every <= grid.escalated() {
            return true;
        }
        let stretch = |instant: i64| instant.div_euclid(every.0);
        stretch(instant.0) != stretch(instant.0 - self.interval(grid).0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid() -> SampleGrid {
        SampleGrid::new(1.0, 2.0).unwrap()
    }

    fn calm(since: i64, until: i64) -> Calm {
        Calm::between(MediaMs(since), MediaMs(until))
    }

    fn span(start: i64, end: i64) -> Interval {
        Interval::new(MediaMs(start), MediaMs(end))
    }

    #[test]
    fn keyframes_once_it_has_been_calm_for_long_enough_and_never_unless_allowed() {
        let plan = |after: Option<i64>| {
            BasePlan::decide(MediaMs(30_000), Some(&calm(0, 30_000)), after.map(Millis), Level::None).pace
        };
        assert_eq!(plan(Some(30_000)), Pace::Keyframes);
        assert_eq!(plan(Some(30_001)), Pace::Grid { one_of: 1 });
        assert_eq!(plan(None), Pace::Grid { one_of: 1 });
        assert_eq!(BasePlan::decide(MediaMs(0), None, Some(Millis(0)), Level::None), BasePlan::FULL);
    }

    #[test]
    fn what_is_shed_is_listed() {
        let decide =
            |calm: Option<&Calm>, level| BasePlan::decide(MediaMs(60_000), calm, Some(Millis(1)), level);
        let shed = |plan: BasePlan| -> Vec<i64> {
            plan.shed(grid(), span(60_300, 66_300)).map(|instant| instant.0).collect()
        };
        assert_eq!(shed(decide(None, Level::None)), [0i64; 0]);
        assert_eq!(shed(decide(None, Level::Half)), [61_000, 63_000, 65_000]);
        assert_eq!(shed(decide(None, Level::Most)), [61_000, 62_000, 63_000, 65_000, 66_000]);
        let quiet = calm(0, 60_000);
        assert_eq!(shed(decide(Some(&quiet), Level::Half)), [0i64; 0]);
        assert_eq!(shed(decide(Some(&quiet), Level::Most)), shed(decide(None, Level::Most)));
        assert!(!decide(None, Level::Most).escalates);
    }

    proptest! {
        /// More shedding never looks at more; each instant of the base grid is looked at or listed.
        #[test]
        fn levels_are_ordered_and_nothing_is_left_out_in_silence(
            start in 0i64..100_000, length in 1i64..10_000,
        ) {
            let segment = span(start, start + length);
            let mut before = 0;
            for level in Level::ALL {
                let plan = BasePlan::decide(segment.start, None, None, level);
                let shed: Vec<MediaMs> = plan.shed(grid(), segment).collect();
                let all: Vec<MediaMs> = grid().instants(segment, false).collect();
                let interval = plan.interval(grid()).0;
                let is_looked_at = |instant: &&MediaMs| instant.0 % interval == 0;
                prop_assert!(all.iter().filter(is_looked_at).all(|instant| !shed.contains(instant)));
                prop_assert_eq!(all.iter().filter(is_looked_at).count() + shed.len(), all.len());
                prop_assert!(shed.len() >= before);
                before = shed.len();
            }
        }

        /// Wherever samples lie, there is a look for persons in each stretch that has room for one.
        #[test]
        fn persons_are_looked_for_in_each_stretch(
            steps in prop::collection::vec(500i64..=2000, 20..100), every in 2000i64..5000,
        ) {
            let plan = BasePlan { pace: Pace::Keyframes, reason: PlanReason::Calm, escalates: true };
            let mut at = 0;
            let mut looked = std::collections::BTreeSet::new();
            for step in steps {
                if plan.is_for_things(grid(), MediaMs(at), Millis(every)) {
                    looked.insert(at / every);
                }
                prop_assert!(at % every > 2000 || looked.contains(&(at / every)), "{at}");
                at += step;
            }
        }
    }
}
