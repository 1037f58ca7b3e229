//! The parts whose instructions are counted, each with an input that is made here: no file, no clip.

use std::hint::black_box;
use std::io::Cursor;

use container::{Codec, CutSettings, Limits, Packet, Segment, Segments, VideoTrack};
use domain::messages::envelope::{Message, event_id};
use domain::messages::{Observation, StreamPoint};
use domain::observe::quality;
use domain::picture::{ColourMatrix, ColourRange, Picture};
use domain::score::ScoreInput;
use domain::time::{Interval, MediaMs, Millis};

use crate::builder::{SCREEN, session};
use crate::fixtures::{fold_with, standard, started};

/// What can be run.
pub const NAMES: [&str; 4] = ["cut", "quality", "message", "fold"];

/// Part of the name of the function in which instructions are counted.
pub const REGION: &str = "counted_region";

/// Runs a part once.
pub fn run(name: &str) {
    match name {
        "cut" => cut(),
        "quality" => measure_quality(),
        "message" => message(),
        "fold" => fold(),
        other => panic!("there is no part `{other}`"),
    }
}

#[inline(never)]
fn counted_region(part: &mut dyn FnMut()) {
    part();
}

/// A minute of WebM, read, cut into segments of two seconds and written again.
fn cut() {
    const FRAMES: i64 = 60 * 15;
    let track = VideoTrack {
        codec: Codec::Vp8,
        codec_private: Vec::new(),
        width: 640,
        height: 480,
        rotation: 0,
        colour: None,
        frame_ns: None,
        stated_duration: None,
    };
    let packet = |number: i64| {
        let is_key = number % 30 == 0;
        let size = if is_key { 20_000 } else { 2_000 + (number * 389 % 1_000) as usize };
        // The first byte of a VP8 frame says whether it is a keyframe.
        let byte =
            |index: usize| if index == 0 { u8::from(!is_key) } else { (index * 31 + number as usize) as u8 };
        let bytes = (0..size).map(byte).collect();
        let from = StreamPoint::default();
        Packet { at: MediaMs(number * 1000 / 15), duration: None, is_key, is_after_loss: false, from, bytes }
    };
    let interval = Interval::new(MediaMs(0), MediaMs(FRAMES * 1000 / 15));
    let whole = Segment { sequence: 0, interval, packets: (0..FRAMES).map(packet).collect() };
    let file = container::write(&track, &whole);
    let mut segments = 0;
    counted_region(&mut || {
        let cut = Segments::open(Cursor::new(&file), Limits::default(), CutSettings::default()).unwrap();
        let track = cut.track().clone();
        for segment in cut {
            segments += 1;
            black_box(container::write(&track, &segment.unwrap()));
        }
    });
    assert_eq!(segments, 30);
}

/// Exposure, sharpness and hash of one picture.
fn measure_quality() {
    const SIZE: (u32, u32) = (640, 480);
    let bytes = (0..Picture::bytes_needed(SIZE.0, SIZE.1)).map(|index| (index * 7 % 251) as u8).collect();
    let picture = Picture::new(SIZE.0, SIZE.1, ColourMatrix::Bt601, ColourRange::Limited, bytes).unwrap();
    counted_region(&mut || {
        black_box(quality::measure(black_box(&picture)));
    });
}

/// Half a minute of observations, written as messages with their ids and read again.
fn message() {
    let observations = session().seated(30).observations();
    counted_region(&mut || {
        for observation in &observations {
            black_box(event_id(Observation::TYPE, observation));
            let text = serde_json::to_vec(observation).unwrap();
            black_box(serde_json::from_slice::<Observation>(&text).unwrap());
        }
    });
}

/// Ten minutes of a session in which something happens.
fn fold() {
    let script = session().seated(120).absent(20).seated(60).second_person(25).seated(120).dark(15);
    let script = script.seated(60).looking(20, SCREEN.turned(40.0)).seated(100).covered(10).seated(50);
    let observations = script.observations();
    let expected = Interval::new(MediaMs(0), MediaMs(0) + Millis::from_secs(600));
    let fact = started(&[], Some(expected));
    let mut fold = fold_with(&standard());
    let mut said = 0;
    counted_region(&mut || {
        said += fold.push(ScoreInput::SessionFact(&fact)).len();
        for observation in &observations {
            said += fold.push(ScoreInput::Observation(observation)).len();
        }
        said += fold.finish().len();
    });
    assert!(said > 10, "nothing came of it");
}
