//! Reads an MP4 stream as it comes, in pieces cut anywhere: the index has to come before the samples.

use std::vec;

use super::boxes::{Head, head};
use super::fragment::Fragments;
use super::movie::Movie;
use super::sample::Sample;
use crate::error::{ContainerError, check_size, damaged};
use crate::limits::Limits;
use crate::packet::{Clock, Packet};
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
        }
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
        if let Some(movie) = &self.movie {
            self.clock.place(movie.timebase.frame(sample, bytes.into())?, packets)?;
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
