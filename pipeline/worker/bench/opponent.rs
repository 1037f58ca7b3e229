//! The opponent: the worker in Python of `benches/baseline`, one thread, every model on every sample.

use std::path::PathBuf;
use std::process::Command;

use super::{BenchError, Corpus};

/// How to run it.
#[derive(Debug, Clone)]
pub struct Opponent {
    /// The interpreter, with the packages of `benches/baseline/requirements.txt`.
    pub python: PathBuf,
    /// `benches/baseline/worker.py`.
    pub script: PathBuf,
}

impl Opponent {
    /// Milliseconds of processor time per second of video.
    ///
    /// # Errors
    /// If it cannot be started, or fails.
    pub fn run(&self, corpus: &Corpus) -> Result<f64, BenchError> {
        let failed =
            |source| BenchError::Process { what: "the worker in Python cannot be run".to_owned(), source };
        let figures = tempfile::NamedTempFile::new().map_err(failed)?;
        let mut command = Command::new(&self.python);
        command.arg(&self.script).args(&corpus.files).arg("--json").arg(figures.path());
        let output = command.output().map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() {
            return Err(BenchError::Failed { what: "the worker in Python failed".to_owned(), said });
        }
        let text = std::fs::read(figures.path()).map_err(failed)?;
        let figures: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
        let total =
            figures.as_ref().and_then(|figures| figures.pointer("/total/cpu_ms_per_media_s")?.as_f64());
        total.ok_or_else(|| BenchError::Failed {
            what: "the worker in Python wrote no figures".to_owned(),
            said,
        })
    }
}
