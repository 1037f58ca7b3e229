//! `invigilator eval`: how right the product is on labelled footage, with sample sizes and intervals.
//!
//! ```text
//! labels ─▶ clips ─▶ Analyzer (the product) ─┬▶ count      faces and persons, second by second
//!                                            ├▶ gaze       looking away
//!                                            └▶ incidents  found, missed, late, unexplained
//!                                                 └▶ figures ─▶ print, JSON
//! ```
//!
//! Clips go through the product as any exam video would; nothing here looks at pixels. No figure is
//! ever given without data set, operating point, sample size and interval. A clip that the product
//! refuses is counted as not seen, a still picture that it refuses is listed.
//! Not responsible for: identity, which [`pairs`] evaluates on other data; speed.

mod count;
mod figure;
mod figures;
mod gaze;
mod incidents;
mod labels;
pub mod pairs;
mod print;
mod recorded;
mod result;
mod row;
mod spans;
mod statistics;

use std::path::{Path, PathBuf};

use domain::messages::{Incident, Observation, Score};
use domain::policy::Policy;
use domain::score::SampleTrace;
use domain::time::Millis;
use serde::Serialize;

use crate::exit::with_causes;

pub use count::Miscount;
pub use figure::{Figure, Sure, Tally, Unit};
pub use gaze::GazeSecond;
pub use incidents::{Demand, Judgement, Onset, Report};
pub use labels::{Clip, Labels, Range};
pub use recorded::{Recorded, RecordedError};
pub use result::{ClipResult, DataSet, OperatingPoint};
pub use statistics::Bounds;

/// The product, as far as an evaluation needs it.
pub trait Analyzer {
    /// Runs one file through everything.
    ///
    /// # Errors
    /// If the file cannot be analysed at all.
    fn analyze(&self, file: &Path) -> Result<Analysed, Box<dyn std::error::Error + Send + Sync>>;

    /// Runs one still picture through everything that looks.
    ///
    /// # Errors
    /// If the picture cannot be looked at at all.
    fn analyze_still(&self, file: &Path) -> Result<Analysed, Box<dyn std::error::Error + Send + Sync>>;

    /// The policy that it judges by.
    fn policy(&self) -> &Policy;
}

/// What the product made of one file.
#[derive(Debug, Clone)]
pub struct Analysed {
    /// What was seen, in order of media time.
    pub observations: Vec<Observation>,
    /// Last revision of each incident; with `run`, for the time to flag.
    pub incidents: Vec<Incident>,
    /// The final score.
    pub score: Score,
    /// How the fold read each sample, in order of media time.
    pub traces: Vec<SampleTrace>,
    /// How long the file is.
    pub duration: Millis,
}

/// Nothing could be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The folder cannot be listed.
    #[error("cannot list `{folder}`")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No labelled clip or still could be analysed.
    #[error("nothing in `{folder}` could be evaluated{}", list(problems))]
    Nothing {
        /// Which.
        folder: PathBuf,
        /// What stood in the way.
        problems: Vec<String>,
    },
}

/// A finished evaluation; as JSON its fields are the contract.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// What was measured on.
    pub data_set: DataSet,
    /// With which models, plan and policy.
    pub operating_point: OperatingPoint,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// Each clip, for whoever wants to act on it.
    pub clips: Vec<ClipResult>,
    /// What could not be used.
    pub problems: Vec<String>,
}

/// Evaluates every labelled clip of a folder; `progress` hears the number done, the number of all, and
/// the name of the next.
///
/// # Errors
/// If the folder cannot be listed, or no clip could be analysed.
pub fn run(
    folder: &Path,
    analyzer: &impl Analyzer,
    mut progress: impl FnMut(usize, usize, &str),
) -> Result<Evaluation, EvalError> {
    let listed = labels::read(folder);
    let labels = listed.map_err(|source| EvalError::Folder { folder: folder.to_owned(), source })?;
    let mut problems = labels.problems;
    let mut point = OperatingPoint::default();
    let mut clips = Vec::with_capacity(labels.clips.len());
    for (done, clip) in labels.clips.iter().enumerate() {
        progress(done, labels.clips.len(), &clip.name);
        let analysed =
            if clip.is_still { analyzer.analyze_still(&clip.path) } else { analyzer.analyze(&clip.path) };
        let result = match analysed {
            Ok(analysed) => {
                point.learn(&analysed);
                ClipResult::of(clip, &analysed, analyzer.policy())
            }
            Err(error) => {
                let refused = with_causes(error.as_ref());
                problems.push(format!("{}: refused: {refused}", clip.name));
                ClipResult::refused(clip, refused, analyzer.policy())
            }
        };
        clips.push(result);
    }
    if clips.iter().all(|clip| clip.refused.is_some()) {
        return Err(EvalError::Nothing { folder: folder.to_owned(), problems });
    }
    let figures = figures::of(&clips);
    let data_set = DataSet::of(folder, &labels.forms, &clips);
    Ok(Evaluation { data_set, operating_point: point, figures, clips, problems })
}

fn list(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
