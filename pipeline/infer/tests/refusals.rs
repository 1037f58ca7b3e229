//! A model that is not the one described is refused, and the error says which, why and what to do.

use std::os::unix::fs::symlink;
use std::path::Path;

use domain::error::ErrorKind;
use domain::ports::Vision as _;
use infer::manifest::{Manifest, Task, TrainingDataTerms};
use infer::{IfMissing, InferError, Provider, Vision, VisionSettings, verify};
use tempfile::TempDir;

use crate::support::{models, settings, vision};

/// A folder of models whose manifest has been edited; the files are links to the real ones.
fn edited(edit: impl Fn(String) -> String) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let real = models().canonicalize().unwrap();
    let manifest = std::fs::read_to_string(real.join("manifest.toml")).unwrap();
    std::fs::write(folder.path().join("manifest.toml"), edit(manifest)).unwrap();
    std::fs::create_dir(folder.path().join("onnx")).unwrap();
    for file in std::fs::read_dir(real.join("onnx")).unwrap() {
        let file = file.unwrap();
        symlink(file.path(), folder.path().join("onnx").join(file.file_name())).unwrap();
    }
    folder
}

fn replaced(from: &str, to: &str) -> TempDir {
    edited(|manifest| {
        assert!(manifest.contains(from), "the manifest has no {from}");
        manifest.replace(from, to)
    })
}

/// The real library: a process has only one.
fn settings_for(folder: &Path) -> VisionSettings {
    VisionSettings { models_dir: folder.to_owned(), ..settings(1) }
}

#[track_caller]
fn refusal(settings: &VisionSettings) -> InferError {
    let error = Vision::new(settings).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Fatal, "{error}");
    error
}

#[test]
fn a_changed_file_is_refused() {
    let folder = edited(|manifest| manifest);
    let file = folder.path().join("onnx/face_landmark.onnx");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let error = refusal(&settings_for(folder.path()));
    assert!(matches!(&error, InferError::HashDiffers { name, .. } if name == "face_landmark"), "{error}");

    // Verifying goes on after it.
    let verified = verify(folder.path(), &settings(1).runtime_library).unwrap();
    let refused: Vec<&str> = verified
        .iter()
        .filter(|(_, outcome)| outcome.is_err())
        .map(|(entry, _)| entry.name.as_str())
        .collect();
    assert_eq!(refused, ["face_landmark"]);
}

#[test]
fn other_shapes_than_the_decoder_reads_are_refused() {
    let folder = replaced(r#"["N", "cells", 16]"#, r#"["N", "cells", 15]"#);
    let error = refusal(&settings_for(folder.path()));
    assert!(matches!(error, InferError::ContractDiffers { expecting: "the decoder", .. }), "{error}");
    assert!(error.to_string().contains("boxes:float32[N,N,15]"), "{error}");
}

#[test]
fn other_shapes_than_the_manifest_says_are_refused() {
    // The iris model's entry leads to the mesh model's file, with the right hash.
    let manifest = Manifest::read(&models()).unwrap();
    let (iris, mesh) = (manifest.model(Task::Iris, None).unwrap(), manifest.model(Task::Mesh, None).unwrap());
    let folder = edited(|text| {
        let (iris, mesh) = (&iris.onnx, &mesh.onnx);
        let file = |path: &Path| path.display().to_string();
        text.replace(&file(&iris.file), &file(&mesh.file)).replace(&iris.sha256, &mesh.sha256)
    });
    let error = refusal(&settings_for(folder.path()));
    assert!(matches!(error, InferError::ContractDiffers { having: "the file", .. }), "{error}");
}

#[test]
fn a_missing_file_or_library_says_what_to_run() {
    let folder = edited(|manifest| manifest);
    std::fs::remove_file(folder.path().join("onnx/iris_landmark.onnx")).unwrap();
    let error = refusal(&settings_for(folder.path()));
    assert!(matches!(error, InferError::ModelMissing { .. }), "{error}");
    assert!(error.to_string().contains("make setup"));

    let nowhere = settings(1).models_dir.join("nowhere/libonnxruntime.so");
    let error = refusal(&VisionSettings { runtime_library: nowhere, ..settings(1) });
    assert!(matches!(error, InferError::RuntimeMissing { .. }), "{error}");
    assert!(error.to_string().contains("make setup"));
}

#[test]
fn a_second_library_is_refused() {
    vision();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("libonnxruntime.so");
    std::fs::write(&other, "not a library").unwrap();
    let error = refusal(&VisionSettings { runtime_library: other, ..settings(1) });
    assert!(matches!(error, InferError::RuntimeAlreadyLoaded { .. }), "{error}");
}

#[test]
fn without_cuda_there_is_a_refusal_or_the_processor() {
    let wanted = VisionSettings { provider: Provider::Cuda, ..settings(1) };
    let error = refusal(&wanted);
    assert!(matches!(error, InferError::CudaNotInLibrary { .. }), "{error}");
    assert!(error.to_string().contains("make setup-gpu"));

    let fallen = Vision::new(&VisionSettings { if_missing: IfMissing::FallBack, ..wanted }).unwrap();
    let in_use = fallen.in_use();
    assert_eq!(in_use.provider, Provider::Cpu);
    assert!(matches!(in_use.fell_back, Some(InferError::CudaNotInLibrary { .. })), "{in_use:?}");
    assert_eq!(fallen.threads(), 1);
    assert!(vision().in_use().fell_back.is_none());
}

#[test]
fn a_fall_back_excuses_no_other_fault() {
    let folder = edited(|manifest| manifest);
    std::fs::remove_file(folder.path().join("onnx/iris_landmark.onnx")).unwrap();
    let wanted = VisionSettings {
        provider: Provider::Cuda,
        if_missing: IfMissing::FallBack,
        ..settings_for(folder.path())
    };
    let error = refusal(&wanted);
    assert!(matches!(error, InferError::ModelMissing { .. }), "{error}");
}

#[test]
fn research_models_are_left_out_unless_accepted() {
    let tasks = |vision: &Vision| vision.models().iter().map(|model| model.task.clone()).collect::<Vec<_>>();
    assert_eq!(tasks(vision()), ["face", "mesh", "iris", "person"]);
    let accepting = VisionSettings { accept_research_models: true, ..settings(1) };
    assert_eq!(tasks(&Vision::new(&accepting).unwrap()), ["face", "face_dark", "mesh", "iris", "person"]);
    let manifest = Manifest::read(&models()).unwrap();
    let dark = manifest.model(Task::FaceDark, None).unwrap();
    assert_eq!(dark.training_data_terms, TrainingDataTerms::ResearchOnly);
}

#[test]
fn a_needed_research_model_is_refused_unless_accepted() {
    let folder = replaced(r#"training_data_terms = "unclear""#, r#"training_data_terms = "research_only""#);
    let error = refusal(&settings_for(folder.path()));
    assert!(matches!(error, InferError::ResearchOnly { .. }), "{error}");
    assert!(error.to_string().contains("accept_research_models = true"));
}

#[test]
fn an_unknown_person_model_is_refused() {
    let error = refusal(&VisionSettings { person_model: "blazeface_back".to_owned(), ..settings(1) });
    assert!(matches!(error, InferError::ModelUnknown { .. }), "{error}");
    let full = VisionSettings { person_model: "nanodet_g".to_owned(), ..settings(1) };
    assert_eq!(Vision::new(&full).unwrap().models().last().unwrap().name, "nanodet_g");
}

#[test]
fn a_bad_manifest_is_refused() {
    let error = refusal(&settings_for(tempfile::tempdir().unwrap().path()));
    assert!(matches!(error, InferError::ManifestUnreadable { .. }), "{error}");
    let misspelt = replaced("training_data_terms = \"unclear\"", "training_data_term = \"unclear\"");
    let error = refusal(&settings_for(misspelt.path()));
    assert!(matches!(error, InferError::ManifestInvalid { .. }), "{error}");
    let later = replaced("schema_version = 1", "schema_version = 2");
    let error = refusal(&settings_for(later.path()));
    assert!(matches!(error, InferError::ManifestVersion { found: 2, .. }), "{error}");
}

#[test]
fn every_model_of_the_manifest_verifies() {
    let verified = verify(&models(), &settings(1).runtime_library).unwrap();
    assert!(verified.len() >= 6);
    for (entry, outcome) in verified {
        assert!(outcome.is_ok(), "{}: {outcome:?}", entry.name);
    }
}

#[test]
fn a_model_that_tells_persons_apart_must_say_how_faces_lie_in_it() {
    for (from, to) in [
        (
            "[model.recognition]\nalignment = { square = 1.15 }",
            "[model.recognition]\nalignment = { square = 0.0 }",
        ),
        ("metric = { euclidean = 2.0 }", "metric = { euclidean = -2.0 }"),
        ("shape = [\"N\", 150, 150, 3]", "shape = [\"N\", 150, 160, 3]"),
    ] {
        let folder = replaced(from, to);
        let verified = verify(folder.path(), &settings(1).runtime_library).unwrap();
        let refused: Vec<&str> = verified
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Err(InferError::ContractDiffers { .. })))
            .map(|(entry, _)| entry.name.as_str())
            .collect();
        assert_eq!(refused.len(), 1, "{to}: {refused:?}");
    }
}
