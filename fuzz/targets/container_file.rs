//! A file is cut into segments that join without seam, and each that is written is read back as it was.
#![no_main]

use std::io::Cursor;

use container::{CutSettings, Demuxer, Limits, Packet, Segment, Segments, VideoTrack, write};
use domain::time::{MediaMs, Millis};
use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let target = Millis(1 + choices.below(3000) as i64);
    let cut = CutSettings { target, longest: Millis(target.0 * 3), preroll: Millis(5000), bytes: 1 << 16 };
    let Ok(mut segments) = Segments::open(Cursor::new(choices.rest()), Limits::default(), cut) else {
        return;
    };
    let track = segments.track().clone();
    let mut border = MediaMs::ZERO;
    for (sequence, segment) in segments.by_ref().flatten().enumerate() {
        assert_eq!((segment.sequence, segment.interval.start), (sequence as u64, border));
        assert!(!segment.interval.is_empty(), "{:?}", segment.interval);
        assert!(segment.packets.first().is_none_or(|first| first.is_key));
        border = segment.interval.end;
        if !segment.is_undecodable() {
            read_back(&track, &segment);
        }
    }
});

fn read_back(track: &VideoTrack, segment: &Segment) {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut packets = Vec::new();
    demuxer.push(&write(track, segment), &mut packets).expect("what was written can be read");
    demuxer.finish().expect("to its end");
    let first = segment.packets.first().map_or(MediaMs::ZERO, |packet| packet.at);
    let frames = |packets: &[Packet], start: MediaMs| -> Vec<_> {
        packets.iter().map(|packet| (packet.at - start, packet.is_key, packet.bytes.clone())).collect()
    };
    assert_eq!(frames(&packets, MediaMs::ZERO), frames(&segment.packets, first));
    assert_eq!(demuxer.track().map(VideoTrack::description), Some(track.description()));
}
