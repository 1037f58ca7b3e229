//! An upload as segments: reading and cutting in one, as bytes come, from any point on where a segment ended.

use domain::messages::{CutPoint, CutState};
use domain::time::MediaMs;

use crate::cut::{CutSettings, Cutter, Segment};
use crate::demux::Demuxer;
use crate::error::{ContainerError, check_size};
use crate::limits::Limits;
use crate::packet::Packet;
use crate::track::VideoTrack;

/// Cuts one recording that comes in pieces.
///
/// Holds the open segment, with its preroll, and what has come of a frame. What it says at a [`CutPoint`] it
/// says again whoever goes on from there with the same bytes, however they are cut into pieces.
#[derive(Debug)]
pub struct LiveCutter {
    demuxer: Demuxer,
    cutter: Cutter,
    /// What came before the first frames.
    header: Vec<u8>,
    is_header_whole: bool,
    /// As many bytes it may have.
    longest_header: usize,
    packets: Vec<Packet>,
}

impl LiveCutter {
    /// A cutter at the beginning of a recording.
    pub fn new(limits: Limits, settings: CutSettings) -> Self {
        Self {
            demuxer: Demuxer::new(limits),
            cutter: Cutter::new(settings),
            header: Vec::new(),
            is_header_whole: false,
            longest_header: limits.header.min(CutState::LONGEST_HEADER),
            packets: Vec::new(),
        }
    }

    /// A cutter that goes on from a point. What is pushed next are the bytes from its position on.
    ///
    /// # Errors
    /// If the header in it is none.
    pub fn resume(limits: Limits, settings: CutSettings, point: CutPoint) -> Result<Self, ContainerError> {
        Ok(Self {
            demuxer: Demuxer::resume(limits, &point.header, point.from, point.origin_ns)?,
            cutter: Cutter::resume(settings, &point),
            header: point.header,
            is_header_whole: true,
            longest_header: limits.header.min(CutState::LONGEST_HEADER),
            packets: Vec::new(),
        })
    }

    /// Takes the next piece of the stream and adds the segments that it completes.
    ///
    /// # Errors
    /// If the recording cannot be read any further. Segments that came before the error are added and good;
    /// what is left comes with [`finish`](Self::finish).
    pub fn push(&mut self, piece: &[u8], segments: &mut Vec<Segment>) -> Result<(), ContainerError> {
        if !self.is_header_whole {
            self.header.extend_from_slice(piece);
        }
        let read = self.demuxer.push(piece, &mut self.packets);
        let header = self.keep_header();
        for packet in self.packets.drain(..) {
            if packet.from.position == 0 {
                return Err(ContainerError::Unsupported {
                    what: "an upload of a movie that is not in fragments",
                });
            }
            segments.extend(self.cutter.push(packet));
        }
        read.and(header)
    }

    /// Keeps what comes before the first frames, and no more.
    fn keep_header(&mut self) -> Result<(), ContainerError> {
        if self.is_header_whole {
            return Ok(());
        }
        if let Some(end) = self.demuxer.header_end() {
            self.header.truncate(usize::try_from(end).unwrap_or(usize::MAX));
            self.is_header_whole = true;
        }
        let bytes = self.header.len() as u64;
        check_size("the header of a recording", bytes, self.longest_header).map(drop)
    }

    /// Bytes of the stream are missing here: their time becomes a segment that shows nothing.
    ///
    /// # Errors
    /// If the recording cannot be read without them.
    pub fn pass_hole(&mut self) -> Result<(), ContainerError> {
        self.demuxer.pass_hole()?;
        self.keep_header()
    }

    /// Nothing follows for now: closes the open segment just after its last frame.
    pub fn flush(&mut self) -> Vec<Segment> {
        self.cutter.flush()
    }

    /// Gives up what was kept to go on from: what follows is read as after a hole. Flush before.
    ///
    /// # Errors
    /// As [`pass_hole`](Self::pass_hole).
    pub fn let_go(&mut self) -> Result<(), ContainerError> {
        self.cutter.forget();
        self.pass_hole()
    }

    /// Nothing follows any more: returns the segments that are left.
    pub fn finish(self) -> Vec<Segment> {
        self.cutter.finish()
    }

    /// From where to go on to get the segments that are not complete yet. `None` where that cannot be said
    /// now: before the first frame that is shown, or while a segment waits for a frame that is decoded late.
    pub fn point(&self) -> Option<CutPoint> {
        self.cutter.point(&self.header, self.demuxer.origin(), self.demuxer.point()?)
    }

    /// The video track, as soon as the recording has described it.
    pub fn track(&self) -> Option<&VideoTrack> {
        self.demuxer.track()
    }

    /// How often the recording made no sense, or bytes of it were missing.
    pub fn damages(&self) -> u64 {
        self.demuxer.damages()
    }

    /// Where the last frame that was read ends.
    pub fn end(&self) -> MediaMs {
        self.cutter.end()
    }

    /// Just after the latest frame that was read.
    pub fn reached(&self) -> MediaMs {
        self.cutter.reached()
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.demuxer.held() + self.cutter.held() + self.header.len()
    }
}
