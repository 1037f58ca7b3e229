//! Checks of ONNX Runtime and the models.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Check;
use crate::settings::Settings;

/// The part of the models' manifest that names ONNX Runtime.
#[derive(Debug, Deserialize)]
struct RuntimeManifest {
    runtime: Runtime,
}

#[derive(Debug, Deserialize)]
struct Runtime {
    version: String,
    #[serde(default)]
    wheel: Vec<Wheel>,
}

#[derive(Debug, Deserialize)]
struct Wheel {
    member_sha256: String,
}

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let infer = &settings.infer;
    let verified = match infer::verify(&infer.models_dir, &infer.runtime_library) {
        Ok(verified) => verified,
        Err(error) => return vec![Check::fail("models", error.to_string(), "run `make setup`")],
    };
    let mut checks = vec![runtime(&infer.models_dir, &infer.runtime_library)];
    checks.extend(verified.iter().map(|(model, outcome)| {
        let name = format!("model {}", model.name);
        match outcome {
            Ok(()) => Check::ok(&name, format!("{}, as in the manifest", model.task.name())),
            Err(error) => Check::fail(&name, error.to_string(), "run `make setup`"),
        }
    }));
    if !verified.iter().any(|(model, _)| model.name == infer.person_model) {
        let found = format!("the manifest has no model `{}`", infer.person_model);
        checks.push(Check::fail("person_model", found, "set infer.person_model to one of `models list`"));
    }
    checks
}

/// Whether the library, which has just been loaded, is the one that results were measured with.
fn runtime(models_dir: &Path, library: &Path) -> Check {
    let name = "ONNX Runtime";
    let remedy = "run `make setup` to get the tested library";
    let manifest = std::fs::read_to_string(models_dir.join("manifest.toml"))
        .ok()
        .and_then(|text| toml::from_str::<RuntimeManifest>(&text).ok());
    let hash = std::fs::read(library).map(|bytes| hex(&Sha256::digest(bytes)));
    match (manifest, hash) {
        (Some(RuntimeManifest { runtime }), Ok(hash)) => {
            if runtime.wheel.iter().any(|wheel| wheel.member_sha256 == hash) {
                Check::ok(name, format!("{}, {}", runtime.version, library.display()))
            } else {
                let found = format!("{} loads, but is not the tested {}", library.display(), runtime.version);
                Check::warn(name, found, remedy)
            }
        }
        _ => Check::warn(name, format!("{} loads, version unknown", library.display()), remedy),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
