//! Half an hour of the same: sessions come, one worker is killed at random points, and the memory of another
//! that lives through all of it is watched; `make soak SOAK_MINUTES=5` is shorter. Not part of `make test`.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use kafka::{PartitionReader, Start};
use serde_json::Value;

use super::{CLIPS, FAILPOINTS, SAMPLING, STATIC, start};
use crate::exam::{Exam, PARTITIONS, PATIENCE, Worker, clip, data, poll, text, without_history};

/// How the lives of the mortal worker end, in turns; the last of them ends in order.
const ENDS: [&str; 5] = [
    "observe.acknowledged=kill@40",
    "score.offsets=kill@25",
    "observe.sent=kill@70",
    "score.committed=kill@30",
    "",
];
/// How long a poll for scores waits.
const POLL: Duration = Duration::from_millis(200);
/// How often a session is published that cannot be.
const MOST_TRIES: usize = 3;
/// By how much memory may differ from one third of the time to the next: less than 100 KiB a session.
const GROWTH_MIB: usize = 8;
/// Sessions that may be unfinished: a backlog would be memory in use, too.
const UNFINISHED: usize = 3;

#[test]
#[ignore = "takes half an hour: make soak"]
fn sessions_come_and_workers_die_for_half_an_hour() {
    let minutes = std::env::var("SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let (began, exam) = (Instant::now(), Exam::new("soak"));
    exam.create_topics();
    let expected = nameless(undisturbed_score());
    let mut finals = Finals::new(&exam);
    let (mut sessions, mut lives, mut memory) = (0, 0, Vec::new());
    let steady = start(&exam, "soak-steady", &[]);
    println!("minute  sessions  lives  resident MiB");
    while began.elapsed() < Duration::from_secs(60 * minutes) {
        let end = ENDS[lives % ENDS.len()];
        let mortal = start(&exam, "soak-mortal", &[(FAILPOINTS, end), STATIC]);
        lives += 1;
        loop {
            publish(&exam, sessions);
            sessions += 1;
            finals.wait_for(sessions.saturating_sub(UNFINISHED));
            let resident = resident_mib(&steady).expect("nobody kills it");
            println!("{:6}  {sessions:8}  {lives:5}  {resident:12}", began.elapsed().as_secs() / 60);
            memory.push(resident);
            if resident_mib(&mortal).is_none() {
                break;
            }
            if end.is_empty() && sessions % 5 == 0 {
                assert_eq!(mortal.terminate(), Some(0));
                break;
            }
        }
    }
    for (session, score) in exam.final_scores(sessions) {
        assert_eq!(nameless(without_history(score)), expected, "{session}");
    }
    super::assert_nothing_said_twice(&exam);
    assert_eq!(steady.terminate(), Some(0));
    println!("{sessions} sessions through {lives} lives in {} minutes", began.elapsed().as_secs() / 60);
    let third = memory.len() / 3;
    let [first, second, last] = [0, 1, 2].map(|part| memory[part * third..][..third].iter().max().unwrap());
    println!("most memory in each third: {first}, {second}, {last} MiB");
    // The first third is for getting there.
    assert!(*last <= second + GROWTH_MIB, "it grows");
}

/// The sessions that have a final score, as they come.
struct Finals {
    reader: PartitionReader,
    sessions: BTreeSet<String>,
}

impl Finals {
    fn new(exam: &Exam) -> Self {
        let reader = PartitionReader::new(&exam.connection, 8 << 20).unwrap();
        let scores = exam.topics.scores();
        let partitions: Vec<_> =
            (0..PARTITIONS).map(|each| (scores.as_str(), each, Start::Beginning)).collect();
        reader.assign(&partitions).unwrap();
        Self { reader, sessions: BTreeSet::new() }
    }

    fn wait_for(&mut self, sessions: usize) {
        // Counted in polls: a machine that stands still for minutes is no reason to give up.
        for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
            if self.sessions.len() >= sessions {
                return;
            }
            let scores = poll(&self.reader, POLL);
            let finals = scores.iter().map(data).filter(|score| score["status"] == "final");
            self.sessions.extend(finals.map(|score| text(&score["session"])));
        }
        panic!("only {} sessions are finished", self.sessions.len());
    }
}

fn session(number: usize) -> String {
    format!("local/soak/{number}")
}

/// Publishes a session; again if brokers were away for too long, since what is said twice counts once.
fn publish(exam: &Exam, number: usize) {
    let publish = || {
        let mut command = exam.command("publish");
        command.args(["--no-progress", "--create-topics", &PARTITIONS.to_string()]);
        command.args(["--session", &session(number)]).arg(clip(CLIPS[2])).output().unwrap()
    };
    let published = (0..MOST_TRIES).map(|_| publish()).find(|output| output.status.success());
    assert!(published.is_some(), "session {number} cannot be published");
}

fn undisturbed_score() -> Value {
    let mut command = crate::exam::invigilator();
    command.args(["analyze", "--json", "--no-progress", "--session", &session(0)]).arg(clip(CLIPS[2]));
    let output = command.envs(SAMPLING).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let score = events.rfind(|event| text(&event["type"]) == "invigilator.score.v1").unwrap();
    without_history(score["data"].clone())
}

/// A score without what differs between sessions of the same recording: their names, and the ids that are
/// made from them, of which only the number is left.
fn nameless(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("session");
            for (name, field) in fields {
                *field = match field.as_array() {
                    Some(ids) if name == "incidents" => ids.len().into(),
                    _ => nameless(field.take()),
                };
            }
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
