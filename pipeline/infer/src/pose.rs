//! Head pose from four points of a mesh.
//!
//! Recipe of `models/cards/face_landmark.md`: the line from eye corner to eye corner is the head's x axis, the line from
//! forehead to chin (made orthogonal) its y axis. Angles as
//! [`MeshedFace`](domain::detections::MeshedFace) defines them. Pitch has a bias per face, which
//! calibration takes out later.

use crate::models::mesh::{Mesh, MeshPoint, Point3};

/// Angles in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub(crate) yaw: f32,
    pub(crate) pitch: f32,
    pub(crate) roll: f32,
}

/// Measures the pose of a meshed face.
pub(crate) fn measure(mesh: &Mesh) -> Pose {
    from_axes(
        between(mesh.point(MeshPoint::RightEyeOuter), mesh.point(MeshPoint::LeftEyeOuter)),
        between(mesh.point(MeshPoint::Forehead), mesh.point(MeshPoint::Chin)),
    )
}

/// `across` points from the head's right to its left, `down` from its top to its chin; depth grows
/// away from the camera.
fn from_axes(across: Point3, down: Point3) -> Pose {
    let across = unit(across);
    // Out of the back of the head.
    let back = unit(cross(across, down));
    Pose {
        yaw: (-back.x).atan2(back.z).to_degrees(),
        pitch: back.y.clamp(-1.0, 1.0).asin().to_degrees(),
        roll: across.y.atan2(across.x).to_degrees(),
    }
}

fn between(from: Point3, to: Point3) -> Point3 {
    Point3 { x: to.x - from.x, y: to.y - from.y, z: to.z - from.z }
}

fn cross(a: Point3, b: Point3) -> Point3 {
    Point3 { x: a.y * b.z - a.z * b.y, y: a.z * b.x - a.x * b.z, z: a.x * b.y - a.y * b.x }
}

fn unit(vector: Point3) -> Point3 {
    let length = (vector.x * vector.x + vector.y * vector.y + vector.z * vector.z).sqrt();
    Point3 { x: vector.x / length, y: vector.y / length, z: vector.z / length }
}
