//! Looks at decoded segments and writes down what was seen: the OBSERVE stage without its surroundings.
//!
//! Input: segments with the samples of their base plans. Output: one observation per segment, in the same
//! order. Looks at those first; only a segment with a suspicious sample is looked at more closely, at the
//! instants of the escalated grid, whose pictures it asks for. An observation depends on its segment and its
//! plan alone, never on which other segments shared the batch. Does not decode, does not judge, does not
//! choose the base plan.

mod recognizing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use domain::geometry::Rect;
use domain::messages::{
    FrameObservation, Observation, ObservationRun, Plan, SampleStatus, StageTimings, UnseenReason,
};
use domain::observe::{self, Observers, Reporting, SegmentIdentity};
use domain::picture::Picture;
use domain::ports::{Attention, Look, SampleTime, Sight, Vision, VisionError};
use domain::sampling::{BasePlan, Pace, SampleGrid, Suspicion, is_somebody_faceless};
use domain::time::{MediaMs, Millis};

use crate::clock;
use crate::identity::Template;
use crate::identity::compare::Shown;
pub use recognizing::Recognizer;

/// The answer of the decoder for one sample.
#[derive(Debug, Clone)]
pub struct Sample {
    /// When it is.
    pub time: SampleTime,
    /// The picture that stands at that moment, if any does.
    pub picture: Option<Arc<Picture>>,
}

/// A decoded segment.
#[derive(Debug)]
pub struct DecodedSegment {
    /// Which one.
    pub identity: SegmentIdentity,
    /// How it is looked at first.
    pub plan: BasePlan,
    /// The samples of that plan, in order.
    pub samples: Vec<Sample>,
    /// Whom its faces are compared with.
    pub template: Option<Arc<Template>>,
    /// How long it waited to be decoded.
    pub queued: Duration,
    /// What decoding it took.
    pub decode_time: Duration,
    /// When it was complete.
    pub decoded_at: Instant,
}

/// Is shown the pictures of a segment together with what was seen in them, before both are let go of. Must not wait.
pub trait Witness: Send + Sync {
    /// `shown` has those samples that could be looked at.
    fn show(&self, observation: &Observation, shown: &BTreeMap<MediaMs, Shown>);
}

/// Turns decoded segments into observations.
pub struct Observer<'a, V: Vision> {
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
    /// Compares faces; without it nobody can be verified.
    pub recognizer: Option<Recognizer<'a, V::Error>>,
    /// Is shown everything.
    pub witness: Option<Box<dyn Witness + 'a>>,
    /// Who looks.
    pub by: Observers,
    /// Name of this process in `run`.
    pub worker: String,
}

impl<V: Vision> Observer<'_, V> {
    /// Observes a batch of segments in parallel. `closer` gives the samples of the escalated grid for the
    /// segments of these indices, in their order (those that were looked at already may be left out); why it
    /// cannot is handed through.
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
        let is_due = |segment: usize, time: SampleTime| {
            segments[segment].plan.is_for_things(self.grid, time.planned, self.things_every)
        };
        let templates: Vec<Option<&Template>> = segments.iter().map(|one| one.template.as_deref()).collect();
        let mut base = self.look((&samples, &templates), |_, _| NO_SURPRISE, is_due)?;
        let in_doubt = self.take_turns(&segments, &mut base)?;
        let is_suspicious = |frames: &Frames| frames.values().any(|frame| self.suspicion.raised_by(frame));
        let suspicious: Vec<usize> = (0..base.len())
            .filter(|segment| segments[*segment].plan.escalates)
            .filter(|segment| in_doubt[*segment] || is_suspicious(&base[*segment].frames))
            .collect();
        let looked = started.elapsed();

        let more = if suspicious.is_empty() { Vec::new() } else { closer(&suspicious) };
        let resumed = Instant::now();
        let mut failed: BTreeMap<usize, E> = BTreeMap::new();
        let mut to_look: Vec<(usize, Vec<Sample>)> = Vec::with_capacity(more.len());
        for (segment, samples) in suspicious.into_iter().zip(more) {
            match samples {
                Ok(mut samples) => {
                    samples.retain(|sample| !base[segment].frames.contains_key(&sample.time.moment));
                    to_look.push((segment, samples));
                }
                Err(error) => drop(failed.insert(segment, error)),
            }
        }
        let samples: Vec<&[Sample]> = to_look.iter().map(|(_, samples)| samples.as_slice()).collect();
        let templates: Vec<Option<&Template>> =
            to_look.iter().map(|(segment, _)| templates[*segment]).collect();
        let attention = |index: usize, first: SampleTime| {
            let before = base[to_look[index].0].frames.range(..first.moment).next_back();
            before.map_or(NO_SURPRISE, |(_, before)| attention_after(before))
        };
        let always = self.things_every <= self.grid.escalated();
        let looked_closer = self.look((&samples, &templates), attention, |_, _| always)?;
        let mut escalates = vec![false; base.len()];
        for (segment, closer) in to_look.into_iter().map(|(segment, _)| segment).zip(looked_closer) {
            base[segment].frames.extend(closer.frames);
            base[segment].shown.extend(closer.shown);
            escalates[segment] = true;
        }
        self.settle_doubts(&segments, &mut base, &in_doubt)?;

        let infer_time = (looked + resumed.elapsed()) / segments.len().max(1) as u32;
        let told = segments.into_iter().zip(base).enumerate().map(|(index, (segment, seen))| {
            if let Some(error) = failed.remove(&index) {
                return Err(error);
            }
            let mut frames = seen.frames;
            let plan = match escalates[index] {
                true => escalated(self.grid, segment.plan),
                false => {
                    let shed = segment.plan.shed(self.grid, segment.identity.interval);
                    let shed: Frames =
                        shed.map(|instant| (instant, observe::unseen(instant, UnseenReason::Shed))).collect();
                    let count = shed.len() as u32;
                    frames.extend(shed);
                    base_plan(self.grid, segment.plan, count)
                }
            };
            let queue_time = segment.queued + started.saturating_duration_since(segment.decoded_at);
            let timings_ms = StageTimings {
                queue: milliseconds(queue_time),
                decode: milliseconds(segment.decode_time),
                infer: milliseconds(infer_time),
            };
            let frames = frames.into_values().collect();
            let mut observation = observe::observed(segment.identity, plan, frames, &self.by);
            if let Some(template) = segment.template {
                observation.template = Some(template.id.clone());
                observation
                    .models
                    .extend(self.recognizer.as_ref().map(|recognizer| recognizer.model.clone()));
            }
            if let Some(witness) = &self.witness {
                witness.show(&observation, &seen.shown);
            }
            observation.run = Some(run(&self.worker, timings_ms));
            Ok(observation)
        });
        Ok(told.collect())
    }

    /// Looks at the samples of all segments at once, and keeps the pictures of those with a template or a witness. `attention`
    /// says how closely to look at those of a segment, whose first this is; at one that `is_due`, thoroughly.
    fn look(
        &self,
        (segments, templates): (&[&[Sample]], &[Option<&Template>]),
        attention: impl Fn(usize, SampleTime) -> Attention,
        is_due: impl Fn(usize, SampleTime) -> bool,
    ) -> Result<Vec<Seen>, V::Error> {
        let looks = segments.iter().enumerate().map(|(index, samples)| {
            let attention = samples.first().map_or(NO_SURPRISE, |sample| attention(index, sample.time));
            looks(samples, attention, |time| is_due(index, time))
        });
        let looks: Vec<Vec<Look>> = looks.collect();
        let answers = self.vision.look(&looks);
        let answered = segments.iter().zip(templates).zip(answers);
        answered
            .map(|((samples, template), answers)| {
                self.see(samples, answers, template.is_some() || self.witness.is_some())
            })
            .collect()
    }

    /// What was seen at each moment of a segment; `answers` are those to its [`looks`].
    fn see(
        &self,
        samples: &[Sample],
        answers: Vec<Result<Sight, V::Error>>,
        keep_pictures: bool,
    ) -> Result<Seen, V::Error> {
        let mut answers = answers.into_iter();
        let Seen { mut frames, mut shown } = Seen::default();
        let mut last: Option<(&Arc<Picture>, Option<Sight>)> = None;
        for Sample { time: SampleTime { moment: instant, .. }, picture } in samples {
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
            if let (Some(sight), true) = (&sight, keep_pictures) {
                let faces = observe::reported_faces(&sight.detections, &self.reporting);
                let faces = faces.into_iter().cloned().collect();
                shown.insert(*instant, Shown { picture: Arc::clone(picture), faces });
            }
            frames.insert(*instant, frame);
            last = Some((picture, sight));
        }
        Ok(Seen { frames, shown })
    }
}

/// The pictures of a segment: one that stands for several samples is looked at once.
fn looks(samples: &[Sample], attention: Attention, is_due: impl Fn(SampleTime) -> bool) -> Vec<Look> {
    let mut looks: Vec<Look> = Vec::with_capacity(samples.len());
    for sample in samples {
        let Some(picture) = &sample.picture else { continue };
        let is_due = is_due(sample.time);
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

/// What was seen of a segment, by moment.
type Frames = BTreeMap<MediaMs, FrameObservation>;

/// What was seen of a segment, and the faces that can be compared.
#[derive(Default)]
struct Seen {
    frames: Frames,
    shown: BTreeMap<MediaMs, Shown>,
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
        let plan = base_plan(self.grid, BasePlan::FULL, 0);
        let mut observation = observe::undecodable(identity, plan, instants, reason, &self.by);
        observation.run = Some(run(&self.worker, StageTimings::default()));
        observation
    }
}

/// A base plan as it is told, with the number of samples that it left out.
fn base_plan(grid: SampleGrid, plan: BasePlan, shed: u32) -> Plan {
    let keyframes_only = plan.pace == Pace::Keyframes;
    let interval = if keyframes_only { BasePlan::KEYFRAMES_APART } else { grid.base() };
    Plan { fps: per_second(interval), keyframes_only, reason: plan.reason, escalated: false, shed }
}

/// What became of a base plan when a sample was suspicious: nothing is left out.
fn escalated(grid: SampleGrid, plan: BasePlan) -> Plan {
    Plan { fps: per_second(grid.escalated()), escalated: true, ..base_plan(grid, plan, 0) }
}

fn per_second(interval: Millis) -> f32 {
    1000.0 / interval.0 as f32
}

fn run(worker: &str, timings_ms: StageTimings) -> ObservationRun {
    ObservationRun { observed_at: clock::now(), worker: worker.to_owned(), timings_ms }
}

fn milliseconds(time: Duration) -> f32 {
    (time.as_secs_f32() * 10_000.0).round() / 10.0
}
