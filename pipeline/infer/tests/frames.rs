//! Whole frames against what Python computed for them with the same models, and one face is one face.

use domain::geometry::{Point, Rect};
use serde_json::Value;

use crate::support::{SIZE, golden, look, models, pasted, picture};

fn expected(name: &str) -> Value {
    let path = models().join(format!("golden/{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn rect(value: &Value) -> Rect {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn assert_close(found: f32, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((f64::from(found) - expected).abs() <= tolerance, "{found}, expected {expected}");
}

/// Python scaled RGB with Pillow, we scale planes of I420: the tolerances are what that makes.
fn assert_as_python(name: &str) {
    let found = look(picture(&golden(name), SIZE)).detections;
    let expected = expected(name);
    let faces = expected["faces"].as_array().unwrap();
    assert_eq!(found.faces.len(), faces.len());
    for expected in faces {
        let wanted = rect(&expected["box"]);
        let face = found.faces.iter().find(|face| face.rect.iou(wanted) > 0.9).expect("the same box");
        assert_close(face.conf, &expected["conf"], 0.03);
        for (found, expected) in face.points.iter().zip(expected["points"].as_array().unwrap()) {
            let expected: Point = serde_json::from_value(expected.clone()).unwrap();
            assert!((found.x - expected.x).hypot(found.y - expected.y) < 0.01, "{found:?} {expected:?}");
        }
        let mesh = face.mesh.expect("a mesh");
        assert_close(mesh.presence, &expected["presence"], 0.01);
        // The recipe counts yaw and pitch the other way round.
        assert_close(-mesh.yaw, &expected["yaw"], 2.0);
        assert_close(-mesh.pitch, &expected["pitch"], 2.0);
        assert_close(mesh.roll, &expected["roll"], 1.0);
        let eyes = mesh.eyes.expect("eyes");
        assert_close(eyes.gaze_x, &expected["gaze_yaw"], 0.02);
        assert_close(eyes.gaze_y, &expected["gaze_pitch"], 0.02);
        assert_close(eyes.openness, &expected["eye_openness"], 0.04);
    }
    for expected in expected["persons"].as_array().unwrap() {
        let wanted = rect(&expected["box"]);
        let person =
            found.things.as_ref().unwrap().persons.iter().find(|person| person.rect.iou(wanted) > 0.85);
        assert_close(person.expect("the same person").conf, &expected["conf"], 0.08);
    }
}

#[test]
fn the_astronaut_is_seen_as_python_sees_her() {
    assert_as_python("astronaut_640x480");
}

#[test]
fn two_persons_are_seen_as_python_sees_them() {
    assert_as_python("two_faces_640x480");
}

/// The detector's grid makes some positions report one face twice.
#[test]
fn one_face_is_reported_once_wherever_it_is() {
    let astronaut = golden("astronaut_640x480");
    for left in [0, 67, 101, 190] {
        for top in [0, 31, 113] {
            let moved = pasted(&astronaut, (150, 20, 300, 300), (left, top));
            let faces = look(picture(&moved, SIZE)).detections.faces;
            assert_eq!(faces.len(), 1, "at {left}, {top}: {faces:?}");
            // She is level in every position: the frame does not matter.
            let mesh = faces[0].mesh.expect("a mesh");
            assert!(mesh.yaw.abs() < 6.0 && mesh.roll.abs() < 6.0, "at {left}, {top}: {mesh:?}");
        }
    }
}

#[test]
fn pictures_of_any_size_are_looked_at() {
    for (width, height) in [(1, 1), (2, 640), (641, 3), (17, 9), (639, 479)] {
        let grey = vec![90; (width * height * 3) as usize];
        let sight = look(picture(&grey, (width, height)));
        assert!(sight.detections.faces.is_empty());
    }
}
