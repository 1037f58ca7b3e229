//! Looks at decoded segments and writes down what was seen: the OBSERVE stage without its surroundings.
//!
//! Input: segments with one sample per instant of the escalated grid. Output: one observation per
//! segment, in the same order. Looks at the base grid first; only a segment with a suspicious sample
//! has its other samples looked at. An observation depends on its segment alone, never on which other
//! segments shared the batch. Does not decode, does not judge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use domain::messages::{
    FrameObservation, Observation, ObservationRun, Plan, PlanReason, StageTimings, UnseenReason,
};
use domain::observe::{self, Observers, Reporting, SegmentIdentity};
use domain::picture::Picture;
use domain::ports::{Sight, Vision, VisionError};
use domain::sampling::{SampleGrid, Suspicion};
use domain::time::MediaMs;

use crate::clock;

/// The answer of the decoder for one instant of the escalated grid.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The instant.
    pub instant: MediaMs,
    /// The picture that stands at that instant, if any does.
    pub picture: Option<Arc<Picture>>,
}

/// A decoded segment.
#[derive(Debug)]
pub struct DecodedSegment {
    /// Which one.
    pub identity: SegmentIdentity,
    /// One sample per instant of the escalated grid, in order.
    pub samples: Vec<Sample>,
    /// How long it waited to be decoded.
    pub queued: Duration,
    /// What decoding it took.
    pub decode_time: Duration,
    /// When it was complete.
    pub decoded_at: Instant,
}

/// Turns decoded segments into observations.
pub struct Observer<'a, V> {
    /// Looks at pictures.
    pub vision: &'a V,
    /// Which instants are looked at.
    pub grid: SampleGrid,
    /// What makes a sample worth a closer look.
    pub suspicion: Suspicion,
    /// What is reported.
    pub reporting: Reporting,
    /// Who looks.
    pub by: Observers,
    /// Name of this process in `run`.
    pub worker: String,
}

impl<V: Vision> Observer<'_, V> {
    /// Observes a batch of segments, all their pictures in parallel.
    ///
    /// # Errors
    /// If the models cannot run at all. A single picture that cannot be looked at becomes a sample
    /// not seen.
    pub fn observe(&self, segments: Vec<DecodedSegment>) -> Result<Vec<Observation>, V::Error> {
        let started = Instant::now();
        let base = self.look(&segments, |_, instant| self.grid.is_base(instant))?;
        let suspicious: Vec<bool> =
            base.iter().map(|frames| frames.values().any(|frame| self.suspicion.raised_by(frame))).collect();
        let closer =
            self.look(&segments, |index, instant| suspicious[index] && !self.grid.is_base(instant))?;
        let infer_time = started.elapsed() / segments.len().max(1) as u32;

        let seen = base.into_iter().zip(closer);
        let observations = segments.into_iter().zip(seen).zip(suspicious).map(
            |((segment, (mut frames, closer)), escalated)| {
                frames.extend(closer);
                let queue_time = segment.queued + started.saturating_duration_since(segment.decoded_at);
                let timings_ms = StageTimings {
                    queue: milliseconds(queue_time),
                    decode: milliseconds(segment.decode_time),
                    infer: milliseconds(infer_time),
                };
                let frames = frames.into_values().collect();
                let mut observation =
                    observe::observed(segment.identity, plan(self.grid, escalated), frames, &self.by);
                observation.run = Some(run(&self.worker, timings_ms));
                observation
            },
        );
        Ok(observations.collect())
    }

    /// Looks at the wanted samples of all segments at once; one map of frames per segment.
    fn look(
        &self,
        segments: &[DecodedSegment],
        wanted: impl Fn(usize, MediaMs) -> bool,
    ) -> Result<Vec<BTreeMap<MediaMs, FrameObservation>>, V::Error> {
        let mut pictures: Vec<Arc<Picture>> = Vec::new();
        // Per wanted sample: its segment, its instant, and which picture stands for it.
        let mut looks: Vec<(usize, MediaMs, Option<usize>)> = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            for sample in segment.samples.iter().filter(|sample| wanted(index, sample.instant)) {
                let picture = sample.picture.as_ref().map(|picture| {
                    // A picture that stands for several instants is looked at once.
                    if !pictures.last().is_some_and(|last| Arc::ptr_eq(last, picture)) {
                        pictures.push(Arc::clone(picture));
                    }
                    pictures.len() - 1
                });
                looks.push((index, sample.instant, picture));
            }
        }
        let sights = self.sights(&pictures)?;
        let mut frames = vec![BTreeMap::new(); segments.len()];
        for (index, instant, picture) in looks {
            let frame = match picture.map(|picture| &sights[picture]) {
                None => observe::unseen(instant, UnseenReason::Gap),
                Some(None) => observe::unseen(instant, UnseenReason::Undecodable),
                Some(Some(sight)) => observe::seen(instant, sight, &self.reporting),
            };
            frames[index].insert(instant, frame);
        }
        Ok(frames)
    }

    /// What was seen in each picture; `None` for one that no model can look at.
    fn sights(&self, pictures: &[Arc<Picture>]) -> Result<Vec<Option<Sight>>, V::Error> {
        let answers = self.vision.look(pictures).into_iter().map(|answer| match answer {
            Ok(sight) => Ok(Some(sight)),
            Err(error) if error.kind() == ErrorKind::Poison => Ok(None),
            Err(error) => Err(error),
        });
        answers.collect()
    }
}

/// Makes the placeholders of segments that could not be decoded: they keep the place of what is missing,
/// and say so.
#[derive(Debug, Clone)]
pub struct Placeholders {
    /// Which instants would have been looked at.
    pub grid: SampleGrid,
    /// Who would have looked.
    pub by: Observers,
    /// Name of this process in `run`.
    pub worker: String,
}

impl Placeholders {
    /// The placeholder of a segment.
    pub fn of(&self, identity: SegmentIdentity, reason: &str) -> Observation {
        let instants = self.grid.instants(identity.interval, false);
        let mut observation =
            observe::undecodable(identity, plan(self.grid, false), instants, reason, &self.by);
        observation.run = Some(run(&self.worker, StageTimings::default()));
        observation
    }
}

fn plan(grid: SampleGrid, escalated: bool) -> Plan {
    let interval = if escalated { grid.escalated() } else { grid.base() };
    Plan {
        fps: 1000.0 / interval.0 as f32,
        keyframes_only: false,
        reason: PlanReason::Default,
        escalated,
        shed: 0,
    }
}

fn run(worker: &str, timings_ms: StageTimings) -> ObservationRun {
    ObservationRun { observed_at: clock::now(), worker: worker.to_owned(), timings_ms }
}

fn milliseconds(time: Duration) -> f32 {
    (time.as_secs_f32() * 10_000.0).round() / 10.0
}
