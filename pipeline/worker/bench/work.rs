//! What the product does with recordings, as exact counts: frames decoded, pictures handed over, model runs.
//!
//! The counts are the same on every run and on every machine of a kind, however busy it is; and the speed of
//! the product is, first of all, work that is not done. What the work costs is for [`parts`](super::parts).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decode::{DecodeEvent, DecoderPool, SamplingPlan};
use domain::picture::Picture;
use domain::time::Millis;
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use super::{BenchError, plan};
use crate::analyze::Finding;
use crate::publish::{Piece, PublishError, Recording};
use crate::settings::Settings;
use crate::workshop::Workshop;

/// The decode calls and model runs that recordings lead to.
#[derive(Debug, Default)]
pub struct Work {
    /// What is decoded: media and plan.
    pub(super) calls: Vec<(File, SamplingPlan)>,
    /// Runs of each model, by its name.
    pub(super) runs: BTreeMap<String, Runs>,
    /// Size of the pictures of the last recording.
    pub(super) picture: (u32, u32),
    segments: u64,
    milliseconds: i64,
}

/// Runs of a model.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Runs {
    pub(super) all: u64,
    /// Those of them that were glances.
    pub(super) glances: u64,
}

/// What was done with recordings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Milliseconds of video.
    pub video_ms: i64,
    /// Segments.
    pub segments: u64,
    /// Segments that were decoded again, for a closer look.
    pub closer_looks: u64,
    /// Frames that were decoded.
    pub frames_decoded: u64,
    /// Frames that were passed over because nothing depends on them.
    pub frames_skipped: u64,
    /// Pictures that decoders handed over.
    pub pictures: u64,
    /// Bytes of these.
    pub picture_bytes: u64,
    /// Runs of each model.
    pub model_runs: BTreeMap<String, u64>,
    /// How many of them were glances.
    #[serde(default)]
    pub model_glances: BTreeMap<String, u64>,
}

impl Work {
    /// Finds out what the product does with recordings, by doing it once.
    ///
    /// # Errors
    /// If a recording cannot be analysed.
    pub fn of(files: &[PathBuf], workshop: &Workshop) -> Result<Self, BenchError> {
        let mut work = Self::default();
        let before = workshop.usage();
        for file in files {
            work.add(file, workshop)?;
        }
        for (after, before) in workshop.usage().into_iter().zip(before) {
            let runs = Runs { all: after.runs - before.runs, glances: after.glances - before.glances };
            work.runs.insert(after.model, runs);
        }
        Ok(work)
    }

    fn add(&mut self, file: &Path, workshop: &Workshop) -> Result<(), BenchError> {
        let mut escalated = Vec::new();
        let analyzed = workshop.analyzer().analyze(file, None, &mut |finding| match finding {
            Finding::Observation(seen) => escalated.push(seen.plan.escalated),
            Finding::Started(stream) => self.picture = (stream.width, stream.height),
            _ => {}
        });
        analyzed.map_err(|error| BenchError::Parts(error.into()))?;
        let settings = workshop.settings();
        let grid = settings.sampling.grid;
        for (piece, escalated) in Recording::open(&plan(file))?.zip(escalated) {
            let piece = piece.map_err(PublishError::from)?;
            self.segments += 1;
            self.milliseconds += (piece.header.end_ms - piece.header.start_ms).0;
            self.calls.push(call(settings, &piece, grid.base())?);
            if escalated {
                self.calls.push(call(settings, &piece, grid.escalated())?);
            }
        }
        Ok(())
    }

    /// Counts what decoders do in these calls, by making them.
    ///
    /// # Errors
    /// If one fails.
    pub fn count(&self, decoder: &DecoderPool) -> Result<Counts, BenchError> {
        let mut counts = Counts {
            video_ms: self.milliseconds,
            segments: self.segments,
            closer_looks: self.calls.len() as u64 - self.segments,
            model_runs: self.runs_by_model(|runs| runs.all),
            model_glances: self.runs_by_model(|runs| runs.glances),
            ..Counts::default()
        };
        for (media, plan) in &self.calls {
            let mut last: Option<Arc<Picture>> = None;
            let decoded = decoder.decode(media, plan, &mut |event| {
                if let DecodeEvent::Frame(frame) = event
                    && !last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &frame.picture))
                {
                    counts.pictures += 1;
                    let picture = &frame.picture;
                    counts.picture_bytes +=
                        [picture.y(), picture.u(), picture.v()].map(size).iter().sum::<u64>();
                    last = Some(frame.picture);
                }
                ControlFlow::Continue(())
            });
            let decoded = decoded.map_err(|error| BenchError::Parts(error.into()))?;
            counts.frames_decoded += decoded.frames_decoded;
            counts.frames_skipped += decoded.frames_skipped;
        }
        Ok(counts)
    }

    fn runs_by_model(&self, which: impl Fn(Runs) -> u64) -> BTreeMap<String, u64> {
        self.runs.iter().map(|(model, runs)| (model.clone(), which(*runs))).collect()
    }
}

fn size(plane: &[u8]) -> u64 {
    plane.len() as u64
}

/// A decode call as the worker makes it.
fn call(settings: &Settings, piece: &Piece, interval: Millis) -> Result<(File, SamplingPlan), BenchError> {
    let plan = settings.sampling.of_segment(SamplingPlan::every(interval), &piece.header);
    let failed = |source| BenchError::Process { what: "no memory for a segment".to_owned(), source };
    let memory = memfd_create("segment", MemfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let mut media = File::from(memory);
    media.write_all(&piece.media).map_err(failed)?;
    Ok((media, plan))
}
