//! Writes a segment of video as a Matroska file of its own, byte for byte the same each time.

use domain::time::Millis;

use super::element::*;
use crate::cut::{LONGEST_DELAY, Segment};
use crate::packet::Packet;
use crate::track::{Codec, Colour, VideoTrack};

/// The number of the only track.
const TRACK: u8 = 1;

/// A block's time reaches about 32 s from its cluster's. As long as frames are delayed at most, so that the
/// times of clusters never run back.
const LONGEST_CLUSTER: Millis = LONGEST_DELAY;

const KEY: u8 = 0x80;

/// Writes `segment` of `track` as one standalone file: WebM for VP8, VP9 and AV1, else Matroska.
///
/// Its first packet lies at 0, so that the segment itself begins at its preroll; ticks are milliseconds;
/// all sizes and the duration are stated, and the last frame shown lasts to the end of the segment. A
/// segment without packets makes a file without frames.
pub fn write(track: &VideoTrack, segment: &Segment) -> Vec<u8> {
    let end = segment.interval.end;
    let first = segment.packets.first().map_or(segment.interval.start, |packet| packet.at);
    let last = segment.packets.iter().map(|packet| packet.at).filter(|at| *at < end).max();
    let mut body = Vec::with_capacity(segment.size() + 16 * segment.packets.len() + 1024);
    body.extend(info(end - first));
    body.extend(element(TRACKS, &track_entry(track)));
    for cluster in clusters(&segment.packets) {
        let start = cluster.first().map_or(first, |packet| packet.at);
        let mut blocks = number(TIMESTAMP, (start - first).0.max(0) as u64);
        for packet in cluster {
            let lasts = (Some(packet.at) == last).then(|| end - packet.at);
            blocks.extend(block(packet, packet.at - start, lasts));
        }
        put(&mut body, CLUSTER, &blocks);
    }
    let mut file = ebml_header(track.codec);
    put(&mut file, SEGMENT, &body);
    file
}

fn ebml_header(codec: Codec) -> Vec<u8> {
    let doc_type: &[u8] = match codec {
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => b"webm",
        Codec::H264 | Codec::Hevc => b"matroska",
    };
    let body = [
        number(EBML_VERSION, 1),
        number(EBML_READ_VERSION, 1),
        number(EBML_MAX_ID_LENGTH, 4),
        number(EBML_MAX_SIZE_LENGTH, 8),
        element(DOC_TYPE, doc_type),
        number(DOC_TYPE_VERSION, 4),
        number(DOC_TYPE_READ_VERSION, 2),
    ];
    element(EBML, &body.concat())
}

fn info(duration: Millis) -> Vec<u8> {
    let body = [
        number(TIMESTAMP_SCALE, 1_000_000),
        element(MUXING_APP, b"invigilator"),
        element(WRITING_APP, b"invigilator"),
        element(DURATION, &(duration.0.max(0) as f64).to_be_bytes()),
    ];
    element(INFO, &body.concat())
}

/// The description of a track: a function of what decoding depends on, and of nothing else.
pub(crate) fn track_entry(track: &VideoTrack) -> Vec<u8> {
    let codec: &[u8] = match track.codec {
        Codec::Vp8 => b"V_VP8",
        Codec::Vp9 => b"V_VP9",
        Codec::Av1 => b"V_AV1",
        Codec::H264 => b"V_MPEG4/ISO/AVC",
        Codec::Hevc => b"V_MPEGH/ISO/HEVC",
    };
    let mut body = [
        number(TRACK_NUMBER, TRACK.into()),
        number(TRACK_UID, TRACK.into()),
        number(TRACK_TYPE, 1),
        number(FLAG_LACING, 0),
        element(CODEC_ID, codec),
    ]
    .concat();
    if !track.codec_private.is_empty() {
        put(&mut body, CODEC_PRIVATE, &track.codec_private);
    }
    if let Some(length) = track.frame_ns {
        body.extend(number(DEFAULT_DURATION, length));
    }
    let mut video =
        [number(PIXEL_WIDTH, track.width.into()), number(PIXEL_HEIGHT, track.height.into())].concat();
    if let Some(colour) = track.colour {
        put(&mut video, COLOUR, &self::colour(colour));
    }
    if track.rotation != 0 {
        // A roll counts counter-clockwise.
        let roll = -f64::from(track.rotation);
        let roll = if roll < -180.0 { roll + 360.0 } else { roll };
        let pose = element(PROJECTION_POSE_ROLL, &roll.to_be_bytes());
        put(&mut video, PROJECTION, &[number(PROJECTION_TYPE, 0), pose].concat());
    }
    put(&mut body, VIDEO, &video);
    element(TRACK_ENTRY, &body)
}

fn colour(colour: Colour) -> Vec<u8> {
    let mut body = number(MATRIX_COEFFICIENTS, colour.matrix.into());
    if let Some(full_range) = colour.full_range {
        body.extend(number(RANGE, 1 + u64::from(full_range)));
    }
    body.extend(number(TRANSFER_CHARACTERISTICS, colour.transfer.into()));
    body.extend(number(PRIMARIES, colour.primaries.into()));
    body
}

/// Groups packets so that each lies near enough to the first of its group.
fn clusters(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    let mut rest = packets;
    std::iter::from_fn(move || {
        let start = rest.first()?.at;
        let is_near = |packet: &&Packet| {
            let distance = packet.at - start;
            Millis(distance.0.abs()) <= LONGEST_CLUSTER
        };
        let (cluster, others) = rest.split_at(rest.iter().take_while(is_near).count());
        rest = others;
        Some(cluster)
    })
}

/// A packet so long after the start of its cluster, and how long it lasts if that is to be stated.
fn block(packet: &Packet, relative: Millis, lasts: Option<Millis>) -> Vec<u8> {
    let [high, low] = (relative.0 as i16).to_be_bytes();
    let flags = if packet.is_key && lasts.is_none() { KEY } else { 0 };
    let body = [&[0x80 | TRACK, high, low, flags][..], &packet.bytes].concat();
    let Some(lasts) = lasts else { return element(SIMPLE_BLOCK, &body) };
    let mut group = [element(BLOCK, &body), number(BLOCK_DURATION, lasts.0.max(0) as u64)].concat();
    if !packet.is_key {
        // 0 stands for any other frame.
        group.extend(number(REFERENCE_BLOCK, 0));
    }
    element(BLOCK_GROUP, &group)
}

fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + body.len());
    put(&mut bytes, id, body);
    bytes
}

/// An element that holds a whole number.
fn number(id: u32, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let leading = (value.leading_zeros() as usize / 8).min(7);
    element(id, &bytes[leading..])
}

/// Appends an element, with its size always in 8 bytes.
fn put(file: &mut Vec<u8>, id: u32, body: &[u8]) {
    let leading = id.leading_zeros() as usize / 8;
    file.extend_from_slice(&id.to_be_bytes()[leading..]);
    file.extend((body.len() as u64 | 1 << 56).to_be_bytes());
    file.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::super::tracks::tracks;
    use super::*;

    #[test]
    fn a_track_is_read_back_as_it_was_written() {
        let plain = VideoTrack {
            codec: Codec::Vp8,
            codec_private: Vec::new(),
            width: 1,
            height: 70_000,
            rotation: 0,
            colour: None,
            frame_ns: None,
            stated_duration: None,
        };
        let colour = |full_range| Some(Colour { primaries: 9, transfer: 16, matrix: 300, full_range });
        let avc = VideoTrack { codec: Codec::H264, codec_private: vec![1, 2, 3], ..plain.clone() };
        let variants = [
            VideoTrack { rotation: 90, ..plain.clone() },
            VideoTrack { rotation: 180, colour: colour(None), ..plain.clone() },
            VideoTrack { rotation: 270, colour: colour(Some(true)), ..plain.clone() },
            VideoTrack { frame_ns: Some(33_333_333), colour: colour(Some(false)), ..plain.clone() },
            VideoTrack { codec: Codec::Hevc, ..avc.clone() },
            VideoTrack { codec: Codec::Av1, ..plain.clone() },
            VideoTrack { codec: Codec::Vp9, ..plain.clone() },
            plain,
            avc,
        ];
        for (index, track) in variants.iter().enumerate() {
            assert_eq!(&tracks(&track_entry(track)).unwrap().video, track);
            let description = track.description();
            assert!(variants[..index].iter().all(|other| other.description() != description));
        }
    }

    #[test]
    fn whole_numbers_are_short() {
        assert_eq!(number(TIMESTAMP, 0), [0xe7, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(number(TIMESTAMP, 256)[9..], [1, 0]);
        assert_eq!(number(TIMESTAMP, u64::MAX)[9..], [0xff; 8]);
    }
}
