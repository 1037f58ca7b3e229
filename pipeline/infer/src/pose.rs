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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, y: f32, z: f32) -> Point3 {
        Point3 { x, y, z }
    }

    #[track_caller]
    fn assert_pose(found: Pose, yaw: f32, pitch: f32, roll: f32) {
        let close = |one: f32, other: f32| (one - other).abs() < 0.01;
        assert!(close(found.yaw, yaw) && close(found.pitch, pitch) && close(found.roll, roll), "{found:?}");
    }

    #[test]
    fn a_face_towards_the_camera_has_no_angles() {
        assert_pose(from_axes(at(60.0, 0.0, 0.0), at(0.0, 100.0, 0.0)), 0.0, 0.0, 0.0);
    }

    #[test]
    fn yaw_grows_as_the_nose_turns_to_the_right() {
        // The eye on the picture's right moves away from the camera, the other one towards it.
        let (sin, cos) = 30f32.to_radians().sin_cos();
        assert_pose(from_axes(at(60.0 * cos, 0.0, 60.0 * sin), at(0.0, 100.0, 0.0)), 30.0, 0.0, 0.0);
    }

    #[test]
    fn pitch_grows_as_the_nose_turns_up() {
        // The chin moves towards the camera, the forehead away from it.
        let (sin, cos) = 20f32.to_radians().sin_cos();
        assert_pose(from_axes(at(60.0, 0.0, 0.0), at(0.0, 100.0 * cos, -100.0 * sin)), 0.0, 20.0, 0.0);
    }

    #[test]
    fn roll_grows_clockwise() {
        let (sin, cos) = 15f32.to_radians().sin_cos();
        let pose = from_axes(at(60.0 * cos, 60.0 * sin, 0.0), at(-100.0 * sin, 100.0 * cos, 0.0));
        assert_pose(pose, 0.0, 0.0, 15.0);
    }
}
