//! Finds pictures that stand still while the media clock goes on.
//!
//! A stretch is frozen if it lasts for the *on* time and all that while the picture's hash and luma grid
//! stay what they were at its start, but for the little that coding a still picture again changes (two
//! levels of a grid cell were measured). A browser may hold a picture for up to 4 s in a still scene:
//! shorter stretches say nothing. A motionless scene without a candidate may look frozen; that errs on the
//! side of not accusing. Frozen time is not observed and never scores.

use serde::{Deserialize, Serialize};

use super::sample::Print;
use crate::policy::FrozenRules;
use crate::time::{Interval, MediaMs};

/// The present stretch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Freeze {
    stretch: Option<Stretch>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    start: MediaMs,
    /// End of the last slot that looked like the start.
    end: MediaMs,
    first: Print,
    open: bool,
}

/// What a slot says about the picture's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Picture {
    /// It moves, or it is too early to tell.
    Live,
    /// It has stood still for this time: the whole stretch when it is found, later what was added.
    Frozen(Interval),
    /// It stood still until this slot.
    Thawed,
}

impl Freeze {
    /// Takes one slot in; `print` is `None` if no picture was seen.
    pub fn look(&mut self, span: Interval, print: Option<Print>, rules: &FrozenRules) -> Picture {
        let Some(stretch) = &mut self.stretch else {
            self.stretch = print.map(|first| Stretch::new(span, first));
            return Picture::Live;
        };
        if print.is_some_and(|print| stretch.first.is_same(&print, rules)) {
            let added = Interval::new(stretch.end, span.end);
            stretch.end = span.end;
            if stretch.open {
                return Picture::Frozen(added);
            }
            let whole = Interval::new(stretch.start, stretch.end);
            stretch.open = whole.length() >= rules.on_ms;
            return if stretch.open { Picture::Frozen(whole) } else { Picture::Live };
        }
        let was_open = stretch.open;
        // One odd picture, such as a keyframe coded better than its neighbours, ends no stretch.
        if was_open && print.is_some() && span.end - stretch.end < rules.off_ms {
            return Picture::Live;
        }
        self.stretch = print.map(|first| Stretch::new(span, first));
        if was_open { Picture::Thawed } else { Picture::Live }
    }

    /// Whether the picture stands still at present.
    pub fn is_frozen(&self) -> bool {
        self.stretch.is_some_and(|stretch| stretch.open)
    }

    /// Forgets the stretch; says whether it was frozen.
    pub fn reset(&mut self) -> bool {
        self.stretch.take().is_some_and(|stretch| stretch.open)
    }
}

impl Stretch {
    fn new(span: Interval, first: Print) -> Self {
        Self { start: span.start, end: span.end, first, open: false }
    }
}

impl Print {
    fn is_same(&self, other: &Self, rules: &FrozenRules) -> bool {
        let near = |(one, other): (&u8, &u8)| one.abs_diff(*other) <= rules.grid_luma;
        (self.hash ^ other.hash).count_ones() <= u32::from(rules.hash_distance)
            && self.grid.0.iter().zip(&other.grid.0).all(near)
    }
}
