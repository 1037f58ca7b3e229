//! `invigilator eval --pairs`: how well faces are told apart, on photographs and videos of known persons.
//!
//! ```text
//! identities.csv ─▶ photographs ─▶ templates ─┐
//!                └▶ videos ─▶ samples ────────┴▶ comparisons ─▶ curves ─▶ figures, plot, thresholds
//! ```
//!
//! Every file goes through the product's decoder, models and eligibility. A photograph by itself is a template;
//! the samples of a video are fused as the score fuses them. No figure without what it was measured on, its size
//! and an interval; persons are what is drawn for those, for they are what there are few of.
//! Not responsible for: making videos (`models/webcam`), what a similarity means for a session (`domain`).

mod comparisons;
mod curve;
mod faces;
mod figures;
mod labels;
mod plot;
mod print;
mod thresholds;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use decode::{DecodeError, DecoderPool};
use domain::messages::ModelRef;
use domain::policy::IdentityRules;
use infer::{InferError, Recognizer, Vision};
use serde::Serialize;

pub use curve::Rates;
pub use thresholds::Thresholds;

use self::comparisons::{Template, Video, compare};
use self::faces::{Faces, Sample};
use self::labels::{Identities, Labelled};
use super::Figure;
use crate::exit::with_causes;
use crate::settings::Settings;

/// Samples that are fused before anything is said of a face, as the policies have it.
pub const FUSED: usize = 4;

/// Nothing could be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// There is no form.
    #[error("cannot read `{form}`, which says who is in which file")]
    Form {
        /// Which.
        form: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The form is none.
    #[error("`{form}` is no form of identities")]
    Cells {
        /// Which.
        form: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// The decoder cannot work.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The models cannot.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// The settings of the decoder are of no use.
    #[error("the decoder cannot be started")]
    Spawn(#[source] std::io::Error),
    /// There is nobody to compare, or nobody to be mistaken for.
    #[error(
        "nothing in `{folder}` could be compared: it takes two persons with a usable photograph and video"
    )]
    Nothing {
        /// Which.
        folder: PathBuf,
    },
}

/// A finished evaluation; as JSON its fields are the contract.
#[derive(Debug, Clone, Serialize)]
pub struct PairsEvaluation {
    /// What was measured on.
    pub data_set: PairsDataSet,
    /// The model that tells persons apart.
    pub model: ModelRef,
    /// Version of the program.
    pub program: String,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Rates of single samples, over all thresholds.
    pub single: Vec<Rates>,
    /// Rates of fused samples.
    pub fused: Vec<Rates>,
    /// Levels for a policy.
    pub thresholds: Thresholds,
    /// What could not be used.
    pub problems: Vec<String>,
}

/// What was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct PairsDataSet {
    /// The folder, as given.
    pub folder: String,
    /// SHA-256 of its form.
    pub form_sha256: String,
    /// Persons.
    pub persons: usize,
    /// Photographs that became templates, and all.
    pub photographs: (usize, usize),
    /// Videos.
    pub videos: usize,
    /// Samples of the videos that could be compared, and all.
    pub samples: (usize, usize),
    /// Why the others could not.
    pub unusable: BTreeMap<String, usize>,
}

/// Evaluates a folder, also at the levels of a policy; `progress` hears the number done, the number of all, and the name of the next.
///
/// # Errors
/// If nothing could be started or compared.
pub fn run(
    folder: &Path,
    settings: &Settings,
    policy: &IdentityRules,
    mut progress: impl FnMut(usize, usize, &str),
) -> Result<PairsEvaluation, PairsError> {
    let identities = Identities::read(folder)?;
    let decoder = DecoderPool::new(settings.decoder().map_err(PairsError::Spawn)?);
    decoder.warm_up()?;
    let vision = settings.vision();
    let faces = Faces { decoder, vision: Vision::new(&vision)?, recognizer: Recognizer::new(&vision)? };

    let mut problems = Vec::new();
    let all = identities.photographs.len() + identities.videos.len();
    let mut templates = Vec::new();
    for (done, labelled) in identities.photographs.iter().enumerate() {
        progress(done, all, &labelled.file);
        match faces.of_photograph(&labelled.path) {
            Ok(Ok(embedding)) => templates.push(Template { of: labelled, embedding }),
            Ok(Err(unusable)) => problems.push(format!("{}: no template: {}", labelled.file, unusable.0)),
            Err(error) => problems.push(refused(labelled, error.as_ref())),
        }
    }
    let mut videos = Vec::new();
    for (done, labelled) in identities.videos.iter().enumerate() {
        progress(identities.photographs.len() + done, all, &labelled.file);
        match faces.of_video(&labelled.path) {
            Ok(samples) => videos.push(Video { of: labelled, samples }),
            Err(error) => problems.push(refused(labelled, error.as_ref())),
        }
    }

    let data_set = data_set(folder, &identities, templates.len(), &videos);
    let compared = compare(&templates, &videos);
    let measured = figures::of(&compared, &videos, identities.persons.len(), policy)
        .ok_or_else(|| PairsError::Nothing { folder: folder.to_owned() })?;
    let model = faces.recognizer.model();
    let thresholds = Thresholds::of(&measured, &model, &data_set);
    Ok(PairsEvaluation {
        figures: measured.figures,
        single: thinned(measured.single),
        fused: thinned(measured.fused),
        thresholds,
        data_set,
        model,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        problems,
    })
}

fn data_set(folder: &Path, identities: &Identities, templates: usize, videos: &[Video<'_>]) -> PairsDataSet {
    let samples = || videos.iter().flat_map(|video| &video.samples);
    let mut unusable = BTreeMap::new();
    for reason in samples().filter_map(|sample: &Sample| sample.as_ref().err()) {
        *unusable.entry(reason.0.to_owned()).or_default() += 1;
    }
    PairsDataSet {
        folder: folder.display().to_string(),
        form_sha256: identities.sha256.clone(),
        persons: identities.persons.len(),
        photographs: (templates, identities.photographs.len()),
        videos: videos.len(),
        samples: (samples().filter(|sample| sample.is_ok()).count(), samples().count()),
        unusable,
    }
}

/// Few enough rates to be drawn and read, with the first and the last.
fn thinned(rates: Vec<Rates>) -> Vec<Rates> {
    const MOST: usize = 400;
    let step = rates.len().div_ceil(MOST).max(1);
    let last = rates.len().saturating_sub(1);
    let kept = |(index, rates)| (index % step == 0 || index == last).then_some(rates);
    rates.into_iter().enumerate().filter_map(kept).collect()
}

fn refused(labelled: &Labelled, error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    format!("{}: refused: {}", labelled.file, with_causes(error))
}
