//! Why a medium could not be decoded: a stable word for each reason, and what it means for the input.

use std::io;
use std::time::Duration;

use domain::error::ErrorKind;
use domain::time::Millis;
use serde::{Deserialize, Serialize};

use crate::confinement::Barrier;
use crate::formats;

/// A decode that failed.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes are no video.
    #[error("the file is not a video")]
    NotMedia,
    /// A container that is known but not accepted.
    #[error("containers of type {container} are not supported")]
    UnsupportedContainer {
        /// Its media type.
        container: String,
    },
    /// The container has no video stream.
    #[error("the file has no video stream")]
    NoVideo,
    /// No decoder for the video stream.
    #[error("no decoder for {codec}{}", formats::install_hint(codec))]
    UnsupportedCodec {
        /// The codec.
        codec: String,
    },
    /// The container breaks off or is damaged before there is more than one picture.
    #[error("the container is damaged or cut short at its beginning")]
    Damaged,
    /// There is a video stream, but not one of its frames can be decoded.
    #[error("not one picture could be decoded")]
    NoPictures,
    /// One picture at most, however long it is to be shown: nothing happens in it.
    #[error("the video has no duration: there is one picture at most")]
    ZeroDuration,
    /// Larger than the settings allow.
    #[error("pictures of {width}x{height} are larger than allowed")]
    TooLarge {
        /// Width of a picture.
        width: u32,
        /// Height of a picture.
        height: u32,
    },
    /// Longer than the settings allow.
    #[error("a duration of {} s is longer than allowed", .duration.0 / 1000)]
    TooLong {
        /// How long the container says it is.
        duration: Millis,
    },
    /// The decoder made no progress.
    #[error("the decoder made no progress for {} ms", .after.as_millis())]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The decoder died.
    #[error("the decoder died{}", .signal.map(|signal| format!(" of signal {signal}")).unwrap_or_default())]
    ChildCrashed {
        /// The signal that killed it, if one did.
        signal: Option<i32>,
    },
    /// The decoder said something that no honest decoder says.
    #[error("the decoder misbehaved: {what}")]
    ChildMisbehaved {
        /// What it said.
        what: &'static str,
    },
    /// The media cannot be read.
    #[error("cannot read the media")]
    Io(#[source] io::Error),
    /// The settings ask for a barrier around decoders that this machine does not offer.
    #[error(
        "decoders cannot be confined by {barrier} here, which decode.require asks for; see invigilator doctor"
    )]
    Unconfined {
        /// Which one.
        barrier: Barrier,
    },
    /// No decoder can be started.
    #[error("cannot start a decoder")]
    Spawn(#[source] io::Error),
}

impl DecodeError {
    /// What to do with the input.
    ///
    /// A timeout or a crash counts against the input: trying it again and again would stall everything
    /// behind it. See [`ended_the_decoder`](Self::ended_the_decoder) for those that merit a second try.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(_) => ErrorKind::Transient,
            Self::Spawn(_) | Self::Unconfined { .. } => ErrorKind::Fatal,
            _ => ErrorKind::Poison,
        }
    }

    /// Whether a decoder died or hung: of the medium, or of something that happened to the machine.
    pub fn ended_the_decoder(&self) -> bool {
        matches!(self, Self::ChildCrashed { .. } | Self::Timeout { .. })
    }

    /// A stable word for messages, metrics and dead letters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotMedia => "not_media",
            Self::UnsupportedContainer { .. } => "unsupported_container",
            Self::NoVideo => "no_video",
            Self::UnsupportedCodec { .. } => "unsupported_codec",
            Self::Damaged => "damaged",
            Self::NoPictures => "no_pictures",
            Self::ZeroDuration => "zero_duration",
            Self::TooLarge { .. } => "too_large",
            Self::TooLong { .. } => "too_long",
            Self::Timeout { .. } => "timeout",
            Self::ChildCrashed { .. } => "decoder_crashed",
            Self::ChildMisbehaved { .. } => "decoder_misbehaved",
            Self::Io(_) => "io",
            Self::Spawn(_) => "spawn",
            Self::Unconfined { .. } => "unconfined",
        }
    }
}

/// The part of the errors that the child finds and reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    Empty,
    NotMedia,
    UnsupportedContainer {
        container: String,
    },
    NoVideo,
    UnsupportedCodec {
        codec: String,
    },
    Damaged,
    NoPictures,
    ZeroDuration,
    TooLarge {
        width: u32,
        height: u32,
    },
    TooLong {
        duration: Millis,
    },
    Unreadable {
        errno: i32,
    },
    /// A part of GStreamer that every decode needs is missing or does not start.
    Broken {
        what: String,
    },
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Empty => Self::Empty,
            Fault::NotMedia => Self::NotMedia,
            Fault::UnsupportedContainer { container } => {
                Self::UnsupportedContainer { container: printable(&container) }
            }
            Fault::NoVideo => Self::NoVideo,
            Fault::UnsupportedCodec { codec } => Self::UnsupportedCodec { codec: printable(&codec) },
            Fault::Damaged => Self::Damaged,
            Fault::NoPictures => Self::NoPictures,
            Fault::ZeroDuration => Self::ZeroDuration,
            Fault::TooLarge { width, height } => Self::TooLarge { width, height },
            Fault::TooLong { duration } => Self::TooLong { duration },
            Fault::Unreadable { errno } => Self::Io(io::Error::from_raw_os_error(errno)),
            Fault::Broken { what } => Self::Spawn(io::Error::other(printable(&what))),
        }
    }
}

/// Text of a child in a form that is safe to log: short, visible ASCII.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|each| each.is_ascii_graphic() || *each == ' ').take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_child_cannot_forge_log_lines() {
        let error = DecodeError::from(Fault::UnsupportedCodec { codec: "a\nb\u{1b}[2J".repeat(100) });
        let shown = error.to_string();
        assert!(shown.len() < 200 && !shown.contains(['\n', '\u{1b}']), "{shown:?}");
    }

    #[test]
    fn a_cause_is_told_once_by_whoever_tells_the_chain() {
        for error in [DecodeError::Io(io::Error::other("gone")), DecodeError::Spawn(io::Error::other("gone"))]
        {
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause == "gone" && !error.to_string().contains("gone"), "{error}");
        }
    }

    #[test]
    fn a_known_codec_names_its_package() {
        let error = DecodeError::UnsupportedCodec { codec: "hevc".to_owned() };
        assert_eq!(error.to_string(), "no decoder for hevc (install gstreamer1.0-libav)");
    }
}
