//! Why a byte stream could not be read as a container: a stable word for each reason, and what it means
//! for the input.

use std::io;

use domain::error::ErrorKind;

/// A container that could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// There are no bytes.
    #[error("there are no bytes")]
    Empty,
    /// Neither Matroska (WebM) nor MP4.
    #[error("neither a WebM or Matroska nor an MP4 stream")]
    NotAContainer,
    /// The container has no video track.
    #[error("there is no video track")]
    NoVideo,
    /// There is a video track, but not one frame in it.
    #[error("the video track has no frames")]
    NoFrames,
    /// The video track has a codec that is not handled.
    #[error("video with codec {codec} is not supported")]
    UnsupportedCodec {
        /// The container's name for it, in printable ASCII.
        codec: String,
    },
    /// A feature of the container that is not handled.
    #[error("{what} is not supported")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// An MP4 stream whose index comes after its frames: only a file can be read that way.
    #[error("the index of the movie comes after its frames, so it cannot be read as a stream")]
    IndexAtEnd,
    /// Another recording begins in the middle of the stream.
    #[error("another recording begins inside this one")]
    Restarted,
    /// The stream breaks off. Everything before was delivered.
    #[error("the stream breaks off")]
    Truncated,
    /// The bytes contradict the format. Everything before was delivered.
    #[error("the container is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// A part is larger than the limits allow.
    #[error("{what} of {bytes} bytes is larger than allowed")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its stated size.
        bytes: u64,
    },
    /// Frames lie further from the first than the limits allow.
    #[error("the video is longer than allowed")]
    TooLong,
    /// The media cannot be read.
    #[error("cannot read the media: {0}")]
    Io(#[source] io::Error),
}

impl ContainerError {
    /// What to do with the input.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(_) => ErrorKind::Transient,
            _ => ErrorKind::Poison,
        }
    }

    /// A stable word for messages, metrics and dead letters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAContainer => "not_media",
            Self::NoVideo => "no_video",
            Self::NoFrames => "no_pictures",
            Self::UnsupportedCodec { .. } => "unsupported_codec",
            Self::Unsupported { .. } => "unsupported_container",
            Self::IndexAtEnd => "index_at_end",
            Self::Restarted => "restarted",
            Self::Truncated => "truncated",
            Self::Damaged { .. } => "damaged",
            Self::TooLarge { .. } => "too_large",
            Self::TooLong => "too_long",
            Self::Io(_) => "io",
        }
    }

    /// A codec that is not handled, under the name that the stream gives it.
    pub(crate) fn codec(name: &[u8]) -> Self {
        let printable = |byte: &&u8| byte.is_ascii_graphic();
        let codec = name.iter().filter(printable).take(40).map(|byte| char::from(*byte)).collect();
        Self::UnsupportedCodec { codec }
    }
}

/// Damage, in short.
pub(crate) const fn damaged(what: &'static str) -> ContainerError {
    ContainerError::Damaged { what }
}

/// Refuses a part that states to be larger than `most`, before anything is kept of it.
pub(crate) fn check_size(what: &'static str, bytes: u64, most: usize) -> Result<usize, ContainerError> {
    match usize::try_from(bytes) {
        Ok(size) if size <= most => Ok(size),
        _ => Err(ContainerError::TooLarge { what, bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_stream_cannot_forge_log_lines() {
        let error = ContainerError::codec("V_\n\u{1b}[2J".repeat(100).as_bytes());
        let shown = error.to_string();
        assert!(shown.len() < 100 && !shown.contains(['\n', '\u{1b}']), "{shown:?}");
    }
}
