//! The parts that the product is made of, alone: the decode calls that it makes and the models that it runs,
//! as often as it runs them, without Kafka, queues, scores or anything between them.
//!
//! What the product costs beyond their sum is what putting them together costs.

use std::ops::ControlFlow;

use decode::DecoderPool;
use infer::{Alone, InferError};

use super::{BenchError, Setting, Work, processor};

/// Runs of each model whose cost is taken as that of one.
const RUNS: u32 = 40;
/// Runs before, which are not counted.
const WARM_UP: u32 = 5;

/// The parts, ready to be measured again and again.
#[derive(Debug)]
pub struct Parts<'a> {
    work: &'a Work,
    /// Seconds of video that it is.
    seconds: f64,
    decoder: DecoderPool,
    models: Vec<Alone>,
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
    /// Gets decoders and models ready for the work that the recordings of `setting` lead to.
    ///
    /// # Errors
    /// If a model cannot be loaded.
    pub fn of(setting: &Setting, work: &'a Work) -> Result<Self, BenchError> {
        let settings = &setting.settings;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Parts(error);
        let models = Alone::load(&settings.vision(), work.picture).map_err(|error| failed(error.into()))?;
        let decoder = DecoderPool::new(settings.decoder().map_err(|error| failed(error.into()))?);
        let seconds = setting.corpus.seconds(setting.corpus.segments as f64);
        Ok(Self { work, seconds, decoder, models })
    }

    /// Measures all parts once.
    ///
    /// # Errors
    /// If one fails.
    pub fn measure(&mut self) -> Result<Cost, BenchError> {
        Ok(Cost { decode: self.decode()? / self.seconds, models: self.models()? / self.seconds })
    }

    /// Processor time of all decode calls: here and in the children.
    fn decode(&self) -> Result<f64, BenchError> {
        let used = || {
            let time = processor::time(std::process::id());
            processor::whole(std::process::id()) + time.get("child").copied().unwrap_or(0.0)
        };
        self.decoder.warm_up().map_err(|error| BenchError::Parts(error.into()))?;
        let before = used();
        for (media, plan) in &self.work.calls {
            let decoded = self.decoder.decode(media, plan, &mut |_| ControlFlow::Continue(()));
            decoded.map_err(|error| BenchError::Parts(error.into()))?;
        }
        Ok(used() - before)
    }

    /// Processor time of all runs of all models.
    fn models(&mut self) -> Result<f64, BenchError> {
        let mut total = 0.0;
        for model in &mut self.models {
            let done = self.work.runs.get(model.name()).copied().unwrap_or_default();
            total += each(|| model.run())? * (done.all - done.glances) as f64;
            total += each(|| model.glance())? * done.glances as f64;
        }
        Ok(total)
    }
}

/// Processor time of one run.
fn each(mut run: impl FnMut() -> Result<(), InferError>) -> Result<f64, BenchError> {
    let mut repeat =
        |times: u32| (0..times).try_for_each(|_| run()).map_err(|error| BenchError::Parts(error.into()));
    repeat(WARM_UP)?;
    let before = processor::whole(std::process::id());
    repeat(RUNS)?;
    Ok((processor::whole(std::process::id()) - before) / f64::from(RUNS))
}
