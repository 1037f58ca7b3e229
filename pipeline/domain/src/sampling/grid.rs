//! The two grids of instants: the base grid, and the escalated grid that contains it.

use serde::{Deserialize, Serialize};

use crate::time::{Interval, MediaMs, Millis};

/// The two grids of sample instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleGrid {
    base: Millis,
    escalated: Millis,
}

/// A pair of sampling rates that makes no grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "a sampling rate must be 0.5 to 5 per second with a whole number of milliseconds between samples, \
     and the escalated rate a multiple of it up to 10; got {base} and {escalated}"
)]
pub struct SampleGridError {
    base: f32,
    escalated: f32,
}

impl SampleGrid {
    /// Grids from rates in samples per second of media time.
    ///
    /// # Errors
    /// If a rate is out of bounds, does not divide a second into whole milliseconds, or the escalated
    /// grid does not contain the base grid.
    pub fn new(base_fps: f32, escalated_fps: f32) -> Result<Self, SampleGridError> {
        let refused = || SampleGridError { base: base_fps, escalated: escalated_fps };
        let interval = |fps: f32| {
            let millis = (1000.0 / fps).round();
            ((millis * fps - 1000.0).abs() < 0.01).then_some(Millis(millis as i64))
        };
        if !(0.5..=5.0).contains(&base_fps) || !(base_fps..=10.0).contains(&escalated_fps) {
            return Err(refused());
        }
        let base = interval(base_fps).ok_or_else(refused)?;
        let escalated = interval(escalated_fps).ok_or_else(refused)?;
        if base.0 % escalated.0 != 0 {
            return Err(refused());
        }
        Ok(Self { base, escalated })
    }

    /// Time between samples of the base grid.
    pub fn base(self) -> Millis {
        self.base
    }

    /// Time between samples after escalation.
    pub fn escalated(self) -> Millis {
        self.escalated
    }

    /// Whether an instant of the escalated grid belongs to the base grid as well.
    pub fn is_base(self, instant: MediaMs) -> bool {
        instant.0 % self.base.0 == 0
    }

    /// The instants of a grid within a segment.
    pub fn instants(self, segment: Interval, escalated: bool) -> impl Iterator<Item = MediaMs> {
        let step = if escalated { self.escalated.0 } else { self.base.0 };
        let first = segment.start.0.div_euclid(step) + i64::from(segment.start.0.rem_euclid(step) != 0);
        (first..).map(move |index| MediaMs(index * step)).take_while(move |instant| *instant < segment.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Interval {
        Interval::new(MediaMs(start), MediaMs(end))
    }

    #[test]
    fn segments_join_without_seam() {
        let grid = SampleGrid::new(1.0, 2.0).unwrap();
        let whole: Vec<_> = grid.instants(span(0, 10_000), true).collect();
        let parts: Vec<_> = [span(0, 2_300), span(2_300, 7_000), span(7_000, 10_000)]
            .into_iter()
            .flat_map(|part| grid.instants(part, true))
            .collect();
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), 20);
        assert_eq!(whole.iter().filter(|instant| grid.is_base(**instant)).count(), 10);
    }

    #[test]
    fn the_end_belongs_to_the_next_segment() {
        let grid = SampleGrid::new(1.0, 2.0).unwrap();
        assert_eq!(grid.instants(span(0, 2_000), false).collect::<Vec<_>>(), [MediaMs(0), MediaMs(1_000)]);
        assert_eq!(grid.instants(span(1_001, 2_000), false).count(), 0);
    }

    #[test]
    fn rates_without_a_common_grid_are_refused() {
        for (base, escalated) in
            [(0.0, 2.0), (f32::NAN, 2.0), (1.0, 0.5), (3.0, 6.0), (2.0, 5.0), (6.0, 12.0)]
        {
            assert!(SampleGrid::new(base, escalated).is_err(), "{base} {escalated}");
        }
        assert!(SampleGrid::new(2.0, 2.0).is_ok());
        assert!(SampleGrid::new(0.5, 2.0).is_ok());
    }
}
