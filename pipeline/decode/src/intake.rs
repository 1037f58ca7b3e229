//! Checks what a child says about a medium, and turns it into events.
//!
//! The child is treated as hostile: its codecs have just read bytes from a stranger. Every planned
//! sample must come exactly once and in order, every number must fit the plan and the limits, and a
//! picture counts only once it was copied out of the child's reach.

use std::sync::Arc;

use domain::picture::{ColourMatrix, ColourRange, Picture};
use domain::ports::{Frame, SampleTime};
use domain::time::{MediaMs, Millis};

use crate::error::{DecodeError, printable};
use crate::event::{DecodeEvent, Decoded, Ending, StreamInfo};
use crate::os::SharedMemory;
use crate::plan::SamplingPlan;
use crate::protocol::{Limits, Shown, Summary, ToParent};

/// What a message means for the parent.
#[derive(Debug)]
pub(crate) enum Taken {
    /// News for the consumer; a slot that was copied is to be released first.
    Event { event: DecodeEvent, release: Option<usize> },
    /// A sign of life.
    Progress,
    /// The job is over.
    Done(Decoded),
}

/// Follows one job.
#[derive(Debug)]
pub(crate) struct Intake {
    plan: SamplingPlan,
    limits: Limits,
    stream: Option<StreamInfo>,
    /// When the sample is due that has to come next.
    due: MediaMs,
    /// The latest progress.
    reached: Option<MediaMs>,
    standing: Option<(MediaMs, Arc<Picture>)>,
    frames: u64,
    gaps: u64,
}

impl Intake {
    pub(crate) fn new(plan: SamplingPlan, limits: Limits) -> Self {
        Self {
            plan,
            limits,
            stream: None,
            due: plan.first(),
            reached: None,
            standing: None,
            frames: 0,
            gaps: 0,
        }
    }

    /// Takes the next message; `cancelled` if the consumer wanted no more.
    pub(crate) fn take(
        &mut self,
        message: ToParent,
        memory: &SharedMemory,
        cancelled: bool,
    ) -> Result<Taken, DecodeError> {
        match message {
            ToParent::Started(stream) => self.started(stream),
            ToParent::Picture { time, shown } => self.picture(time, shown, memory),
            ToParent::Same { time } => self.same(time),
            ToParent::Gap { time } => {
                self.answered(time)?;
                self.gaps += 1;
                Ok(Taken::Event { event: DecodeEvent::Gap(time), release: None })
            }
            ToParent::Progress { reached } => self.progress(reached),
            ToParent::Done(summary) => self.done(summary, cancelled),
            ToParent::Failed(fault) => Err(fault.into()),
            ToParent::Ready(_) => Err(misbehaved("it said `Ready` twice")),
        }
    }

    /// How much of the medium the child got through, as far as it said.
    pub(crate) fn done_with(&self) -> Millis {
        let answered = (self.due > self.plan.first()).then_some(self.due);
        answered
            .max(self.reached)
            .map_or(Millis::ZERO, |reached| (reached - self.plan.start()).max(Millis::ZERO))
    }

    fn started(&mut self, stream: StreamInfo) -> Result<Taken, DecodeError> {
        if self.stream.is_some() {
            return Err(misbehaved("it started twice"));
        }
        let plausible = |length: Millis| length >= Millis::ZERO && length <= self.limits.duration;
        if !stream.duration.is_none_or(plausible) {
            return Err(misbehaved("the duration breaks the limit"));
        }
        let stream = StreamInfo {
            container: printable(&stream.container),
            codec: printable(&stream.codec),
            estimate: stream.estimate.filter(|length| plausible(*length)),
            ..stream
        };
        self.stream = Some(stream.clone());
        Ok(Taken::Event { event: DecodeEvent::Started(stream), release: None })
    }

    fn picture(
        &mut self,
        time: SampleTime,
        shown: Shown,
        memory: &SharedMemory,
    ) -> Result<Taken, DecodeError> {
        self.answered(time)?;
        let before = self.standing.as_ref().map_or(self.plan.start(), |(at, _)| *at);
        if shown.at < before {
            return Err(misbehaved("a picture goes back in time"));
        }
        if !self.limits.allow(shown.width, shown.height) {
            return Err(misbehaved("a picture breaks the limit"));
        }
        let bytes = memory
            .copy_out(shown.slot, Picture::bytes_needed(shown.width, shown.height))
            .ok_or(misbehaved("a picture does not fit its slot"))?;
        let matrix = if shown.bt709 { ColourMatrix::Bt709 } else { ColourMatrix::Bt601 };
        let range = if shown.full_range { ColourRange::Full } else { ColourRange::Limited };
        let picture = Picture::new(shown.width, shown.height, matrix, range, bytes)
            .map_err(|_| misbehaved("a picture has no size"))?;
        self.standing = Some((shown.at, Arc::new(picture)));
        self.frame(time, Some(shown.slot))
    }

    fn same(&mut self, time: SampleTime) -> Result<Taken, DecodeError> {
        self.answered(time)?;
        self.frame(time, None)
    }

    /// The standing picture as an event.
    fn frame(&mut self, time: SampleTime, release: Option<usize>) -> Result<Taken, DecodeError> {
        let (at, picture) = self.standing.as_ref().ok_or(misbehaved("no picture stands"))?;
        if *at > time.moment || time.moment - *at > self.plan.hold() {
            return Err(misbehaved("a picture stands for a time that is not its own"));
        }
        self.frames += 1;
        let frame = Frame { time, picture_ms: *at, picture: Arc::clone(picture) };
        Ok(Taken::Event { event: DecodeEvent::Frame(frame), release })
    }

    fn answered(&mut self, time: SampleTime) -> Result<(), DecodeError> {
        if self.stream.is_none() {
            return Err(misbehaved("a picture came before the start"));
        }
        let is_open = self.plan.is_open_at(self.due) && self.is_within_limit(time.planned);
        if !is_open || !self.plan.allows(self.due, time) {
            return Err(misbehaved("it answered a sample that was not its turn"));
        }
        self.due = self.plan.after(time);
        Ok(())
    }

    /// Progress must be progress, or a child could keep its parent waiting for ever.
    fn progress(&mut self, reached: MediaMs) -> Result<Taken, DecodeError> {
        if self.reached.is_some_and(|before| reached <= before) || !self.is_within_limit(reached) {
            return Err(misbehaved("its progress is none"));
        }
        self.reached = Some(reached);
        Ok(Taken::Progress)
    }

    fn done(&mut self, summary: Summary, cancelled: bool) -> Result<Taken, DecodeError> {
        let stream = self.stream.take().ok_or(misbehaved("it was done before it started"))?;
        let ending = if cancelled { Ending::Stopped } else { summary.ending };
        if !cancelled && summary.ending == Ending::Stopped {
            return Err(misbehaved("it stopped without being asked to"));
        }
        if !cancelled && self.plan.until().is_some() && self.plan.is_open_at(self.due) {
            return Err(misbehaved("it left out planned samples"));
        }
        let ordered = self.plan.start() <= summary.last && summary.last <= summary.end;
        if !ordered || !self.is_within_limit(summary.end) {
            return Err(misbehaved("the medium ends before it begins"));
        }
        Ok(Taken::Done(Decoded {
            stream,
            ending,
            first: self.plan.start(),
            last: summary.last,
            end: summary.end,
            frames_decoded: summary.frames_decoded,
            frames_skipped: summary.frames_skipped,
            frames: self.frames,
            gaps: self.gaps,
        }))
    }

    fn is_within_limit(&self, instant: MediaMs) -> bool {
        let latest = self.plan.until().unwrap_or(self.plan.start()).max(self.plan.start());
        instant <= latest + self.limits.duration
    }
}

fn misbehaved(what: &'static str) -> DecodeError {
    DecodeError::ChildMisbehaved { what }
}

#[cfg(test)]
mod tests;
