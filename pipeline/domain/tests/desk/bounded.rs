//! A desk stays small, however long and however badly a session goes.

use domain::desk::{DeskEntry, IngestMs, LogPlace, SessionDesk};
use domain::messages::{Decision, IncidentClass, Review, SegmentStatus, SessionEvent, UnseenReason};
use domain::time::MediaMs;

use crate::builder::session;
use crate::fixtures::{fact, session_id};
use crate::log::{BEGIN, Log, Topic, eventful, read};
use crate::queues::review;

fn bytes(desk: &SessionDesk) -> usize {
    serde_json::to_vec(desk).unwrap().len()
}

fn place(offset: i64) -> LogPlace {
    LogPlace { offset, at: IngestMs(BEGIN + offset) }
}

#[test]
fn a_calm_exam_of_two_hours_is_small() {
    let log = Log::of(session().seated(3600).fps(2).second_person(20).fps(1).seated(3580));
    let size = bytes(&log.desk());
    assert!(size <= 48 * 1024, "{size}");
}

/// Twelve hours in which every other second is unseen, every segment in ten restarts the encoder, and
/// people write notes all the time.
#[test]
fn the_worst_session_of_twelve_hours_is_bounded() {
    let mut desk = SessionDesk::new(session_id());
    let mut last_epoch = 0;
    let worst = session().each(12 * 3600, |frame, number| {
        if number % 2 == 0 {
            frame.status = domain::messages::SampleStatus::NotSeen;
            frame.reason = Some(UnseenReason::Dark);
        } else {
            crate::builder::Filling::add_candidate(frame, number, crate::builder::SCREEN);
        }
    });
    for (index, mut observation) in worst.observations().into_iter().enumerate() {
        last_epoch = index as u32 / 10;
        observation.stream.epoch = last_epoch;
        if index % 3 == 0 {
            observation.status = SegmentStatus::Undecodable;
        }
        // Every other number is missing.
        observation.sequence = 2 * (index as u64 % 10);
        desk.apply(place(index as i64), DeskEntry::Observation(Box::new(observation)));
    }
    let log = eventful();
    let Some((_, DeskEntry::Incident(incident))) = log.records(Topic::Incidents).last() else { panic!() };
    for number in 0..2_000 {
        let mut incident = incident.clone();
        incident.incident_id = session_id().derive(&format!("{number}"));
        incident.start_ms = MediaMs(number * 20_000);
        incident.review.note = Some("ä".repeat(10_000));
        incident.class = [IncidentClass::Coverage, IncidentClass::Evidence][usize::from(number % 40 == 0)];
        desk.apply(place(number), DeskEntry::Incident(incident));
    }
    let mut score = desk_score(&log);
    let ids: Vec<_> = (0..48).map(|number| session_id().derive(&format!("{number}"))).collect();
    score.contributions.iter_mut().for_each(|part| part.incidents.clone_from(&ids));
    for rev in 0..2_000 {
        score.rev = rev;
        desk.apply(place(rev.into()), DeskEntry::Score(Box::new(score.clone())));
    }
    for number in 0..2_000 {
        let review = Review {
            review_id: format!("review-{number}"),
            at: format!("2026-11-25T09:{:02}:{:02}Z", number / 60 % 60, number % 60),
            note: Some("ä".repeat(10_000)),
            ..review("r1", Decision::Confirm, 0, 10)
        };
        desk.apply(place(number), DeskEntry::Review(review));
        let event = if number % 2 == 0 { SessionEvent::BreakStarted } else { SessionEvent::BreakEnded };
        desk.apply(place(number), DeskEntry::Session(fact(number * 1000, event)));
    }
    desk.apply(place(5000), DeskEntry::Session(fact(43_200_000, SessionEvent::Ended { expected: None })));

    let size = bytes(&desk);
    assert!(size <= SessionDesk::MOST_BYTES, "{size}");
    assert!(size > SessionDesk::MOST_BYTES / 4, "{size}: the bound says something");

    let summary = desk.summary(IngestMs(BEGIN));
    assert_eq!(summary.state, domain::desk::StreamState::Ended, "the end finds room");
    assert!(desk.is_incomplete());
    let evidence = desk.incidents().iter().filter(|incident| incident.class == IncidentClass::Evidence);
    assert_eq!(evidence.count(), 50, "no evidence is left out for coverage");
    assert_eq!(desk.revisions().last().unwrap().rev, 1_999);
    assert_eq!(desk.reviews().len(), 128);
    assert!(desk.reviews().iter().all(|review| review.note.as_ref().unwrap().ends_with('…')));
    assert_eq!(desk.health(IngestMs(BEGIN)).epochs, last_epoch + 1);

    let again = serde_json::from_slice::<SessionDesk>(&serde_json::to_vec(&desk).unwrap()).unwrap();
    assert_eq!(again, desk);
}

fn desk_score(log: &Log) -> domain::messages::Score {
    log.desk().score().unwrap().clone()
}

#[test]
fn what_was_left_out_stays_out_when_it_is_read_again() {
    let log = eventful();
    let Some((_, DeskEntry::Incident(incident))) = log.records(Topic::Incidents).last() else { panic!() };
    let records: Vec<_> = (0..300)
        .map(|number| {
            let mut incident = incident.clone();
            incident.incident_id = session_id().derive(&format!("{number}"));
            incident.start_ms = MediaMs(number * 1000);
            (place(number), DeskEntry::Incident(incident))
        })
        .collect();
    let mut desk = SessionDesk::new(session_id());
    read(&mut desk, records.clone());
    let before = desk.clone();
    assert!(!read(&mut desk, records).any());
    assert_eq!(desk, before);
    assert_eq!(desk.incidents().len(), 128);
}
