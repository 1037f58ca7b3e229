//! How a camera was held, and how to turn a plane of samples upright.

/// What has to be done to a picture to show it upright, as the `image-orientation` tag says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Mirrored left to right, before turning.
    mirrored: bool,
    /// Clockwise quarter turns.
    turns: u8,
}

impl Orientation {
    /// Reads the tag; what it does not know is upright.
    pub(super) fn from_tag(tag: &str) -> Self {
        let (mirrored, turn) = match tag.strip_prefix("flip-") {
            Some(turn) => (true, turn),
            None => (false, tag),
        };
        let turns = match turn {
            "rotate-90" => 1,
            "rotate-180" => 2,
            "rotate-270" => 3,
            _ => 0,
        };
        Self { mirrored, turns }
    }

    /// The size of an upright picture.
    pub(super) fn upright_size<T>(self, width: T, height: T) -> (T, T) {
        if self.turns % 2 == 1 { (height, width) } else { (width, height) }
    }

    /// Writes a plane, tightly packed and upright.
    ///
    /// `plane` has `width` x `height` samples in rows of `stride` bytes; `upright` has room for exactly
    /// `width * height`.
    pub(super) fn write_plane(
        self,
        plane: &[u8],
        stride: usize,
        (width, height): (usize, usize),
        upright: &mut [u8],
    ) {
        if self == Self::default() {
            for (row, target) in plane.chunks(stride).zip(upright.chunks_exact_mut(width)) {
                target.copy_from_slice(&row[..width]);
            }
            return;
        }
        let (upright_width, upright_height) = self.upright_size(width, height);
        // Where the sample comes from that ends up in the corner, and the steps along a row and a column
        // of the upright picture.
        let (last_x, last_y) = (width as isize - 1, height as isize - 1);
        let (corner, along, down) = match self.turns {
            0 => ((0, 0), (1, 0), (0, 1)),
            1 => ((0, last_y), (0, -1), (1, 0)),
            2 => ((last_x, last_y), (-1, 0), (0, -1)),
            _ => ((last_x, 0), (0, 1), (-1, 0)),
        };
        let mirror = |(x, y): (isize, isize), is_position: bool| match (self.mirrored, is_position) {
            (false, _) => (x, y),
            (true, true) => (last_x - x, y),
            (true, false) => (-x, y),
        };
        let (corner, along, down) = (mirror(corner, true), mirror(along, false), mirror(down, false));
        let offset = |(x, y): (isize, isize)| y * stride as isize + x;
        for (row, target) in upright.chunks_exact_mut(upright_width).take(upright_height).enumerate() {
            let mut from = offset(corner) + row as isize * offset(down);
            for sample in target {
                *sample = plane[from as usize];
                from += offset(along);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three by two samples in rows of four bytes.
    const PLANE: [u8; 8] = [1, 2, 3, 0, 4, 5, 6, 0];

    #[test]
    fn every_orientation_turns_upright() {
        let cases: [(&str, [u8; 6]); 8] = [
            ("rotate-0", [1, 2, 3, 4, 5, 6]),
            ("rotate-90", [4, 1, 5, 2, 6, 3]),
            ("rotate-180", [6, 5, 4, 3, 2, 1]),
            ("rotate-270", [3, 6, 2, 5, 1, 4]),
            ("flip-rotate-0", [3, 2, 1, 6, 5, 4]),
            ("flip-rotate-90", [6, 3, 5, 2, 4, 1]),
            ("flip-rotate-180", [4, 5, 6, 1, 2, 3]),
            ("flip-rotate-270", [1, 4, 2, 5, 3, 6]),
        ];
        for (tag, expected) in cases {
            let mut upright = [0; 6];
            Orientation::from_tag(tag).write_plane(&PLANE, 4, (3, 2), &mut upright);
            assert_eq!(upright, expected, "{tag}");
        }
    }
}
