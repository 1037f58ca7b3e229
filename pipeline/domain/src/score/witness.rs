//! The second witness of an absence: does the place where the candidate sat look different now?
//!
//! A detector that fails must not turn a candidate into an empty chair. So an absence counts only if
//! the picture itself agrees: the cells of a coarse luma grid in which the candidate sat differ from
//! the reference learned while they were seated. A camera changes its exposure when somebody leaves or
//! a lamp goes on: mean and gain are therefore fitted on the cells around and taken out first. Where
//! that cannot be done (too dark, burnt out, never seated) there is no witness. Whole numbers only.

use serde::{Deserialize, Serialize};

use super::sample::{Grid, Region};
use crate::policy::PersonAbsentRules;

/// Luma is kept in sixteenths of a level.
const PARTS: i32 = 16;
/// A seated sample moves the reference by 1/16 of the difference.
const MEMORY: i32 = 16;
/// Seated samples before the reference can be used.
const FEWEST_SEATED: i32 = 3;
/// A cell belongs to the seat if the candidate was there in at least half of the recent samples.
const SEAT_WEIGHT: i32 = 128;
/// With fewer cells around the seat, exposure is fitted on all cells.
const FEWEST_AROUND: usize = 8;
/// Cells darker or brighter than this are clipped: they say nothing about exposure or change.
const CLIPPED: (u8, u8) = (3, 252);
/// Mean deviation (in luma parts) below which a background has too little structure to fit a gain.
const FLAT: i32 = 3 * PARTS;
/// Gains beyond these (thousandths) are no change of exposure that could be undone.
const GAIN_MILLI: (i32, i32) = (300, 3300);

/// The seated reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    /// Luma of each cell in [`PARTS`]; empty until first seated.
    luma: Vec<i32>,
    /// How much of the recent past (0..255) the candidate was in each cell.
    weight: Vec<i32>,
    /// Seated samples so far, up to [`MEMORY`].
    seated: i32,
}

/// What the second witness says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Testimony {
    /// The place differs at the level that opens.
    pub on: bool,
    /// The place differs at the laxer level.
    pub off: bool,
}

impl Seat {
    /// The candidate sits there: `head` is their face, `body` their body if it was looked for and found.
    pub fn learn(&mut self, grid: &Grid, head: Region, body: Option<Option<Region>>) {
        if self.luma.is_empty() {
            self.luma = grid.0.iter().map(|cell| i32::from(*cell) * PARTS).collect();
            self.weight = vec![0; grid.0.len()];
        }
        self.seated = (self.seated + 1).min(MEMORY);
        for (luma, cell) in self.luma.iter_mut().zip(&grid.0) {
            *luma += (i32::from(*cell) * PARTS - *luma) / self.seated;
        }
        for (index, weight) in self.weight.iter_mut().enumerate() {
            let is_there = is_occupied(index, head, body.flatten());
            // A body that nobody looked for is neither there nor gone.
            if is_there || body.is_some() {
                *weight += (if is_there { 255 } else { 0 } - *weight) / self.seated;
            }
        }
    }

    /// Compares the place with the reference.
    pub fn testify(&self, grid: &Grid, rules: &PersonAbsentRules) -> Testimony {
        if self.seated < FEWEST_SEATED {
            return Testimony::default();
        }
        let cells: Vec<Cell> = (0..grid.0.len())
            .filter(|&index| (CLIPPED.0..=CLIPPED.1).contains(&grid.0[index]))
            .map(|index| Cell {
                now: i32::from(grid.0[index]) * PARTS,
                then: self.luma[index],
                seat: self.weight[index] >= SEAT_WEIGHT,
            })
            .collect();
        let Some(exposure) = Exposure::fit(&cells) else { return Testimony::default() };
        let seat = cells.iter().filter(|cell| cell.seat);
        let differing =
            seat.filter(|cell| exposure.residual(cell) >= rules.witness_luma * PARTS).count() as i64;
        // Clipped cells stay in the total: what cannot be compared does not testify.
        let total = self.weight.iter().filter(|weight| **weight >= SEAT_WEIGHT).count() as i64;
        let reaches = |share: i32| total > 0 && differing * 1000 >= total * i64::from(share);
        Testimony { on: reaches(rules.witness_share_milli.on), off: reaches(rules.witness_share_milli.off) }
    }
}

/// One cell that can be compared.
struct Cell {
    now: i32,
    then: i32,
    seat: bool,
}

/// How the exposure changed between the reference and now.
struct Exposure {
    mean_now: i32,
    mean_then: i32,
    gain_milli: i32,
}

impl Exposure {
    fn fit(cells: &[Cell]) -> Option<Self> {
        let around: Vec<&Cell> = cells.iter().filter(|cell| !cell.seat).collect();
        let basis: Vec<&Cell> = if around.len() >= FEWEST_AROUND { around } else { cells.iter().collect() };
        if basis.is_empty() {
            return None;
        }
        let mean_now = mean(basis.iter().map(|cell| cell.now))?;
        let mean_then = mean(basis.iter().map(|cell| cell.then))?;
        let spread_now = mean(basis.iter().map(|cell| (cell.now - mean_now).abs()))?;
        let spread_then = mean(basis.iter().map(|cell| (cell.then - mean_then).abs()))?;
        if spread_then < FLAT {
            return Some(Self { mean_now, mean_then, gain_milli: 1000 });
        }
        let gain_milli = spread_now * 1000 / spread_then;
        (GAIN_MILLI.0..=GAIN_MILLI.1).contains(&gain_milli).then_some(Self {
            mean_now,
            mean_then,
            gain_milli,
        })
    }

    /// How far a cell is from what the exposure alone would have made of it, in the reference's luma.
    fn residual(&self, cell: &Cell) -> i32 {
        let undone = (cell.now - self.mean_now) * 1000 / self.gain_milli + self.mean_then;
        (undone - cell.then).abs()
    }
}

fn mean(values: impl ExactSizeIterator<Item = i32>) -> Option<i32> {
    let count = i32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.sum::<i32>() / count)
}

/// Whether the candidate covers the middle of a cell: the body's box, or the face with shoulders down
/// to the picture's lower edge.
fn is_occupied(index: usize, head: Region, body: Option<Region>) -> bool {
    let (column, row) = ((index % 8) as i32, (index / 8) as i32);
    let (x, y) = (column * 1250 + 625, row * 1250 + 625);
    let within = |region: Region| {
        (region.x..region.x + region.w).contains(&x) && (region.y..region.y + region.h).contains(&y)
    };
    let top = head.y - head.h / 4;
    let bust = Region { x: head.x - head.w / 2, y: top, w: head.w * 2, h: 10_000 - top };
    within(bust) || body.is_some_and(within)
}
