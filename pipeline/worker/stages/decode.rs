//! Segments to pictures: one thread per decoder child.
//!
//! In: a segment with its media, or with the reason why it has none. Out: the samples of its base plan, which
//! is decided just before, with their pictures, under a permit of picture bytes that is taken once the size
//! of a picture is known and before the first one is kept; the permit pays for a closer look as well, for
//! which `look` has the segment decoded again ([`closer`](Decode::closer)). A segment that no decoder accepts
//! is told to the outbox, with the reason, and holds up nothing else. What fails for no fault of the segment is this machine's trouble: the thread
//! itself tries again. Waits for: room for pictures.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;
use decode::{DecodeError, DecodeEvent, DecoderPool, SamplingPlan, StreamInfo};
use domain::delivery::Urgency;
use domain::error::ErrorKind;
use domain::messages::SegmentHeader;
use domain::observe::SegmentIdentity;
use domain::sampling::{BasePlan, Pace};
use domain::time::Interval;
use rustix::fs::{MemfdFlags, memfd_create};

use super::budget::{Budget, Permit};
use super::dead_letter::Rejected;
use super::outbox::{Outbox, Place};
use super::plans::Plans;
use super::queue::Queue;
use super::retry::Retry;
use super::stop::Stop;
use crate::identity::Template;
use crate::observer::{DecodedSegment, Placeholders, Sample};
use crate::settings::Sampling;
use crate::telemetry::metrics::{Metrics, Stage};

/// A segment that was taken in.
pub(super) struct Taken {
    /// What it is.
    pub header: SegmentHeader,
    /// Where its media are.
    pub media: SegmentMedia,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Whom its faces are compared with.
    pub template: Option<Arc<Template>>,
    /// Where its result belongs.
    pub place: Place,
    /// When it was taken in.
    pub since: Instant,
}

/// Where the media of a segment are.
pub(super) enum SegmentMedia {
    /// In its record.
    Inline,
    /// Here.
    Fetched(Vec<u8>),
    /// Nowhere to be had.
    Missing(Rejected),
}

/// A decoded segment on its way to the models.
pub(super) struct Decoded {
    /// Its samples.
    pub segment: DecodedSegment,
    /// What it is, and its media: for a closer look.
    pub source: Source,
    /// Pays for its pictures.
    pub permit: Option<Permit>,
    /// Where its result belongs.
    pub place: Place,
}

/// What a segment is decoded from.
pub(super) struct Source {
    header: SegmentHeader,
    media: SegmentMedia,
}

/// What every decoding thread works with.
#[derive(Clone, Copy)]
pub(super) struct Decode<'a> {
    pub pool: &'a DecoderPool,
    pub sampling: &'a Sampling,
    pub plans: &'a Plans<'a>,
    pub pictures: &'a Budget,
    pub placeholders: &'a Placeholders,
    pub outbox: &'a Outbox,
    pub retry: Retry<'a>,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

/// Why a segment has no pictures.
pub(super) enum Failure {
    /// It never will have: told to the outbox.
    Segment(Rejected),
    /// Something else is wrong.
    Worker(DecodeError),
    /// Everything is given up.
    Stopped,
}

impl Decode<'_> {
    /// Decodes what comes until nothing comes any more.
    pub(super) fn run(self, from: &Queue, to: &Sender<Decoded>) {
        while let Some(taken) = from.next() {
            if self.stop.is_immediate() {
                return;
            }
            let Taken { header, media, urgency: _, template, place, since } = taken;
            let started = Instant::now();
            let source = Source { header, media };
            let plan = self.plans.decide(&source.header);
            let outcome = self.base(&source, &place, plan);
            let failed = match &outcome {
                Err(Failure::Segment(rejected)) => Some(rejected.reason),
                _ => None,
            };
            self.outbox.tell_step(&place, Stage::Decode, started.elapsed(), failed);
            match outcome {
                Ok((samples, permit)) => {
                    let segment = DecodedSegment {
                        identity: identity(&source.header),
                        plan,
                        samples,
                        template,
                        queued: started.saturating_duration_since(since),
                        decode_time: started.elapsed(),
                        decoded_at: Instant::now(),
                    };
                    if to.send(Decoded { segment, source, permit, place }).is_err() {
                        return;
                    }
                }
                Err(failure) => {
                    if !self.fail(failure, identity(&source.header), place) {
                        return;
                    }
                }
            }
        }
    }

    /// Tells of a segment without pictures; returns whether there is anything else to do.
    pub(super) fn fail(&self, failure: Failure, segment: SegmentIdentity, place: Place) -> bool {
        match failure {
            Failure::Segment(rejected) => {
                let placeholder = self.placeholders.of(segment, rejected.reason);
                match self.outbox.reject(place, &placeholder, &rejected) {
                    Ok(()) => return true,
                    Err(error) => self.stop.fail("decode", &error),
                }
            }
            Failure::Worker(error) => self.stop.fail("decode", &error),
            Failure::Stopped => {}
        }
        false
    }

    /// The samples of the base plan, with a permit for these and for those of a closer look.
    fn base(
        &self,
        source: &Source,
        place: &Place,
        plan: BasePlan,
    ) -> Result<(Vec<Sample>, Option<Permit>), Failure> {
        let window = Interval::new(source.header.start_ms, source.header.end_ms);
        let most = |escalated: bool| self.sampling.grid.instants(window, escalated).count() as u64 + 1;
        let planned = most(false) + if plan.escalates { most(true) } else { 0 };
        let mut permit = None;
        let mut start = |stream: &StreamInfo| {
            // An earlier try may have taken it.
            permit = permit.take().or_else(|| self.pictures.take(planned * picture_bytes(stream), self.stop));
            permit.is_some()
        };
        let sampling = match plan.pace {
            Pace::Grid { .. } => SamplingPlan::every(plan.interval(self.sampling.grid)),
            Pace::Keyframes => SamplingPlan::keyframes(BasePlan::KEYFRAMES_APART),
        };
        let samples = self.samples(Stage::Decode, source, place, sampling, &mut start)?;
        Ok((samples, permit))
    }

    /// The samples of the escalated grid.
    pub(super) fn closer(&self, source: &Source, place: &Place) -> Result<Vec<Sample>, Failure> {
        let sampling = SamplingPlan::every(self.sampling.grid.escalated());
        self.samples(Stage::Closer, source, place, sampling, &mut |_| true)
    }

    /// Decodes, as often as it takes. `start` says whether to go on with a stream.
    fn samples(
        &self,
        stage: Stage,
        Source { header, media }: &Source,
        place: &Place,
        sampling: SamplingPlan,
        start: &mut dyn FnMut(&StreamInfo) -> bool,
    ) -> Result<Vec<Sample>, Failure> {
        let media = match media {
            SegmentMedia::Inline => place.inline_media(),
            SegmentMedia::Fetched(media) => media,
            SegmentMedia::Missing(rejected) => return Err(Failure::Segment(rejected.clone())),
        };
        let partition = place.partition();
        let mut tries = self.retry.begin(stage, partition);
        let mut second_chance = true;
        loop {
            let started = Instant::now();
            let outcome = self.decode(header, media, sampling, start);
            self.metrics.stage(stage, outcome.is_ok(), started.elapsed());
            let error = match outcome {
                Ok(samples) => return Ok(samples),
                Err(error) if error.kind() == ErrorKind::Fatal => return Err(Failure::Worker(error)),
                // It may have been killed for memory that others took, or starved. If it is the segment that
                // does it, it does it again.
                Err(error) if error.ended_the_decoder() && std::mem::take(&mut second_chance) => {
                    tracing::warn!(%error, partition, "a segment is decoded again");
                    self.metrics.retry(stage, error.reason());
                    continue;
                }
                Err(error) => error,
            };
            let Some(pause) = tries.failed(error.kind(), error.reason()) else {
                let (reason, detail) = (error.reason(), error.to_string());
                let attempts = tries.failures();
                return Err(Failure::Segment(Rejected { stage, reason, detail, attempts }));
            };
            if self.stop.rest(pause) {
                return Err(Failure::Stopped);
            }
        }
    }

    fn decode(
        &self,
        header: &SegmentHeader,
        media: &[u8],
        sampling: SamplingPlan,
        start: &mut dyn FnMut(&StreamInfo) -> bool,
    ) -> Result<Vec<Sample>, DecodeError> {
        let file = in_memory(media).map_err(DecodeError::Io)?;
        let plan = self.sampling.of_segment(sampling, header);
        let mut samples = Vec::new();
        self.pool.decode(&file, &plan, &mut |event| {
            match event {
                DecodeEvent::Started(stream) if !start(&stream) => return ControlFlow::Break(()),
                DecodeEvent::Started(_) => {}
                DecodeEvent::Frame(frame) => {
                    samples.push(Sample { time: frame.time, picture: Some(frame.picture) });
                }
                DecodeEvent::Gap(time) => samples.push(Sample { time, picture: None }),
            }
            ControlFlow::Continue(())
        })?;
        Ok(samples)
    }
}

/// Who a segment is.
pub(super) fn identity(header: &SegmentHeader) -> SegmentIdentity {
    SegmentIdentity {
        session: header.session.clone(),
        stream: header.stream.clone(),
        sequence: header.sequence,
        attempt: header.attempt,
        interval: Interval::new(header.start_ms, header.end_ms),
    }
}

/// Bytes of one picture: I420 has one and a half a pixel.
fn picture_bytes(stream: &StreamInfo) -> u64 {
    u64::from(stream.width) * u64::from(stream.height) * 3 / 2
}

/// Media as a file without a name, which is how a decoder child gets it.
pub(super) fn in_memory(media: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("segment", MemfdFlags::CLOEXEC)?);
    file.write_all(media)?;
    Ok(file)
}
