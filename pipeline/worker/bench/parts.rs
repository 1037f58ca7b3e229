//! The parts that the product is made of, alone: the decode calls that it makes and the models that it runs,
//! as often as it runs them, without Kafka, queues, scores or anything between them.
//!
//! What the product costs beyond their sum is what putting them together costs.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;

use decode::{DecoderPool, SamplingPlan};
use domain::time::{Interval, Millis};
use infer::Alone;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{BenchError, Setting, plan, processor};
use crate::analyze::Finding;
use crate::publish::{Piece, Recording};
use crate::workshop::Workshop;

/// Runs of each model whose cost is taken as that of one.
const RUNS: u32 = 40;
/// Runs before, which are not counted.
const WARM_UP: u32 = 5;

/// The parts, ready to be measured again and again.
#[derive(Debug)]
pub struct Parts<'a> {
    setting: &'a Setting,
    decoder: DecoderPool,
    models: Vec<Alone>,
    /// Runs of each model over all recordings, by its name.
    runs: Vec<(String, u64)>,
    /// What is decoded: media and plan.
    calls: Vec<(File, SamplingPlan)>,
}

/// What the parts cost, in milliseconds of processor time per second of video.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Decoding.
    pub decode: f64,
    /// All models.
    pub models: f64,
}

impl<'a> Parts<'a> {
    /// Finds out what the product does with the recordings, by doing it once.
    ///
    /// # Errors
    /// If a recording cannot be analysed, or a model cannot be loaded.
    pub fn of(setting: &'a Setting, workshop: &Workshop) -> Result<Self, BenchError> {
        let settings = &setting.settings;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Parts(error);
        let before = workshop.usage();
        let mut calls = Vec::new();
        let mut picture = (0, 0);
        for file in &setting.corpus.files {
            let mut escalated = Vec::new();
            workshop
                .analyzer()
                .analyze(file, None, &mut |finding| match finding {
                    Finding::Observation(seen) => escalated.push(seen.plan.escalated),
                    Finding::Started(stream) => picture = (stream.width, stream.height),
                    _ => {}
                })
                .map_err(|error| failed(error.into()))?;
            for (piece, escalated) in Recording::open(&plan(file))?.zip(escalated) {
                let piece = piece.map_err(crate::publish::PublishError::from)?;
                let grid = settings.sampling.grid;
                calls.push(call(setting, &piece, grid.base())?);
                if escalated {
                    calls.push(call(setting, &piece, grid.escalated())?);
                }
            }
        }
        let runs = workshop.usage().into_iter().zip(before);
        let runs = runs.map(|(after, before)| (after.model, after.runs - before.runs)).collect();
        let models = Alone::load(&settings.vision(), picture).map_err(|error| failed(error.into()))?;
        let decoder = settings.decoder().map_err(|error| failed(error.into()))?;
        Ok(Self { setting, decoder: DecoderPool::new(decoder), models, runs, calls })
    }

    /// Measures all parts once.
    ///
    /// # Errors
    /// If one fails.
    pub fn measure(&mut self) -> Result<Cost, BenchError> {
        let seconds = self.setting.corpus.seconds(self.setting.corpus.segments as f64);
        Ok(Cost { decode: self.decode()? / seconds, models: self.models()? / seconds })
    }

    /// Processor time of all decode calls: here and in the children.
    fn decode(&self) -> Result<f64, BenchError> {
        let used = || {
            let time = processor::time(std::process::id());
            processor::whole(std::process::id()) + time.get("child").copied().unwrap_or(0.0)
        };
        self.decoder.warm_up().map_err(|error| BenchError::Parts(error.into()))?;
        let before = used();
        for (media, plan) in &self.calls {
            let decoded = self.decoder.decode(media, plan, &mut |_| ControlFlow::Continue(()));
            decoded.map_err(|error| BenchError::Parts(error.into()))?;
        }
        Ok(used() - before)
    }

    /// Processor time of all runs of all models.
    fn models(&mut self) -> Result<f64, BenchError> {
        let mut total = 0.0;
        for model in &mut self.models {
            let mut run = |times: u32| {
                (0..times).try_for_each(|_| model.run()).map_err(|error| BenchError::Parts(error.into()))
            };
            run(WARM_UP)?;
            let before = processor::whole(std::process::id());
            run(RUNS)?;
            let each = (processor::whole(std::process::id()) - before) / f64::from(RUNS);
            let runs = self.runs.iter().find(|(name, _)| name == model.name()).map_or(0, |(_, runs)| *runs);
            total += each * runs as f64;
        }
        Ok(total)
    }
}

/// A decode call as the worker makes it.
fn call(setting: &Setting, piece: &Piece, interval: Millis) -> Result<(File, SamplingPlan), BenchError> {
    let sampling = &setting.settings.sampling;
    let header = &piece.header;
    let plan = SamplingPlan::every(interval)
        .starting_at(header.start_ms - header.preroll_ms)
        .within(Interval::new(header.start_ms, header.end_ms))
        .holding(sampling.hold)
        .slackened(sampling.slack)
        .turned(header.rotation_deg.unwrap_or_default());
    let failed = |source| BenchError::Process { what: "no memory for a segment".to_owned(), source };
    let memory = memfd_create("segment", MemfdFlags::CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let mut media = File::from(memory);
    media.write_all(&piece.media).map_err(failed)?;
    Ok((media, plan))
}
