//! Reads an MP4 file, in which the index may come after the samples: goes to where things are.

use std::io::{Read, Seek, SeekFrom};
use std::vec;

use super::boxes::{Head, LONGEST_HEAD, head};
use super::fragment::Fragments;
use super::movie::Movie;
use super::sample::Sample;
use crate::error::{ContainerError, check_size, damaged};
use crate::limits::Limits;
use crate::packet::{Clock, Packet};
use crate::track::VideoTrack;

/// The state of reading a file.
#[derive(Debug)]
pub(crate) struct FileReader<R> {
    media: R,
    length: u64,
    limits: Limits,
    clock: Clock,
    movie: Movie,
    fragments: Option<Fragments>,
    /// Samples of the last fragment.
    fragment: vec::IntoIter<Sample>,
    /// Where the next box begins that may be a fragment.
    next_box: u64,
    /// No honest index mentions more bytes than there are.
    bytes_left: u64,
}

impl<R: Read + Seek> FileReader<R> {
    /// Finds and reads the description of the movie.
    pub(crate) fn open(mut media: R, limits: Limits) -> Result<Self, ContainerError> {
        let length = media.seek(SeekFrom::End(0)).map_err(ContainerError::Io)?;
        let mut next_box = 0;
        loop {
            // The description may come last: whoever cut the file off cut it off first.
            let head = head_at(&mut media, next_box, length)?.ok_or(ContainerError::Truncated)?;
            if &head.name == b"moov" {
                let body = description(&mut media, head, next_box, length, limits)?;
                next_box += (head.length + body.len()) as u64;
                let mut movie = Movie::read(&body)?;
                let defaults = movie.fragments.take();
                let most = limits.fragment_samples;
                let fragments = defaults.map(|defaults| Fragments::new(movie.track_id, defaults, most));
                let fragment = Vec::new().into_iter();
                let clock = Clock::new(limits);
                let bytes_left = length;
                return Ok(Self {
                    media,
                    length,
                    limits,
                    clock,
                    movie,
                    fragments,
                    fragment,
                    next_box,
                    bytes_left,
                });
            }
            next_box = end_of(head, next_box, length);
        }
    }

    pub(crate) fn track(&self) -> &VideoTrack {
        &self.movie.track
    }

    /// Adds the next packets; returns whether there may be more.
    pub(crate) fn read(&mut self, packets: &mut Vec<Packet>) -> Result<bool, ContainerError> {
        let Some(sample) = self.look_up()? else {
            return if self.clock.origin().is_none() { Err(ContainerError::NoFrames) } else { Ok(false) };
        };
        let size = check_size("a frame", sample.size.into(), self.limits.frame)?;
        if size == 0 {
            return Ok(true);
        }
        let bytes = read_at(&mut self.media, sample.offset, size, self.length)?;
        let left = self.bytes_left.checked_sub(size as u64);
        self.bytes_left = left.ok_or(damaged("samples share their bytes"))?;
        self.clock.place(self.movie.timebase.frame(sample, bytes.into())?, packets)?;
        Ok(true)
    }

    fn look_up(&mut self) -> Result<Option<Sample>, ContainerError> {
        if let Some(sample) = self.movie.samples.next()? {
            return Ok(Some(sample));
        }
        let Some(fragments) = &mut self.fragments else { return Ok(None) };
        loop {
            if let Some(sample) = self.fragment.next() {
                return Ok(Some(sample));
            }
            let Some(head) = head_at(&mut self.media, self.next_box, self.length)? else { return Ok(None) };
            if &head.name == b"moof" {
                let body = description(&mut self.media, head, self.next_box, self.length, self.limits)?;
                self.fragment = fragments.read(self.next_box, &body)?.into_iter();
            }
            self.next_box = end_of(head, self.next_box, self.length);
        }
    }
}

/// Where a box ends that begins at `start`.
fn end_of(head: Head, start: u64, length: u64) -> u64 {
    head.body.map_or(length, |size| start.saturating_add(head.length as u64).saturating_add(size))
}

/// The head of the box at `start`; none at the end of the file, an error after it.
fn head_at(media: &mut (impl Read + Seek), start: u64, length: u64) -> Result<Option<Head>, ContainerError> {
    let left = length.checked_sub(start).ok_or(ContainerError::Truncated)?;
    if left == 0 {
        return Ok(None);
    }
    let bytes = read_at(media, start, left.min(LONGEST_HEAD as u64) as usize, length)?;
    head(&bytes)?.ok_or(ContainerError::Truncated).map(Some)
}

/// The body of a description.
fn description(
    media: &mut (impl Read + Seek),
    head: Head,
    start: u64,
    length: u64,
    limits: Limits,
) -> Result<Vec<u8>, ContainerError> {
    let start = start + head.length as u64;
    let size = head.body.unwrap_or(length.saturating_sub(start));
    let size = check_size("the description of a movie", size, limits.header)?;
    read_at(media, start, size, length)
}

/// Reads exactly `size` bytes, if the file has them.
fn read_at(
    media: &mut (impl Read + Seek),
    start: u64,
    size: usize,
    length: u64,
) -> Result<Vec<u8>, ContainerError> {
    if start.checked_add(size as u64).is_none_or(|end| end > length) {
        return Err(ContainerError::Truncated);
    }
    media.seek(SeekFrom::Start(start)).map_err(ContainerError::Io)?;
    let mut bytes = vec![0; size];
    media.read_exact(&mut bytes).map_err(ContainerError::Io)?;
    Ok(bytes)
}
