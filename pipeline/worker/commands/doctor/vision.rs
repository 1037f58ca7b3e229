//! Checks of ONNX Runtime, the models and what they run on.

use std::path::Path;

use infer::InUse;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Check;
use crate::settings::Settings;

/// The part of the models' manifest that names ONNX Runtime.
#[derive(Debug, Deserialize)]
struct RuntimeManifest {
    runtime: Runtime,
    runtime_gpu: Runtime,
}

#[derive(Debug, Deserialize)]
struct Runtime {
    version: String,
    #[serde(default)]
    wheel: Vec<Wheel>,
}

impl Runtime {
    fn has(&self, sha256: &str) -> bool {
        self.wheel.iter().any(|wheel| wheel.member_sha256 == sha256)
    }
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
    checks.push(provider(settings));
    checks
}

/// What models really run on.
fn provider(settings: &Settings) -> Check {
    let name = "provider";
    let remedy = "follow models/README.md, or set infer.provider = \"cpu\"";
    match infer::in_use(&settings.vision()) {
        Ok(InUse { fell_back: Some(error), .. }) => {
            Check::warn(name, format!("models run on the processor: {error}"), remedy)
        }
        Ok(InUse { provider, fell_back: None }) => {
            Check::ok(name, format!("models run on: {}", provider.name()))
        }
        Err(error) => Check::fail(name, error.to_string(), remedy),
    }
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
        (Some(RuntimeManifest { runtime, runtime_gpu }), Ok(hash)) => {
            match [&runtime, &runtime_gpu].into_iter().find(|runtime| runtime.has(&hash)) {
                Some(known) => Check::ok(name, format!("{}, {}", known.version, library.display())),
                None => {
                    let found =
                        format!("{} loads, but is not the tested {}", library.display(), runtime.version);
                    Check::warn(name, found, remedy)
                }
            }
        }
        _ => Check::warn(name, format!("{} loads, version unknown", library.display()), remedy),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
