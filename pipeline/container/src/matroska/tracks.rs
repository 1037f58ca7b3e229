//! The description of a segment: its video track, the unit of its time stamps, its duration.

use domain::time::Millis;

use super::element::*;
use crate::error::{ContainerError, damaged};
use crate::track::{Codec, Colour, VideoTrack};

const TYPE_VIDEO: u64 = 1;

/// More tracks make no sense, and each block's is looked up among them.
const MOST_TRACKS: usize = 64;

/// What `Info` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Info {
    /// Length of a tick, in nanoseconds.
    pub(super) scale: u64,
    pub(super) duration: Option<Millis>,
}

impl Default for Info {
    fn default() -> Self {
        Self { scale: 1_000_000, duration: None }
    }
}

/// What `Tracks` says.
#[derive(Debug)]
pub(super) struct Tracks {
    /// The number under which blocks of the video track come.
    pub(super) number: u64,
    pub(super) video: VideoTrack,
    /// The numbers of all tracks.
    pub(super) all: Vec<u64>,
}

/// Reads `Info`.
pub(super) fn info(body: &[u8]) -> Result<Info, ContainerError> {
    let mut info = Info::default();
    if let Some(scale) = child(body, TIMESTAMP_SCALE) {
        info.scale = unsigned(scale);
    }
    // Longer ticks than a minute are no time stamps of video.
    if !(1..=60_000_000_000).contains(&info.scale) {
        return Err(damaged("the unit of time stamps makes no sense"));
    }
    let ticks = child(body, DURATION).and_then(float);
    let milliseconds = ticks.map(|ticks| ticks * info.scale as f64 / 1e6);
    info.duration = milliseconds
        .filter(|milliseconds| milliseconds.is_finite() && *milliseconds >= 0.5)
        .map(|milliseconds| Millis(milliseconds.round() as i64));
    Ok(info)
}

/// Reads `Tracks` and picks the first video track.
pub(super) fn tracks(body: &[u8]) -> Result<Tracks, ContainerError> {
    let entries = || {
        let entries = children(body).filter(|(id, _)| *id == TRACK_ENTRY).map(|(_, entry)| entry);
        entries.take(MOST_TRACKS)
    };
    let value = |entry, id| child(entry, id).map_or(0, unsigned);
    let entry = entries().find(|entry| value(entry, TRACK_TYPE) == TYPE_VIDEO);
    let entry = entry.ok_or(ContainerError::NoVideo)?;
    Ok(Tracks {
        number: value(entry, TRACK_NUMBER),
        video: video(entry)?,
        all: entries().map(|entry| value(entry, TRACK_NUMBER)).collect(),
    })
}

/// A text, which ends where it is padded with zeros: GStreamer pads all of them.
fn text(body: &[u8]) -> &[u8] {
    body.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn video(entry: &[u8]) -> Result<VideoTrack, ContainerError> {
    let codec = match text(child(entry, CODEC_ID).unwrap_or_default()) {
        b"V_VP8" => Codec::Vp8,
        b"V_VP9" => Codec::Vp9,
        b"V_AV1" => Codec::Av1,
        b"V_MPEG4/ISO/AVC" => Codec::H264,
        b"V_MPEGH/ISO/HEVC" => Codec::Hevc,
        other => return Err(ContainerError::codec(other)),
    };
    if child(entry, CONTENT_ENCODINGS).is_some() {
        return Err(ContainerError::Unsupported { what: "a compressed or encrypted track" });
    }
    let picture = child(entry, VIDEO).ok_or(damaged("the video track has no size"))?;
    let size = |id| child(picture, id).and_then(|body| u32::try_from(unsigned(body)).ok()).unwrap_or(0);
    let (width, height) = (size(PIXEL_WIDTH), size(PIXEL_HEIGHT));
    if width == 0 || height == 0 {
        return Err(damaged("the video track has no size"));
    }
    Ok(VideoTrack {
        codec,
        codec_private: child(entry, CODEC_PRIVATE).unwrap_or_default().to_vec(),
        width,
        height,
        rotation: child(picture, PROJECTION).map_or(0, rotation),
        colour: child(picture, COLOUR).and_then(colour),
        frame_ns: child(entry, DEFAULT_DURATION).map(unsigned).filter(|length| *length > 0),
        stated_duration: None,
    })
}

/// Pictures are turned by a roll about the axis of sight, which counts counter-clockwise.
fn rotation(projection: &[u8]) -> u16 {
    let roll = child(projection, PROJECTION_POSE_ROLL).and_then(float).unwrap_or(0.0);
    match (-roll).rem_euclid(360.0).round() as u16 {
        quarter @ (90 | 180 | 270) => quarter,
        _ => 0,
    }
}

/// Says nothing where only such things are stated as how chroma is sited, or that nothing is known (2).
fn colour(body: &[u8]) -> Option<Colour> {
    let point = |id| child(body, id).and_then(|value| u16::try_from(unsigned(value)).ok()).unwrap_or(2);
    let colour = Colour {
        primaries: point(PRIMARIES),
        transfer: point(TRANSFER_CHARACTERISTICS),
        matrix: point(MATRIX_COEFFICIENTS),
        full_range: match child(body, RANGE).map(unsigned) {
            Some(1) => Some(false),
            Some(2) => Some(true),
            _ => None,
        },
    };
    let is_silent = colour.full_range.is_none()
        && [colour.primaries, colour.transfer, colour.matrix].iter().all(|point| *point == 2);
    (!is_silent).then_some(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_where_they_are_padded() {
        assert_eq!(
            [&b"V_VP8"[..], b"V_VP8\0", b"V_VP8\0\0x", b"\0", b""].map(text),
            [&b"V_VP8"[..], b"V_VP8", b"V_VP8", b"", b""]
        );
    }
}
