//! A segment with its header, ready to be sent: the same whether a file was cut or an upload.

use container::{Codec, Segment, VideoTrack};
use domain::ids::SessionId;
use domain::messages::{SegmentHeader, StreamRef};
use domain::time::{Interval, MediaMs};
use kafka::wire::{self, Event, Media};
use kafka::{Outgoing, Topics};

/// A segment with its header, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it says about itself.
    pub header: SegmentHeader,
    /// A file that can be decoded on its own, or one without frames.
    pub media: Vec<u8>,
    /// When its last frame is shown; its end if it has none.
    pub last: MediaMs,
}

/// The piece that a segment becomes, given its number and where its recording begins on the media clock of the
/// session.
pub(crate) fn of(
    session: &SessionId,
    stream: &StreamRef,
    track: &VideoTrack,
    (sequence, begin): (u64, MediaMs),
    segment: &Segment,
) -> Piece {
    let on_clock = |at: MediaMs| begin + (at - MediaMs::ZERO);
    let Interval { start, end } = segment.interval;
    let shown = segment.packets.iter().map(|packet| packet.at).filter(|at| *at < end);
    let header = SegmentHeader {
        session: session.clone(),
        stream: stream.clone(),
        sequence,
        attempt: 0,
        start_ms: on_clock(start),
        end_ms: on_clock(end),
        preroll_ms: segment.preroll(),
        rotation_deg: Some(track.rotation).filter(|rotation| *rotation != 0),
        media_type: media_type(track.codec).to_owned(),
    };
    Piece { header, last: on_clock(shown.max().unwrap_or(end)), media: container::write(track, segment) }
}

/// The record of a piece whose media travel like this.
pub(crate) fn record(
    topics: &Topics,
    event: Event<'_>,
    header: &SegmentHeader,
    media: Media<'_>,
) -> Outgoing {
    let (headers, value) = wire::encode_segment(event, header, media);
    let key = header.session.as_str().as_bytes().to_vec();
    Outgoing { topic: topics.segments(), partition: None, key, value: Some(value), headers }
}

/// Takes the longest part that one header may describe off a segment. Cut segments are far shorter; only
/// one in which a recording fell silent for long is not, and then its frames are at its beginning.
pub(crate) fn split(segment: Segment) -> (Segment, Option<Segment>) {
    let Interval { start, end } = segment.interval;
    let border = end.min(start + SegmentHeader::LONGEST);
    let rest = (border < end).then(|| Segment {
        sequence: segment.sequence,
        interval: Interval::new(border, end),
        packets: Vec::new(),
    });
    (Segment { interval: Interval::new(start, border), ..segment }, rest)
}

/// What `container::write` makes of a codec. Codecs are named as browsers name them.
fn media_type(codec: Codec) -> &'static str {
    match codec {
        Codec::Vp8 => "video/webm; codecs=vp8",
        Codec::Vp9 => "video/webm; codecs=vp9",
        Codec::Av1 => "video/webm; codecs=av1",
        Codec::H264 => "video/x-matroska; codecs=avc1",
        Codec::Hevc => "video/x-matroska; codecs=hvc1",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use container::Packet;
    use domain::messages::StreamPoint;
    use domain::messages::canonical::sha256_hex;
    use domain::time::Millis;

    use super::*;

    #[test]
    fn a_silence_that_no_header_can_describe_is_told_in_parts() {
        let packet = Packet {
            at: MediaMs(1_000),
            duration: None,
            is_key: true,
            is_after_loss: false,
            from: StreamPoint::default(),
            bytes: Arc::from([1]),
        };
        let interval = Interval::new(MediaMs(1_000), MediaMs(1_301_000));
        let mut left = Some(Segment { sequence: 7, interval, packets: vec![packet] });
        let mut parts = Vec::new();
        while let Some(segment) = left {
            let (part, rest) = split(segment);
            parts.push((part.interval.start.0, part.interval.end.0, part.packets.len()));
            left = rest;
        }
        assert_eq!(parts, [(1_000, 601_000, 1), (601_000, 1_201_000, 0), (1_201_000, 1_301_000, 0)]);
        assert_eq!(SegmentHeader::LONGEST, Millis(600_000));
    }

    #[test]
    fn every_codec_has_a_media_type_that_headers_accept() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264, Codec::Hevc] {
            let header = SegmentHeader {
                session: "t/e/s".parse().unwrap(),
                stream: StreamRef {
                    kind: domain::messages::StreamKind::Webcam,
                    epoch: 0,
                    init_sha256: sha256_hex(b""),
                },
                sequence: 0,
                attempt: 0,
                start_ms: MediaMs(0),
                end_ms: MediaMs(1),
                preroll_ms: Millis(0),
                rotation_deg: None,
                media_type: media_type(codec).to_owned(),
            };
            assert_eq!(header.validate(), Ok(()), "{codec:?}");
        }
    }
}
