//! Sampling that adapts to what was seen: how a segment is looked at depends on who died when, and the log of
//! observations is the truth.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::Value;

use super::{CLIPS, FAILPOINTS, STATIC, assert_nothing_said_twice, observed_beyond_once, start};
use crate::exam::{Exam, data, text, without_history};

/// Somebody who sits still: after a while, only keyframes are looked at.
const CALM: &str = "c01_calm_vp8.webm";
/// With little room, so that not all of a recording is decoded before the first of it was looked at.
const ADAPTIVE: [(&str, &str); 4] = [
    ("INVIGILATOR__ADAPTIVE__CALM_AFTER_MS", "4000"),
    ("INVIGILATOR__WORKER__MEDIA_MIB", "1"),
    ("INVIGILATOR__SAMPLING__BASE_FPS", "1"),
    ("INVIGILATOR__SAMPLING__ESCALATED_FPS", "2"),
];

/// The last score of each session.
fn last_scores(exam: &Exam) -> BTreeMap<String, Value> {
    let scores = exam.read_all(&exam.topics.scores());
    scores.iter().map(data).map(|score| (text(&score["session"]), without_history(score))).collect()
}

#[test]
fn scores_are_those_of_the_log_though_sampling_adapts_and_workers_are_killed() {
    let exam = Exam::new("adaptive");
    exam.publish(&[CALM, CLIPS[2]]);
    let variables = |end| [ADAPTIVE.as_slice(), &[STATIC, (FAILPOINTS, end)]].concat();
    for end in ["observe.acknowledged=kill@8", "score.offsets=kill@1", "observe.sent=kill@3"] {
        let worker = start(&exam, "adaptive-0", &variables(end));
        assert_eq!(worker.killed_by(), Some(Signal::KILL.as_raw()), "{end}");
    }
    let worker = start(&exam, "adaptive-0", &variables(""));
    exam.final_scores(2);
    assert_nothing_said_twice(&exam);
    assert!(observed_beyond_once(&exam) > 0, "work was done again, and perhaps in another way");
    let observations = exam.read_all(&exam.topics.observations());
    let adapted = observations.iter().filter(|record| data(record)["plan"]["reason"] == "calm").count();
    assert!(adapted > 0, "some segments were looked at keyframes only");

    let (scores, incidents) = (last_scores(&exam), exam.incidents());
    // Folds the log again from its beginning.
    let output = exam.command("rescore").args(["--policy", "standard", "--all"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("2 sessions judged again"), "{said}");
    assert_eq!(last_scores(&exam), scores);
    assert_eq!(exam.incidents(), incidents);
    assert_eq!(worker.terminate(), Some(0));
}
