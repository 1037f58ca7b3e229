//! Reads an MP4 stream as it comes, in pieces cut anywhere: the index has to come before the samples.

use std::vec;

use domain::messages::StreamPoint;

use super::boxes::{Head, find_fragment, head};
use super::fragment::Fragments;
use super::movie::Movie;
use super::sample::Sample;
use crate::error::{ContainerError, check_size, damaged};
use crate::limits::Limits;
use crate::packet::{Clock, Frame, Packet};
use crate::track::VideoTrack;
use crate::window::Window;

/// The state of reading a stream.
#[derive(Debug)]
pub(crate) struct StreamReader {
    limits: Limits,
    clock: Clock,
    movie: Option<Movie>,
    fragments: Option<Fragments>,
    /// Samples of the last fragment.
    fragment: vec::IntoIter<Sample>,
    /// The sample that comes next, once looked up.
    next: Option<Sample>,
    /// Where the data box ends that reading is in: `None` outside of one.
    data_end: Option<u64>,
    /// After a hole, looking for the next fragment.
    is_lost: bool,
    damages: u64,
    awaits_keyframe: bool,
    /// Where the first fragment begins.
    header_end: Option<u64>,
    /// The fragment that is read, and how many of its frames were handed on.
    point: StreamPoint,
    /// From where this stream is read on, if not from its beginning.
    resumed: StreamPoint,
}

impl StreamReader {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            clock: Clock::new(limits),
            movie: None,
            fragments: None,
            fragment: Vec::new().into_iter(),
            next: None,
            data_end: None,
            is_lost: false,
            damages: 0,
            awaits_keyframe: false,
            header_end: None,
            point: StreamPoint::default(),
            resumed: StreamPoint::default(),
        }
    }

    /// Goes on from a point of the stream whose header was read.
    pub(crate) fn resume(&mut self, from: StreamPoint, origin: Option<i64>) {
        self.clock.resume(origin);
        self.is_lost = from.is_lost;
        self.damages = from.damages;
        self.awaits_keyframe = from.awaits_keyframe;
        if let Some(fragments) = &mut self.fragments {
            fragments.decoded_until = from.time;
            fragments.is_whole = from.damages == 0;
        }
        self.resumed = from;
    }

    /// Where reading has to begin to go on as from here; `None` before the first fragment.
    pub(crate) fn point(&self, window: &Window) -> Option<StreamPoint> {
        // Frames that wait were not handed on, though they count as such: they are to be read again.
        if self.clock.holds_frames() {
            return None;
        }
        match self.is_lost {
            true => Some(StreamPoint { is_lost: true, ..self.point_at(window.released()) }),
            false => self.header_end.map(|_| self.point),
        }
    }

    fn point_at(&self, position: u64) -> StreamPoint {
        StreamPoint {
            position,
            time: self.fragments.as_ref().map_or(0, |fragments| fragments.decoded_until),
            damages: self.damages,
            awaits_keyframe: self.awaits_keyframe,
            ..StreamPoint::default()
        }
    }

    /// Where the header of the stream ends, once that is known.
    pub(crate) fn header_end(&self) -> Option<u64> {
        self.header_end
    }

    /// How often bytes of the stream were missing.
    pub(crate) fn damages(&self) -> u64 {
        self.damages
    }

    /// Bytes of the stream are missing here: reading goes on at the next fragment, and frames are delivered
    /// from the next keyframe on.
    pub(crate) fn pass_hole(&mut self, window: &mut Window) -> Result<(), ContainerError> {
        let Some(fragments) = &mut self.fragments else { return Err(damaged("the header is not whole")) };
        fragments.is_whole = false;
        window.clear();
        self.fragment = Vec::new().into_iter();
        (self.next, self.data_end) = (None, None);
        self.is_lost = true;
        self.damages += 1;
        self.awaits_keyframe = true;
        self.header_end.get_or_insert(window.position());
        Ok(())
    }

    /// Container time of the first frame, in nanoseconds.
    pub(crate) fn origin(&self) -> Option<i64> {
        self.clock.origin()
    }

    pub(crate) fn track(&self) -> Option<&VideoTrack> {
        self.movie.as_ref().map(|movie| &movie.track)
    }

    /// Reads on as far as the stream has come.
    pub(crate) fn read(
        &mut self,
        window: &mut Window,
        packets: &mut Vec<Packet>,
    ) -> Result<(), ContainerError> {
        while self.step(window, packets)? {
            window.release();
        }
        window.release();
        Ok(())
    }

    /// Says whether the stream may end here.
    pub(crate) fn finish(&mut self, window: &Window) -> Result<(), ContainerError> {
        let is_within_data = self.data_end.is_some_and(|end| end != u64::MAX && window.position() < end);
        if self.movie.is_none() || is_within_data || !window.is_read_to_the_end() {
            return Err(ContainerError::Truncated);
        }
        if self.next.is_some() || self.look_up()?.is_some() {
            return Err(ContainerError::Truncated);
        }
        if self.clock.origin().is_none() { Err(ContainerError::NoFrames) } else { Ok(()) }
    }

    /// Takes one step; says whether another may be possible.
    fn step(&mut self, window: &mut Window, packets: &mut Vec<Packet>) -> Result<bool, ContainerError> {
        if self.is_lost {
            let found = find_fragment(window.rest());
            let (Ok(passed) | Err(passed)) = found;
            window.skip(passed as u64);
            self.is_lost = found.is_err();
            // Its description may not be whole yet: until it is, this is where to read on.
            self.point = self.point_at(window.position());
            return Ok(!self.is_lost);
        }
        if let Some(end) = self.data_end {
            return self.read_data(window, end, packets);
        }
        let Some(head) = head(window.rest())? else { return Ok(false) };
        match &head.name {
            b"moov" | b"moof" => self.describe(window, head),
            b"ftyp" if self.movie.is_some() => Err(ContainerError::Restarted),
            b"mdat" if self.movie.is_none() => Err(ContainerError::IndexAtEnd),
            b"mdat" => {
                window.skip(head.length as u64);
                let end = head.body.map_or(u64::MAX, |size| window.position().saturating_add(size));
                self.data_end = Some(end);
                Ok(true)
            }
            _ => {
                let size = head.body.ok_or(damaged("a box of unknown size"))?;
                window.skip((head.length as u64).saturating_add(size));
                Ok(true)
            }
        }
    }

    fn describe(&mut self, window: &mut Window, head: Head) -> Result<bool, ContainerError> {
        let size = head.body.ok_or(damaged("a description of unknown size"))?;
        let size = check_size("the description of a movie", size, self.limits.header)?;
        let Some(body) = window.rest().get(head.length..head.length + size) else { return Ok(false) };
        if &head.name == b"moof" && (self.next.is_some() || self.look_up()?.is_some()) {
            return Err(damaged("samples are missing"));
        }
        match (&head.name, &mut self.fragments) {
            (b"moof", Some(fragments)) => {
                self.header_end.get_or_insert(window.position());
                self.point = StreamPoint {
                    position: window.position(),
                    time: fragments.decoded_until,
                    damages: self.damages,
                    awaits_keyframe: self.awaits_keyframe,
                    ..StreamPoint::default()
                };
                self.fragment = fragments.read(window.position(), body)?.into_iter();
            }
            (b"moof", None) => return Err(damaged("a fragment comes without a movie")),
            _ if self.movie.is_some() => return Err(ContainerError::Restarted),
            _ => {
                let mut movie = Movie::read(body)?;
                let most = self.limits.fragment_samples;
                let defaults = movie.fragments.take();
                self.fragments = defaults.map(|defaults| Fragments::new(movie.track_id, defaults, most));
                self.movie = Some(movie);
            }
        }
        window.skip((head.length + size) as u64);
        Ok(true)
    }

    fn read_data(
        &mut self,
        window: &mut Window,
        end: u64,
        packets: &mut Vec<Packet>,
    ) -> Result<bool, ContainerError> {
        let sample = match self.next {
            Some(sample) => sample,
            None => match self.look_up()? {
                Some(sample) => *self.next.insert(sample),
                None => return Ok(self.leave_data(window, end)),
            },
        };
        if sample.offset >= end {
            return Ok(self.leave_data(window, end));
        }
        let Some(before) = sample.offset.checked_sub(window.position()) else {
            return Err(ContainerError::Unsupported { what: "a stream whose frames are out of order" });
        };
        let size = check_size("a frame", sample.size.into(), self.limits.frame)?;
        window.skip(before);
        window.release();
        let Some(bytes) = window.rest().get(..size) else { return Ok(false) };
        let is_useful = sample.is_key || !self.awaits_keyframe;
        if let Some(movie) = self.movie.as_ref().filter(|_| is_useful) {
            let is_after_loss = std::mem::take(&mut self.awaits_keyframe);
            let from = self.point;
            self.point.skip += 1;
            if from.position != self.resumed.position || from.skip >= self.resumed.skip {
                let frame = movie.timebase.frame(sample, bytes.into())?;
                self.clock.place(Frame { is_after_loss, from, ..frame }, packets)?;
            }
        }
        window.skip(size as u64);
        self.next = None;
        Ok(true)
    }

    /// The next sample that has any bytes.
    fn look_up(&mut self) -> Result<Option<Sample>, ContainerError> {
        let Some(movie) = &mut self.movie else { return Ok(None) };
        while let Some(sample) = movie.samples.next()? {
            if sample.size > 0 {
                return Ok(Some(sample));
            }
        }
        Ok(self.fragment.find(|sample| sample.size > 0))
    }

    /// Steps over the rest of a data box; says whether it ends.
    fn leave_data(&mut self, window: &mut Window, end: u64) -> bool {
        if end == u64::MAX {
            window.skip(window.rest().len() as u64);
            return false;
        }
        window.skip(end.saturating_sub(window.position()));
        self.data_end = None;
        true
    }
}
