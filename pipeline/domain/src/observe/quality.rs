//! Picture quality, measured on luma before any model runs, and what it allows the models to do.
//!
//! Decides whether a sample is valid; never whether a *person* is acceptable: the gate looks at the
//! whole frame's exposure and structure, and knows nothing of faces or skin.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::messages::{Quality, UnseenReason};
use crate::picture::{ColourRange, Picture};

/// What the light of a picture allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// Every model may look.
    Normal,
    /// Dark: the dark-scene face detector looks too, and nobody found does not mean nobody there.
    Dim,
    /// No model can see anything; the reason says why.
    Unusable(UnseenReason),
}

/// Thresholds of the quality gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QualityGate {
    /// Below this 90th percentile of luma no model finds faces any more (at 3 % of the light a third
    /// of the faces is lost, at 1 % all: `models/cards`).
    pub dark_luma_p90: u8,
    /// Below this 90th percentile the dark-scene face detector looks too.
    pub dim_luma_p90: u8,
    /// A picture whose grid cells differ by no more than this is near-uniform (noise averages out
    /// within a cell)...
    pub uniform_grid_range: u8,
    /// ...if it also has less fine structure than this.
    pub uniform_sharpness: u16,
    /// Below this sharpness a picture is too blurred for any model.
    pub blur_sharpness: u16,
}

impl Default for QualityGate {
    fn default() -> Self {
        Self {
            dark_luma_p90: 14,
            dim_luma_p90: 70,
            uniform_grid_range: 6,
            uniform_sharpness: 120,
            blur_sharpness: 3,
        }
    }
}

/// Side of the grid of mean luma.
pub const GRID_SIDE: usize = 8;

/// Width and height of the shrunk luma on which structure is measured: large enough for edges of a
/// face, small enough that sensor noise and coding noise average out.
const SMALL: (usize, usize) = (160, 120);

/// Columns and rows of the cells whose neighbours the hash compares.
const HASHED: (usize, usize) = (9, GRID_SIDE);

/// Rows of the shrunk luma beside one row of the grid.
const ROWS_PER_BAND: usize = SMALL.1 / GRID_SIDE;

/// The luma of a picture, shrunk and stretched to full range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallLuma {
    /// 160 x 120.
    small: Vec<u8>,
    /// [`GRID_SIDE`] x [`GRID_SIDE`].
    grid: Vec<u8>,
    /// 9 x 8.
    hashed: Vec<u8>,
}

impl SmallLuma {
    /// Shrinks a picture, reading it once.
    pub fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let stretched: [u8; 256] = std::array::from_fn(|luma| full_range(luma as u32, picture.range()));
        let [small_columns, grid_columns, hashed_columns] =
            [SMALL.0, GRID_SIDE, HASHED.0].map(|columns| Columns::of(width, columns));
        let mut shrunk = Self { small: Vec::new(), grid: Vec::new(), hashed: Vec::new() };
        // Rows are added up first, whole, then columns: that way many pixels are added at once.
        let (mut sums, mut band_sums) = (vec![0u32; width], vec![0u32; width]);
        for band in 0..GRID_SIDE {
            band_sums.fill(0);
            let mut band_rows = 0;
            for row in band * ROWS_PER_BAND..(band + 1) * ROWS_PER_BAND {
                let rows = cell(row, SMALL.1, height);
                sums.fill(0);
                for line in picture.y()[rows.start * width..rows.end * width].chunks_exact(width) {
                    sums.iter_mut().zip(line).for_each(|(sum, &luma)| *sum += u32::from(luma));
                }
                band_sums.iter_mut().zip(&sums).for_each(|(band, sum)| *band += sum);
                band_rows += rows.len();
                small_columns.means(&sums, rows.len(), &stretched, &mut shrunk.small);
            }
            grid_columns.means(&band_sums, band_rows, &stretched, &mut shrunk.grid);
            hashed_columns.means(&band_sums, band_rows, &stretched, &mut shrunk.hashed);
        }
        shrunk
    }

    /// Mean luma of the cells of a grid, row by row. `columns` and `rows` divide 160 and 120.
    pub fn cells(&self, columns: usize, rows: usize) -> Vec<u8> {
        let (width, height) = (SMALL.0 / columns, SMALL.1 / rows);
        let mean = |cell: usize| {
            let (left, top) = (cell % columns * width, cell / columns * height);
            let rows = (top..top + height).map(|y| &self.small[y * SMALL.0 + left..][..width]);
            let sum: usize = rows.flatten().map(|&luma| usize::from(luma)).sum();
            (sum / (width * height)) as u8
        };
        (0..columns * rows).map(mean).collect()
    }
}

/// Measures a picture.
pub fn measure(picture: &Picture) -> Quality {
    measure_shrunk(&SmallLuma::of(picture))
}

/// Measures a picture that was shrunk already.
pub fn measure_shrunk(SmallLuma { small, grid, hashed }: &SmallLuma) -> Quality {
    let histogram = histogram(small);
    Quality {
        luma_p10: percentile(&histogram, small.len(), 10),
        luma_p90: percentile(&histogram, small.len(), 90),
        contrast: standard_deviation(&histogram, small.len()),
        sharpness: sharpness(small, SMALL.0, SMALL.1),
        phash: format!("{:016x}", difference_hash(hashed)),
        grid: grid.iter().map(|cell| format!("{cell:02x}")).collect(),
    }
}

/// What a picture of this quality allows.
pub fn light(quality: &Quality, gate: &QualityGate) -> Light {
    let cells = grid_cells(&quality.grid);
    let range = match (cells.iter().max(), cells.iter().min()) {
        (Some(most), Some(least)) => most - least,
        _ => 0,
    };
    if range <= gate.uniform_grid_range && quality.sharpness < gate.uniform_sharpness {
        Light::Unusable(UnseenReason::Obstructed)
    } else if quality.luma_p90 < gate.dark_luma_p90 {
        Light::Unusable(UnseenReason::Dark)
    } else if quality.sharpness < gate.blur_sharpness {
        Light::Unusable(UnseenReason::Blur)
    } else if quality.luma_p90 < gate.dim_luma_p90 {
        Light::Dim
    } else {
        Light::Normal
    }
}

/// The cells of a [`Quality::grid`], row by row; empty if the text is not hex.
pub fn grid_cells(grid: &str) -> Vec<u8> {
    let digits: Option<Vec<u8>> =
        grid.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    digits.unwrap_or_default().chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Which columns of a picture each cell of a row takes.
struct Columns(Vec<Range<usize>>);

impl Columns {
    fn of(width: usize, cells: usize) -> Self {
        Self((0..cells).map(|index| cell(index, cells, width)).collect())
    }

    /// Appends the mean of each cell of a row; `sums` are those of so many rows, by column.
    fn means(&self, sums: &[u32], rows: usize, stretched: &[u8; 256], out: &mut Vec<u8>) {
        out.extend(self.0.iter().map(|columns| {
            let pixels = (rows * columns.len()) as u32;
            let sum: u32 = sums[columns.clone()].iter().sum();
            stretched[((sum + pixels / 2) / pixels).min(255) as usize]
        }));
    }
}

/// The source pixels of one cell; never empty, so that pictures smaller than the grid work too.
fn cell(index: usize, cells: usize, pixels: usize) -> Range<usize> {
    let start = (index * pixels / cells).min(pixels - 1);
    let end = ((index + 1) * pixels / cells).clamp(start + 1, pixels);
    start..end
}

fn full_range(luma: u32, range: ColourRange) -> u8 {
    let stretched = match range {
        ColourRange::Full => luma,
        ColourRange::Limited => (luma.saturating_sub(16) * 255 + 109) / 219,
    };
    stretched.min(255) as u8
}

fn histogram(small: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    for &luma in small {
        counts[usize::from(luma)] += 1;
    }
    counts
}

fn percentile(histogram: &[u32; 256], total: usize, percent: usize) -> u8 {
    let wanted = (total * percent / 100) as u32;
    let mut below = 0;
    for (luma, count) in histogram.iter().enumerate() {
        below += count;
        if below > wanted {
            return luma as u8;
        }
    }
    u8::MAX
}

fn standard_deviation(histogram: &[u32; 256], count: usize) -> u8 {
    let count = count as u64;
    let (mut sum, mut squares) = (0, 0);
    for (luma, &pixels) in (0u64..).zip(histogram) {
        sum += luma * u64::from(pixels);
        squares += luma * luma * u64::from(pixels);
    }
    // Variance of bytes is at most 127.5², so the root fits a byte.
    ((count * squares - sum * sum) / (count * count)).isqrt() as u8
}

/// Mean absolute Laplacian in tenths of a luma step.
fn sharpness(small: &[u8], width: usize, height: usize) -> u16 {
    let mut total = 0;
    for y in 1..height - 1 {
        let row = |x: usize, y: usize| &small[y * width + x..][..width - 2];
        let (above, left, middle, right, below) =
            (row(1, y - 1), row(0, y), row(1, y), row(2, y), row(1, y + 1));
        // Slices of one length and sums of few bits: that way many pixels are measured at once.
        let response = |x: usize| {
            let at = |row: &[u8]| i16::from(row[x]);
            (4 * at(middle) - at(left) - at(right) - at(above) - at(below)).unsigned_abs()
        };
        total += u64::from((0..width - 2).map(|x| u32::from(response(x))).sum::<u32>());
    }
    (total * 10 / ((width - 2) * (height - 2)) as u64) as u16
}

/// Difference hash: which of 9x8 cells is brighter than its right neighbour (N. Krawetz, "Kind of
/// Like That", 2013).
fn difference_hash(cells: &[u8]) -> u64 {
    let bits = cells.chunks_exact(HASHED.0).flat_map(|row| row.windows(2).map(|pair| pair[0] > pair[1]));
    bits.fold(0, |hash, brighter| hash << 1 | u64::from(brighter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::ColourMatrix;

    fn picture(luma: impl Fn(usize, usize) -> u8) -> Picture {
        let (width, height) = (320, 240);
        let mut bytes: Vec<u8> =
            (0..width * height).map(|index| luma(index % width, index / width)).collect();
        bytes.resize(Picture::bytes_needed(320, 240), 128);
        Picture::new(320, 240, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap()
    }

    /// A fixed pattern that looks like sensor noise.
    fn noise(x: usize, y: usize, strength: u8) -> u8 {
        let hash = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
        ((hash.wrapping_mul(0xC2B2_AE35) >> 24) as u8) % strength.max(1)
    }

    /// Something with the broad structure of a room: a bright window and a dark figure.
    fn room(x: usize, y: usize) -> u8 {
        let window = if x > 200 && y < 120 { 220 } else { 90 };
        if (100..180).contains(&x) && y > 60 { 40 } else { window }
    }

    fn light_of(picture: &Picture) -> Light {
        light(&measure(picture), &QualityGate::default())
    }

    #[test]
    fn a_room_is_seen_and_a_covered_lens_is_not() {
        assert_eq!(light_of(&picture(room)), Light::Normal);
        let covered = picture(|x, y| 18 + noise(x, y, 12));
        assert_eq!(light_of(&covered), Light::Unusable(UnseenReason::Obstructed));
        let white_paper = picture(|x, y| 200 + noise(x, y, 12));
        assert_eq!(light_of(&white_paper), Light::Unusable(UnseenReason::Obstructed));
    }

    #[test]
    fn a_room_with_less_light_is_dim_then_dark_but_never_obstructed_before() {
        let with_gain = |percent: usize| picture(move |x, y| (usize::from(room(x, y)) * percent / 100) as u8);
        assert_eq!(light_of(&with_gain(25)), Light::Dim);
        assert_eq!(light_of(&with_gain(6)), Light::Unusable(UnseenReason::Dark));
    }

    #[test]
    fn a_dark_face_in_a_lit_room_changes_nothing() {
        let face = |level: u8| {
            picture(
                move |x, y| {
                    if (120..170).contains(&x) && (70..140).contains(&y) { level } else { room(x, y) }
                },
            )
        };
        assert_eq!(light_of(&face(180)), Light::Normal);
        assert_eq!(light_of(&face(12)), Light::Normal);
    }

    #[test]
    fn limited_range_is_stretched() {
        let bytes = vec![235; Picture::bytes_needed(64, 48)];
        let white = Picture::new(64, 48, ColourMatrix::Bt601, ColourRange::Limited, bytes).unwrap();
        assert_eq!(measure(&white).luma_p90, 255);
    }

    #[test]
    fn tiny_and_odd_pictures_are_measured() {
        for (width, height) in [(1, 1), (3, 5), (17, 9), (161, 121)] {
            let bytes = vec![100; Picture::bytes_needed(width, height)];
            let tiny = Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap();
            assert_eq!(measure(&tiny).luma_p10, 100);
        }
    }

    #[test]
    fn the_grid_reads_back() {
        let quality = measure(&picture(room));
        let cells = grid_cells(&quality.grid);
        assert_eq!(cells.len(), GRID_SIDE * GRID_SIDE);
        assert_eq!((cells[0], cells[7]), (90, 220));
        assert!(grid_cells("zz").is_empty());
    }

    #[test]
    fn the_hash_ignores_gain_and_sees_change() {
        let hash = |picture: &Picture| u64::from_str_radix(&measure(picture).phash, 16).unwrap();
        let normal = hash(&picture(room));
        let brighter = hash(&picture(|x, y| room(x, y).saturating_add(20)));
        let empty = hash(&picture(|x, y| if x > 200 && y < 120 { 220 } else { 90 }));
        assert_eq!(normal, brighter);
        assert!((normal ^ empty).count_ones() > 4);
    }
}
