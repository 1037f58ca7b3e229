//! Looks at decoded segments and writes down what was seen: the OBSERVE stage without its surroundings.
//!
//! Input: segments with one sample per instant of the base grid. Output: one observation per segment, in
//! the same order. Looks at those first; only a segment with a suspicious sample is looked at more closely,
//! at the instants of the escalated grid between, whose pictures it asks for. An observation depends on its
//! segment alone, never on which other segments shared the batch. Does not decode, does not judge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use domain::geometry::Rect;
use domain::messages::{
    FrameObservation, Observation, ObservationRun, Plan, PlanReason, SampleStatus, StageTimings, UnseenReason,
};
use domain::observe::{self, Observers, Reporting, SegmentIdentity};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Sight, Vision, VisionError};
use domain::sampling::{SampleGrid, Suspicion, is_somebody_faceless};
use domain::time::{MediaMs, Millis};

use crate::clock;

/// The answer of the decoder for one planned instant.
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
    /// One sample per instant of the base grid, in order.
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
    /// How often persons and objects are looked for without a reason.
    pub things_every: Millis,
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
    /// Observes a batch of segments in parallel. `closer` gives the samples between those of the base grid
    /// for the segments of these indices, in their order; why it cannot is handed through.
    ///
    /// # Errors
    /// If the models cannot run at all. A single picture that cannot be looked at becomes a sample
    /// not seen.
    pub fn observe<E>(
        &self,
        segments: Vec<DecodedSegment>,
        closer: impl FnOnce(&[usize]) -> Vec<Result<Vec<Sample>, E>>,
    ) -> Result<Vec<Result<Observation, E>>, V::Error> {
        let started = Instant::now();
        let samples: Vec<&[Sample]> = segments.iter().map(|segment| segment.samples.as_slice()).collect();
        let base = self.look(&samples, |_, _| NO_SURPRISE)?;
        let is_suspicious = |frames: &Frames| frames.values().any(|frame| self.suspicion.raised_by(frame));
        let suspicious: Vec<usize> =
            (0..base.len()).filter(|segment| is_suspicious(&base[*segment])).collect();
        let looked = started.elapsed();

        let mut observed: Vec<Result<(Frames, bool), E>> =
            base.into_iter().map(|frames| Ok((frames, false))).collect();
        let more = if suspicious.is_empty() { Vec::new() } else { closer(&suspicious) };
        let resumed = Instant::now();
        let mut to_look: Vec<(usize, Vec<Sample>)> = Vec::with_capacity(more.len());
        for (segment, samples) in suspicious.into_iter().zip(more) {
            match samples {
                Ok(samples) => to_look.push((segment, samples)),
                Err(error) => observed[segment] = Err(error),
            }
        }
        let samples: Vec<&[Sample]> = to_look.iter().map(|(_, samples)| samples.as_slice()).collect();
        let attention = |index: usize, instant: MediaMs| {
            let before = observed[to_look[index].0].as_ref().ok();
            let before = before.and_then(|(frames, _)| frames.range(..instant).next_back());
            before.map_or(NO_SURPRISE, |(_, before)| attention_after(before))
        };
        let closer = self.look(&samples, attention)?;
        for ((segment, _), closer) in to_look.iter().zip(closer) {
            if let Ok((frames, escalated)) = &mut observed[*segment] {
                frames.extend(closer);
                *escalated = true;
            }
        }

        let infer_time = (looked + resumed.elapsed()) / segments.len().max(1) as u32;
        let told = segments.into_iter().zip(observed).map(|(segment, observed)| {
            let (frames, escalated) = observed?;
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
            Ok(observation)
        });
        Ok(told.collect())
    }

    /// Looks at the samples of all segments at once. `attention` says how closely to look at the first of a
    /// segment, at this instant.
    fn look(
        &self,
        segments: &[&[Sample]],
        attention: impl Fn(usize, MediaMs) -> Attention,
    ) -> Result<Vec<Frames>, V::Error> {
        let looks = segments.iter().enumerate().map(|(index, samples)| {
            let first = samples.first().map_or(NO_SURPRISE, |sample| attention(index, sample.instant));
            self.looks(samples, first)
        });
        let looks: Vec<Vec<Look>> = looks.collect();
        let answers = self.vision.look(&looks);
        segments.iter().zip(answers).map(|(samples, answers)| self.frames(samples, answers)).collect()
    }

    /// The pictures of a segment: one that stands for several instants is looked at once.
    fn looks(&self, samples: &[Sample], attention: Attention) -> Vec<Look> {
        let mut looks: Vec<Look> = Vec::with_capacity(samples.len());
        for sample in samples {
            let Some(picture) = &sample.picture else { continue };
            let is_due = self.grid.is_for_things(sample.instant, self.things_every);
            let attention = if is_due { Attention::Thorough } else { attention };
            match looks.last_mut() {
                Some(last) if Arc::ptr_eq(&last.picture, picture) => {
                    last.attention = if is_due { attention } else { last.attention };
                }
                _ => looks.push(Look { picture: Arc::clone(picture), attention }),
            }
        }
        looks
    }

    /// What was seen at each instant of a segment; `answers` are those to its [`looks`](Self::looks).
    fn frames(&self, samples: &[Sample], answers: Vec<Result<Sight, V::Error>>) -> Result<Frames, V::Error> {
        let mut answers = answers.into_iter();
        let mut frames = Frames::new();
        let mut last: Option<(&Arc<Picture>, Option<Sight>)> = None;
        for Sample { instant, picture } in samples {
            let Some(picture) = picture else {
                frames.insert(*instant, observe::unseen(*instant, UnseenReason::Gap));
                continue;
            };
            let sight = match last.take() {
                Some((known, sight)) if Arc::ptr_eq(known, picture) => sight,
                _ => match answers.next() {
                    Some(Ok(sight)) => Some(sight),
                    Some(Err(error)) if error.kind() != ErrorKind::Poison => return Err(error),
                    // No model can look at it.
                    Some(Err(_)) | None => None,
                },
            };
            let frame = match &sight {
                None => observe::unseen(*instant, UnseenReason::Undecodable),
                Some(sight) => observe::seen(*instant, sight, &self.reporting),
            };
            frames.insert(*instant, frame);
            last = Some((picture, sight));
        }
        Ok(frames)
    }
}

/// One face is what is expected of an exam.
const NO_SURPRISE: Attention = Attention::Unless { faces: 1 };

/// How closely to look at a picture that follows a sample.
fn attention_after(sample: &FrameObservation) -> Attention {
    let faces: Vec<Rect> = sample.faces.iter().map(|face| face.rect).collect();
    let bodies: Vec<Rect> = sample.persons.iter().flatten().map(|person| person.rect).collect();
    match sample.status {
        SampleStatus::NotSeen => NO_SURPRISE,
        SampleStatus::Seen if is_somebody_faceless(&bodies, &faces) => Attention::Thorough,
        SampleStatus::Seen => Attention::Unless { faces: faces.len() },
    }
}

/// What was seen of a segment, by instant.
type Frames = BTreeMap<MediaMs, FrameObservation>;

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
