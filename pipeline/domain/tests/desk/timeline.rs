//! A session over media time: nothing that stands out vanishes, and what was not seen is exact.

use domain::desk::{SessionDesk, Timeline, UnseenStretch};
use domain::messages::{MarkerKind, SampleStatus, SegmentStatus, SessionEvent};
use domain::score::Unseen;
use domain::time::{MediaMs, Millis};

use crate::builder::{SCREEN, session};
use crate::fixtures::{fact, marker};
use crate::log::Log;

fn whole(desk: &SessionDesk, points: usize) -> Timeline {
    desk.timeline(MediaMs(0), None, points)
}

fn stretch(start_ms: i64, end_ms: i64, reason: Unseen) -> UnseenStretch {
    UnseenStretch { start_ms: MediaMs(start_ms), end_ms: MediaMs(end_ms), reason }
}

#[test]
fn a_second_face_of_one_second_stays_visible_in_twelve_hours() {
    let hours = session().seated(5 * 3600).second_person(1).seated(7 * 3600);
    let mut desk = SessionDesk::new(crate::fixtures::session_id());
    for (index, observation) in hours.observations().into_iter().enumerate() {
        let place = domain::desk::LogPlace {
            offset: index as i64,
            at: domain::desk::IngestMs(crate::log::BEGIN + observation.end_ms.0),
        };
        desk.apply(place, domain::desk::DeskEntry::Observation(Box::new(observation)));
    }
    for points in [1, 7, 100, 4096] {
        let timeline = whole(&desk, points);
        assert!(timeline.samples.len() <= points, "{} of {points}", timeline.samples.len());
        let doubled: Vec<_> = timeline.samples.iter().filter(|sample| sample.faces == Some(2)).collect();
        assert_eq!(doubled.len(), 1);
        let step = Millis(timeline.step_ms.0);
        assert!((doubled[0].at_ms..doubled[0].at_ms + step).contains(&MediaMs(5 * 3_600_000)));
    }
    assert_eq!(whole(&desk, 4096).step_ms, Millis(16_000));
}

#[test]
fn samples_say_what_was_measured() {
    let script = session().seated(20).looking(3, SCREEN.turned(-40.0)).faceless(3).dark(3).seated(5);
    let timeline = whole(&Log::of(script).desk(), 100);
    assert_eq!((timeline.step_ms, timeline.to_ms), (Millis(1000), MediaMs(34_000)));
    let at = |second: usize| timeline.samples[second];
    assert_eq!((at(3).faces, at(3).persons, at(3).yaw, at(3).pitch), (Some(1), Some(1), Some(-4), Some(12)));
    assert_eq!((at(3).gaze_yaw, at(3).gaze_pitch), (Some(0.02), Some(-0.01)));
    assert_eq!((at(3).seen, at(3).luma), (true, Some(116)));
    assert_eq!(at(21).yaw, Some(-44));
    assert_eq!((at(24).faces, at(24).yaw), (Some(0), None), "nobody's face is no face straight ahead");
    assert_eq!((at(27).seen, at(27).reason, at(27).faces), (false, Some(Unseen::Dark), None));
}

#[test]
fn a_step_is_seen_only_if_all_of_it_was() {
    let desk = Log::of(session().seated(20).dark(1).seated(43)).desk();
    let timeline = whole(&desk, 4);
    assert_eq!(timeline.step_ms, Millis(16_000));
    let seen: Vec<bool> = timeline.samples.iter().map(|sample| sample.seen).collect();
    assert_eq!(seen, [true, false, true, true]);
    assert_eq!(timeline.samples[1].faces, Some(1), "and what was seen of it is shown");
    assert_eq!(timeline.unseen, [stretch(20_000, 20_500, Unseen::Dark)], "exact where samples are coarse");
}

#[test]
fn holes_are_named() {
    let mut log = Log::running(session().seated(20));
    let later = session().seated(20).lost(8).seated(10).lost(6).seated(4).observations().split_off(10);
    for observation in later {
        if observation.start_ms == MediaMs(44_000) {
            log.mark(marker(MarkerKind::Overtaken, 44));
        }
        log.observe(observation);
    }
    let timeline = whole(&log.desk(), 100);
    let expected = [stretch(20_000, 28_000, Unseen::Gap), stretch(38_000, 44_000, Unseen::Overtaken)];
    assert_eq!(timeline.unseen, expected);
    assert!(timeline.samples.iter().all(|sample| sample.seen != (20_000..28_000).contains(&sample.at_ms.0)
        || (38_000..44_000).contains(&sample.at_ms.0)));
}

#[test]
fn a_late_segment_fills_its_hole() {
    let mut observations = session().seated(30).observations();
    let late = observations.remove(5);
    let mut log = Log::new();
    for observation in observations {
        log.observe(observation);
    }
    assert_eq!(whole(&log.desk(), 100).unseen, [stretch(10_000, 12_000, Unseen::Gap)]);
    log.observe(late);
    assert_eq!(whole(&log.desk(), 100).unseen, []);
}

#[test]
fn a_placeholder_gives_way_and_what_was_seen_stays() {
    let mut log = Log::running(session().seated(10).undecodable(2).seated(10));
    let placeholder = session().seated(10).undecodable(2).observations().pop().unwrap();
    assert_eq!(whole(&log.desk(), 100).unseen, [stretch(10_000, 12_000, Unseen::Undecodable)]);

    let mut seen = session().seated(12).observations().pop().unwrap();
    assert_eq!((seen.sequence, seen.attempt), (placeholder.sequence, 0));
    log.observe(seen.clone());
    assert_eq!(whole(&log.desk(), 100).unseen.len(), 1, "the same attempt is a repetition");
    seen.attempt = 1;
    log.observe(seen.clone());
    let desk = log.desk();
    assert_eq!(whole(&desk, 100).unseen, []);
    assert_eq!(whole(&desk, 100).samples[10].faces, Some(1));
    assert_eq!(desk.health(log.now()).undecodable, 0);

    let mut other = seen;
    (other.attempt, other.status) = (2, SegmentStatus::Undecodable);
    for frame in &mut other.frames {
        frame.status = SampleStatus::NotSeen;
    }
    log.observe(other);
    assert_eq!(whole(&log.desk(), 100).unseen, []);
}

#[test]
fn a_picture_that_stood_still_was_not_seen() {
    let log = Log::of(session().seated(30).frozen().seated(20).thawed().seated(20));
    let timeline = whole(&log.desk(), 100);
    let [frozen] = timeline.unseen.as_slice() else { panic!("{:?}", timeline.unseen) };
    assert_eq!(frozen.reason, Unseen::Frozen);
    assert!((frozen.end_ms - frozen.start_ms) >= Millis(15_000));
    assert_eq!(timeline.samples[40].reason, Some(Unseen::Frozen));
}

#[test]
fn breaks_are_shown_as_they_were_recorded() {
    let mut log = Log::running(session().seated(60));
    log.fact(fact(10_000, SessionEvent::BreakStarted));
    log.fact(fact(20_000, SessionEvent::BreakEnded));
    log.fact(fact(50_000, SessionEvent::BreakStarted));
    let desk = log.desk();
    let breaks = |from: i64, to: i64| -> Vec<(i64, i64)> {
        let timeline = desk.timeline(MediaMs(from), Some(MediaMs(to)), 100);
        timeline.breaks.iter().map(|span| (span.start_ms.0, span.end_ms.0)).collect()
    };
    assert_eq!(breaks(0, 60_000), [(10_000, 20_000), (50_000, 60_000)]);
    assert_eq!(breaks(15_000, 30_000), [(15_000, 20_000)]);
}

#[test]
fn windows_are_cut_to_the_video() {
    let desk = Log::of(session().seated(30).dark(10).seated(20)).desk();
    let window = desk.timeline(MediaMs(31_000), Some(MediaMs(36_000)), 100);
    assert_eq!(window.unseen, [stretch(31_000, 36_000, Unseen::Dark)]);
    assert_eq!(window.samples.len(), 5);
    let beyond = desk.timeline(MediaMs(55_000), Some(MediaMs(i64::MAX)), 100);
    assert_eq!((beyond.from_ms, beyond.to_ms, beyond.samples.len()), (MediaMs(55_000), MediaMs(60_000), 5));
    let nothing = desk.timeline(MediaMs(i64::MAX), Some(MediaMs(i64::MIN)), 0);
    assert_eq!(
        (nothing.from_ms, nothing.to_ms, nothing.samples.len()),
        (MediaMs(60_000), MediaMs(60_000), 0)
    );
}
