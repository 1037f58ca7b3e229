//! What a container says about its video track before the first frame.

use domain::time::Millis;

use crate::matroska;

/// The codecs that are cut and carried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// H.264 (AVC).
    H264,
    /// H.265 (HEVC).
    Hevc,
}

impl Codec {
    /// The codec's usual short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
            Self::H264 => "h264",
            Self::Hevc => "hevc",
        }
    }
}

/// How the numbers of a picture become colours, in the code points of ISO/IEC 23091-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether luma uses the whole range; `None` if the container does not say.
    pub full_range: Option<bool>,
}

/// The video track of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack {
    /// How frames are encoded.
    pub codec: Codec,
    /// What a decoder needs before the first frame, as Matroska's `CodecPrivate` has it: the avcC or hvcC
    /// record of H.264 or HEVC, av1C of AV1. Empty if there is nothing.
    pub codec_private: Vec<u8>,
    /// Width of a frame as encoded, in pixels.
    pub width: u32,
    /// Height of a frame as encoded, in pixels.
    pub height: u32,
    /// By how much frames are turned clockwise to be upright: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Colours, if the container says something about them.
    pub colour: Option<Colour>,
    /// How long a frame lasts, in nanoseconds, if the container says it once for all.
    pub frame_ns: Option<u64>,
    /// How long the stream is, if the container says so; recordings of browsers do not.
    pub stated_duration: Option<Millis>,
}

impl VideoTrack {
    /// Canonical bytes of the description, without the stated duration: the same description gives the
    /// same bytes, whatever container it came in. Meant for hashing.
    pub fn description(&self) -> Vec<u8> {
        matroska::track_entry(self)
    }
}
