//! Observations in files: what another program, or an earlier run, saw in each clip.
//!
//! One file per clip, named after it, in JSON lines: observations, bare or as the data of CloudEvents. Other
//! events are left alone, so that what `analyze --json` prints can be used as it is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use domain::messages::Observation;
use domain::messages::envelope::Message;
use serde_json::Value;

/// The observations of a folder, by the stem of the clip's file name.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    folder: PathBuf,
    clips: BTreeMap<OsString, Vec<Observation>>,
}

/// Observations that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not JSON or not an observation.
    #[error("{path}, line {line}: no observation")]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file mixes sessions.
    #[error("{path}, line {line}: an observation of {found}, where those before are of {expected}")]
    AnotherSession {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The session of the line.
        found: String,
        /// The session of the file.
        expected: String,
    },
    /// Nothing was recorded of a clip.
    #[error("no observations: there is no `{path}`, or nothing in it")]
    Nothing {
        /// Where they were looked for.
        path: PathBuf,
    },
}

impl Recorded {
    /// Reads every `*.jsonl` of a folder.
    ///
    /// # Errors
    /// If one cannot be read, or a line is no observation.
    pub fn read(folder: &Path) -> Result<Self, RecordedError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| RecordedError::Unreadable { path, source }
        };
        let mut clips = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let is_ours = path.extension().is_some_and(|extension| extension == "jsonl");
            let Some(stem) = path.file_stem().filter(|_| is_ours) else { continue };
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            clips.insert(stem.to_owned(), observations(&path, &text)?);
        }
        Ok(Self { folder: folder.to_owned(), clips })
    }

    /// What was seen in a clip, in order of media time.
    ///
    /// # Errors
    /// If nothing was recorded of it.
    pub fn of(&self, clip: &Path) -> Result<Vec<Observation>, RecordedError> {
        let stem = clip.file_stem().unwrap_or_default();
        let recorded = self.clips.get(stem).filter(|observations| !observations.is_empty());
        let path = || self.folder.join(stem).with_added_extension("jsonl");
        recorded.cloned().ok_or_else(|| RecordedError::Nothing { path: path() })
    }
}

fn observations(path: &Path, text: &str) -> Result<Vec<Observation>, RecordedError> {
    let mut observations: Vec<Observation> = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (path, line) = (|| path.to_owned(), (index + 1, line));
        let read = observation(line.1);
        let read = read.map_err(|source| RecordedError::Line { path: path(), line: line.0, source })?;
        let Some(observation) = read else { continue };
        if let Some(first) = observations.first().filter(|first| first.session != observation.session) {
            let (found, expected) = (observation.session.to_string(), first.session.to_string());
            return Err(RecordedError::AnotherSession { path: path(), line: line.0, found, expected });
        }
        observations.push(observation);
    }
    observations.sort_by_key(|observation| observation.start_ms);
    Ok(observations)
}

/// The observation of a line; `None` if the line is an event of another type.
fn observation(line: &str) -> Result<Option<Observation>, serde_json::Error> {
    let mut value: Value = serde_json::from_str(line)?;
    if value.get("specversion").is_some() {
        if value["type"] != Observation::TYPE {
            return Ok(None);
        }
        value = value["data"].take();
    }
    serde_json::from_value(value).map(Some)
}
