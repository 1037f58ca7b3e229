//! Makes faces and bodies unrecognisable, beyond recovery: what lies in a box is replaced by so few averages that
//! nothing is left to recover it from.

use domain::evidence::Hidden;
use domain::geometry::Rect;
use domain::picture::{Picture, PictureSizeError};

/// Averages across the box of a face: too few for eyes, nose and mouth.
const FACE_CELLS: usize = 3;
/// Averages across the box of a body, so that a head within it is one or two of them.
const BODY_CELLS: usize = 6;

/// The picture without what is to be hidden.
///
/// # Errors
/// Never: it is as large as the one it was made of.
pub(super) fn redact(picture: &Picture, hidden: &Hidden) -> Result<Picture, PictureSizeError> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    let planes = [(picture.y(), (width, height)), (picture.u(), chroma), (picture.v(), chroma)];
    let mut bytes = Vec::with_capacity(Picture::bytes_needed(picture.width(), picture.height()));
    for (plane, size) in planes {
        let mut redacted = Plane { bytes: plane.to_vec(), size };
        let spared = hidden.spared.map(|rect| (redacted.area(rect), redacted.bytes.clone()));
        hidden.bodies.iter().for_each(|body| redacted.average(*body, BODY_CELLS));
        if let Some((area, original)) = spared {
            redacted.restore(area, &original);
        }
        // Last: no face is spared because it is beside the candidate's.
        hidden.faces.iter().for_each(|face| redacted.average(*face, FACE_CELLS));
        bytes.extend(redacted.bytes);
    }
    Picture::new(picture.width(), picture.height(), picture.matrix(), picture.range(), bytes)
}

struct Plane {
    bytes: Vec<u8>,
    size: (usize, usize),
}

/// Columns and rows.
type Area = (std::ops::Range<usize>, std::ops::Range<usize>);

impl Plane {
    /// The pixels of a box, and those that it touches.
    fn area(&self, rect: Rect) -> Area {
        let rect = rect.clipped();
        let range = |from: f32, length: f32, size: usize| {
            let first = (from * size as f32).floor() as usize;
            let last = ((from + length) * size as f32).ceil() as usize;
            first.min(size)..last.min(size)
        };
        (range(rect.x, rect.w, self.size.0), range(rect.y, rect.h, self.size.1))
    }

    /// Replaces what lies in a box by averages of squares, so many across its shorter side.
    fn average(&mut self, rect: Rect, cells: usize) {
        let (columns, rows) = self.area(rect);
        let cell = columns.len().min(rows.len()).div_ceil(cells).max(1);
        for top in rows.clone().step_by(cell) {
            for left in columns.clone().step_by(cell) {
                let square = (left..(left + cell).min(columns.end), top..(top + cell).min(rows.end));
                self.flatten(square);
            }
        }
    }

    fn flatten(&mut self, (columns, rows): Area) {
        let count = (columns.len() * rows.len()).max(1);
        let sum: usize =
            rows.clone().flat_map(|row| self.row(row, &columns)).map(|&byte| usize::from(byte)).sum();
        let mean = (sum / count) as u8;
        for row in rows {
            let start = row * self.size.0;
            self.bytes[start + columns.start..start + columns.end].fill(mean);
        }
    }

    fn row(&self, row: usize, columns: &std::ops::Range<usize>) -> &[u8] {
        &self.bytes[row * self.size.0..][columns.clone()]
    }

    fn restore(&mut self, (columns, rows): Area, original: &[u8]) {
        for row in rows {
            let range = row * self.size.0 + columns.start..row * self.size.0 + columns.end;
            self.bytes[range.clone()].copy_from_slice(&original[range]);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::picture::{ColourMatrix, ColourRange};
    use proptest::prelude::*;

    use super::*;

    /// Every pixel is another one than its neighbours.
    fn noise(width: u32, height: u32) -> Picture {
        let bytes =
            (0..Picture::bytes_needed(width, height)).map(|index| (index * 151 % 251) as u8).collect();
        Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap()
    }

    fn rect() -> impl Strategy<Value = Rect> {
        (-0.2_f32..1.1, -0.2_f32..1.1, 0.0_f32..0.9, 0.0_f32..0.9).prop_map(|(x, y, w, h)| Rect {
            x,
            y,
            w,
            h,
        })
    }

    /// Different values of luma in a box.
    fn values(picture: &Picture, rect: Rect) -> usize {
        let plane = Plane {
            bytes: picture.y().to_vec(),
            size: (picture.width() as usize, picture.height() as usize),
        };
        let (columns, rows) = plane.area(rect);
        let mut values: Vec<u8> = rows.flat_map(|row| plane.row(row, &columns).to_vec()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    }

    #[test]
    fn of_a_face_a_few_averages_are_left_and_the_rest_of_the_picture_stays() {
        let face = Rect { x: 0.25, y: 0.25, w: 0.5, h: 0.5 };
        let redacted = redact(&noise(96, 96), &Hidden { faces: vec![face], ..Hidden::default() }).unwrap();
        assert!(values(&redacted, face) <= FACE_CELLS * FACE_CELLS);
        let (before, after) = (noise(96, 96), redacted);
        let outside = Rect { x: 0.0, y: 0.0, w: 1.0, h: 0.2 };
        assert_eq!(values(&after, outside), values(&before, outside));
        assert_ne!(before.u(), after.u(), "colour tells, too");
    }

    #[test]
    fn the_candidate_stays_before_a_body_and_no_face_stays_before_the_candidate() {
        let body = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
        let spared = Rect { x: 0.5, y: 0.5, w: 0.25, h: 0.25 };
        let before = noise(96, 96);
        let hidden = Hidden { bodies: vec![body], spared: Some(spared), ..Hidden::default() };
        let inside = |picture: &Picture| values(picture, spared);
        assert_eq!(inside(&redact(&before, &hidden).unwrap()), inside(&before));
        let hidden = Hidden { faces: vec![spared], ..hidden };
        assert!(inside(&redact(&before, &hidden).unwrap()) <= FACE_CELLS * FACE_CELLS);
    }

    proptest! {
        #[test]
        fn any_box_in_any_picture_is_hidden(width in 1_u32..90, height in 1_u32..90, face in rect(), body in rect()) {
            let hidden = Hidden { faces: vec![face], bodies: vec![body], spared: None };
            let redacted = redact(&noise(width, height), &hidden).unwrap();
            prop_assert_eq!((redacted.width(), redacted.height()), (width, height));
            // The longer side has as many more as it is longer.
            let plane = Plane { bytes: Vec::new(), size: (width as usize, height as usize) };
            let (columns, rows) = plane.area(face);
            let longer = columns.len().max(rows.len());
            let shorter = columns.len().min(rows.len());
            if shorter > 0 {
                let most = FACE_CELLS * (longer.div_ceil(shorter.div_ceil(FACE_CELLS)));
                prop_assert!(values(&redacted, face) <= most);
            }
        }
    }
}
