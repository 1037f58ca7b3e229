//! Directions: what points to the picture's right in a picture points to the left in its mirror image.

use domain::detections::MeshedFace;

use crate::support::{SIZE, first_frame, look, mirrored, picture};

fn measured(rgb: &[u8]) -> MeshedFace {
    let faces = look(picture(rgb, SIZE)).detections.faces;
    assert_eq!(faces.len(), 1);
    faces[0].mesh.expect("a mesh")
}

/// The man turns his nose to the picture's left and looks back at the camera.
#[test]
fn yaw_roll_and_gaze_turn_over_and_pitch_stays() {
    let rgb = first_frame("c13_looks_aside_vp8.webm");
    let (plain, mirror) = (measured(&rgb), measured(&mirrored(&rgb, SIZE.0)));
    assert!(plain.yaw < -8.0 && mirror.yaw > 8.0, "{plain:?} {mirror:?}");
    assert!((plain.yaw + mirror.yaw).abs() < 5.0 && (plain.roll + mirror.roll).abs() < 3.0);
    assert!((plain.pitch - mirror.pitch).abs() < 5.0);
    let (eyes, mirror_eyes) = (plain.eyes.unwrap(), mirror.eyes.unwrap());
    assert!(eyes.gaze_x > 0.02 && mirror_eyes.gaze_x < -0.02, "{eyes:?} {mirror_eyes:?}");
    assert!((eyes.gaze_x + mirror_eyes.gaze_x).abs() < 0.03);
    assert!((eyes.gaze_y - mirror_eyes.gaze_y).abs() < 0.04);
    assert!((eyes.openness - mirror_eyes.openness).abs() < 0.05);
}
