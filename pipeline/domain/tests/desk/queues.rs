//! What waits for a person, and in which order. Coverage never brings anybody into the evidence queue.

use std::cmp::Ordering;

use domain::desk::{DeskEntry, Queue, SessionSummary, Unreviewed, worst_first};
use domain::messages::{
    Band, CountsReason, Decision, IdentityState, Incident, IncidentClass, IncidentState, IncidentType,
    Review, ReviewPriority, ReviewState,
};
use domain::time::MediaMs;
use proptest::prelude::*;

use crate::builder::session;
use crate::fixtures::session_id;
use crate::log::{Log, Topic};

/// A decision about two persons.
pub fn review(id: &str, decision: Decision, start_s: i64, end_s: i64) -> Review {
    Review {
        session: session_id(),
        review_id: id.to_owned(),
        kind: IncidentType::MultiplePersons,
        start_ms: MediaMs(start_s * 1000),
        end_ms: MediaMs(end_s * 1000),
        decision,
        by: "reviewer-17".to_owned(),
        at: format!("2026-11-25T09:00:0{}Z", id.len() + usize::from(id.as_bytes()[id.len() - 1] - b'0')),
        note: None,
    }
}

fn summary(log: &Log) -> SessionSummary {
    log.desk().summary(log.now())
}

fn incident(log: &Log) -> Incident {
    let Some((_, DeskEntry::Incident(incident))) = log.records(Topic::Incidents).first().cloned() else {
        panic!("no incident")
    };
    *incident
}

/// A face unlike the enrolled one, as a check of identity would report it.
pub fn mismatch(log: &Log, counts_reason: CountsReason) -> DeskEntry {
    let kind = IncidentType::IdentityMismatch;
    DeskEntry::Incident(Box::new(Incident {
        incident_id: session_id().derive("mismatch"),
        rev: 0,
        kind,
        class: IncidentClass::Identity,
        state: IncidentState::Closed,
        counts: false,
        counts_reason,
        review: ReviewState::unreviewed(),
        ..incident(log)
    }))
}

#[test]
fn evidence_waits_until_somebody_has_decided() {
    let mut log = Log::of(session().seated(30).fps(2).second_person(20).fps(1).seated(30));
    let waiting = summary(&log);
    assert_eq!((waiting.queue, waiting.queues.coverage), (Queue::Evidence, false));
    assert_eq!(waiting.unreviewed, Unreviewed { evidence: 1, coverage: 0, identity: 0 });
    log.review(review("r1", Decision::Confirm, 0, 90));
    assert_eq!(summary(&log).queue, Queue::None);
    assert!(summary(&log).integrity < Some(100), "it still counts");
    log.review(review("r2", Decision::Reopen, 0, 90));
    assert_eq!(summary(&log).queue, Queue::Evidence);
    log.review(review("r3", Decision::Dismiss, 0, 90));
    assert_eq!((summary(&log).queue, summary(&log).integrity), (Queue::None, Some(100)));
}

#[test]
fn what_could_not_be_seen_waits_apart() {
    let log = Log::of(session().seated(60).covered(40).seated(20));
    let summary = summary(&log);
    assert_eq!((summary.band, summary.integrity), (Some(Band::Grey), None));
    assert_eq!((summary.queue, summary.queues.evidence), (Queue::Coverage, false));
    assert_eq!(summary.unreviewed.evidence, 0);
    assert!(summary.unreviewed.coverage > 0);
    let coverage = log.desk().coverage();
    assert!(coverage.queued);
    assert_eq!(coverage.reasons[0].text, "Camera covered");
    assert_eq!((coverage.unseen[0].start_ms, coverage.unseen[0].end_ms), (MediaMs(60_000), MediaMs(100_000)));
}

#[test]
fn both_queues_can_hold_a_session() {
    let log = Log::of(session().seated(30).fps(2).second_person(20).fps(1).covered(60).seated(10));
    let summary = summary(&log);
    assert_eq!(summary.queue, Queue::Evidence);
    assert!(summary.queues.evidence && summary.queues.coverage);
}

#[test]
fn identity_waits_for_a_person_and_comes_first() {
    let mut log = Log::of(session().seated(30).fps(2).second_person(20).fps(1).seated(30));
    let without = summary(&log);
    let excused = mismatch(&log, CountsReason::Accommodated);
    log.write(Topic::Incidents, excused);
    assert_eq!(summary(&log).unreviewed.identity, 0, "nobody was asked to sit there");
    let DeskEntry::Incident(mut pending) = mismatch(&log, CountsReason::AwaitingReview) else {
        unreachable!()
    };
    pending.rev = 1;
    log.write(Topic::Incidents, DeskEntry::Incident(pending));
    let with = summary(&log);
    assert_eq!((with.unreviewed.identity, with.integrity), (1, without.integrity), "it moves no number");
    assert_eq!(worst_first(&with, &without), Ordering::Less);
    assert_eq!(with.headline.as_deref(), Some("Face unlike the enrolled one: waits for a person to look"));
}

#[test]
fn what_fails_on_our_side_is_a_flag_of_its_own() {
    let frozen = Log::running(session().seated(30).frozen().seated(20));
    let summary = summary(&frozen);
    assert_eq!(summary.technical, [IncidentType::VideoFrozen]);
    assert!(!summary.queues.evidence);
    assert_eq!(summary.open[0].kind, IncidentType::VideoFrozen);
    let covered = Log::running(session().seated(30).covered(20));
    let summary = self::summary(&covered);
    assert!(summary.technical.is_empty(), "somebody stood in front of the camera");
    assert_eq!(summary.open[0].kind, IncidentType::CameraObstructed);
    let ended = Log::of(session().seated(30).frozen().seated(20));
    assert!(self::summary(&ended).technical.is_empty(), "it is over");
}

/// Summaries that differ in all that order goes by.
fn summaries() -> impl Strategy<Value = SessionSummary> {
    let base = summary(&Log::of(session().seated(10)));
    let parts = (0u32..2, 0usize..5, 0usize..5, 0i64..3, prop::option::of(0u8..3), 0u8..4);
    parts.prop_map(move |(identity, priority, band, concern, started, name)| {
        let priorities =
            [ReviewPriority::None, ReviewPriority::Low, ReviewPriority::Medium, ReviewPriority::High];
        let bands = [Band::Green, Band::Amber, Band::Red, Band::Grey];
        SessionSummary {
            unreviewed: Unreviewed { identity, ..Unreviewed::default() },
            identity: Some(IdentityState::NotRequired),
            review_priority: priorities.get(priority).copied(),
            band: bands.get(band).copied(),
            concern_milli: Some(concern),
            started_at: started.map(|second| format!("2026-11-25T09:00:0{second}.000Z")),
            session: format!("t1/e7/s{name}").parse().unwrap(),
            ..base.clone()
        }
    })
}

proptest! {
    #[test]
    fn the_order_is_total(one in summaries(), two in summaries(), three in summaries()) {
        prop_assert_eq!(worst_first(&one, &two), worst_first(&two, &one).reverse());
        prop_assert_eq!(worst_first(&one, &two) == Ordering::Equal, one == two || one.urgency() == two.urgency());
        if worst_first(&one, &two) != Ordering::Greater && worst_first(&two, &three) != Ordering::Greater {
            prop_assert_ne!(worst_first(&one, &three), Ordering::Greater);
        }
        let different = one.session != two.session;
        prop_assert!(!different || worst_first(&one, &two) != Ordering::Equal);
        let text = serde_json::to_string(&one.urgency()).unwrap();
        prop_assert_eq!(serde_json::from_str::<domain::desk::Urgency>(&text).unwrap(), one.urgency());
    }
}

#[test]
fn worse_comes_first() {
    let base = summary(&Log::of(session().seated(10)));
    let named = |name: &str| SessionSummary {
        session: format!("t1/e7/{name}").parse().unwrap(),
        review_priority: Some(ReviewPriority::Low),
        band: Some(Band::Green),
        concern_milli: Some(1000),
        started_at: Some("2026-11-25T09:00:00.000Z".to_owned()),
        ..base.clone()
    };
    let expected = [
        SessionSummary { unreviewed: Unreviewed { identity: 1, ..Unreviewed::default() }, ..named("z") },
        SessionSummary { review_priority: Some(ReviewPriority::High), ..named("y") },
        SessionSummary { review_priority: Some(ReviewPriority::Medium), ..named("x") },
        SessionSummary { band: Some(Band::Red), ..named("w") },
        SessionSummary { band: Some(Band::Amber), ..named("v") },
        SessionSummary { concern_milli: Some(2000), ..named("u") },
        SessionSummary { started_at: Some("2026-11-25T10:00:00.000Z".to_owned()), ..named("t") },
        SessionSummary { band: Some(Band::Grey), ..named("a") },
        named("b"),
        SessionSummary { started_at: None, ..named("a0") },
    ];
    let mut sorted = expected.to_vec();
    sorted.reverse();
    sorted.sort_by(worst_first);
    assert_eq!(sorted, expected);
}
