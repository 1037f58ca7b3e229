//! Reads a container that comes as a stream, in pieces cut anywhere.

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

impl Demuxer {
    /// A demuxer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, window: Window::default(), format: Format::Unknown, has_failed: false }
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
            Format::Matroska(reader) => reader.damages(),
            Format::Unknown | Format::Mp4(_) => 0,
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
