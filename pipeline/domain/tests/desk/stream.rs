//! Whether a session waits, is live, has fallen silent, or is over.

use domain::desk::{IngestMs, SessionDesk, StreamState};
use domain::messages::MarkerKind;

use crate::builder::session;
use crate::fixtures::{ended, idle, marker, session_id, started};
use crate::log::{BEGIN, Log, Topic, read};

fn state(log: &Log) -> StreamState {
    log.desk().summary(log.now()).state
}

#[test]
fn a_session_waits_for_its_first_video() {
    let mut log = Log::new();
    log.fact(started(&[], None));
    let summary = log.desk().summary(log.now());
    assert_eq!((summary.state, summary.faces, summary.band), (StreamState::Waiting, None, None));
    assert_eq!(summary.started_at, Some(IngestMs(BEGIN + 1).to_string()));
    assert_eq!(state(&Log::running(session().seated(4))), StreamState::Live);
}

#[test]
fn a_clock_alone_turns_live_to_silent() {
    let log = Log::running(session().seated(60));
    let desk = log.desk();
    let silent_from = desk.silent_from(log.now()).unwrap();
    assert_eq!(desk.summary(IngestMs(silent_from.0 - 1)).state, StreamState::Live);
    assert_eq!(desk.summary(silent_from).state, StreamState::Silent);
    assert_eq!(desk.silent_from(silent_from), None);
    assert_eq!(desk.health(silent_from).quiet_ms.unwrap().0, 30_000);
}

#[test]
fn a_marker_silences_until_video_goes_on() {
    let mut script = Log::running(session().seated(60));
    script.mark(marker(MarkerKind::StreamLost, 60));
    let silent = script.desk();
    assert_eq!(silent.summary(script.now()).state, StreamState::Silent);
    assert_eq!(silent.summary(script.now()).technical, [domain::messages::IncidentType::StreamLost]);

    let more = session().seated(60).hole(40).seated(4).observations().pop().unwrap();
    script.observe(more);
    let mut desk = script.desk();
    assert_eq!(desk.summary(script.now()).state, StreamState::Live);
    // Read again: it is about a time that has passed.
    read(&mut desk, script.records(Topic::Observations).to_vec());
    assert_eq!(desk.summary(script.now()).state, StreamState::Live);
}

#[test]
fn a_session_is_over_when_somebody_says_so_or_it_is_taken_to_be() {
    let mut log = Log::running(session().seated(60));
    log.mark(idle(60));
    assert_eq!(state(&log), StreamState::Ended);
    log.observe(session().seated(62).observations().pop().unwrap());
    assert_eq!(state(&log), StreamState::Live, "it was not");
    log.fact(ended(62));
    let desk = log.desk();
    assert_eq!(desk.summary(log.now()).state, StreamState::Ended);
    assert_eq!(desk.summary(IngestMs(i64::MAX)).state, StreamState::Ended, "whatever the clock says");
    assert_eq!(desk.silent_from(log.now()), None);
}

#[test]
fn health_counts_each_segment_once() {
    let mut log = Log::running(session().seated(20).undecodable(4).reload().seated(10).shed(6));
    let health = log.desk().health(log.now());
    assert_eq!((health.segments, health.undecodable, health.epochs), (20, 2, 2));
    assert_eq!(health.unseen_last_minute_ms.0, 10_000);
    for (_, entry) in log.records(Topic::Observations).to_vec() {
        log.write(Topic::Observations, entry);
    }
    assert_eq!(log.desk().health(log.now()).segments, 20, "delivered again");
}

#[test]
fn nothing_known_is_nothing_shown() {
    let desk = SessionDesk::new(session_id());
    let summary = desk.summary(IngestMs(BEGIN));
    assert_eq!((summary.band, summary.headline, summary.updated_at), (None, None, None));
    assert_eq!((summary.id.as_str(), summary.name.as_str()), ("t1:e7:s42", "s42"));
    assert!(summary.human_review_required);
    assert!(desk.timeline(domain::time::MediaMs(0), None, 100).samples.is_empty());
}
