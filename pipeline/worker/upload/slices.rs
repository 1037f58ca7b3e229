//! A stream in slices of a second, as a recorder in a browser hands it over: cut anywhere, every byte as it is.
//!
//! The stream is demuxed beside, to know how far on its media clock a slice reaches. Nothing else is done with what
//! is in it.

use std::io::Read;

use container::{ContainerError, Demuxer, Limits, Packet};
use domain::time::{MediaMs, Millis};

use super::error::UploadError;

/// How long a slice is, at least.
const EVERY: Millis = Millis::from_secs(1);
/// How much is read at once: also by how much a slice may reach beyond its second.
const PIECE: usize = 4 << 10;
/// A slice of more bytes is handed over before its second is full.
const LARGEST: usize = 4 << 20;
/// What WebM and Matroska begin with.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// A slice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The next bytes of the stream.
    pub(super) bytes: Vec<u8>,
    /// When the last frame in it is shown.
    pub(super) until: MediaMs,
    /// What the stream is.
    pub(super) media_type: &'static str,
}

/// The slices of a stream; after the first error nothing more.
pub(super) struct Slices<R> {
    media: R,
    demuxer: Demuxer,
    media_type: Option<&'static str>,
    /// Where the slice ends that is handed over next.
    border: MediaMs,
    latest: MediaMs,
    has_ended: bool,
}

impl<R: Read> Slices<R> {
    pub(super) fn new(media: R) -> Self {
        Self {
            media,
            demuxer: Demuxer::new(Limits::default()),
            media_type: None,
            border: MediaMs::ZERO + EVERY,
            latest: MediaMs::ZERO,
            has_ended: false,
        }
    }

    fn read(&mut self) -> Result<Option<Slice>, UploadError> {
        let (mut bytes, mut packets) = (Vec::new(), Vec::<Packet>::new());
        while self.latest < self.border && bytes.len() < LARGEST {
            let begin = bytes.len();
            if self.media.by_ref().take(PIECE as u64).read_to_end(&mut bytes)? == 0 {
                self.has_ended = true;
                // Where a recording may end, whoever cuts it knows; but it has to be one.
                if self.demuxer.track().is_none() {
                    self.demuxer.finish()?;
                }
                break;
            }
            self.media_type.get_or_insert(if bytes.starts_with(&EBML) { "video/webm" } else { "video/mp4" });
            self.demuxer.push(&bytes[begin..], &mut packets)?;
            self.latest = packets.drain(..).map(|packet| packet.at).fold(self.latest, MediaMs::max);
        }
        while self.border <= self.latest {
            self.border = self.border + EVERY;
        }
        let media_type = self.media_type.ok_or(ContainerError::Empty)?;
        Ok((!bytes.is_empty()).then_some(Slice { bytes, until: self.latest, media_type }))
    }
}

impl<R: Read> Iterator for Slices<R> {
    type Item = Result<Slice, UploadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let read = self.read();
        self.has_ended |= read.is_err();
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::*;

    /// 20 s of video.
    const CLIP: &str = "tests/media/clips/c01_calm_vp8.webm";

    #[test]
    fn slices_are_the_stream_a_second_at_a_time() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CLIP);
        let file = File::open(&path).expect("clips are there after `make setup`");
        let slices: Vec<Slice> = Slices::new(file).collect::<Result<_, _>>().unwrap();
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes.clone()).collect();
        assert_eq!(bytes, std::fs::read(path).unwrap());
        assert!(slices.iter().all(|slice| slice.media_type == "video/webm"));
        for pair in slices.windows(2) {
            assert!(pair[1].until >= pair[0].until);
        }
        let full = &slices[..slices.len() - 1];
        for (number, slice) in (1..).zip(full) {
            let second = MediaMs(1000 * number);
            assert!(slice.until >= second && slice.until < second + EVERY, "{number}: {:?}", slice.until);
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let refusal = |bytes: &[u8]| Slices::new(bytes).next().unwrap().unwrap_err().to_string();
        assert!(refusal(b"").contains("no bytes"), "{}", refusal(b""));
        assert!(refusal(b"<!doctype html><title>").contains("WebM"), "{}", refusal(b"<!doctype html>"));
        let mut slices = Slices::new(&b"<!doctype html>"[..]);
        assert!(slices.next().unwrap().is_err());
        assert!(slices.next().is_none());
    }
}
