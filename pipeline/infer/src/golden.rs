//! Every model against outputs that Python computed independently (`models/golden`): first the raw
//! outputs of the same pixels, then what the decoders make of them.

use std::path::{Path, PathBuf};

use domain::geometry::{Point, Rect};
use serde_json::Value;

use crate::manifest::{Manifest, ModelEntry};
use crate::models::mesh::{self, Mesh};
use crate::models::nanodet::{self, Floors, Kind};
use crate::models::{FoundFace, blazeface, centerface, identity, iris};
use crate::nms::suppress;
use crate::pixels::Size;
use crate::pixels::crop::Crop;
use crate::pose;
use crate::session::{CheckedModel, Loaded, Outputs, Runtime};

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/clips/golden");

/// A loaded model, its picture, and what Python says of both.
struct Golden {
    entry: ModelEntry,
    model: Loaded,
    pixels: Vec<u8>,
    size: Size,
    expected: Value,
}

impl Golden {
    fn read(name: &str) -> Self {
        let set_up = |what: &Path| panic!("{} is missing: run `make setup`", what.display());
        let file = |path: PathBuf| std::fs::read(&path).unwrap_or_else(|_| set_up(&path));
        let folder = Path::new(MODELS);
        let expected: Value =
            serde_json::from_slice(&file(folder.join(format!("golden/{name}.json")))).unwrap();
        let picture = expected["input"]["file"].as_str().unwrap();
        let manifest = Manifest::read(folder).unwrap();
        let entry = manifest.models().iter().find(|entry| entry.name == name).unwrap().clone();
        assert_eq!(expected["model_sha256"], entry.onnx.sha256, "run `make golden`");
        let library = folder.join("onnxruntime/libonnxruntime.so");
        let runtime = Runtime::load(&library).unwrap_or_else(|error| panic!("{error}"));
        let model = CheckedModel::read(&manifest, &entry).unwrap().load(&runtime).unwrap();
        let side = |of: &Value, name: &str| of[name].as_u64().unwrap() as usize;
        let input = &expected["input"];
        let mut size = Size::new(side(input, "width"), side(input, "height"));
        let mut pixels = file(Path::new(PICTURES).join(picture));
        if let Some(part) = input.get("part") {
            let (left, top) = (side(part, "left"), side(part, "top"));
            let of = std::mem::replace(&mut size, Size::new(side(part, "width"), side(part, "height")));
            let row = |row: usize| &pixels[((top + row) * of.width + left) * 3..][..size.width * 3];
            pixels = (0..size.height).flat_map(row).copied().collect();
        }
        Self { entry, model, pixels, size, expected }
    }

    /// Compares the raw outputs, then hands them to a decoder.
    fn check<T>(mut self, tolerance: f64, decode: impl Fn(&Outputs, &ModelEntry) -> T) -> (T, Value) {
        let outputs = self.model.run(&self.pixels, self.size).unwrap();
        for contract in &self.entry.outputs {
            let name = contract.name.as_str();
            let expected = &self.expected["outputs"][name];
            let lengths = expected["shape"].as_array().unwrap().iter().map(|length| length.as_u64().unwrap());
            let values = outputs.view(name, lengths.product::<u64>() as usize).unwrap();
            for sample in expected["samples"].as_array().unwrap() {
                let index = sample[0].as_u64().unwrap() as usize;
                let (wanted, found) = (sample[1].as_f64().unwrap(), f64::from(values[index]));
                let close = (wanted - found).abs() <= tolerance * wanted.abs().max(1.0);
                assert!(close, "{name}[{index}]: {found}, expected {wanted}");
            }
            let sum: f64 = values.iter().map(|&value| f64::from(value).abs()).sum();
            let wanted = expected["sum_of_magnitudes"].as_f64().unwrap();
            assert!((sum - wanted).abs() <= tolerance * wanted, "{name}: {sum}, expected {wanted}");
        }
        (decode(&outputs, &self.entry), self.expected["decoded"].take())
    }
}

/// Six digits are written down; sums of floats differ in the last ones between processors.
const FLOAT_TOLERANCE: f64 = 1e-4;
/// A value of an 8-bit model can fall to a neighbouring step on another processor.
const INT8_TOLERANCE: f64 = 0.05;

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[track_caller]
fn assert_close(found: f32, expected: &Value, tolerance: f32) {
    let expected = expected.as_f64().unwrap() as f32;
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

/// Boxes are written as left, top, right, lower.
#[track_caller]
fn assert_box(found: Rect, expected: &Value, tolerance: f32) {
    let corners = [found.x, found.y, found.x + found.w, found.y + found.h];
    for (found, expected) in corners.into_iter().zip(numbers(expected)) {
        assert!((found - expected).abs() <= tolerance, "{corners:?}, expected {expected}");
    }
}

fn assert_faces(found: Vec<FoundFace>, entry: &ModelEntry, expected: &Value, ears: bool) {
    let found = suppress(found, entry.thresholds.nms_iou.unwrap());
    let expected = expected["detections"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_close(found.conf, &expected["score"], 1e-4);
        assert_box(found.rect, &expected["box"], 0.02);
        let mut points: Vec<Vec<f32>> = expected["points"].as_array().unwrap().iter().map(numbers).collect();
        if !ears {
            let corners = [points.remove(3), points.remove(3)];
            points.push((0..2).map(|axis| (corners[0][axis] + corners[1][axis]) / 2.0).collect());
        }
        for (found, expected) in found.points.iter().zip(points) {
            assert!((found.x - expected[0]).hypot(found.y - expected[1]) < 0.02, "{found:?} {expected:?}");
        }
    }
}

#[test]
fn blazeface_back() {
    let golden = Golden::read("blazeface_back");
    let entry = golden.entry.clone();
    let (found, expected) = golden.check(FLOAT_TOLERANCE, |outputs, entry| {
        blazeface::decode(outputs, Size::square(blazeface::SIDE), entry.thresholds.score.unwrap()).unwrap()
    });
    assert!(found.len() > 1, "the test needs doubles for the suppression");
    assert_faces(found, &entry, &expected, true);
}

#[test]
fn centerface() {
    let golden = Golden::read("centerface");
    let entry = golden.entry.clone();
    let (found, expected) = golden.check(FLOAT_TOLERANCE, |outputs, entry| {
        centerface::decode(outputs, entry.thresholds.score.unwrap()).unwrap()
    });
    assert_faces(found, &entry, &expected, false);
}

#[test]
fn face_landmark() {
    let whole = |side: usize| Crop {
        centre: Point { x: side as f32 / 2.0, y: side as f32 / 2.0 },
        side: side as f32,
        angle: 0.0,
        mirrored: false,
    };
    let (mesh, expected): (Mesh, Value) = Golden::read("face_landmark")
        .check(FLOAT_TOLERANCE, |outputs, _| mesh::decode(outputs, &whole(mesh::SIDE)).unwrap());
    assert_close(mesh.presence, &expected["presence"], 1e-4);
    let pose = pose::measure(&mesh);
    // The recipe counts yaw and pitch the other way round.
    assert_close(-pose.yaw, &expected["yaw"], 0.01);
    assert_close(-pose.pitch, &expected["pitch"], 0.01);
    assert_close(pose.roll, &expected["roll"], 0.01);
}

#[test]
fn iris_landmark() {
    let (gaze, expected) = Golden::read("iris_landmark")
        .check(FLOAT_TOLERANCE, |outputs, _| iris::decode(outputs, iris::Side::Right).unwrap());
    assert_close(gaze.x, &expected["gaze_yaw"], 1e-4);
    assert_close(gaze.y, &expected["gaze_pitch"], 1e-4);
    assert_close(gaze.openness, &expected["eye_openness"], 1e-4);
}

#[test]
fn models_that_tell_persons_apart() {
    for name in ["face_resnet", "faceres"] {
        let (answer, expected) = Golden::read(name)
            .check(FLOAT_TOLERANCE, |outputs, entry| identity::decode(outputs, entry).unwrap());
        let length = answer.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert_close(length, &expected["length"], 1e-3);
    }
}

fn persons(outputs: &Outputs, entry: &ModelEntry) -> Vec<nanodet::FoundThing> {
    let floor = entry.thresholds.score.unwrap();
    let floors = Floors { person: floor, object: floor };
    let mut found =
        nanodet::decode(outputs, Size::square(nanodet::SIDE), floors, entry.thresholds.nms_iou.unwrap())
            .unwrap();
    found.retain(|thing| thing.kind == Kind::Person);
    found
}

fn assert_persons(found: &[nanodet::FoundThing], expected: &Value, conf: f32, pixels: f32) {
    let expected = expected["detections"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_close(found.conf, &expected["score"], conf);
        assert_box(found.rect, &expected["box"], pixels);
    }
}

#[test]
fn nanodet_g() {
    let (found, expected) = Golden::read("nanodet_g").check(FLOAT_TOLERANCE, persons);
    assert_persons(&found, &expected, 1e-4, 0.02);
}

#[test]
fn nanodet_g_int8() {
    let mut golden = Golden::read("nanodet_g_int8");
    if has_exact_int8() {
        let (found, expected) = golden.check(INT8_TOLERANCE, persons);
        return assert_persons(&found, &expected, 0.02, 2.0);
    }
    eprintln!("raw outputs are not compared: without VNNI instructions 8-bit sums saturate on the way");
    let expected = golden.expected["decoded"].take();
    let found = persons(&golden.model.run(&golden.pixels, golden.size).unwrap(), &golden.entry);
    assert_persons(&found, &expected, 0.06, 12.0);
}

/// Whether this processor adds up products of bytes without saturating in between, as the one did on
/// which the expected outputs were computed.
fn has_exact_int8() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    #[cfg(not(target_arch = "x86_64"))]
    true
}

#[test]
fn nanodet_sees_the_same_in_eight_bits() {
    let seen_by = |name: &str| {
        let mut golden = Golden::read(name);
        persons(&golden.model.run(&golden.pixels, golden.size).unwrap(), &golden.entry)
    };
    let (full, eight_bits) = (seen_by("nanodet_g"), seen_by("nanodet_g_int8"));
    assert_eq!(full.len(), eight_bits.len());
    for (one, other) in full.iter().zip(&eight_bits) {
        assert!(one.rect.iou(other.rect) > 0.9, "{one:?} {other:?}");
        assert!((one.conf - other.conf).abs() < 0.06, "{one:?} {other:?}");
    }
}
