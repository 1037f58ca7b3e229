//! What an evaluation keeps: the data set, the operating point, and each clip for whoever wants to act
//! on it. Field names are those of the JSON.

use std::path::{Path, PathBuf};

use domain::messages::{Incident, PolicyRef};
use domain::policy::Policy;
use domain::time::Millis;
use serde::Serialize;

use super::figure::Tally;
use super::{Analysed, Clip, GazeSecond, Judgement, Miscount, count, gaze, incidents};

/// What was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct DataSet {
    /// The folder, as given.
    pub folder: String,
    /// Label forms that were read, relative to the folder, with the SHA-256 of each.
    pub forms: Vec<(String, String)>,
    /// Labelled videos that were evaluated.
    pub videos: usize,
    /// Labelled stills that were evaluated.
    pub stills: usize,
    /// Labelled video in total.
    pub duration_ms: Millis,
}

/// With which models, plan and policy.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperatingPoint {
    /// The policy.
    pub policy: Option<PolicyRef>,
    /// `task: name@version`, with the hash of what ran.
    pub models: Vec<String>,
    /// Version of the program.
    pub program: String,
    /// Hash of the settings that can change an observation.
    pub config_hash: String,
    /// Planned samples per second, lowest and highest.
    pub samples_per_second: Option<(f32, f32)>,
    /// The folder whose observations were judged; `null` where the product looked itself.
    pub observations: Option<String>,
}

/// What became of one clip.
#[derive(Debug, Clone, Serialize)]
pub struct ClipResult {
    /// Path relative to the folder.
    pub clip: String,
    /// A still picture.
    pub still: bool,
    /// Why the product refused it; `null` if it did not.
    pub refused: Option<String>,
    /// Seconds right and judged, by faces.
    pub faces: (usize, usize),
    /// Seconds right and judged, by persons.
    pub persons: (usize, usize),
    /// Wrong seconds by faces.
    pub face_miscounts: Vec<Miscount>,
    /// Wrong seconds by persons.
    pub person_miscounts: Vec<Miscount>,
    /// Labelled seconds of gaze.
    pub gaze: Vec<GazeSecond>,
    /// Incidents against labels.
    pub incidents: Judgement,
    /// Seen and expected time.
    pub coverage_ms: (Millis, Millis),
    /// Only one face was labelled anywhere.
    pub single_face: bool,
}

impl ClipResult {
    /// Compares what the product made of a clip with its labels.
    pub fn of(clip: &Clip, analysed: &Analysed, policy: &Policy) -> Self {
        let coverage = &analysed.score.coverage;
        let coverage_ms = (coverage.observed_ms, coverage.expected_ms);
        let (faces, persons) = (count::faces(clip, analysed), count::persons(clip, analysed));
        Self {
            gaze: gaze::seconds(clip, analysed, policy),
            coverage_ms,
            ..Self::counted(clip, &faces, &persons, analysed.duration, &analysed.incidents, policy)
        }
    }

    /// A clip that the product refused: nothing of it was seen.
    pub fn refused(clip: &Clip, why: String, policy: &Policy) -> Self {
        let duration = clip.labelled_end().map_or(Millis::ZERO, |end| Millis(end.0));
        let unseen = count::refused(clip);
        Self {
            refused: Some(why),
            coverage_ms: (Millis::ZERO, duration),
            ..Self::counted(clip, &unseen, &[], duration, &[], policy)
        }
    }

    fn counted(
        clip: &Clip,
        faces: &[count::Second],
        persons: &[count::Second],
        duration: Millis,
        incidents: &[Incident],
        policy: &Policy,
    ) -> Self {
        let pair = |seconds: &[count::Second]| {
            let Tally { hits, trials } = count::tally(seconds);
            (hits, trials)
        };
        Self {
            clip: clip.name.clone(),
            still: clip.is_still,
            refused: None,
            faces: pair(faces),
            persons: pair(persons),
            face_miscounts: count::miscounts(faces),
            person_miscounts: count::miscounts(persons),
            gaze: Vec::new(),
            incidents: incidents::judge(clip, duration, incidents, policy),
            coverage_ms: (Millis::ZERO, Millis::ZERO),
            single_face: count::is_single_face(clip),
        }
    }
}

impl OperatingPoint {
    /// Takes over what an analysed clip says about itself.
    pub fn learn(&mut self, analysed: &Analysed) {
        self.policy = Some(analysed.score.policy.clone());
        for observation in &analysed.observations {
            self.program.clone_from(&observation.pipeline.version);
            self.config_hash.clone_from(&observation.pipeline.config_hash);
            let fps = observation.plan.fps;
            let (low, high) = self.samples_per_second.unwrap_or((fps, fps));
            self.samples_per_second = Some((low.min(fps), high.max(fps)));
            for model in &observation.models {
                let told = format!("{}: {}@{} {}", model.task, model.name, model.version, model.sha256);
                if !self.models.contains(&told) {
                    self.models.push(told);
                }
            }
        }
    }
}

impl DataSet {
    /// What was evaluated.
    pub fn of(folder: &Path, forms: &[PathBuf], clips: &[ClipResult]) -> Self {
        let hash = |form: &PathBuf| {
            let name = form.strip_prefix(folder).unwrap_or(form).display().to_string();
            let bytes = std::fs::read(form).unwrap_or_default();
            (name, domain::messages::canonical::sha256_hex(&bytes))
        };
        let evaluated =
            |still: bool| clips.iter().filter(move |clip| clip.still == still && clip.refused.is_none());
        Self {
            folder: folder.display().to_string(),
            forms: forms.iter().map(hash).collect(),
            videos: evaluated(false).count(),
            stills: evaluated(true).count(),
            duration_ms: evaluated(false).map(|clip| clip.incidents.duration_ms).sum(),
        }
    }
}
