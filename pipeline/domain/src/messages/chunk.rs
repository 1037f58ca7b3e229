//! A chunk: a piece of the byte stream that a browser uploads, as it was sent.
//!
//! Like a segment it is no JSON message: its value is bytes, its header a set of CloudEvents attributes.
//! Chunks are cut anywhere: only all of them in the order of their numbers are a container.

use super::canonical::sha256_hex;
use super::is_sha256;
use super::segment::is_media_type_of_video;
use crate::ids::SessionId;

/// CloudEvents type of a chunk.
pub const CHUNK_TYPE: &str = "invigilator.chunk.v1";

/// What a chunk says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkHeader {
    /// The session that it belongs to.
    pub session: SessionId,
    /// Counts the chunks of a session from 0, over all its recordings.
    pub number: u64,
    /// SHA-256 of the bytes, lower-case hex: tells a repetition from another chunk of the same number.
    pub sha256: String,
    /// Media type of the stream, as the browser named it, e.g. `video/webm;codecs=vp8`.
    pub media_type: String,
    /// No chunk with a lower number is still to come: whoever sent this one knows of none. So numbers may begin
    /// again, further on, on a device that knows nothing of the chunks before.
    pub begins: bool,
}

/// A chunk with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What it says about itself.
    pub header: ChunkHeader,
    /// Never empty in a record that is read.
    pub bytes: Vec<u8>,
}

/// A chunk that no honest client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// More chunks than a session can have.
    #[error("the number of a chunk is below {}", ChunkHeader::MOST)]
    Number,
    /// No SHA-256.
    #[error("the hash of a chunk is 64 lower-case hexadecimal digits")]
    Hash,
    /// No media type of video.
    #[error("the media type of a chunk is `video/...`, at most 128 visible characters")]
    MediaType,
}

impl ChunkHeader {
    /// Chunks of a session have lower numbers than this: ten a second for as long as a session may last.
    pub const MOST: u64 = 10 * 7 * 86_400;

    /// Checks what a header from outside must hold before anything is computed from it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn validate(&self) -> Result<(), ChunkError> {
        if self.number >= Self::MOST {
            return Err(ChunkError::Number);
        }
        if !is_sha256(&self.sha256) {
            return Err(ChunkError::Hash);
        }
        if !is_media_type_of_video(&self.media_type) {
            return Err(ChunkError::MediaType);
        }
        Ok(())
    }
}

impl Chunk {
    /// A chunk whose hash is that of its bytes.
    pub fn new(session: SessionId, number: u64, media_type: impl Into<String>, bytes: Vec<u8>) -> Self {
        let (sha256, media_type) = (sha256_hex(&bytes), media_type.into());
        Self { header: ChunkHeader { session, number, sha256, media_type, begins: false }, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_checked() {
        let chunk = |number, media_type: &str| {
            Chunk::new("t1/e7/s42".parse().unwrap(), number, media_type, b"\x1a".to_vec()).header
        };
        let good = chunk(ChunkHeader::MOST - 1, "video/webm;codecs=vp8");
        assert_eq!(good.validate(), Ok(()));
        assert_eq!(chunk(ChunkHeader::MOST, "video/webm").validate(), Err(ChunkError::Number));
        assert_eq!(chunk(0, "text/html").validate(), Err(ChunkError::MediaType));
        assert_eq!(chunk(0, "video/webm\r\nx: y").validate(), Err(ChunkError::MediaType));
        let hash = ChunkHeader { sha256: "0F".repeat(32), ..good };
        assert_eq!(hash.validate(), Err(ChunkError::Hash));
    }
}
