//! Promise: segments in, exactly the expected observations, incidents and scores out, with one worker or
//! several, through a rebalance, past records that are none; and the scores are those of `analyze`.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kafka::{
    Admin, Connection, Outgoing, PartitionReader, Publisher, PublisherSettings, Record, Start, Topics,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::broker::Broker;

pub(crate) const PARTITIONS: i32 = 3;
/// How long a machine under load may take for a few short clips.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

pub(crate) fn invigilator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A set of topics of their own on the shared broker.
pub(crate) struct Exam {
    prefix: String,
    pub(crate) connection: Connection,
    pub(crate) topics: Topics,
}

impl Exam {
    pub(crate) fn new(prefix: &str) -> Self {
        let connection = Broker::shared().connection(prefix);
        Self { prefix: prefix.to_owned(), connection, topics: Topics::new(prefix).unwrap() }
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = invigilator();
        command
            .args([name, "--brokers", &Broker::shared().bootstrap()])
            .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", &self.prefix)
            .env("INVIGILATOR__KAFKA__GROUP_PREFIX", &self.prefix);
        command
    }

    pub(crate) fn create_topics(&self) {
        let admin = Admin::new(&self.connection, Duration::from_secs(30)).unwrap();
        admin.create_topics(&self.topics.specs(PARTITIONS, 1)).unwrap();
    }

    fn publish(&self, clips: &[&str]) {
        let files = clips.iter().map(|name| clip(name));
        let output = self
            .command("publish")
            .args(["--no-progress", "--create-topics", &PARTITIONS.to_string()])
            .args(files)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn worker(&self, name: &str) -> Worker {
        self.worker_with(name, [])
    }

    /// A worker with more in its environment.
    pub(crate) fn worker_with<const N: usize>(&self, name: &str, variables: [(&str, String); N]) -> Worker {
        let child = self
            .command("worker")
            .envs(variables)
            .env("INVIGILATOR__KAFKA__INSTANCE", name)
            .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Worker::started(child)
    }

    /// Reads a topic until `enough` says so; everything read, in the order of each partition.
    pub(crate) fn read(&self, topic: &str, mut enough: impl FnMut(&[Record]) -> bool) -> Vec<Record> {
        let reader = PartitionReader::new(&self.connection, 8 << 20).unwrap();
        let partitions: Vec<_> = (0..PARTITIONS).map(|each| (topic, each, Start::Beginning)).collect();
        reader.assign(&partitions).unwrap();
        let (mut records, asked) = (Vec::new(), Instant::now());
        while !enough(&records) {
            assert!(asked.elapsed() < PATIENCE, "{topic} has {} records, which is not enough", records.len());
            records.extend(reader.poll(Duration::from_millis(200)).unwrap());
        }
        records
    }

    /// Everything in a topic at present.
    pub(crate) fn read_all(&self, topic: &str) -> Vec<Record> {
        let reader = PartitionReader::new(&self.connection, 8 << 20).unwrap();
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let mut tell = |record| records.push(record);
            reader.read_to_end(topic, partition, Start::Beginning, PATIENCE, &mut tell).unwrap();
        }
        records
    }

    /// Waits until so many sessions have a final score; the last score of each.
    pub(crate) fn final_scores(&self, sessions: usize) -> BTreeMap<String, Value> {
        let last = |records: &[Record]| -> BTreeMap<String, Value> {
            records.iter().map(data).map(|score| (text(&score["session"]), score)).collect()
        };
        let is_final = |scores: &BTreeMap<String, Value>| {
            scores.len() == sessions && scores.values().all(|score| score["status"] == "final")
        };
        last(&self.read(&self.topics.scores(), |records| is_final(&last(records))))
    }

    /// The last revision of each incident, by session and id.
    pub(crate) fn incidents(&self) -> BTreeMap<(String, String), Value> {
        let keyed = |incident: Value| {
            ((text(&incident["session"]), text(&incident["incident_id"])), without_history(incident))
        };
        self.read_all(&self.topics.incidents()).iter().map(data).map(keyed).collect()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn data(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

/// What two runs must agree on: not when, nor after how many revisions, nor from which records.
pub(crate) fn without_history(mut message: Value) -> Value {
    let fields = message.as_object_mut().unwrap();
    for name in ["run", "rev", "supersedes", "state", "inputs_sha256"] {
        fields.remove(name);
    }
    message
}

/// What `analyze` makes of the same clips: scores by session, incidents by session and id.
pub(crate) fn analyzed(clips: &[&str]) -> (BTreeMap<String, Value>, BTreeMap<(String, String), Value>) {
    let files = clips.iter().map(|name| clip(name));
    let output = invigilator().args(["analyze", "--json", "--no-progress"]).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut scores, mut incidents) = (BTreeMap::new(), BTreeMap::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let (kind, data) = (text(&event["type"]), event["data"].clone());
        let session = text(&data["session"]);
        match kind.as_str() {
            "invigilator.score.v1" => drop(scores.insert(session, without_history(data))),
            "invigilator.incident.v1" => {
                incidents.insert((session, text(&data["incident_id"])), without_history(data));
            }
            _ => {}
        }
    }
    (scores, incidents)
}

/// A running worker process.
pub(crate) struct Worker {
    child: Child,
    telemetry: String,
}

impl Worker {
    /// Waits until the log says where the metrics are.
    pub(crate) fn started(mut child: Child) -> Self {
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let telemetry = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the worker ended before it began");
            let Ok(entry) = serde_json::from_str::<Value>(&line) else { panic!("no log line: {line}") };
            if entry["message"] == "worker started" {
                break text(&entry["telemetry"]);
            }
        };
        // Somebody has to read the rest, or the worker waits for room to write it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::stderr()));
        Self { child, telemetry }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.telemetry).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    pub(crate) fn metric(&self, series: &str) -> f64 {
        let (_, metrics) = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let asked = Instant::now();
        while !is_so(self) {
            assert!(asked.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
            std::thread::yield_now();
        }
    }

    /// Ends it as Kubernetes would; returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Each segment was observed once: (session, epoch, sequence).
pub(crate) fn assert_observed_once(exam: &Exam) -> usize {
    let segments = exam.read_all(&exam.topics.segments());
    let segment = |record: &Record| {
        let header =
            |name: &str| String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap();
        (header("ce_subject"), header("ce_epoch"), header("ce_sequence"))
    };
    let published: Vec<_> = segments.iter().map(segment).collect();
    let observations = exam.read_all(&exam.topics.observations());
    let observation = |record: &Record| {
        let data = data(record);
        (text(&data["session"]), data["stream"]["epoch"].to_string(), data["sequence"].to_string())
    };
    let is_marker = |record: &Record| record.headers.get("ce_type") == Some(b"invigilator.marker.v1");
    let markers = observations.iter().filter(|record| is_marker(record)).count();
    assert_eq!(markers, 0, "no clock had to say that a session is over");
    let observed: Vec<_> = observations.iter().map(observation).collect();
    assert_eq!(
        observed.len(),
        observed.iter().collect::<BTreeSet<_>>().len(),
        "a segment was observed twice"
    );
    assert_eq!(observed.iter().collect::<BTreeSet<_>>(), published.iter().collect());
    published.len()
}

#[test]
fn a_worker_scores_as_analyze_does_and_its_figures_are_true() {
    const CLIPS: [&str; 4] =
        ["c03_leaves_vp8.webm", "c05_second_person_vp8.webm", "c04_leaves_fmp4.mp4", "c17_rotated_h264.mp4"];
    let exam = Exam::new("equal");
    exam.publish(&CLIPS);
    let worker = exam.worker("equal-0");
    let scores = exam.final_scores(CLIPS.len());
    let (expected_scores, expected_incidents) = analyzed(&CLIPS);
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected_scores);
    assert_eq!(exam.incidents(), expected_incidents);
    let segments = assert_observed_once(&exam) as f64;

    worker.wait_until("every observation is acknowledged", |worker| {
        worker.metric("invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}") == segments
    });
    for stage in ["ingest", "decode", "look"] {
        let series = format!("invigilator_stage_items_total{{outcome=\"ok\",stage=\"{stage}\"}}");
        assert_eq!(worker.metric(&series), segments, "{stage}");
    }
    assert!(worker.metric("invigilator_samples_total{outcome=\"seen\"}") > segments);
    assert!(worker.metric("invigilator_model_seconds_total{model=\"blazeface_back\"}") > 0.0);
    assert_eq!(worker.metric("invigilator_scores_total{status=\"final\"}"), CLIPS.len() as f64);
    assert_eq!(worker.get("/healthz").0, 200);
    assert_eq!(worker.get("/readyz").0, 200);
    assert_eq!(worker.get("/nothing").0, 404);
    assert_eq!(worker.metric("invigilator_queue_bytes{pool=\"media\"}"), 0.0);
    assert_eq!(worker.terminate(), Some(0));
}

#[test]
fn a_second_worker_takes_its_share_and_then_all_of_it() {
    const CLIPS: [&str; 4] =
        ["c01_calm_vp8.webm", "c02_calm_h264.mp4", "c08_covered_vp8.webm", "c11_frozen_vp8.webm"];
    let exam = Exam::new("shared");
    exam.publish(&CLIPS);
    let published = "invigilator_stage_items_total{outcome=\"ok\",stage=\"publish\"}";
    let first = exam.worker("shared-0");
    first.wait_until("the first worker is in the middle of it", |worker| worker.metric(published) >= 3.0);
    let second = exam.worker("shared-1");
    let moved = "invigilator_rebalances_total{change=\"assigned\",role=\"observe\"}";
    second.wait_until("the second worker has a share", |worker| {
        worker.get("/metrics").1.contains(moved) && worker.metric(moved) >= 1.0
    });
    assert_eq!(first.terminate(), Some(0));
    let scores = exam.final_scores(CLIPS.len());
    let (expected, _) = analyzed(&CLIPS);
    let scores: BTreeMap<_, _> =
        scores.into_iter().map(|(session, score)| (session, without_history(score))).collect();
    assert_eq!(scores, expected);
    assert_observed_once(&exam);
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn what_is_no_segment_is_set_aside_and_holds_up_nothing() {
    let exam = Exam::new("poison");
    exam.publish(&["c16_opus_vp8.webm"]);
    let segments = exam.read_all(&exam.topics.segments());
    let publisher = Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| {
        result.unwrap();
    })
    .unwrap();
    // The same partition as the session's: noise without headers, and a segment that is noise inside.
    let mut noise = Outgoing {
        topic: exam.topics.segments(),
        partition: Some(segments[0].origin.partition),
        key: segments[0].key.clone(),
        value: Some(vec![7; 3000]),
        headers: kafka::Headers::new(),
    };
    publisher.send(noise.clone(), ()).unwrap();
    let mut spoiled = segments[0].headers.clone();
    spoiled.push("ce_sequence", segments.len().to_string());
    let end = |record: &Record| -> i64 {
        std::str::from_utf8(record.headers.get("ce_endms").unwrap()).unwrap().parse().unwrap()
    };
    let reached = segments.iter().map(end).max().unwrap();
    spoiled.push("ce_startms", reached.to_string());
    spoiled.push("ce_endms", (reached + 2000).to_string());
    noise.headers = spoiled;
    publisher.send(noise, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();

    let worker = exam.worker("poison-0");
    let letters = exam.read(&exam.topics.dead_letters(), |records| records.len() == 2);
    let header = |record: &Record, name: &str| {
        String::from_utf8(record.headers.get(name).unwrap_or_default().to_vec()).unwrap()
    };
    for letter in &letters {
        assert_eq!(letter.value.as_deref(), Some(&[7; 3000][..]), "the original is kept");
        assert_eq!(header(letter, "dlq-topic"), exam.topics.segments());
    }
    let reasons: BTreeSet<_> =
        letters.iter().map(|letter| (header(letter, "dlq-stage"), header(letter, "dlq-reason"))).collect();
    let stages: BTreeSet<_> = reasons.iter().map(|(stage, _)| stage.as_str()).collect();
    assert_eq!(stages, ["decode", "ingest"].into(), "{reasons:?}");

    let observations = exam.read(&exam.topics.observations(), |records| records.len() > segments.len());
    let placeholders: Vec<Value> =
        observations.iter().map(data).filter(|data| data["status"] == "undecodable").collect();
    assert_eq!(placeholders.len(), 1);
    assert_eq!(placeholders[0]["sequence"], segments.len() as u64);
    let score = exam.final_scores(1).into_values().next().unwrap();
    assert_eq!(score["integrity"], 100, "what cannot be decoded costs no points: {score}");
    assert_eq!(worker.terminate(), Some(0));
}
