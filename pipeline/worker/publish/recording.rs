//! A file as the segments of a session: cut at keyframes, each with its header.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use container::{Codec, ContainerError, CutSettings, Limits, Segment, Segments, VideoTrack};
use domain::ids::SessionId;
use domain::messages::StreamRef;
use domain::messages::canonical::sha256_hex;
use domain::time::{Interval, MediaMs};

use super::SessionPlan;
use super::error::PublishError;
use crate::analyze::FileSession;
use crate::piece::{self, Piece};

/// The pieces of a recording, in order; after the first error nothing more.
#[derive(Debug)]
pub struct Recording {
    session: SessionId,
    stream: StreamRef,
    track: VideoTrack,
    segments: Segments<File>,
    /// Read, but not given out yet.
    next: Option<Segment>,
    sequence: u64,
}

impl Recording {
    /// Opens a file and reads it as far as its first segment.
    ///
    /// # Errors
    /// If there is nothing in it that can be published.
    pub fn open(plan: &SessionPlan) -> Result<Self, PublishError> {
        let mut file = File::open(&plan.file)?;
        let FileSession { session, stream } = FileSession::of(&mut file, plan.told.clone())?;
        file.seek(SeekFrom::Start(0))?;
        let mut segments = Segments::open(file, Limits::default(), CutSettings::default())?;
        let first = segments.next().ok_or(ContainerError::NoFrames)??;
        let track = segments.track().clone();
        Ok(Self {
            session: plan.copy.map_or(Ok(session.clone()), |copy| numbered(&session, copy))?,
            stream: StreamRef { init_sha256: sha256_hex(&track.description()), ..stream },
            track,
            segments,
            next: Some(first),
            sequence: 0,
        })
    }

    /// The session that it becomes.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Its codec.
    pub fn codec(&self) -> Codec {
        self.track.codec
    }

    /// When video is expected, if the container says how long it is.
    pub fn stated(&self) -> Option<Interval> {
        let length = self.track.stated_duration?;
        Some(Interval::new(MediaMs::ZERO, MediaMs::ZERO + length))
    }

    fn piece(&mut self, segment: &Segment) -> Piece {
        let number = self.sequence;
        self.sequence += 1;
        piece::of(&self.session, &self.stream, &self.track, (number, MediaMs::ZERO), segment)
    }
}

impl Iterator for Recording {
    type Item = Result<Piece, ContainerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let segment = match self.next.take() {
            Some(segment) => segment,
            None => match self.segments.next()? {
                Ok(segment) => segment,
                Err(error) => return Some(Err(error)),
            },
        };
        let (segment, rest) = piece::split(segment);
        self.next = rest;
        Some(Ok(self.piece(&segment)))
    }
}

/// The name of one of several sessions.
fn numbered(session: &SessionId, copy: u32) -> Result<SessionId, PublishError> {
    Ok(format!("{session}-{copy}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_numbered_as_long_as_the_name_allows() {
        let name = |copy| numbered(&"t/e/s".parse().unwrap(), copy).map(|id| id.to_string());
        assert_eq!(name(12).unwrap(), "t/e/s-12");
        let long: SessionId = format!("t/e/{}", "x".repeat(127)).parse().unwrap();
        assert!(matches!(numbered(&long, 1), Err(PublishError::Name(_))));
    }
}
