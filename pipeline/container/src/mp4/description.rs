//! The description of a video track's samples (`stsd`) and of how they are turned (`tkhd`).

use super::boxes::{child, children, number, word};
use crate::error::{ContainerError, damaged};
use crate::track::{Codec, Colour, VideoTrack};

/// Before the boxes in a description of samples: reserved, size, resolution, name, depth.
const FIELDS: usize = 78;

/// Reads the first description of samples.
pub(super) fn video(descriptions: &[u8], rotation: u16) -> Result<VideoTrack, ContainerError> {
    let entries = descriptions.get(8..).unwrap_or_default();
    let (name, entry) = children(entries).next().ok_or(damaged("the video track is not described"))?;
    let (codec, settings) = match &name {
        b"avc1" | b"avc3" => (Codec::H264, Some(b"avcC")),
        b"hvc1" | b"hev1" => (Codec::Hevc, Some(b"hvcC")),
        b"av01" => (Codec::Av1, Some(b"av1C")),
        b"vp08" => (Codec::Vp8, None),
        b"vp09" => (Codec::Vp9, None),
        other => return Err(ContainerError::codec(other)),
    };
    let size = |at| number(entry, at, 2).filter(|size| *size > 0).map(|size| size as u32);
    let (Some(width), Some(height), Some(inner)) = (size(24), size(26), entry.get(FIELDS..)) else {
        return Err(damaged("the video track has no size"));
    };
    let codec_private = match settings {
        Some(settings) => child(inner, settings).ok_or(damaged("the decoder's settings are missing"))?,
        None => &[],
    };
    Ok(VideoTrack {
        codec,
        codec_private: codec_private.to_vec(),
        width,
        height,
        rotation,
        colour: children(inner).find_map(|(name, body)| (&name == b"colr").then(|| colour(body))?),
        frame_ns: None,
        stated_duration: None,
    })
}

/// Reads colours in code points; profiles are not read.
fn colour(body: &[u8]) -> Option<Colour> {
    let kind = body.first_chunk::<4>()?;
    if ![b"nclx", b"nclc"].contains(&kind) {
        return None;
    }
    let point = |at| number(body, at, 2).map(|point| point as u16);
    let full_range = body.get(10).filter(|_| kind == b"nclx").map(|flags| flags & 0x80 != 0);
    Some(Colour { primaries: point(4)?, transfer: point(6)?, matrix: point(8)?, full_range })
}

/// Reads by how many degrees clockwise the pictures of a track are turned, from the body of its `tkhd`.
pub(super) fn rotation(header: &[u8]) -> u16 {
    let matrix = if header.first() == Some(&1) { 52 } else { 40 };
    // The first two columns of the first two rows, in 16.16 fixed point.
    let cell = |index: usize| word(header, matrix + 4 * index).map_or(0, |cell| (cell as i32).signum());
    match [cell(0), cell(1), cell(3), cell(4)] {
        [0, 1, -1, 0] => 90,
        [-1, 0, 0, -1] => 180,
        [0, -1, 1, 0] => 270,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_are_told_from_other_matrices() {
        let header = |version: u8, cells: [i32; 4]| {
            let mut header = vec![0; if version == 1 { 96 } else { 84 }];
            header[0] = version;
            let matrix = header.len() - 44;
            for (index, cell) in [0, 1, 3, 4].into_iter().zip(cells) {
                let at = matrix + 4 * index;
                header[at..at + 4].copy_from_slice(&(cell << 16).to_be_bytes());
            }
            header
        };
        for version in [0, 1] {
            assert_eq!(rotation(&header(version, [1, 0, 0, 1])), 0);
            assert_eq!(rotation(&header(version, [0, 1, -1, 0])), 90);
            assert_eq!(rotation(&header(version, [-1, 0, 0, -1])), 180);
            assert_eq!(rotation(&header(version, [0, -1, 1, 0])), 270);
            assert_eq!(rotation(&header(version, [-1, 0, 0, 1])), 0);
        }
        assert_eq!(rotation(&[0; 20]), 0);
    }
}
