//! An upload that goes on from any point, in other pieces, becomes the same segments, though it fell silent before.
#![no_main]

use container::{CutSettings, Limits, LiveCutter};
use fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let (piece, other) = (1 + choices.below(5000), 1 + choices.below(5000));
    let (restart, silent) = (choices.below(40), choices.below(8));
    let settings = CutSettings { bytes: 64 << 10, ..CutSettings::default() };
    let stream = choices.rest();

    let mut cutter = LiveCutter::new(Limits::default(), settings);
    let (mut segments, mut place) = (Vec::new(), None);
    for (index, bytes) in stream.chunks(piece).enumerate() {
        if cutter.push(bytes, &mut segments).is_err() {
            break;
        }
        if place.is_none() && index % 8 == silent {
            segments.extend(cutter.flush());
        }
        if place.is_none() && index >= restart {
            place = cutter.point().map(|point| (point, segments.len()));
        }
    }
    segments.extend(cutter.finish());
    for pair in segments.windows(2) {
        assert_eq!(pair[0].interval.end, pair[1].interval.start);
    }

    let Some((point, said)) = place else { return };
    let from = point.from.position as usize;
    let mut again = LiveCutter::resume(Limits::default(), settings, point).expect("a point is of use");
    let mut found = Vec::new();
    for bytes in stream[from..].chunks(other) {
        if again.push(bytes, &mut found).is_err() {
            break;
        }
    }
    found.extend(again.finish());
    assert_eq!(found, segments[said..]);
});
