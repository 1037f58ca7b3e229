//! `invigilator models`: which models there are, on which terms, and whether their files are the ones
//! that the manifest describes.

use std::io::Write;
use std::path::Path;

use infer::InUse;
use infer::manifest::{Manifest, ModelEntry, TrainingDataTerms};
use serde_json::{Value, json};

use super::table::aligned;
use crate::cli::{ModelsAction, ModelsArgs};
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources};

/// Lists or verifies the models.
///
/// # Errors
/// If there are no settings, no manifest or no ONNX Runtime.
pub fn run(args: &ModelsArgs) -> Result<Exit, Failure> {
    let (ModelsAction::List(common) | ModelsAction::Verify(common)) = &args.action;
    let settings = Settings::load(&Sources::of_process(common.config.as_deref()))?;
    match args.action {
        ModelsAction::List(_) => list(&settings, common.json),
        ModelsAction::Verify(_) => verify(&settings, common.json),
    }
}

fn list(settings: &Settings, as_json: bool) -> Result<Exit, Failure> {
    let manifest = Manifest::read(&settings.infer.models_dir)?;
    let models = manifest.models();
    let folder = settings.infer.models_dir.as_path();
    if as_json {
        print_json(&models.iter().map(|model| described(model, folder)).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![header(&["MODEL", "TASK", "SIZE", "LICENCE", "TRAINING DATA", "USED"])];
    rows.extend(models.iter().map(|model| {
        vec![
            format!("{}@{}", model.name, model.version),
            model.task.name().to_owned(),
            size(model, folder).map_or("missing".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6)),
            model.licence.clone(),
            terms(model.training_data_terms).to_owned(),
            used(model, settings).to_owned(),
        ]
    }));
    print_table(&rows)?;
    Ok(Exit::Ok)
}

fn verify(settings: &Settings, as_json: bool) -> Result<Exit, Failure> {
    let folder = settings.infer.models_dir.as_path();
    let verified = infer::verify(folder, &settings.infer.runtime_library)?;
    let in_use = infer::in_use(&settings.vision())?;
    let all_good = verified.iter().all(|(_, outcome)| outcome.is_ok());
    if as_json {
        let models = verified.iter().map(|(model, outcome)| {
            let mut description = described(model, folder);
            description["provider"] = in_use.provider.name().into();
            description["verified"] = outcome.is_ok().into();
            description["problem"] = outcome.as_ref().err().map(ToString::to_string).into();
            description
        });
        print_json(&models.collect::<Vec<_>>())?;
    } else {
        let mut rows: Vec<Vec<String>> = verified
            .iter()
            .map(|(model, outcome)| {
                let said = match outcome {
                    Ok(()) => format!("hash and tensors as in the manifest ({})", &model.onnx.sha256[..12]),
                    Err(error) => error.to_string(),
                };
                let mark = if outcome.is_ok() { "ok" } else { "FAIL" };
                vec![mark.to_owned(), format!("{}@{}", model.name, model.version), said]
            })
            .collect();
        rows.push(provider(&in_use));
        print_table(&rows)?;
    }
    Ok(if all_good { Exit::Ok } else { Exit::Environment })
}

fn provider(in_use: &InUse) -> Vec<String> {
    let (mark, why) = match &in_use.fell_back {
        Some(error) => ("warn", format!(": {error}")),
        None => ("ok", String::new()),
    };
    vec![mark.to_owned(), "provider".to_owned(), format!("models run on: {}{why}", in_use.provider.name())]
}

fn described(model: &ModelEntry, folder: &Path) -> Value {
    json!({
        "name": model.name,
        "version": model.version,
        "task": model.task.name(),
        "file": model.onnx.file,
        "sha256": model.onnx.sha256,
        "bytes": size(model, folder),
        "licence": model.licence,
        "training_data_terms": terms(model.training_data_terms),
        "signature": model.signature(),
    })
}

fn size(model: &ModelEntry, folder: &Path) -> Option<u64> {
    std::fs::metadata(folder.join(&model.onnx.file)).ok().map(|file| file.len())
}

fn terms(terms: TrainingDataTerms) -> &'static str {
    match terms {
        TrainingDataTerms::Unrestricted => "unrestricted",
        TrainingDataTerms::Unclear => "unclear",
        TrainingDataTerms::ResearchOnly => "research_only",
    }
}

/// Whether the settings use a model.
fn used(model: &ModelEntry, settings: &Settings) -> &'static str {
    let research = model.training_data_terms == TrainingDataTerms::ResearchOnly;
    if research && !settings.infer.accept_research_models {
        return "no: accept_research_models = false";
    }
    let other_person_model = model.task.name() == "person" && model.name != settings.infer.person_model;
    if other_person_model { "no: person_model is another" } else { "yes" }
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn print_table(rows: &[Vec<String>]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    aligned(rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn print_json(models: &[Value]) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(models).map_err(anyhow::Error::from)?;
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
