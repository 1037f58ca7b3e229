//! What learning platforms are told, and what they are never told.

use std::sync::LazyLock;

use domain::desk::{DeskEntry, IngestMs, SessionDesk};
use domain::lms::edx::{self, Status};
use domain::lms::lti::{self, Attempt, ResourceLink, User};
use domain::lms::webhook::Notice;
use domain::messages::{
    CountsReason, Decision, Incident, IncidentClass, IncidentRun, IncidentState, IncidentType, ReviewState,
    ReviewStatus, Score, ScoreStatus, SessionEvent, SessionFact,
};
use domain::time::{MediaMs, Millis};
use proptest::prelude::*;
use serde_json::Value;

use crate::builder::session;
use crate::log::{BEGIN, Log, Topic, eventful, read};
use crate::queues::{self, review};

/// Of a session in which much happens.
static DESK: LazyLock<SessionDesk> = LazyLock::new(|| eventful().desk());

fn attempt() -> Attempt {
    Attempt {
        user: User { iss: "https://lms.example".to_owned(), sub: "0ae4".to_owned() },
        resource_link: ResourceLink { id: "exam-7".to_owned() },
        attempt_number: 1,
    }
}

fn of(log: &Log) -> edx::Review {
    edx::review(&log.desk()).unwrap()
}

#[test]
fn only_a_final_score_is_a_review() {
    assert_eq!(edx::review(&Log::running(session().seated(30)).desk()), None);
    let calm = of(&Log::of(session().seated(30)));
    assert_eq!((calm.status, calm.comments.len()), (Status::Passed, 0));
}

#[test]
fn what_was_seen_is_told_in_whole_seconds_until_a_person_dismisses_it() {
    let mut log = Log::of(session().seated(30).fps(2).second_person(60).fps(1).seated(30));
    let told = of(&log);
    assert_eq!(told.status, Status::Suspicious);
    let [comment] = told.comments.as_slice() else { panic!("{told:?}") };
    assert_eq!((comment.start, comment.stop), (29, 90), "rounded outwards");
    assert!(comment.comment.starts_with("Two persons were visible for "), "{comment:?}");
    log.review(review("r1", Decision::Dismiss, 0, 120));
    assert_eq!((of(&log).status, of(&log).comments.len()), (Status::Passed, 0));
}

#[test]
fn what_could_not_be_seen_asks_for_a_person_and_is_told_as_that() {
    let told = of(&Log::of(session().seated(60).covered(40).seated(20)));
    assert_eq!(told.status, Status::Suspicious, "nobody can vouch for it");
    let [comment] = told.comments.as_slice() else { panic!("{told:?}") };
    assert_eq!((comment.start, comment.stop), (0, 120));
    assert!(comment.comment.contains("cost no points"), "{comment:?}");
}

#[test]
fn identity_that_waits_is_told_without_a_verdict() {
    let mut log = Log::of(session().seated(30).fps(2).second_person(20).fps(1).seated(30));
    let before = of(&log).comments.len();
    let pending = queues::mismatch(&log, CountsReason::AwaitingReview);
    log.write(Topic::Incidents, pending);
    assert_eq!(of(&log).comments.len(), before + 1);
}

/// Incidents with anything in them.
fn incidents() -> impl Strategy<Value = Incident> {
    let base = DESK.incidents()[0].clone();
    let classes = prop_oneof![
        Just(IncidentClass::Evidence),
        Just(IncidentClass::Coverage),
        Just(IncidentClass::Identity)
    ];
    let reasons = prop_oneof![
        Just(CountsReason::Evidence),
        Just(CountsReason::AwaitingReview),
        Just(CountsReason::Confirmed),
        Just(CountsReason::Dismissed)
    ];
    let states =
        prop_oneof![Just(IncidentState::Open), Just(IncidentState::Closed), Just(IncidentState::Superseded)];
    let instants = || prop_oneof![any::<i64>(), -10_000i64..100_000];
    (classes, any::<bool>(), reasons, states, any::<f32>(), instants(), instants()).prop_map(
        move |(class, counts, counts_reason, state, severity_num, start, end)| Incident {
            rev: 99,
            class,
            counts,
            counts_reason,
            state,
            severity_num,
            start_ms: MediaMs(start),
            end_ms: MediaMs(end),
            ..base.clone()
        },
    )
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

proptest! {
    #[test]
    fn a_review_is_never_more_than_a_machine_may_say(incident in incidents()) {
        let mut desk = DESK.clone();
        let place = domain::desk::LogPlace { offset: 1_000, at: IngestMs(BEGIN) };
        read(&mut desk, [(place, DeskEntry::Incident(Box::new(incident)))]);
        let told = serde_json::to_value(edx::review(&desk).unwrap()).unwrap();
        prop_assert_eq!(keys(&told), ["comments", "status"]);
        prop_assert!(["passed", "suspicious"].contains(&told["status"].as_str().unwrap()));
        let mut last = 0;
        for comment in told["comments"].as_array().unwrap() {
            prop_assert_eq!(keys(comment), ["comment", "start", "status", "stop"]);
            prop_assert_eq!(&comment["status"], "unknown");
            let (start, stop) = (comment["start"].as_i64().unwrap(), comment["stop"].as_i64().unwrap());
            prop_assert!(last <= start && start <= stop);
            last = start;
        }
    }

    #[test]
    fn a_flag_is_never_more_than_a_flag(incident in incidents(), zero in any::<i64>()) {
        let told = lti::flag(&incident, attempt(), IngestMs(zero));
        let may = incident.class != IncidentClass::Coverage && incident.state != IncidentState::Superseded;
        prop_assert!(told.is_none() || may);
        let Some(told) = told else { return Ok(()) };
        let text = serde_json::to_string(&told).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&body["action"], "flag");
        prop_assert!((0.0..=1.0).contains(&body["incident_severity"].as_f64().unwrap()));
        prop_assert!(IngestMs(0).to_string().len() == body["incident_time"].as_str().unwrap().len());
        prop_assert_eq!(&body["user"]["sub"], "0ae4");
    }
}

#[test]
fn a_flag_names_what_was_seen_and_when() {
    let log = Log::of(session().seated(30).fps(2).second_person(20).fps(1).seated(30));
    let desk = log.desk();
    let incident = &desk.incidents()[0];
    let told = lti::flag(incident, attempt(), IngestMs(1_795_000_000_000)).unwrap();
    assert_eq!(told.reason_code, IncidentType::MultiplePersons.name());
    assert_eq!((told.incident_time.as_str(), told.incident_severity), ("2026-11-18T11:06:20.000Z", 0.25));
    assert!(told.reason_msg.starts_with("Two persons were visible"));
    for state in [IncidentState::Open, IncidentState::Updated] {
        let running = Incident { state, ..incident.clone() };
        assert_eq!(lti::flag(&running, attempt(), IngestMs(0)), None, "once, when it is over");
    }
}

/// The notice of an incident, as text.
fn notice(incident: &Incident, at: i64) -> Option<Value> {
    let told = Notice::of(&DeskEntry::Incident(Box::new(incident.clone())), IngestMs(at));
    told.map(|told| serde_json::to_value(told).unwrap())
}

#[test]
fn the_same_revision_is_the_same_notice() {
    let incident = Incident { state: IncidentState::Open, ..DESK.incidents()[0].clone() };
    let run =
        Some(IncidentRun { detected_at: "2026-11-24T14:03:26Z".to_owned(), time_to_flag_ms: Millis(1) });
    let one = notice(&incident, 0).unwrap();
    assert_eq!(notice(&Incident { run, ..incident.clone() }, 0), Some(one.clone()));
    assert_eq!(
        (&one["type"], &one["timestamp"]),
        (&"incident.opened".into(), &"1970-01-01T00:00:00.000Z".into())
    );
    assert_eq!(one["data"]["type"], incident.kind.name());
    assert!(!one["id"].as_str().unwrap().contains('.'), "what is signed can be told apart");
    let later = notice(&Incident { rev: incident.rev + 1, ..incident }, 0).unwrap();
    assert_ne!(later["id"], one["id"]);

    let score = DESK.score().unwrap().clone();
    let of = |score: Score| Notice::of(&DeskEntry::Score(Box::new(score)), IngestMs(0));
    let told = serde_json::to_value(of(score.clone()).unwrap()).unwrap();
    assert_eq!((&told["type"], &told["data"]["rev"]), (&"score.final".into(), &score.rev.into()));
    let provisional = Score { status: ScoreStatus::Provisional, ..score };
    assert_eq!(of(provisional), None, "such ones share a revision");
}

#[test]
fn what_only_grows_is_no_news_and_what_a_person_decided_is() {
    let incident = DESK.incidents()[0].clone();
    let kind = |state, review| {
        let review = ReviewState { state: review, ..ReviewState::unreviewed() };
        let told = notice(&Incident { state, review, ..incident.clone() }, 0)?;
        Some(told["type"].as_str().unwrap().to_owned())
    };
    let unreviewed = |state| kind(state, ReviewStatus::Unreviewed);
    assert_eq!(unreviewed(IncidentState::Updated), None);
    assert_eq!(unreviewed(IncidentState::Closed).as_deref(), Some("incident.closed"));
    assert_eq!(unreviewed(IncidentState::Superseded).as_deref(), Some("incident.closed"));
    for decided in [ReviewStatus::Confirmed, ReviewStatus::Dismissed, ReviewStatus::Reopened] {
        assert_eq!(kind(IncidentState::Updated, decided).as_deref(), Some("incident.reviewed"));
    }
}

#[test]
fn a_session_is_an_attempt_where_its_back_end_said_so() {
    let mut log = Log::running(session().seated(10));
    assert_eq!(Attempt::of(&log.desk(), "campus", "https://lms.example"), None);
    let event = SessionEvent::Linked {
        platform: "campus".to_owned(),
        user: "0ae4".to_owned(),
        resource_link: "exam-7".to_owned(),
        attempt_number: 1,
    };
    log.fact(SessionFact { session: log.desk().session().clone(), media_ms: MediaMs::ZERO, event });
    assert_eq!(Attempt::of(&log.desk(), "campus", "https://lms.example"), Some(attempt()));
    assert_eq!(Attempt::of(&log.desk(), "elsewhere", "https://lms.example"), None);
}
