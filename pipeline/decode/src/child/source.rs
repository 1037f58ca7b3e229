//! Feeds the demuxer from a descriptor, at any position, without ever opening a path.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gstreamer as gst;
use gstreamer_app as gst_app;

use super::lock;
use super::mend::Mend;
use super::window::Window;
use crate::error::Fault;

/// Type finders look no further than this.
const HEAD_BYTES: usize = 256 << 10;

/// How often a demuxer may read, whatever the size of the file, and how many bytes there have to be for each
/// time beyond that. Damage makes some read the same place for ever.
const READS: u64 = 1 << 16;
const BYTES_FOR_A_READ: u64 = 8;

/// The file of a job.
#[derive(Debug)]
pub(super) struct Source {
    file: Arc<File>,
    size: u64,
    mend: Option<Arc<Mutex<Mend>>>,
}

impl Source {
    pub(super) fn new(media: OwnedFd) -> Result<Self, Fault> {
        let file = File::from(media);
        let size = file.metadata().map_err(unreadable)?.len();
        if size == 0 {
            return Err(Fault::Empty);
        }
        Ok(Self { file: Arc::new(file), size, mend: None })
    }

    /// Mends the file on its way to the demuxer: a Matroska file.
    pub(super) fn mended(self) -> Self {
        let mend = Mend::new(self.window());
        Self { mend: Some(Arc::new(Mutex::new(mend))), ..self }
    }

    /// Whether something had to be mended, or the end of the file was not found; for the end of a job.
    pub(super) fn is_incomplete(&self) -> bool {
        self.mend.as_ref().is_some_and(|mend| lock(mend).is_incomplete())
    }

    /// A look at any part of the file.
    pub(super) fn window(&self) -> Window {
        Window::new(Arc::clone(&self.file), self.size)
    }

    /// The first bytes: enough to tell what they are the beginning of.
    pub(super) fn head(&self) -> Result<Vec<u8>, Fault> {
        let length = usize::try_from(self.size).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
        read_at(&self.file, 0, length).map_err(unreadable)
    }

    /// The bytes from the beginning, one after the other.
    pub(super) fn reader(&self) -> impl io::Read + use<> {
        io::BufReader::new(Reader { file: Arc::clone(&self.file), position: 0 })
    }

    /// An element that the demuxer can pull any part of the file from.
    pub(super) fn element(&self) -> gst_app::AppSrc {
        let position = Arc::new(AtomicU64::new(0));
        let file = Arc::clone(&self.file);
        let read_from = Arc::clone(&position);
        let size = self.size;
        let mend = self.mend.clone();
        let mut reads_left = READS + size / BYTES_FOR_A_READ;
        let feed = move |source: &gst_app::AppSrc, wanted: u32| {
            let offset = read_from.load(Ordering::Relaxed);
            // What cannot be read ends the stream like the end of the file does: what came before counts.
            let length = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut bytes = read_at(&file, offset, length.min(wanted as usize)).unwrap_or_default();
            if bytes.is_empty() || reads_left == 0 {
                let _ = source.end_of_stream();
                return;
            }
            reads_left -= 1;
            if let Some(mend) = &mend {
                lock(mend).mend(offset, &mut bytes);
            }
            read_from.store(offset + bytes.len() as u64, Ordering::Relaxed);
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            if let Some(buffer) = buffer.get_mut() {
                buffer.set_offset(offset);
            }
            // Refused only while the pipeline is being stopped.
            let _ = source.push_buffer(buffer);
        };
        let seek = move |_: &gst_app::AppSrc, offset: u64| {
            position.store(offset, Ordering::Relaxed);
            true
        };
        gst_app::AppSrc::builder()
            .stream_type(gst_app::AppStreamType::RandomAccess)
            .format(gst::Format::Bytes)
            .size(i64::try_from(self.size).unwrap_or(i64::MAX))
            .callbacks(gst_app::AppSrcCallbacks::builder().need_data(feed).seek_data(seek).build())
            .build()
    }
}

/// Reads at a position of its own: that of the descriptor is shared with the parent.
struct Reader {
    file: Arc<File>,
    position: u64,
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// Up to `length` bytes; fewer only at the end of the file.
pub(super) fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn unreadable(error: io::Error) -> Fault {
    Fault::Unreadable { errno: error.raw_os_error().unwrap_or_default() }
}
