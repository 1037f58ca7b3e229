//! What can be decoded: the containers and codecs that are accepted, and the elements that do it.
//!
//! An allow-list on purpose: every demuxer and decoder that is reachable is one that an attacker can
//! reach, and automatic plugging would take whatever happens to be installed. GIF and still pictures are
//! not here: they need no element (`child/gif.rs`, `child/still.rs`).

/// A container format.
pub(crate) struct Container {
    pub(crate) name: &'static str,
    /// What the type finder calls it.
    pub(crate) media_types: &'static [&'static str],
    pub(crate) demuxer: &'static str,
    /// Where its duration comes from.
    pub(crate) length: Length,
    pub(crate) package: &'static str,
}

/// Who says how long a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// The container, and the demuxer passes it on.
    Container,
    /// A Matroska header, or nobody: then what the demuxer says is an estimate.
    MatroskaHeader,
    /// An MP4 header, or nobody: then what the demuxer says is an estimate.
    Mp4Header,
    /// Nobody: what the demuxer says is an estimate.
    Nobody,
}

/// A video codec.
pub(crate) struct Codec {
    pub(crate) name: &'static str,
    /// What demuxers call it.
    pub(crate) media_type: &'static str,
    /// Tells the versions of one media type apart.
    pub(crate) mpeg_version: Option<i32>,
    /// Finds the real picture size and the keyframes, where the decoder needs that or the container
    /// cannot be believed.
    pub(crate) parser: Option<&'static str>,
    /// The first that is installed is taken.
    pub(crate) decoders: &'static [&'static str],
    pub(crate) package: &'static str,
}

const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const LIBAV: &str = "gstreamer1.0-libav";

pub(crate) const CONTAINERS: [Container; 4] = [
    Container {
        name: "matroska",
        media_types: &["video/webm", "video/x-matroska", "audio/webm", "audio/x-matroska"],
        demuxer: "matroskademux",
        length: Length::MatroskaHeader,
        package: GOOD,
    },
    Container {
        name: "mp4",
        media_types: &["video/quicktime", "audio/x-m4a", "application/x-3gp", "video/mj2"],
        demuxer: "qtdemux",
        length: Length::Mp4Header,
        package: GOOD,
    },
    Container {
        name: "mpegts",
        media_types: &["video/mpegts"],
        demuxer: "tsdemux",
        length: Length::Nobody,
        package: BAD,
    },
    Container {
        name: "avi",
        media_types: &["video/x-msvideo"],
        demuxer: "avidemux",
        length: Length::Container,
        package: GOOD,
    },
];

pub(crate) const CODECS: [Codec; 7] = [
    Codec {
        name: "vp8",
        media_type: "video/x-vp8",
        mpeg_version: None,
        // There is none; `child/limits.rs` reads the size from the frame header.
        parser: None,
        decoders: &["vp8dec"],
        package: GOOD,
    },
    Codec {
        name: "vp9",
        media_type: "video/x-vp9",
        mpeg_version: None,
        parser: Some("vp9parse"),
        decoders: &["vp9dec"],
        package: GOOD,
    },
    Codec {
        name: "h264",
        media_type: "video/x-h264",
        mpeg_version: None,
        parser: Some("h264parse"),
        // Measured: libav is twice as fast as OpenH264, and decodes B-frames and high profiles.
        decoders: &["avdec_h264", "openh264dec"],
        package: LIBAV,
    },
    Codec {
        name: "hevc",
        media_type: "video/x-h265",
        mpeg_version: None,
        parser: Some("h265parse"),
        decoders: &["avdec_h265", "libde265dec"],
        package: LIBAV,
    },
    Codec {
        name: "av1",
        media_type: "video/x-av1",
        mpeg_version: None,
        parser: Some("av1parse"),
        decoders: &["dav1ddec", "av1dec"],
        package: BAD,
    },
    Codec {
        name: "mpeg4",
        media_type: "video/mpeg",
        mpeg_version: Some(4),
        parser: Some("mpeg4videoparse"),
        decoders: &["avdec_mpeg4"],
        package: LIBAV,
    },
    Codec {
        name: "mjpeg",
        media_type: "image/jpeg",
        mpeg_version: None,
        parser: Some("jpegparse"),
        decoders: &["jpegdec"],
        package: GOOD,
    },
];

/// What an operator can do about a codec without a decoder; empty if nothing.
pub(crate) fn install_hint(codec: &str) -> String {
    let known = CODECS.iter().find(|known| known.name == codec);
    known.map(|known| format!(" (install {})", known.package)).unwrap_or_default()
}
