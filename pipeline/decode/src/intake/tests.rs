//! What a hostile child might say.

use std::os::fd::AsFd;

use domain::time::Interval;

use super::*;
use crate::error::Fault;

const LIMITS: Limits = Limits { longer_side: 64, shorter_side: 48, duration: Millis(60_000) };

/// Says everything in order; returns the last answer.
fn said(plan: SamplingPlan, messages: Vec<ToParent>) -> Result<Taken, DecodeError> {
    let (memory, descriptor) =
        SharedMemory::create(2, Picture::bytes_needed(LIMITS.longer_side, LIMITS.shorter_side)).unwrap();
    SharedMemory::open(descriptor.as_fd(), 2, Picture::bytes_needed(64, 48)).unwrap().slot_mut(1).fill(7);
    let mut intake = Intake::new(plan, LIMITS);
    let mut last = Ok(Taken::Progress);
    for message in messages {
        last = intake.take(message, &memory, false);
    }
    last
}

fn started() -> ToParent {
    ToParent::Started(StreamInfo {
        container: "matroska".to_owned(),
        codec: "vp8".to_owned(),
        width: 8,
        height: 6,
        duration: None,
        estimate: None,
    })
}

fn picture(instant: i64, at: i64, change: impl FnOnce(&mut Shown)) -> ToParent {
    let mut shown = Shown { slot: 1, at: MediaMs(at), width: 8, height: 6, bt709: false, full_range: false };
    change(&mut shown);
    ToParent::Picture { time: at_exactly(instant), shown }
}

fn at_exactly(instant: i64) -> SampleTime {
    SampleTime::exactly(MediaMs(instant))
}

fn done(last: i64, end: i64) -> ToParent {
    ToParent::Done(Summary {
        ending: Ending::Complete,
        last: MediaMs(last),
        end: MediaMs(end),
        frames_decoded: 1,
        frames_skipped: 0,
    })
}

fn every_second() -> SamplingPlan {
    SamplingPlan::every(Millis(1000))
}

#[test]
fn an_honest_child_is_believed() {
    let said = said(
        every_second(),
        vec![
            started(),
            picture(0, 0, |_| {}),
            ToParent::Same { time: at_exactly(1000) },
            ToParent::Gap { time: at_exactly(2000) },
            done(10, 2010),
        ],
    );
    let Ok(Taken::Done(decoded)) = said else { panic!("{said:?}") };
    assert_eq!((decoded.frames, decoded.gaps, decoded.end), (2, 1, MediaMs(2010)));
}

#[test]
fn pictures_are_copied_out_of_reach() {
    let taken = said(every_second(), vec![started(), picture(0, 0, |_| {})]);
    let Ok(Taken::Event { event: DecodeEvent::Frame(frame), release: Some(1) }) = taken else {
        panic!("{taken:?}");
    };
    assert!(frame.picture.y().iter().chain(frame.picture.u()).all(|sample| *sample == 7));
}

#[test]
fn lies_are_refused() {
    let lies: Vec<(&str, Vec<ToParent>)> = vec![
        ("picture before start", vec![picture(0, 0, |_| {})]),
        ("start twice", vec![started(), started()]),
        ("ready twice", vec![ToParent::Ready(crate::confinement::Confinement::default())]),
        ("slot that does not exist", vec![started(), picture(0, 0, |shown| shown.slot = 2)]),
        ("no size", vec![started(), picture(0, 0, |shown| shown.width = 0)]),
        ("larger than allowed", vec![started(), picture(0, 0, |shown| shown.width = 65)]),
        ("huge", vec![started(), picture(0, 0, |shown| shown.height = u32::MAX)]),
        ("instant left out", vec![started(), picture(1000, 0, |_| {})]),
        ("instant twice", vec![started(), picture(0, 0, |_| {}), ToParent::Gap { time: at_exactly(0) }]),
        ("nothing stands", vec![started(), ToParent::Same { time: at_exactly(0) }]),
        ("from the future", vec![started(), picture(0, 1, |_| {})]),
        ("from before the start", vec![started(), picture(0, -1, |_| {})]),
        (
            "back in time",
            vec![started(), picture(0, 0, |_| {}), picture(1000, 900, |_| {}), picture(2000, 800, |_| {})],
        ),
        ("done before start", vec![done(0, 0)]),
        ("end before last", vec![started(), done(10, 5)]),
        ("beyond the limit", vec![started(), done(60_001, 60_001)]),
        ("end beyond the limit", vec![started(), done(0, i64::MAX)]),
        (
            "progress without end",
            vec![ToParent::Progress { reached: MediaMs(5) }, ToParent::Progress { reached: MediaMs(5) }],
        ),
        ("progress beyond the limit", vec![ToParent::Progress { reached: MediaMs(60_001) }]),
    ];
    for (lie, messages) in lies {
        let answer = said(every_second(), messages);
        assert!(matches!(answer, Err(DecodeError::ChildMisbehaved { .. })), "{lie}: {answer:?}");
    }
}

#[test]
fn a_picture_older_than_the_hold_is_refused() {
    let mut messages = vec![started(), picture(0, 0, |_| {})];
    messages.extend((1..=5).map(|second| ToParent::Same { time: at_exactly(second * 1000) }));
    assert!(matches!(said(every_second(), messages), Err(DecodeError::ChildMisbehaved { .. })));
}

#[test]
fn only_what_was_done_buys_patience() {
    let window = Interval::new(MediaMs(30_000), MediaMs(40_000));
    let (memory, _) = SharedMemory::create(1, 4096).unwrap();
    for (start, expected) in [(0, [0, 0, 5, 31_000]), (50_000, [0, 0, 0, 0])] {
        let mut intake = Intake::new(every_second().starting_at(MediaMs(start)).within(window), LIMITS);
        let mut seen = vec![intake.done_with().0];
        for message in [
            started(),
            ToParent::Progress { reached: MediaMs(5) },
            ToParent::Gap { time: at_exactly(30_000) },
        ] {
            intake.take(message, &memory, false).unwrap();
            seen.push(intake.done_with().0);
        }
        assert_eq!(seen, expected, "{start}");
    }
}

#[test]
fn a_window_must_be_answered_whole() {
    let plan = every_second().within(Interval::new(MediaMs(0), MediaMs(2000)));
    let answer = said(plan, vec![started(), picture(0, 0, |_| {}), done(0, 0)]);
    assert!(matches!(answer, Err(DecodeError::ChildMisbehaved { .. })), "{answer:?}");
}

#[test]
fn instants_without_end_are_refused() {
    let mut messages = vec![started()];
    messages.extend((0..=61).map(|second| ToParent::Gap { time: at_exactly(second * 1000) }));
    assert!(matches!(said(every_second(), messages), Err(DecodeError::ChildMisbehaved { .. })));
}

#[test]
fn its_faults_are_passed_on() {
    let answer = said(every_second(), vec![ToParent::Failed(Fault::NoVideo)]);
    assert!(matches!(answer, Err(DecodeError::NoVideo)), "{answer:?}");
}
