//! Promise: whatever dies, stands still or is cut off, no result is lost and none counts twice: in the
//! end, scores and incidents are those of an undisturbed run (docs/guarantees.md).
//!
//! Real binary on real video, real Apache Kafka, real signals. Most kills are made to happen between the
//! writing of a result and the commit of what it came from, where they could hurt, by failpoints.

mod brokers;
mod clock;
mod decoders;
mod memory;
mod records;
mod replay;
mod rollout;
mod soak;
mod stores;
mod topics;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use kafka::Record;
use serde_json::Value;

use crate::exam::{Exam, Worker, analyzed_with, data, text, without_history};

/// What happens in these recordings: somebody leaves; a second person comes; the camera is covered.
const CLIPS: [&str; 4] =
    ["c03_leaves_vp8.webm", "c04_leaves_fmp4.mp4", "c05_second_person_vp8.webm", "c08_covered_vp8.webm"];

/// Half the usual rate: what is looked at matters less here than how often.
const SAMPLING: [(&str, &str); 2] =
    [("INVIGILATOR__SAMPLING__BASE_FPS", "0.5"), ("INVIGILATOR__SAMPLING__ESCALATED_FPS", "1")];
/// Segments whose observations are acknowledged.
const OBSERVED: &str = "invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}";
/// Makes a worker fail at a point.
const FAILPOINTS: &str = "INVIGILATOR_FAILPOINTS";
/// Group members that died are known again when they come back.
const STATIC: (&str, &str) = ("INVIGILATOR__KAFKA__STATIC_MEMBERSHIP", "true");

/// Scores by session, incidents by session and id.
type Verdicts = (BTreeMap<String, Value>, BTreeMap<(String, String), Value>);

/// What an undisturbed run makes of [`CLIPS`].
fn undisturbed() -> &'static Verdicts {
    static VERDICTS: OnceLock<Verdicts> = OnceLock::new();
    VERDICTS.get_or_init(|| analyzed_with(&CLIPS, &SAMPLING))
}

/// A running worker, with further variables in its environment. Group members that died are missed within
/// two seconds.
fn start(exam: &Exam, name: &str, variables: &[(&str, &str)]) -> Worker {
    const SHORT_SESSION: (&str, &str) = ("INVIGILATOR__KAFKA__SESSION_TIMEOUT_MS", "2000");
    let all: Vec<_> = SAMPLING.iter().chain([&SHORT_SESSION]).chain(variables).copied().collect();
    exam.worker_with(name, &all)
}

/// What an undisturbed run makes of some of [`CLIPS`].
fn undisturbed_of(sessions: &BTreeSet<String>) -> Verdicts {
    let (mut scores, mut incidents) = undisturbed().clone();
    scores.retain(|session, _| sessions.contains(session));
    incidents.retain(|(session, _), _| sessions.contains(session));
    (scores, incidents)
}

/// Waits until every session is finished, then compares with an undisturbed run. Returns how many
/// observations are in the log beyond one per segment: work that was done again, and counts for nothing.
fn assert_nothing_lost_or_doubled(exam: &Exam) -> usize {
    assert_undisturbed(exam, &sessions_in(exam, &exam.topics.segments()));
    assert_nothing_said_twice(exam);
    assert_eq!(exam.read_all(&exam.topics.dead_letters()).len(), 0, "nothing was wrong with any segment");
    observed_beyond_once(exam)
}

/// The sessions that records of a topic are about.
fn sessions_in(exam: &Exam, topic: &str) -> BTreeSet<String> {
    exam.read_all(topic).iter().map(|record| header(record, "ce_subject")).collect()
}

/// Waits until these sessions, and no others, are finished, then compares with an undisturbed run.
fn assert_undisturbed(exam: &Exam, sessions: &BTreeSet<String>) {
    let (expected_scores, expected_incidents) = undisturbed_of(sessions);
    let scores = exam.final_scores(sessions.len());
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected_scores);
    assert_eq!(exam.incidents(), expected_incidents);
}

/// A result that was published twice shows: every score rests on other records than the one before, and
/// the revisions of an incident are numbered.
fn assert_nothing_said_twice(exam: &Exam) {
    let mut revisions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for incident in exam.read_all(&exam.topics.incidents()).iter().map(data) {
        revisions.entry(text(&incident["incident_id"])).or_default().push(incident["rev"].as_u64().unwrap());
    }
    for (incident, revisions) in revisions {
        assert_eq!(revisions, (0..revisions.len() as u64).collect::<Vec<_>>(), "revisions of {incident}");
    }
    let mut inputs = BTreeSet::new();
    for score in exam.read_all(&exam.topics.scores()).iter().map(data) {
        let (session, sha256) = (text(&score["session"]), text(&score["inputs_sha256"]));
        assert!(inputs.insert((session, sha256)), "said twice: {score}");
    }
}

fn observed_beyond_once(exam: &Exam) -> usize {
    let segments = exam.read_all(&exam.topics.segments());
    let published: BTreeSet<_> = segments
        .iter()
        .map(|record| ["ce_subject", "ce_epoch", "ce_sequence"].map(|name| header(record, name)))
        .collect();
    let observations = exam.read_all(&exam.topics.observations());
    let observed: Vec<_> = observations
        .iter()
        .map(data)
        .filter(|data| data.get("sequence").is_some())
        .map(|data| {
            [text(&data["session"]), data["stream"]["epoch"].to_string(), data["sequence"].to_string()]
        })
        .collect();
    let distinct: BTreeSet<_> = observed.iter().cloned().collect();
    assert_eq!(distinct, published, "every segment is observed");
    observed.len() - distinct.len()
}

fn header(record: &Record, name: &str) -> String {
    String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap()
}
