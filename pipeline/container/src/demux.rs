//! Reads a container that comes as a stream, in pieces cut anywhere.

use domain::messages::StreamPoint;

use crate::error::{ContainerError, damaged};
use crate::limits::Limits;
use crate::packet::Packet;
use crate::track::VideoTrack;
use crate::window::Window;
use crate::{matroska, mp4};

/// As many bytes tell what a stream is.
const MAGIC: usize = 8;

/// Turns a byte stream into the packets of its video track.
///
/// Where the stream is cut does not matter. Memory holds at most the piece pushed, one frame or one
/// description ([`Limits`]), whatever the stream says.
#[derive(Debug)]
pub struct Demuxer {
    limits: Limits,
    window: Window,
    format: Format,
    has_failed: bool,
}

#[derive(Debug)]
enum Format {
    Unknown,
    Matroska(Box<matroska::Reader>),
    Mp4(Box<mp4::StreamReader>),
}

/// Whether a recording begins with these bytes; `None` if more are needed to tell.
pub fn begins_recording(bytes: &[u8]) -> Option<bool> {
    let matches = |byte: usize, expected: u8| bytes.get(byte).is_none_or(|byte| *byte == expected);
    let whole = |length: usize| (bytes.len() >= length).then_some(true);
    if (0..).zip(matroska::EBML.to_be_bytes()).all(|(index, byte)| matches(index, byte)) {
        return whole(size_of_val(&matroska::EBML));
    }
    let is_mp4 =
        (0..3).all(|index| matches(index, 0)) && (4..).zip(*b"ftyp").all(|(at, byte)| matches(at, byte));
    if is_mp4 { whole(MAGIC) } else { Some(false) }
}

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, window: Window::default(), format: Format::Unknown, has_failed: false }
    }

    /// A demuxer that goes on from a point of a stream with this header, whose first frame lies at `origin` in
    /// the container's time, in nanoseconds. What is pushed next is what follows the point.
    ///
    /// # Errors
    /// If that is no header.
    pub fn resume(
        limits: Limits,
        header: &[u8],
        from: StreamPoint,
        origin: Option<i64>,
    ) -> Result<Self, ContainerError> {
        let mut demuxer = Self::new(limits);
        demuxer.push(header, &mut Vec::new())?;
        if demuxer.track().is_none() {
            return Err(damaged("the header is not whole"));
        }
        demuxer.window = Window::at(from.position);
        match &mut demuxer.format {
            Format::Unknown => {}
            Format::Matroska(reader) => reader.resume(from, origin),
            Format::Mp4(reader) => reader.resume(from, origin),
        }
        Ok(demuxer)
    }

    /// Where reading has to begin to go on as from here; `None` while only the header has come.
    pub fn point(&self) -> Option<StreamPoint> {
        match &self.format {
            Format::Unknown => None,
            Format::Matroska(reader) => reader.point(&self.window),
            Format::Mp4(reader) => reader.point(&self.window),
        }
    }

    /// How many bytes come before the first frames; `None` while it is not known.
    pub fn header_end(&self) -> Option<u64> {
        match &self.format {
            Format::Unknown => None,
            Format::Matroska(reader) => reader.header_end(),
            Format::Mp4(reader) => reader.header_end(),
        }
    }

    /// The container's time of the first frame, in nanoseconds.
    pub fn origin(&self) -> Option<i64> {
        match &self.format {
            Format::Unknown => None,
            Format::Matroska(reader) => reader.origin(),
            Format::Mp4(reader) => reader.origin(),
        }
    }

    /// Bytes that are held because what they belong to is not whole.
    pub fn held(&self) -> usize {
        self.window.held()
    }

    /// Bytes of the stream are missing here. Reading goes on at the next cluster or fragment, and frames are
    /// delivered from the next keyframe on; that is damage.
    ///
    /// # Errors
    /// If the stream cannot be read without them.
    pub fn pass_hole(&mut self) -> Result<(), ContainerError> {
        let result = match &mut self.format {
            _ if self.has_failed => Err(damaged("the stream was given up before")),
            Format::Unknown => Err(ContainerError::NotAContainer),
            Format::Matroska(reader) => reader.pass_hole(&mut self.window),
            Format::Mp4(reader) => reader.pass_hole(&mut self.window),
        };
        self.has_failed |= result.is_err();
        result
    }

    /// Takes the next piece of the stream and adds the packets that it completes.
    ///
    /// # Errors
    /// If the stream cannot be read any further. Packets that came before the error are added and good;
    /// the demuxer is of no use afterwards.
    pub fn push(&mut self, piece: &[u8], packets: &mut Vec<Packet>) -> Result<(), ContainerError> {
        if self.has_failed {
            return Err(damaged("the stream was given up before"));
        }
        self.window.push(piece);
        let result = self.read(packets);
        if result.is_err() {
            self.has_failed = true;
            self.window = Window::default();
        }
        result
    }

    fn read(&mut self, packets: &mut Vec<Packet>) -> Result<(), ContainerError> {
        if matches!(self.format, Format::Unknown) {
            let Some(magic) = self.window.rest().first_chunk::<MAGIC>() else { return Ok(()) };
            self.format = if magic.starts_with(&matroska::EBML.to_be_bytes()) {
                Format::Matroska(Box::new(matroska::Reader::new(self.limits)))
            } else if mp4::is_start(magic) {
                Format::Mp4(Box::new(mp4::StreamReader::new(self.limits)))
            } else {
                return Err(ContainerError::NotAContainer);
            };
        }
        match &mut self.format {
            Format::Unknown => Ok(()),
            Format::Matroska(reader) => reader.read(&mut self.window, packets),
            Format::Mp4(reader) => reader.read(&mut self.window, packets),
        }
    }

    /// The video track, as soon as the stream has described it; packets come only after it.
    pub fn track(&self) -> Option<&VideoTrack> {
        match &self.format {
            Format::Unknown => None,
            Format::Matroska(reader) => reader.track(),
            Format::Mp4(reader) => reader.track(),
        }
    }

    /// How often the stream made no sense and was read on at a later place. Each time frames were lost,
    /// up to the next keyframe.
    pub fn damages(&self) -> u64 {
        match &self.format {
            Format::Unknown => 0,
            Format::Matroska(reader) => reader.damages(),
            Format::Mp4(reader) => reader.damages(),
        }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// If it cannot have ended here: it breaks off, or holds no video. Recordings of browsers state no
    /// size: of them only a cut within a frame is seen.
    pub fn finish(&mut self) -> Result<(), ContainerError> {
        match &mut self.format {
            _ if self.has_failed => Err(damaged("the stream was given up before")),
            Format::Unknown if self.window.rest().is_empty() => Err(ContainerError::Empty),
            Format::Unknown => Err(ContainerError::NotAContainer),
            Format::Matroska(reader) => reader.finish(&self.window),
            Format::Mp4(reader) => reader.finish(&self.window),
        }
    }
}
