//! A file as the segments of a session: cut at keyframes, each with its header.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use container::{Codec, ContainerError, CutSettings, Limits, Segment, Segments, VideoTrack};
use domain::ids::SessionId;
use domain::messages::canonical::sha256_hex;
use domain::messages::{SegmentHeader, StreamRef};
use domain::time::{Interval, MediaMs};

use super::SessionPlan;
use super::error::PublishError;
use crate::analyze::FileSession;

/// A segment with its header, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it says about itself.
    pub header: SegmentHeader,
    /// A file that can be decoded on its own, or one without frames.
    pub media: Vec<u8>,
    /// When its last frame is shown; its end if it has none.
    pub last: MediaMs,
}

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
        let Interval { start, end } = segment.interval;
        let shown = segment.packets.iter().map(|packet| packet.at).filter(|at| *at < end);
        let header = SegmentHeader {
            session: self.session.clone(),
            stream: self.stream.clone(),
            sequence: self.sequence,
            attempt: 0,
            start_ms: start,
            end_ms: end,
            preroll_ms: segment.preroll(),
            rotation_deg: Some(self.track.rotation).filter(|rotation| *rotation != 0),
            media_type: media_type(self.track.codec).to_owned(),
        };
        self.sequence += 1;
        Piece { header, last: shown.max().unwrap_or(end), media: container::write(&self.track, segment) }
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
        let (segment, rest) = split(segment);
        self.next = rest;
        Some(Ok(self.piece(&segment)))
    }
}

/// Takes the longest part that one header may describe off a segment. Cut segments are far shorter; only
/// one in which a recording fell silent for long is not, and then its frames are at its beginning.
fn split(segment: Segment) -> (Segment, Option<Segment>) {
    let Interval { start, end } = segment.interval;
    let border = end.min(start + SegmentHeader::LONGEST);
    let rest = (border < end).then(|| Segment {
        sequence: segment.sequence,
        interval: Interval::new(border, end),
        packets: Vec::new(),
    });
    (Segment { interval: Interval::new(start, border), ..segment }, rest)
}

/// The name of one of several sessions.
fn numbered(session: &SessionId, copy: u32) -> Result<SessionId, PublishError> {
    Ok(format!("{session}-{copy}").parse()?)
}

/// What `container::write` makes of a codec. Codecs are named as browsers name them.
fn media_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Vp8 => "video/webm; codecs=vp8",
        Codec::Vp9 => "video/webm; codecs=vp9",
        Codec::Av1 => "video/webm; codecs=av1",
        Codec::H264 => "video/x-matroska; codecs=avc1",
        Codec::Hevc => "video/x-matroska; codecs=hvc1",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use container::Packet;
    use domain::time::Millis;

    use super::*;

    #[test]
    fn a_silence_that_no_header_can_describe_is_told_in_parts() {
        let packet = Packet {
            at: MediaMs(1_000),
            duration: None,
            is_key: true,
            is_after_loss: false,
            bytes: Arc::from([1]),
        };
        let interval = Interval::new(MediaMs(1_000), MediaMs(1_301_000));
        let mut left = Some(Segment { sequence: 7, interval, packets: vec![packet] });
        let mut parts = Vec::new();
        while let Some(segment) = left {
            let (part, rest) = split(segment);
            parts.push((part.interval.start.0, part.interval.end.0, part.packets.len()));
            left = rest;
        }
        assert_eq!(parts, [(1_000, 601_000, 1), (601_000, 1_201_000, 0), (1_201_000, 1_301_000, 0)]);
        assert_eq!(SegmentHeader::LONGEST, Millis(600_000));
    }

    #[test]
    fn copies_are_numbered_as_long_as_the_name_allows() {
        let name = |copy| numbered(&"t/e/s".parse().unwrap(), copy).map(|id| id.to_string());
        assert_eq!(name(12).unwrap(), "t/e/s-12");
        let long: SessionId = format!("t/e/{}", "x".repeat(127)).parse().unwrap();
        assert!(matches!(numbered(&long, 1), Err(PublishError::Name(_))));
    }

    #[test]
    fn every_codec_has_a_media_type_that_headers_accept() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264, Codec::Hevc] {
            let header = SegmentHeader {
                session: "t/e/s".parse().unwrap(),
                stream: StreamRef {
                    kind: domain::messages::StreamKind::Webcam,
                    epoch: 0,
                    init_sha256: sha256_hex(b""),
                },
                sequence: 0,
                attempt: 0,
                start_ms: MediaMs(0),
                end_ms: MediaMs(1),
                preroll_ms: Millis(0),
                rotation_deg: None,
                media_type: media_type(codec).to_owned(),
            };
            assert_eq!(header.validate(), Ok(()), "{codec:?}");
        }
    }
}
