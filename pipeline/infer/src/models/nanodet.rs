//! NanoDet: persons and things in a picture of 416 pixels on its longer side.
//!
//! Decoding after RangiLyu/nanodet (`nanodet_head.py`, `integral`): at strides 8, 16 and 32 each cell
//! has a probability per class, and for each side of its box a distribution over eleven
//! distances in strides, whose expectation counts.

use domain::detections::ObjectClass;
use domain::geometry::Rect;
use ndarray::ArrayView1;

use crate::error::InferError;
use crate::nms::{Scored, suppress};
use crate::pixels::Size;
use crate::session::Outputs;

/// Longer side of the input.
pub(crate) const SIDE: usize = 416;
/// The same for a glance: four tenths of the work. Of 21 pictures with one face in which a look sees more persons
/// than one, with a confidence of 0.5 or more, a glance sees more than one in all.
pub(crate) const GLANCE_SIDE: usize = 256;
pub(crate) const SIGNATURE: &str = "input:uint8[N,N,N,3] -> cls_16:float32[N,N,6] \
     cls_32:float32[N,N,6] cls_8:float32[N,N,6] reg_16:float32[N,N,44] \
     reg_32:float32[N,N,44] reg_8:float32[N,N,44]";

/// Stride and the names of its outputs.
const STRIDES: [(usize, &str, &str); 3] =
    [(8, "cls_8", "reg_8"), (16, "cls_16", "reg_16"), (32, "cls_32", "reg_32")];
/// Distances that a side's distribution is over.
const DISTANCES: usize = 11;

/// The classes that the conversion leaves of COCO's eighty (`models/convert/recipes.py`), in its order.
const CLASSES: [Kind; 6] = [
    Kind::Person,
    Kind::Object(ObjectClass::Tv),
    Kind::Object(ObjectClass::Laptop),
    Kind::Object(ObjectClass::Remote),
    Kind::Object(ObjectClass::Phone),
    Kind::Object(ObjectClass::Book),
];

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Person,
    Object(ObjectClass),
}

/// A person or object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FoundThing {
    pub(crate) kind: Kind,
    pub(crate) rect: Rect,
    pub(crate) conf: f32,
}

impl Scored for FoundThing {
    fn rect(&self) -> Rect {
        self.rect
    }

    fn conf(&self) -> f32 {
        self.conf
    }
}

/// From which confidence on persons and objects are reported.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floors {
    pub(crate) person: f32,
    pub(crate) object: f32,
}

/// Everything wanted that reaches its floor in an input of this size, each thing once: of boxes of one
/// class that overlap more than `nms_iou` the most confident.
pub(crate) fn decode(
    outputs: &Outputs,
    input: Size,
    floors: Floors,
    nms_iou: f32,
) -> Result<Vec<FoundThing>, InferError> {
    let mut found: [Vec<FoundThing>; CLASSES.len()] = Default::default();
    for (stride, class_name, distance_name) in STRIDES {
        let (columns, rows) = (input.width / stride, input.height / stride);
        let classes = outputs.view(class_name, (columns * rows, CLASSES.len()))?;
        let distances = outputs.view(distance_name, (columns * rows, 4 * DISTANCES))?;
        for (cell, scores) in classes.outer_iter().enumerate() {
            for ((kind, found), conf) in CLASSES.into_iter().zip(&mut found).zip(scores) {
                let floor = if kind == Kind::Person { floors.person } else { floors.object };
                if *conf >= floor {
                    let rect = rect(cell, columns, stride, distances.row(cell));
                    found.push(FoundThing { kind, rect, conf: *conf });
                }
            }
        }
    }
    Ok(found.into_iter().flat_map(|of_class| suppress(of_class, nms_iou)).collect())
}

fn rect(cell: usize, columns: usize, stride: usize, row: ArrayView1<f32>) -> Rect {
    let stride = stride as f32;
    let (x, y) = (((cell % columns) as f32 + 0.5) * stride, ((cell / columns) as f32 + 0.5) * stride);
    let [left, top, right, lower] = std::array::from_fn(|side| expectation(&row, side * DISTANCES) * stride);
    Rect { x: x - left, y: y - top, w: left + right, h: top + lower }
}

/// Mean of the distribution whose logits start at `start`.
fn expectation(row: &ArrayView1<f32>, start: usize) -> f32 {
    let logit = |distance: usize| row[start + distance];
    let most = (0..DISTANCES).map(logit).fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for distance in 0..DISTANCES {
        let weight = (logit(distance) - most).exp();
        sum += weight;
        weighted += weight * distance as f32;
    }
    weighted / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_the_mean_of_its_distribution() {
        let mut row = ndarray::Array1::<f32>::from_elem(44, -50.0);
        row[2] = 9.0; // left: 2 strides
        row[11 + 3] = 1.0;
        row[11 + 4] = 1.0; // top: between 3 and 4
        row[22] = 0.0; // right: nothing
        row[33 + 10] = 80.0; // lower: the farthest
        let rect = rect(27, 26, 16, row.view());
        assert!((rect.x - (24.0 - 32.0)).abs() < 1e-3 && (rect.y - (24.0 - 56.0)).abs() < 1e-3, "{rect:?}");
        assert!((rect.w - 32.0).abs() < 1e-3 && (rect.h - 216.0).abs() < 1e-3, "{rect:?}");
    }

    #[test]
    fn equal_logits_mean_the_middle() {
        let row = ndarray::Array1::<f32>::zeros(44);
        assert!((expectation(&row.view(), 0) - 5.0).abs() < 1e-6);
    }
}
