//! Bilinear sampling of one plane along a turned grid.
//!
//! A sample is between the four pixels around it; beyond the plane's edge it is the given border.
//! Averages nothing: the caller scales down first where a step is much longer than a pixel.

use super::Size;

/// One plane to sample from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) size: Size,
}

/// Where the samples lie, in pixels of the plane: pixel (i, j) covers `i..i + 1` and `j..j + 1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// The first sample.
    pub(super) start: (f32, f32),
    /// From a sample to the next one in its row.
    pub(super) right: (f32, f32),
    /// From a row to the next one.
    pub(super) down: (f32, f32),
}

/// Fraction bits of a position.
const FRACTION: u32 = 16;
/// Fraction bits of a weight.
const WEIGHT: u32 = 8;

/// Samples `size` values.
pub(super) fn warp(plane: Plane, grid: Grid, size: Size, border: u8, out: &mut Vec<u8>) {
    out.resize(size.pixels(), 0);
    for (row, line) in out.chunks_exact_mut(size.width).enumerate() {
        let x = grid.start.0 + grid.down.0 * row as f32;
        let y = grid.start.1 + grid.down.1 * row as f32;
        warp_row(plane, (x, y), grid.right, border, line);
    }
}

fn warp_row(plane: Plane, start: (f32, f32), step: (f32, f32), border: u8, line: &mut [u8]) {
    // 64 bits hold any position that a wild box can lead to. The four neighbours of a sample start at its floor.
    let fixed = |value: f32| (value * (1 << FRACTION) as f32) as i64;
    let (mut x, mut y) = (fixed(start.0 - 0.5), fixed(start.1 - 0.5));
    let (step_x, step_y) = (fixed(step.0), fixed(step.1));
    let Size { width, height } = plane.size;
    let inside = |x: i64, y: i64| {
        (0..(width as i64 - 1) << FRACTION).contains(&x) && (0..(height as i64 - 1) << FRACTION).contains(&y)
    };
    let steps = line.len() as i64 - 1;
    if inside(x, y) && inside(x + step_x * steps, y + step_y * steps) {
        // Both ends are inside, so everything between is, and fits 32 bits.
        let (mut x, mut y) = (x as u32, y as u32);
        for out in line {
            let at = (y >> FRACTION) as usize * width + (x >> FRACTION) as usize;
            let upper = &plane.pixels[at..at + 2];
            let lower = &plane.pixels[at + width..at + width + 2];
            *out = blend([upper[0], upper[1], lower[0], lower[1]], x, y);
            (x, y) = (x.wrapping_add(step_x as u32), y.wrapping_add(step_y as u32));
        }
        return;
    }
    for out in line {
        *out = sample_near_edge(plane, x, y, border);
        (x, y) = (x + step_x, y + step_y);
    }
}

fn sample_near_edge(plane: Plane, x: i64, y: i64, border: u8) -> u8 {
    let (column, row) = (x >> FRACTION, y >> FRACTION);
    let (last_column, last_row) = (plane.size.width as i64 - 1, plane.size.height as i64 - 1);
    // Half a pixel beyond the outer centres still belongs to the outer pixels.
    let half = 1 << (FRACTION - 1);
    let beyond = |position: i64, last: i64| position < -half || position > (last << FRACTION) + half;
    if beyond(x, last_column) || beyond(y, last_row) {
        return border;
    }
    let at = |column: i64, row: i64| {
        let (column, row) = (column.clamp(0, last_column), row.clamp(0, last_row));
        plane.pixels[row as usize * plane.size.width + column as usize]
    };
    blend(
        [at(column, row), at(column + 1, row), at(column, row + 1), at(column + 1, row + 1)],
        x as u32,
        y as u32,
    )
}

/// Mixes upper left, upper right, lower left and lower right by the fractions of a position.
fn blend(pixels: [u8; 4], x: u32, y: u32) -> u8 {
    let one = 1 << WEIGHT;
    let (right, lower) = ((x >> (FRACTION - WEIGHT)) & (one - 1), (y >> (FRACTION - WEIGHT)) & (one - 1));
    let [a, b, c, d] = pixels.map(u32::from);
    let upper = a * (one - right) + b * right;
    let under = c * (one - right) + d * right;
    ((upper * (one - lower) + under * lower + (1 << (2 * WEIGHT - 1))) >> (2 * WEIGHT)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ramp: 4 per column and 10 per row.
    fn ramp() -> Vec<u8> {
        (0..12 * 10).map(|index| (index % 12 * 4 + index / 12 * 10) as u8).collect()
    }

    fn warped(grid: Grid, size: Size) -> Vec<u8> {
        let pixels = ramp();
        let mut out = Vec::new();
        warp(Plane { pixels: &pixels, size: Size::new(12, 10) }, grid, size, 7, &mut out);
        out
    }

    #[test]
    fn sampling_at_pixel_centres_copies() {
        let grid = Grid { start: (0.5, 0.5), right: (1.0, 0.0), down: (0.0, 1.0) };
        assert_eq!(warped(grid, Size::new(12, 10)), ramp());
    }

    #[test]
    fn a_ramp_stays_a_ramp_between_pixels() {
        let grid = Grid { start: (2.0, 3.0), right: (0.5, 0.0), down: (0.0, 0.5) };
        // 4 per column and 10 per row from the centre of pixel (0, 0).
        let expected: Vec<u8> =
            (0..4).flat_map(|row| (0..4).map(move |column| (6 + 25 + column * 2 + row * 5) as u8)).collect();
        assert_eq!(warped(grid, Size::new(4, 4)), expected);
    }

    #[test]
    fn a_quarter_turn_swaps_rows_and_columns() {
        let grid = Grid { start: (2.5, 2.5), right: (0.0, 1.0), down: (1.0, 0.0) };
        let expected: Vec<u8> =
            (0..3).flat_map(|row| (0..3).map(move |column| (8 + 20 + row * 4 + column * 10) as u8)).collect();
        assert_eq!(warped(grid, Size::new(3, 3)), expected);
    }

    #[test]
    fn beyond_the_edge_is_the_border() {
        let grid = Grid { start: (-1.5, 0.5), right: (1.0, 0.0), down: (0.0, 1.0) };
        assert_eq!(warped(grid, Size::new(4, 1)), [7, 7, 0, 4]);
        let grid = Grid { start: (10.5, 9.5), right: (1.0, 0.0), down: (0.0, 1.0) };
        assert_eq!(warped(grid, Size::new(3, 2)), [130, 134, 7, 7, 7, 7]);
        let mirrored = Grid { start: (2.5, 0.5), right: (-1.0, 0.0), down: (0.0, 1.0) };
        assert_eq!(warped(mirrored, Size::new(3, 1)), [8, 4, 0]);
    }

    #[test]
    fn far_outside_is_all_border() {
        let grid = Grid { start: (-900.0, 9000.0), right: (1.0, 0.3), down: (-0.3, 1.0) };
        assert!(warped(grid, Size::square(8)).iter().all(|&value| value == 7));
    }
}
