//! Files as segments: reading and cutting in one.

use std::collections::VecDeque;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

use crate::cut::{CutSettings, Cutter, Segment};
use crate::demux::Demuxer;
use crate::error::ContainerError;
use crate::limits::Limits;
use crate::mp4;
use crate::packet::Packet;
use crate::track::VideoTrack;

/// How much of a stream is read at once.
const PIECE: usize = 64 << 10;

/// The segments of a file, in order. Holds few of them in memory, whatever the file's size.
///
/// What can be read of a damaged file comes first, then the error, then nothing more. Whoever needs to
/// know only where a file is cut looks at [`Segment::interval`] and leaves the packets alone.
#[derive(Debug)]
pub struct Segments<R> {
    source: Source<R>,
    track: VideoTrack,
    /// `None` when the file has ended.
    cutter: Option<Cutter>,
    ready: VecDeque<Segment>,
    error: Option<ContainerError>,
    dropped: u64,
}

impl<R: Read + Seek> Segments<R> {
    /// Opens a file and reads as far as the description of its video track.
    ///
    /// # Errors
    /// If it is no container with a video track that can be cut, or cannot be read.
    pub fn open(media: R, limits: Limits, settings: CutSettings) -> Result<Self, ContainerError> {
        let (source, track, opening) = Source::open(media, limits)?;
        let mut segments = Self {
            source,
            track,
            cutter: Some(Cutter::new(settings)),
            ready: VecDeque::new(),
            error: None,
            dropped: 0,
        };
        segments.cut(opening);
        Ok(segments)
    }

    /// The video track.
    pub fn track(&self) -> &VideoTrack {
        &self.track
    }

    /// How often the file made no sense and was read on at a later place, so far.
    pub fn damages(&self) -> u64 {
        match &self.source {
            Source::Stream { demuxer, .. } => demuxer.damages(),
            Source::Mp4(_) => 0,
        }
    }

    /// How many packets are in no segment, because nothing was there to decode them from, so far.
    pub fn dropped(&self) -> u64 {
        self.cutter.as_ref().map_or(self.dropped, Cutter::dropped)
    }

    /// Cuts what was read; at the end of the file, what is left.
    fn cut(&mut self, read: Piece) {
        let Some(cutter) = &mut self.cutter else { return };
        self.ready.extend(read.packets.into_iter().flat_map(|packet| cutter.push(packet)));
        match read.result {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => self.error = Some(error),
        }
        self.dropped = cutter.dropped();
        self.ready.extend(self.cutter.take().into_iter().flat_map(Cutter::finish));
    }
}

impl<R: Read + Seek> Iterator for Segments<R> {
    type Item = Result<Segment, ContainerError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && self.cutter.is_some() {
            let read = self.source.read();
            self.cut(read);
        }
        self.ready.pop_front().map(Ok).or_else(|| self.error.take().map(Err))
    }
}

#[derive(Debug)]
enum Source<R> {
    Stream { media: R, demuxer: Box<Demuxer> },
    Mp4(Box<mp4::FileReader<BufReader<R>>>),
}

/// What reading a piece of a file gave: packets, then whether there may be more.
#[derive(Debug)]
struct Piece {
    packets: Vec<Packet>,
    result: Result<bool, ContainerError>,
}

impl<R: Read + Seek> Source<R> {
    fn open(mut media: R, limits: Limits) -> Result<(Self, VideoTrack, Piece), ContainerError> {
        let mut magic = [0; 8];
        let is_mp4 = match media.read_exact(&mut magic) {
            Ok(()) => mp4::is_start(&magic),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(ContainerError::Io(error)),
        };
        media.seek(SeekFrom::Start(0)).map_err(ContainerError::Io)?;
        if is_mp4 {
            let reader = mp4::FileReader::open(BufReader::new(media), limits)?;
            let track = reader.track().clone();
            return Ok((Self::Mp4(Box::new(reader)), track, Piece { packets: Vec::new(), result: Ok(true) }));
        }
        let mut demuxer = Box::new(Demuxer::new(limits));
        loop {
            let read = read_stream(&mut media, &mut demuxer);
            if let Some(track) = demuxer.track().cloned() {
                return Ok((Self::Stream { media, demuxer }, track, read));
            }
            if !read.result? {
                return Err(ContainerError::NoVideo);
            }
        }
    }

    fn read(&mut self) -> Piece {
        match self {
            Self::Stream { media, demuxer } => read_stream(media, demuxer),
            Self::Mp4(reader) => {
                let mut packets = Vec::new();
                let result = reader.read(&mut packets);
                Piece { packets, result }
            }
        }
    }
}

fn read_stream(media: &mut impl Read, demuxer: &mut Demuxer) -> Piece {
    let mut packets = Vec::new();
    let mut piece = Vec::with_capacity(PIECE);
    let result = match media.take(PIECE as u64).read_to_end(&mut piece) {
        Ok(0) => demuxer.finish().map(|()| false),
        Ok(_) => demuxer.push(&piece, &mut packets).map(|()| true),
        Err(error) => Err(ContainerError::Io(error)),
    };
    Piece { packets, result }
}
