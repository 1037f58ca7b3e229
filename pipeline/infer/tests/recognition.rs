//! Faces become embeddings: as Python computes them, alike for one person, and only where a face can be seen.

use domain::detections::DetectedFace;
use domain::error::ErrorKind;
use domain::identity::{Embedding, Ineligible};
use domain::picture::Picture;
use domain::ports::Recognition as _;
use infer::{InferError, Recognizer, VisionSettings, eligibility};

use crate::support::{SIZE, darkened, first_frame, golden, look, models, picture, settings};

fn recognizer(model: Option<&str>) -> Recognizer {
    let settings = VisionSettings { identity_model: model.map(str::to_owned), ..settings(1) };
    Recognizer::new(&settings).unwrap_or_else(|error| panic!("{error}"))
}

/// A picture and the one face in it.
fn face_in(rgb: &[u8]) -> (Picture, DetectedFace) {
    let faces = look(picture(rgb, SIZE)).detections.faces;
    assert_eq!(faces.len(), 1);
    (picture(rgb, SIZE), faces[0].clone())
}

fn embedded(recognizer: &Recognizer, rgb: &[u8]) -> Embedding {
    let (picture, face) = face_in(rgb);
    recognizer.embed(&picture, &face).unwrap().unwrap_or_else(|reason| panic!("{reason}"))
}

/// The picture with every pixel the mean of a square around it.
fn blurred(rgb: &[u8], radius: usize) -> Vec<u8> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let at = |x: usize, y: usize, colour: usize| u32::from(rgb[(y * width + x) * 3 + colour]);
    let mean = |index: usize| {
        let (x, y, colour) = (index / 3 % width, index / 3 / width, index % 3);
        let (left, right) = (x.saturating_sub(radius), (x + radius + 1).min(width));
        let (top, lower) = (y.saturating_sub(radius), (y + radius + 1).min(height));
        let sum: u32 = (top..lower).flat_map(|y| (left..right).map(move |x| at(x, y, colour))).sum();
        (sum / ((right - left) * (lower - top)) as u32) as u8
    };
    (0..rgb.len()).map(mean).collect()
}

/// The distance that Python's answer has to ours, by a metric of the manifest: `1 - d² / 8`.
#[test]
fn an_embedding_is_as_python_computes_it() {
    let path = models().join("golden/astronaut_640x480.json");
    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut values: Vec<f32> = serde_json::from_value(expected["faces"][0]["embedding"].clone()).unwrap();
    let square: f32 = values.iter().map(|value| value * value).sum();
    values.push((4.0 - square).sqrt());
    let recognizer = recognizer(None);
    let found = embedded(&recognizer, &golden("astronaut_640x480"));
    let expected = Embedding::new(found.model(), values).unwrap();
    // Faces of two persons are 0.6 apart and more; scaling in another way makes 0.1.
    assert!(found.similarity(&expected).unwrap() > 1.0 - 0.01 / 8.0);
    assert_eq!(recognizer.usage().runs, 1);
}

#[test]
fn one_person_is_alike_in_other_light_and_others_are_not() {
    for model in ["face_resnet", "faceres"] {
        let recognizer = recognizer(Some(model));
        let astronaut = embedded(&recognizer, &golden("astronaut_640x480"));
        let dim = embedded(&recognizer, &darkened(&golden("astronaut_640x480"), 0.1));
        let same = astronaut.similarity(&dim).unwrap();
        for clip in ["c01_calm_vp8.webm", "c10_dim_vp8.webm"] {
            let (picture, face) = face_in(&first_frame(clip));
            let other = recognizer.embed_any(&picture, &face).unwrap().unwrap();
            let different = astronaut.similarity(&other).unwrap();
            assert!(same > different + 0.02, "{model}, {clip}: {same} {different}");
        }
        assert!(astronaut.model().starts_with(model));
    }
}

#[test]
fn a_face_that_shows_too_little_is_not_compared() {
    let rgb = golden("astronaut_640x480");
    let (picture, face) = face_in(&rgb);
    assert_eq!(eligibility(&picture, &face), Ok(()));

    let unmeasured = DetectedFace { mesh: None, ..face.clone() };
    assert_eq!(eligibility(&picture, &unmeasured), Err(Ineligible::Unmeasured));
    let mut small = face.clone();
    small.rect.h = 79.0 / 480.0;
    assert_eq!(eligibility(&picture, &small), Err(Ineligible::Small));
    let turned = |yaw: f32, pitch: f32| {
        let mesh = face.mesh.map(|mesh| domain::detections::MeshedFace { yaw, pitch, ..mesh });
        DetectedFace { mesh, ..face.clone() }
    };
    assert_eq!(eligibility(&picture, &turned(-26.0, -10.0)), Err(Ineligible::Turned));
    assert_eq!(eligibility(&picture, &turned(0.0, 11.0)), Err(Ineligible::Nodding));
    assert_eq!(eligibility(&picture, &turned(20.0, 5.0)), Ok(()));

    let flat: Vec<u8> = rgb.iter().map(|value| 60 + value / 16).collect();
    assert_eq!(eligibility(&super::support::picture(&flat, SIZE), &face), Err(Ineligible::Dark));
    let soft = blurred(&rgb, 14);
    assert_eq!(eligibility(&super::support::picture(&soft, SIZE), &face), Err(Ineligible::Blurred));
}

/// Brightness is no reason, contrast is: skin can be dark.
#[test]
fn a_dark_face_can_be_compared() {
    let (picture, face) = face_in(&darkened(&golden("astronaut_640x480"), 0.1));
    assert_eq!(eligibility(&picture, &face), Ok(()));
}

#[test]
fn a_model_that_is_not_in_the_manifest_is_refused() {
    let settings = VisionSettings { identity_model: Some("better".to_owned()), ..settings(1) };
    let error = Recognizer::new(&settings).expect_err("a refusal");
    assert!(matches!(error, InferError::ModelUnknown { .. }) && error.kind() == ErrorKind::Fatal, "{error}");
}
