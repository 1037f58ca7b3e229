//! Hours of the same: sessions come, workers are killed at random points, memory is watched. Half an hour by
//! default; `make soak SOAK_MINUTES=5` is shorter. Not part of `make test`.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{CLIPS, FAILPOINTS, SAMPLING, STATIC, start};
use crate::exam::{Exam, PARTITIONS, Worker, clip, text, without_history};

/// How the lives of workers end, in turns; the last of them ends in order.
const ENDS: [&str; 5] = [
    "observe.acknowledged=kill@40",
    "score.offsets=kill@25",
    "observe.sent=kill@70",
    "score.committed=kill@30",
    "",
];
/// Beyond what a worker held when it had warmed up, in MiB: room for the allocator, not for a leak.
const GROWTH: usize = 200;

#[test]
#[ignore = "takes half an hour: make soak"]
fn sessions_come_and_workers_die_for_half_an_hour() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let (began, exam) = (Instant::now(), Exam::new("soak"));
    exam.create_topics();
    let expected = nameless(undisturbed_score());
    let (mut sessions, mut lives, mut warm) = (0, 0, None);
    println!("minute  sessions  lives  resident MiB");
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let end = ENDS[lives % ENDS.len()];
        let worker = start(&exam, "soak-0", &[(FAILPOINTS, end), STATIC]);
        lives += 1;
        loop {
            publish(&exam, sessions);
            sessions += 1;
            if end.is_empty() {
                exam.final_scores(sessions);
            }
            let Some(resident) = resident_mib(&worker) else { break };
            println!("{:6}  {sessions:8}  {lives:5}  {resident:12}", began.elapsed().as_secs() / 60);
            let most = *warm.get_or_insert(resident) + GROWTH;
            assert!(resident <= most, "{resident} MiB are more than {most} MiB");
            if end.is_empty() && sessions % 5 == 0 {
                assert_eq!(worker.terminate(), Some(0));
                break;
            }
        }
    }
    let worker = start(&exam, "soak-0", &[STATIC]);
    for (session, score) in exam.final_scores(sessions) {
        assert_eq!(nameless(without_history(score)), expected, "{session}");
    }
    super::assert_nothing_said_twice(&exam);
    assert_eq!(worker.terminate(), Some(0));
    println!("{sessions} sessions through {lives} lives in {} minutes", began.elapsed().as_secs() / 60);
}

fn session(number: usize) -> String {
    format!("local/soak/{number}")
}

fn publish(exam: &Exam, number: usize) {
    let mut command = exam.command("publish");
    command.args(["--no-progress", "--create-topics", &PARTITIONS.to_string()]);
    run(command.args(["--session", &session(number)]).arg(clip(CLIPS[2])));
}

fn undisturbed_score() -> Value {
    let mut command = crate::exam::invigilator();
    command.args(["analyze", "--json", "--no-progress", "--session", &session(0)]).arg(clip(CLIPS[2]));
    let lines = run(command.envs(SAMPLING));
    let mut events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let score = events.rfind(|event| text(&event["type"]) == "invigilator.score.v1").unwrap();
    without_history(score["data"].clone())
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A score without what differs between sessions of the same recording: their names, and the ids that are
/// made from them.
fn nameless(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "session" && name != "incident_id" && name != "incident_ids");
            fields.values_mut().for_each(|field| *field = nameless(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = nameless(item.take())),
        _ => {}
    }
    value
}

/// The resident set of a worker; `None` if it has died.
fn resident_mib(worker: &Worker) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()? / 1024)
}
