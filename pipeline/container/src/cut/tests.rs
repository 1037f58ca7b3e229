use domain::messages::StreamPoint;
use proptest::prelude::*;

use super::*;

fn packet(at: i64, is_key: bool) -> Packet {
    let (from, bytes) = (StreamPoint::default(), [0; 100].into());
    Packet { at: MediaMs(at), duration: None, is_key, is_after_loss: false, from, bytes }
}

fn cut(settings: CutSettings, packets: impl IntoIterator<Item = Packet>) -> Vec<Segment> {
    let mut cutter = Cutter::new(settings);
    let mut segments: Vec<_> = packets.into_iter().flat_map(|packet| cutter.push(packet)).collect();
    segments.extend(cutter.finish());
    segments
}

/// Start, end and number of packets of each.
fn shape(segments: &[Segment]) -> Vec<(i64, i64, usize)> {
    let shape = |segment: &Segment| (segment.interval.start.0, segment.interval.end.0, segment.packets.len());
    segments.iter().map(shape).collect()
}

/// Ten frames a second, a keyframe every `group` frames.
fn stream(frames: i64, group: i64) -> impl Iterator<Item = Packet> {
    (0..frames).map(move |index| packet(index * 100, index % group == 0))
}

#[test]
fn a_segment_ends_at_the_first_keyframe_from_the_target_on() {
    let segments = cut(CutSettings::default(), stream(60, 15));
    assert_eq!(shape(&segments), [(0, 3000, 30), (3000, 5901, 30)]);
    assert_eq!(cut(CutSettings::default(), []), []);
    assert_eq!(shape(&cut(CutSettings::default(), [packet(0, true)])), [(0, 1, 1)]);
}

#[test]
fn the_last_frame_lasts_as_long_as_it_says() {
    let mut last = packet(100, false);
    last.duration = Some(Millis(400));
    let segments = cut(CutSettings::default(), [packet(0, true), last]);
    assert_eq!(shape(&segments), [(0, 500, 2)]);
}

#[test]
fn preroll_begins_at_the_last_keyframe() {
    let frames = stream(250, 1000).chain([packet(25_000, true)]).chain([packet(25_100, false)]);
    let segments = cut(CutSettings::default(), frames);
    assert_eq!(
        shape(&segments),
        [(0, 10_000, 100), (10_000, 20_000, 200), (20_000, 25_000, 250), (25_000, 25_101, 2)]
    );
    let prerolls: Vec<_> = segments.iter().map(|segment| segment.preroll().0).collect();
    assert_eq!(prerolls, [0, 10_000, 20_000, 0]);
}

#[test]
fn where_preroll_would_be_too_much_nothing_can_be_decoded_until_the_next_keyframe() {
    let settings = CutSettings { preroll: Millis(15_000), ..CutSettings::default() };
    let frames = || stream(400, 1000).chain((400..410).map(|index| packet(index * 100, index == 402)));
    let expected = [
        (0, 10_000, 100),
        (10_000, 20_000, 200),
        (20_000, 30_000, 0),
        (30_000, 40_000, 0),
        (40_000, 40_200, 0),
        (40_200, 40_901, 8),
    ];
    let segments = cut(settings, frames());
    assert_eq!(shape(&segments), expected);
    assert!(segments[2].is_undecodable() && !segments[1].is_undecodable());
    let mut cutter = Cutter::new(settings);
    for frame in frames() {
        cutter.push(frame);
    }
    assert_eq!(cutter.dropped(), 202);
}

#[test]
fn a_stream_that_begins_without_keyframe_is_seen_from_the_first_one_on() {
    let frames = (0..20).map(|index| packet(index * 100, index == 7));
    assert_eq!(shape(&cut(CutSettings::default(), frames)), [(0, 700, 0), (700, 1901, 13)]);
}

#[test]
fn bytes_are_bounded() {
    let settings = CutSettings { bytes: 10 * (100 + OVERHEAD), ..CutSettings::default() };
    let segments = cut(settings, stream(100, 50));
    assert!(segments.iter().all(|segment| segment.packets.len() <= 10), "{:?}", shape(&segments));
    // The first ten of each group can be seen; then there is no room for what they would be decoded from.
    let seen: usize = segments.iter().map(|segment| segment.packets.len()).sum();
    assert_eq!(seen, 20);
    // Keyframes begin anew wherever it is full.
    let segments = cut(settings, stream(100, 1));
    assert_eq!(segments.len(), 10);
    assert!(segments.iter().all(|segment| segment.packets.len() == 10));
    // Without time going on there is no border.
    let segments = cut(settings, (0..1000).map(|_| packet(0, true)));
    assert_eq!(shape(&segments), [(0, 1, 10)]);
}

/// Two frames between each pair that are decoded after the second: times 0 3 1 2 6 4 5 …
fn reordered(groups: i64, group: i64) -> Vec<Packet> {
    let mut packets = vec![packet(0, true)];
    for index in 1..groups {
        packets.push(packet(index * 300, index % group == 0));
        packets.push(packet(index * 300 - 200, false));
        packets.push(packet(index * 300 - 100, false));
    }
    packets
}

#[test]
fn stragglers_belong_to_the_segment_in_which_they_are_shown() {
    // A keyframe every 2.4 s, with two frames that are shown before each and decoded after it.
    let segments = cut(CutSettings::default(), reordered(20, 8));
    assert_eq!(shape(&segments), [(0, 2400, 25), (2400, 4800, 25), (4800, 5701, 10)]);
    let last: Vec<_> = segments[0].packets[22..].iter().map(|packet| (packet.at.0, packet.is_key)).collect();
    assert_eq!(last, [(2400, true), (2200, false), (2300, false)]);
    assert!(segments[1].packets[0].is_key && segments[1].packets[1].at.0 == 2700);
}

#[test]
fn stragglers_are_bounded() {
    let endless = (0..1000).map(|index| packet(2500 + index % 200, false));
    let frames = || reordered(10, 9).into_iter().chain(endless.clone());
    let segments = cut(CutSettings::default(), frames());
    assert_eq!(segments[0].packets.len(), 25 + 1 + MOST_STRAGGLERS);
    let tight = CutSettings { bytes: 30 * (100 + OVERHEAD), ..CutSettings::default() };
    assert!(cut(tight, frames()).iter().all(|segment| segment.packets.len() <= 30));
}

#[test]
fn a_frame_that_comes_far_too_late_is_dropped_with_what_may_refer_to_it() {
    let frames = [(0, true), (40_000, true), (100, false), (40_100, false), (43_000, true), (43_100, false)];
    let mut cutter = Cutter::new(CutSettings::default());
    let mut segments: Vec<_> =
        frames.into_iter().flat_map(|(at, is_key)| cutter.push(packet(at, is_key))).collect();
    assert_eq!(cutter.dropped(), 2);
    segments.extend(cutter.finish());
    assert_eq!(shape(&segments), [(0, 40_000, 1), (40_000, 43_000, 1), (43_000, 43_101, 2)]);
}

#[test]
fn the_time_of_lost_frames_is_a_segment_without_packets() {
    let after_loss = Packet { is_after_loss: true, ..packet(3500, true) };
    let frames = stream(25, 20).chain([after_loss, packet(3600, false)]);
    let segments = cut(CutSettings::default(), frames);
    assert_eq!(shape(&segments), [(0, 2000, 20), (2000, 2401, 5), (2401, 3500, 0), (3500, 3601, 2)]);
    // No time was lost: the frame before says that it lasts until then.
    let lasting = Packet { duration: Some(Millis(1000)), ..packet(0, true) };
    let after_loss = Packet { is_after_loss: true, ..packet(900, true) };
    let segments = cut(CutSettings::default(), [lasting, after_loss]);
    assert_eq!(shape(&segments), [(0, 900, 1), (900, 1000, 1)]);
}

proptest! {
    /// Whatever the packets, segments join, hold what they need and lose nothing that can be decoded.
    #[test]
    fn segments_join_and_show_every_frame_once(
        steps in prop::collection::vec((1i64..900, prop::bool::weighted(0.1), 0usize..400), 1..150),
        reorders in any::<bool>(),
        target in 500i64..4000,
    ) {
        let settings = CutSettings {
            target: Millis(target),
            longest: Millis(3 * target),
            preroll: Millis(8 * target),
            bytes: 1 << 20,
        };
        let sized = |at: i64, is_key, size| Packet { bytes: vec![0; size].into(), ..packet(at, is_key) };
        let mut packets = vec![packet(0, true)];
        if reorders {
            packets.extend([packet(2, false), packet(1, false)]);
        }
        let mut at = 2;
        for (step, is_key, size) in steps {
            packets.push(sized(at + 2 * step, is_key, size));
            if reorders {
                packets.push(sized(at + step, false, size));
            }
            at += 2 * step;
        }
        let mut times: Vec<i64> = packets.iter().map(|packet| packet.at.0).collect();
        let segments = cut(settings, packets);
        let mut border = MediaMs::ZERO;
        let mut seen = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            prop_assert_eq!((segment.sequence, segment.interval.start), (index as u64, border));
            prop_assert!(segment.interval.start < segment.interval.end);
            prop_assert!(segment.preroll() <= settings.preroll);
            prop_assert!(segment.packets.first().is_none_or(|first| first.is_key));
            let inside = segment.packets.iter().filter(|packet| segment.interval.contains(packet.at));
            seen.extend(inside.map(|packet| packet.at.0));
            border = segment.interval.end;
        }
        seen.sort_unstable();
        times.sort_unstable();
        if segments.iter().all(|segment| !segment.is_undecodable()) {
            prop_assert_eq!(seen, times);
        }
    }
}
