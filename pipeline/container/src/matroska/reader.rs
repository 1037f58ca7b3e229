//! Reads a Matroska stream as it comes, in pieces cut anywhere.
//!
//! Damage costs as little as possible: reading goes on at the next cluster, and frames are delivered
//! again from the next keyframe on. Frames between could be decoded, but from wrong references: what
//! they would show did not happen, and nobody must be judged by it.

use domain::messages::StreamPoint;

use super::block::Block;
use super::element::*;
use super::sync::{Search, find_cluster};
use super::tracks::{Info, Tracks, info, tracks};
use crate::error::{ContainerError, check_size, damaged};
use crate::limits::Limits;
use crate::packet::{Clock, Frame, Packet};
use crate::track::VideoTrack;
use crate::window::Window;

/// Where in the stream reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the segment.
    Start,
    /// Between the children of the segment.
    Segment,
    /// Between the children of a cluster, which ends there if it says so.
    Cluster { end: Option<u64> },
    /// Within damage, looking for the next cluster.
    Lost,
    /// After the segment: nothing there matters, unless another recording follows.
    Over,
}

/// What a step led to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Done,
    NeedsMore,
    /// The stream makes no sense at this place.
    Damage(&'static str),
}

/// The state of reading a stream.
#[derive(Debug)]
pub(crate) struct Reader {
    limits: Limits,
    clock: Clock,
    place: Place,
    segment_end: Option<u64>,
    info: Option<Info>,
    tracks: Option<Tracks>,
    /// Time stamp of the cluster, in ticks.
    cluster: Option<u64>,
    /// Time stamp of the last cluster that had one.
    last_cluster: u64,
    damages: u64,
    /// No stretch of the stream is read more than twice: reading never goes back to before this place.
    read_again_until: u64,
    awaits_keyframe: bool,
    /// Where the first cluster begins.
    header_end: Option<u64>,
    /// The cluster that is read, and how many of its frames were handed on.
    point: StreamPoint,
    /// From where this stream is read on, if not from its beginning.
    resumed: StreamPoint,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            clock: Clock::new(limits),
            place: Place::Start,
            segment_end: None,
            info: None,
            tracks: None,
            cluster: None,
            last_cluster: 0,
            damages: 0,
            read_again_until: 0,
            awaits_keyframe: false,
            header_end: None,
            point: StreamPoint::default(),
            resumed: StreamPoint::default(),
        }
    }

    /// Goes on from a point of the stream whose header was read.
    pub(crate) fn resume(&mut self, from: StreamPoint, origin: Option<i64>) {
        self.clock.resume(origin);
        self.place = if from.is_lost { Place::Lost } else { Place::Segment };
        self.segment_end = self.segment_end.filter(|_| from.is_bounded);
        self.last_cluster = u64::try_from(from.time).unwrap_or(0);
        self.damages = from.damages;
        self.read_again_until = from.searched_until;
        self.awaits_keyframe = from.awaits_keyframe;
        self.resumed = from;
    }

    /// Where reading has to begin to go on as from here; `None` before the first cluster.
    pub(crate) fn point(&self, window: &Window) -> Option<StreamPoint> {
        // Frames that wait were not handed on, though they count as such: they are to be read again.
        if self.clock.holds_frames() {
            return None;
        }
        match self.place {
            Place::Lost => Some(StreamPoint { is_lost: true, ..self.point_at(window.released()) }),
            _ => self.header_end.map(|_| self.point),
        }
    }

    fn point_at(&self, position: u64) -> StreamPoint {
        StreamPoint {
            position,
            skip: 0,
            time: i64::try_from(self.last_cluster).unwrap_or(i64::MAX),
            damages: self.damages,
            searched_until: self.read_again_until,
            is_lost: false,
            awaits_keyframe: self.awaits_keyframe,
            is_bounded: self.segment_end.is_some(),
        }
    }

    /// Where the header of the stream ends, once that is known.
    pub(crate) fn header_end(&self) -> Option<u64> {
        self.header_end
    }

    /// Bytes of the stream are missing here.
    pub(crate) fn pass_hole(&mut self, window: &mut Window) -> Result<(), ContainerError> {
        if self.tracks.is_none() {
            return Err(damaged("the header is not whole"));
        }
        window.clear();
        self.damages += 1;
        self.awaits_keyframe = true;
        self.place = Place::Lost;
        self.segment_end = None;
        self.read_again_until = window.position();
        self.header_end.get_or_insert(window.position());
        Ok(())
    }

    /// Container time of the first frame, in nanoseconds.
    pub(crate) fn origin(&self) -> Option<i64> {
        self.clock.origin()
    }

    pub(crate) fn track(&self) -> Option<&VideoTrack> {
        self.tracks.as_ref().map(|tracks| &tracks.video)
    }

    /// How often the stream made no sense.
    pub(crate) fn damages(&self) -> u64 {
        self.damages
    }

    /// Reads on as far as the stream has come.
    pub(crate) fn read(
        &mut self,
        window: &mut Window,
        packets: &mut Vec<Packet>,
    ) -> Result<(), ContainerError> {
        loop {
            match self.step(window, packets)? {
                Step::Done => {}
                Step::NeedsMore => return Ok(()),
                // Without a description there is nothing to go on with.
                Step::Damage(what) if self.tracks.is_none() => return Err(damaged(what)),
                Step::Damage(_) => self.lose(window),
            }
        }
    }

    /// Says whether the stream may end here.
    pub(crate) fn finish(&self, window: &Window) -> Result<(), ContainerError> {
        let is_before = |end: Option<u64>| end.is_some_and(|end| window.position() < end);
        let is_broken_off = match self.place {
            Place::Lost => return Err(damaged("no cluster comes after a place that makes no sense")),
            Place::Over => false,
            Place::Start => true,
            Place::Segment => is_before(self.segment_end),
            Place::Cluster { end } => is_before(end.or(self.segment_end)),
        };
        if is_broken_off || (self.place != Place::Over && !window.is_read_to_the_end()) {
            return Err(ContainerError::Truncated);
        }
        if self.tracks.is_none() {
            return Err(ContainerError::NoVideo);
        }
        if self.clock.origin().is_none() {
            return Err(ContainerError::NoFrames);
        }
        Ok(())
    }

    fn step(&mut self, window: &mut Window, packets: &mut Vec<Packet>) -> Result<Step, ContainerError> {
        match self.place {
            Place::Lost => return Ok(self.search(window)),
            Place::Over => return after_segment(window, self.segment_end),
            Place::Cluster { end: Some(end) } if window.position() >= end => self.place = Place::Segment,
            _ => {}
        }
        let may_end = matches!(self.place, Place::Segment | Place::Cluster { end: None });
        if may_end && self.segment_end.is_some_and(|end| window.position() >= end) {
            self.place = Place::Over;
            return Ok(Step::Done);
        }
        let header = match header(window.rest()) {
            Read::Whole(header) => header,
            Read::Incomplete => return Ok(Step::NeedsMore),
            Read::Invalid => return Ok(Step::Damage("an element has no identity or size")),
        };
        if header.id == EBML && self.place != Place::Start {
            return Err(ContainerError::Restarted);
        }
        match self.place {
            Place::Start => self.before_segment(window, header),
            Place::Cluster { end } => self.in_cluster(window, header, end, packets),
            _ => self.in_segment(window, header),
        }
    }

    fn before_segment(&mut self, window: &mut Window, header: Header) -> Result<Step, ContainerError> {
        if header.id != SEGMENT {
            return Ok(self.skip_if(matches!(header.id, EBML | VOID | CRC_32), window, header));
        }
        window.skip(header.length as u64);
        window.release();
        self.segment_end = header.size.map(|size| window.position().saturating_add(size));
        self.place = Place::Segment;
        Ok(Step::Done)
    }

    fn in_segment(&mut self, window: &mut Window, header: Header) -> Result<Step, ContainerError> {
        match header.id {
            TRACKS if self.tracks.is_none() => self.describe(window, header),
            INFO if self.info.is_none() && self.clock.origin().is_none() => self.describe(window, header),
            CLUSTER if self.tracks.is_none() => {
                Ok(Step::Damage("frames come before the track's description"))
            }
            CLUSTER => {
                self.point = self.point_at(window.position());
                self.header_end.get_or_insert(window.position());
                window.release();
                window.skip(header.length as u64);
                let end = header.size.map(|size| window.position().saturating_add(size));
                self.place = Place::Cluster { end };
                self.cluster = None;
                Ok(Step::Done)
            }
            SEEK_HEAD | INFO | TRACKS | CUES | ATTACHMENTS | CHAPTERS | TAGS | VOID | CRC_32 => {
                Ok(self.skip_if(true, window, header))
            }
            _ => Ok(Step::Damage("something that no segment contains")),
        }
    }

    fn describe(&mut self, window: &mut Window, header: Header) -> Result<Step, ContainerError> {
        let Some(size) = header.size else { return Ok(Step::Damage("a description of unknown size")) };
        let size = check_size("the description of the tracks", size, self.limits.header)?;
        let Some(body) = window.rest().get(header.length..header.length + size) else {
            return Ok(Step::NeedsMore);
        };
        match header.id {
            INFO => self.info = Some(info(body)?),
            _ => self.tracks = Some(tracks(body)?),
        }
        // They come in any order.
        if let (Some(tracks), Some(info)) = (&mut self.tracks, self.info) {
            tracks.video.stated_duration = info.duration;
        }
        window.skip((header.length + size) as u64);
        window.release();
        Ok(Step::Done)
    }

    fn in_cluster(
        &mut self,
        window: &mut Window,
        header: Header,
        end: Option<u64>,
        packets: &mut Vec<Packet>,
    ) -> Result<Step, ContainerError> {
        let is_block = matches!(header.id, SIMPLE_BLOCK | BLOCK_GROUP);
        let most = if header.id == TIMESTAMP { 8 } else { self.limits.frame as u64 };
        let size = header.size.filter(|size| *size <= most && fits(window, header, end));
        match header.id {
            CLUSTER | SEEK_HEAD | INFO | TRACKS | CUES | ATTACHMENTS | CHAPTERS | TAGS if end.is_none() => {
                self.place = Place::Segment;
                return Ok(Step::Done);
            }
            TIMESTAMP | SIMPLE_BLOCK | BLOCK_GROUP => {}
            SILENT_TRACKS | POSITION | PREV_SIZE | ENCRYPTED_BLOCK | VOID | CRC_32 => {
                return Ok(self.skip_if(size.is_some(), window, header));
            }
            _ => return Ok(Step::Damage("something that no cluster contains")),
        }
        let Some(size) = size else { return Ok(Step::Damage("a block has no size, or an absurd one")) };
        let whole = header.length + size as usize;
        let Some(body) = window.rest().get(header.length..whole) else { return Ok(Step::NeedsMore) };
        let step = if is_block {
            let block = if header.id == BLOCK_GROUP { Block::group(body) } else { Block::simple(body) };
            match block {
                Some(block) => self.take(block, packets)?,
                None => Step::Damage("a block has no head"),
            }
        } else {
            self.begin_cluster(unsigned(body))
        };
        if step == Step::Done {
            // The header made sense, so what came before it did; whether its own size does is seen after it.
            window.release();
            window.skip(whole as u64);
        }
        Ok(step)
    }

    /// Steps over an element that may stand here.
    ///
    /// If it turns out to have swallowed others, they are looked for in it: it has to be there as a whole,
    /// wherever the stream was cut. One that is larger than any frame is never looked into.
    fn skip_if(&self, is_expected: bool, window: &mut Window, header: Header) -> Step {
        let Some(size) = header.size.filter(|_| is_expected) else {
            return Step::Damage("an element where none can be");
        };
        let whole = (header.length as u64).saturating_add(size);
        let is_small = size <= self.limits.frame as u64;
        if is_small && whole > window.rest().len() as u64 {
            return Step::NeedsMore;
        }
        window.release();
        window.skip(whole);
        if !is_small {
            window.release();
        }
        Step::Done
    }

    /// Length of a tick, in nanoseconds.
    fn scale(&self) -> i128 {
        i128::from(self.info.unwrap_or_default().scale)
    }

    fn begin_cluster(&mut self, ticks: u64) -> Step {
        if !self.is_plausible(ticks) {
            return Step::Damage("the time stamp of a cluster makes no sense");
        }
        self.cluster = Some(ticks);
        self.last_cluster = ticks;
        Step::Done
    }

    /// Whether a cluster with this time stamp can follow those that came.
    fn is_plausible(&self, ticks: u64) -> bool {
        let nanoseconds = i128::from(ticks) * self.scale();
        let origin = i128::from(self.clock.origin().unwrap_or(0));
        let latest = origin + i128::from(self.limits.duration.0) * 1_000_000;
        ticks >= self.last_cluster
            && nanoseconds <= i128::from(i64::MAX)
            && (self.clock.origin().is_none() || nanoseconds <= latest)
    }

    fn take(&mut self, block: Block<'_>, packets: &mut Vec<Packet>) -> Result<Step, ContainerError> {
        let (Some(tracks), Some(cluster)) = (&self.tracks, self.cluster) else {
            return Ok(Step::Damage("a block comes before the time stamp of its cluster"));
        };
        if !tracks.all.contains(&block.track) {
            return Ok(Step::Damage("a block of a track that is not described"));
        }
        if block.track != tracks.number || block.frame.is_empty() {
            return Ok(Step::Done);
        }
        let scale = self.scale();
        let at = (i128::from(cluster) + i128::from(block.relative)) * scale;
        let Ok(at) = i64::try_from(at) else { return Ok(Step::Damage("a time stamp makes no sense")) };
        if block.is_laced {
            // The block is whole, only its frame cannot be told from others.
            self.damages += 1;
            self.awaits_keyframe = true;
        }
        if self.awaits_keyframe && (block.is_laced || !block.is_key) {
            return Ok(Step::Done);
        }
        let is_after_loss = std::mem::take(&mut self.awaits_keyframe);
        let from = self.point;
        self.point.skip += 1;
        if from.position == self.resumed.position && from.skip < self.resumed.skip {
            return Ok(Step::Done);
        }
        let stated = block.duration.map(|ticks| i128::from(ticks) * scale);
        let duration = stated.or(tracks.video.frame_ns.map(i128::from));
        let duration = duration.and_then(|duration| i64::try_from(duration).ok());
        let bytes = block.frame.into();
        let frame = Frame { at, duration, is_key: block.is_key, is_after_loss, from, is_shown: true, bytes };
        self.clock.place(frame, packets)?;
        Ok(Step::Done)
    }

    /// Gets lost: everything up to the next cluster is given up.
    ///
    /// The element before the damage is searched as well: if its size was wrong, it swallowed others.
    fn lose(&mut self, window: &mut Window) {
        self.damages += 1;
        self.awaits_keyframe = true;
        self.place = Place::Lost;
        if window.released() >= self.read_again_until {
            self.read_again_until = window.position();
            window.rewind();
        } else {
            window.skip(1);
        }
        window.release();
    }

    fn search(&mut self, window: &mut Window) -> Step {
        let found = find_cluster(window.rest(), |ticks| self.is_plausible(ticks));
        let (Search::Found(passed) | Search::NotWithin(passed)) = found;
        window.skip(passed as u64);
        window.release();
        if let Search::NotWithin(_) = found {
            return Step::NeedsMore;
        }
        // The end that the segment stated may have been passed by bytes that do not belong to it.
        self.segment_end = None;
        self.place = Place::Segment;
        Step::Done
    }
}

/// Passes over what comes after the segment.
fn after_segment(window: &mut Window, segment_end: Option<u64>) -> Result<Step, ContainerError> {
    if segment_end == Some(window.position()) {
        if window.rest().len() < 4 {
            return Ok(Step::NeedsMore);
        }
        if window.rest().starts_with(&EBML.to_be_bytes()) {
            return Err(ContainerError::Restarted);
        }
    }
    window.skip(window.rest().len() as u64);
    window.release();
    Ok(Step::NeedsMore)
}

/// Whether an element ends within the cluster that it is in.
fn fits(window: &Window, header: Header, end: Option<u64>) -> bool {
    let Some(size) = header.size else { return false };
    let own_end = window.position().saturating_add(header.length as u64).saturating_add(size);
    end.is_none_or(|end| own_end <= end)
}
