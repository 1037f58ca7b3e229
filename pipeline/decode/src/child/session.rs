//! What happens to the frames of one job, on the streaming thread: passed over, decoded, sampled, sent.
//!
//! Blocks where the parent does not keep up. Knows nothing about how the elements are connected.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use domain::time::Millis;
use gstreamer as gst;

use super::convert::{Convert, Format, square_size};
use super::limits::{check, size_of};
use super::link::{Interrupted, Link};
use super::lock;
use super::needed::{Encoded, Known, Needed};
use super::orientation::Orientation;
use super::sampler::{Answer, Sampler};
use super::timeline::{Place, Timeline, length};
use crate::error::Fault;
use crate::event::{Ending, StreamInfo};
use crate::protocol::{Job, Limits, Shown, Summary, ToParent};

/// A medium that states this much more than it has was cut off. Less is a soundtrack that goes on.
const MISSING_TAIL: Millis = Millis(1000);

/// What ends a job.
#[derive(Debug)]
pub(super) enum News {
    /// The last frame went through.
    EndOfStream,
    /// Some element gave up.
    Broken,
    /// A frame ends the job.
    Stop(Stop),
}

/// Why a frame ends the job.
#[derive(Debug)]
pub(super) enum Stop {
    /// The plan is fulfilled, or nothing that counts can follow.
    Fulfilled,
    /// The parent wants no more, or is gone.
    Interrupted,
    /// The medium is not acceptable.
    Refused(Fault),
}

impl From<Interrupted> for Stop {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// A decoded frame that may come to stand for an instant.
#[derive(Debug)]
struct Candidate {
    buffer: gst::Buffer,
    format: Format,
}

/// The state of one job.
pub(super) struct Session {
    job: Job,
    link: Arc<Mutex<Link>>,
    news: Sender<News>,
    timeline: Timeline,
    needed: Needed<gst::Buffer>,
    sampler: Sampler<Candidate>,
    convert: Convert,
    orientation: Orientation,
    /// The format of the frames now being decoded, with the caps that say it.
    format: Option<(gst::Caps, Format)>,
    /// The caps of the frames now being encoded.
    encoded: Option<gst::Caps>,
    stream: Option<StreamInfo>,
    frames_submitted: u64,
    frames_decoded: u64,
    /// Whether everything that the plan needs was given to the decoder before the medium was over.
    has_all: bool,
    is_stopped: bool,
}

impl Session {
    pub(super) fn new(job: &Job, link: Arc<Mutex<Link>>, news: Sender<News>) -> Self {
        Self {
            job: job.clone(),
            link,
            news,
            timeline: Timeline::new(job.plan.start(), job.limits.duration),
            needed: Needed::new(job.plan),
            sampler: Sampler::new(job.plan),
            convert: Convert::default(),
            orientation: Orientation::from_tag(&format!("rotate-{}", job.plan.rotation_deg())),
            format: None,
            encoded: None,
            stream: None,
            frames_submitted: 0,
            frames_decoded: 0,
            has_all: false,
            is_stopped: false,
        }
    }

    /// Learns how the camera was held.
    pub(super) fn set_orientation(&mut self, orientation: Orientation) {
        self.orientation = orientation;
    }

    /// Whether the stream was announced.
    pub(super) fn has_started(&self) -> bool {
        self.stream.is_some()
    }

    /// The size at which pictures will be shown, as the caps of encoded ones describe it; zero if they do
    /// not.
    pub(super) fn shown_size(&self, caps: &gst::CapsRef) -> (u32, u32) {
        let coded = size_of(caps).unwrap_or_default();
        let pixels = caps.structure(0).and_then(|caps| caps.get("pixel-aspect-ratio").ok());
        let square = square_size(coded, pixels.unwrap_or(gst::Fraction::new(1, 1)), self.job.limits);
        self.orientation.upright_size(square.0, square.1)
    }

    /// Announces the stream.
    pub(super) fn start(&mut self, stream: StreamInfo) -> Result<(), Stop> {
        if let Some(duration) = stream.duration.filter(|length| *length > self.job.limits.duration) {
            return Err(Stop::Refused(Fault::TooLong { duration }));
        }
        lock(&self.link).tell(&ToParent::Started(stream.clone()))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// What is accepted.
    pub(super) fn limits(&self) -> Limits {
        self.job.limits
    }

    /// Takes what the container or a parser announces, and refuses pictures that are too large.
    pub(super) fn announced(&mut self, caps: gst::Caps) -> Result<(), Stop> {
        let (width, height) = size_of(&caps).unwrap_or_default();
        self.encoded = Some(caps);
        check(width, height, self.job.limits).map_err(Stop::Refused)
    }

    /// Checks the picture size that an encoded frame announces itself.
    pub(super) fn check_frame(
        &self,
        frame: &gst::BufferRef,
        check: fn(&[u8], Limits) -> Result<(), Fault>,
    ) -> Result<(), Stop> {
        let Ok(bytes) = frame.map_readable() else { return Ok(()) };
        check(&bytes, self.job.limits).map_err(Stop::Refused)
    }

    /// Takes the next encoded frame; returns those to decode now, and whether nothing else will be.
    pub(super) fn encoded(
        &mut self,
        buffer: gst::Buffer,
        running: Option<gst::ClockTime>,
    ) -> Result<(Vec<gst::Buffer>, bool), Stop> {
        if self.is_stopped {
            return Err(Stop::Fulfilled);
        }
        if self.has_all {
            return Ok((Vec::new(), true));
        }
        let at = match self.timeline.meet(running, buffer.duration()) {
            Place::At(at) => Some(at),
            Place::Nowhere => None,
            Place::BeyondLimit => return Ok((Vec::new(), false)),
        };
        if let Some(at) = at {
            lock(&self.link).tell_progress(at)?;
        }
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let known = self.needed.push(Encoded { at, is_key, size: buffer.size(), buffer });
        self.has_all = known.is_all;
        Ok((self.submit(known), self.has_all))
    }

    /// Notes what is decided; returns what is to be decoded.
    fn submit(&mut self, known: Known<gst::Buffer>) -> Vec<gst::Buffer> {
        known.announced.into_iter().for_each(|at| self.sampler.announce(at));
        known.samples.into_iter().for_each(|sample| self.sampler.decide(sample));
        self.frames_submitted += known.frames.len() as u64;
        known.frames
    }

    /// Takes note of an encoded frame that is decoded in any case, of a format that keeps them in order.
    pub(super) fn met(&mut self, running: gst::ClockTime, lasts: gst::ClockTime) -> Result<(), Stop> {
        self.frames_submitted += 1;
        match self.timeline.meet(Some(running), Some(lasts)) {
            Place::At(at) => lock(&self.link).tell_progress(at)?,
            Place::Nowhere => {}
            Place::BeyondLimit => return Err(Stop::Fulfilled),
        }
        Ok(())
    }

    /// Everything that was held back, for an event that must not overtake it.
    pub(super) fn held_back(&mut self) -> Vec<gst::Buffer> {
        let ready = self.needed.release();
        self.frames_submitted += ready.len() as u64;
        ready
    }

    /// The container is at its end; returns what still has to be decoded.
    pub(super) fn encoded_all(&mut self) -> Vec<gst::Buffer> {
        if self.has_all {
            return Vec::new();
        }
        let known = self.needed.finish(self.timeline.end());
        self.submit(known)
    }

    /// Takes the next decoded frame.
    pub(super) fn decoded(&mut self, sample: &gst::Sample) -> Result<(), Stop> {
        let running = sample
            .segment()
            .and_then(|segment| segment.downcast_ref::<gst::ClockTime>())
            .zip(sample.buffer().and_then(|buffer| buffer.pts()))
            .and_then(|(segment, pts)| segment.to_running_time(pts));
        let Some((buffer, caps)) = sample.buffer_owned().zip(sample.caps_owned()) else { return Ok(()) };
        let format = self.format_of(caps)?;
        self.decoded_frame(buffer, format, running)
    }

    /// Takes the next decoded frame, with its format and its time.
    pub(super) fn decoded_frame(
        &mut self,
        buffer: gst::Buffer,
        format: Format,
        running: Option<gst::ClockTime>,
    ) -> Result<(), Stop> {
        // Decoders hand out what they have left even when the stream was stopped.
        if self.is_stopped {
            return Err(Stop::Fulfilled);
        }
        self.frames_decoded += 1;
        let Place::At(at) = self.timeline.meet_decoded(running) else { return Ok(()) };
        let (sampler, mut sender) = self.sampler_and_sender();
        sampler.push(at, Candidate { buffer, format }, &mut |answer| sender.send(answer))?;
        if self.sampler.is_finished() { Err(Stop::Fulfilled) } else { Ok(()) }
    }

    /// Says why the job has to end; the first reason counts.
    pub(super) fn stop(&mut self, stop: Stop) {
        if !std::mem::replace(&mut self.is_stopped, true) {
            self.say(News::Stop(stop));
        }
    }

    /// Tells whoever waits for the end of the job.
    pub(super) fn say(&self, news: News) {
        // Nobody waits any more once the job has ended.
        let _ = self.news.send(news);
    }

    /// The media are over, or cut short: answers the rest of the plan.
    pub(super) fn finish(&mut self, is_cut_short: bool) -> Result<Summary, Fault> {
        self.is_stopped = true;
        if self.timeline.frames() == 0 || (self.frames_submitted > 0 && self.frames_decoded == 0) {
            return Err(Fault::NoPictures);
        }
        let stated = self.stream.as_ref().and_then(|stream| stream.duration).unwrap_or_default();
        let has_window = self.job.plan.until().is_some();
        // What lies behind a window that was seen whole is of no interest.
        let is_fulfilled = has_window && (self.has_all || self.sampler.is_finished());
        let is_truncated = !is_fulfilled
            && (is_cut_short
                || stated - self.timeline.length() > MISSING_TAIL
                || self.timeline.is_beyond_limit());
        if !has_window && self.timeline.last() == self.job.plan.start() {
            return Err(if is_truncated { Fault::Damaged } else { Fault::ZeroDuration });
        }
        let end = self.timeline.end();
        if !self.sampler.is_finished() {
            let (sampler, mut sender) = self.sampler_and_sender();
            if sampler.finish(end, &mut |answer| sender.send(answer)).is_err() {
                return Ok(self.summary(Ending::Stopped));
            }
        }
        Ok(self.summary(if is_truncated { Ending::Truncated } else { Ending::Complete }))
    }

    /// How far the job got.
    pub(super) fn summary(&self, ending: Ending) -> Summary {
        Summary {
            ending,
            last: self.timeline.last(),
            end: self.timeline.end(),
            frames_decoded: self.frames_decoded,
            frames_skipped: self.needed.dropped(),
        }
    }

    /// Reads caps, once for each change of format.
    fn format_of(&mut self, caps: gst::Caps) -> Result<Format, Stop> {
        if let Some((_, format)) = self.format.as_ref().filter(|(known, _)| *known == caps) {
            return Ok(format.clone());
        }
        let format = Format::read(&caps, self.encoded.as_ref()).ok_or(Stop::Refused(Fault::NoPictures))?;
        let (width, height) = format.size();
        check(width, height, self.job.limits).map_err(Stop::Refused)?;
        self.format = Some((caps, format.clone()));
        Ok(format)
    }

    fn sampler_and_sender(&mut self) -> (&mut Sampler<Candidate>, PictureSender<'_>) {
        let sender = PictureSender {
            link: &self.link,
            convert: &mut self.convert,
            orientation: self.orientation,
            job: &self.job,
        };
        (&mut self.sampler, sender)
    }
}

/// Sends the answers of the sampler to the parent, converting the frames that are new.
struct PictureSender<'a> {
    link: &'a Mutex<Link>,
    convert: &'a mut Convert,
    orientation: Orientation,
    job: &'a Job,
}

impl PictureSender<'_> {
    fn send(&mut self, answer: Answer<'_, Candidate>) -> Result<(), Stop> {
        let mut link = lock(self.link);
        let message = match answer {
            Answer::Same { time } => ToParent::Same { time },
            Answer::Gap { time } => ToParent::Gap { time },
            Answer::New { time, at, frame } => {
                let slot = link.take_slot()?;
                let limits = self.job.limits;
                let (buffer, format) = (&frame.buffer, &frame.format);
                let shape = self.convert.write(buffer, format, self.orientation, limits, link.slot(slot));
                // A frame that no converter takes is one of a kind that none of its stream will be.
                let shape = shape.ok_or(Stop::Refused(Fault::NoPictures))?;
                let shown = Shown {
                    slot,
                    at,
                    width: shape.width,
                    height: shape.height,
                    bt709: shape.bt709,
                    full_range: shape.full_range,
                };
                ToParent::Picture { time, shown }
            }
        };
        Ok(link.tell(&message)?)
    }
}

/// A duration as the demuxer gives it; zero means that it does not know.
pub(super) fn known_duration(duration: Option<gst::ClockTime>) -> Option<Millis> {
    duration.filter(|duration| !duration.is_zero()).map(length)
}
