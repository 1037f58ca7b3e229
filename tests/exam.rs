//! An exam for tests: topics of its own on a real broker, recordings published into them, workers that
//! are real processes, and what `analyze` makes of the same recordings to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use kafka::{Admin, Connection, PartitionReader, Record, Start, Topics};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::broker::Broker;

/// Of every topic.
pub const PARTITIONS: i32 = 3;
/// How long a machine under load may take for a few short clips.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How often a state is asked for that nobody tells of.
const ASK_AGAIN: Duration = Duration::from_millis(20);

pub fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// The program, which dies with the thread that starts it: a worker that outlives its test would take its share of
/// the next one's partitions.
pub fn invigilator() -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_invigilator")])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A set of topics of their own on a broker.
pub struct Exam {
    prefix: String,
    bootstrap: String,
    pub connection: Connection,
    pub topics: Topics,
}

impl Exam {
    /// On the broker that all tests share.
    pub fn new(prefix: &str) -> Self {
        Self::on(&Broker::shared().bootstrap(), prefix)
    }

    /// On a broker of its own, which may be killed.
    pub fn on(bootstrap: &str, prefix: &str) -> Self {
        let connection = Connection::new(bootstrap, prefix);
        let (prefix, bootstrap) = (prefix.to_owned(), bootstrap.to_owned());
        Self { topics: Topics::new(&prefix).unwrap(), prefix, bootstrap, connection }
    }

    /// The brokers to begin with.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A command of the program for this exam.
    pub fn command(&self, name: &str) -> Command {
        let mut command = invigilator();
        command
            .args([name, "--brokers", &self.bootstrap])
            .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", &self.prefix)
            .env("INVIGILATOR__KAFKA__GROUP_PREFIX", &self.prefix);
        command
    }

    pub fn publish(&self, clips: &[&str]) {
        let files = clips.iter().map(|name| clip(name));
        let output = self
            .command("publish")
            .args(["--no-progress", "--create-topics", &PARTITIONS.to_string()])
            .args(files)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The topics, for records that do not come from `publish`.
    pub fn create_topics(&self) {
        self.create_topics_with(1);
    }

    /// The topics, with so many copies of each record.
    pub fn create_topics_with(&self, copies: i32) {
        let admin = Admin::new(&self.connection, PATIENCE).unwrap();
        admin.create_topics(&self.topics.specs(PARTITIONS, copies)).unwrap();
    }

    /// A running worker.
    pub fn worker(&self, name: &str) -> Worker {
        self.worker_with(name, &[])
    }

    /// A running worker with further variables in its environment.
    pub fn worker_with(&self, name: &str, variables: &[(&str, &str)]) -> Worker {
        self.worker_of(&[], name, variables)
    }

    /// A running worker of some roles alone.
    pub fn worker_of(&self, roles: &[&str], name: &str, variables: &[(&str, &str)]) -> Worker {
        let child = self
            .command("worker")
            .args(roles.iter().flat_map(|role| ["--role", role]))
            .env("INVIGILATOR__KAFKA__INSTANCE", name)
            .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
            // What is seen is compared: it must not depend on how busy the machine is.
            .env("INVIGILATOR__ADAPTIVE__MOST_BEHIND_MS", "0")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Worker::started(child)
    }

    /// Reads a topic until `enough` says so; everything read, in the order of each partition.
    pub fn read(&self, topic: &str, mut enough: impl FnMut(&[Record]) -> bool) -> Vec<Record> {
        let reader = PartitionReader::new(&self.connection, 8 << 20).unwrap();
        let partitions: Vec<_> = (0..PARTITIONS).map(|each| (topic, each, Start::Beginning)).collect();
        reader.assign(&partitions).unwrap();
        let (mut records, asked) = (Vec::new(), Instant::now());
        while !enough(&records) {
            assert!(asked.elapsed() < PATIENCE, "{topic} has {} records, which is not enough", records.len());
            records.extend(poll(&reader, Duration::from_millis(200)));
        }
        records
    }

    /// Everything in a topic at present.
    pub fn read_all(&self, topic: &str) -> Vec<Record> {
        let reader = PartitionReader::new(&self.connection, 8 << 20).unwrap();
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let mut tell = |record| records.push(record);
            reader.read_to_end(topic, partition, Start::Beginning, PATIENCE, &mut tell).unwrap();
        }
        records
    }

    /// Waits until so many sessions have a final score; the last score of each.
    pub fn final_scores(&self, sessions: usize) -> BTreeMap<String, Value> {
        // Each record is looked at once: a long run has many.
        let (mut scores, mut looked) = (BTreeMap::new(), 0);
        self.read(&self.topics.scores(), |records| {
            let new = records[looked..].iter().map(data);
            scores.extend(new.map(|score: Value| (text(&score["session"]), score)));
            looked = records.len();
            scores.len() == sessions && scores.values().all(|score| score["status"] == "final")
        });
        scores
    }

    /// The last revision of each incident, by session and id.
    pub fn incidents(&self) -> BTreeMap<(String, String), Value> {
        let keyed = |incident: Value| {
            ((text(&incident["session"]), text(&incident["incident_id"])), without_history(incident))
        };
        self.read_all(&self.topics.incidents()).iter().map(data).map(keyed).collect()
    }
}

/// The next record, if there is one. Brokers may be slow to answer for a while: workers bear it, and so do tests.
pub fn poll(reader: &PartitionReader, timeout: Duration) -> Option<Record> {
    match reader.poll(timeout) {
        Err(error) if error.kind() == ErrorKind::Transient => None,
        polled => polled.unwrap(),
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn data(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()
}

/// What two runs must agree on: not when, nor after how many revisions, nor from which records.
pub fn without_history(mut message: Value) -> Value {
    let fields = message.as_object_mut().unwrap();
    for name in ["run", "rev", "supersedes", "state", "inputs_sha256"] {
        fields.remove(name);
    }
    message
}

/// What `analyze` makes of the same clips: scores by session, incidents by session and id.
pub fn analyzed(clips: &[&str]) -> (BTreeMap<String, Value>, BTreeMap<(String, String), Value>) {
    analyzed_with(clips, &[])
}

/// The same with further variables in the environment.
pub fn analyzed_with(
    clips: &[&str],
    variables: &[(&str, &str)],
) -> (BTreeMap<String, Value>, BTreeMap<(String, String), Value>) {
    let files = clips.iter().map(|name| clip(name));
    let output = invigilator()
        .args(["analyze", "--json", "--no-progress"])
        .args(files)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
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

fn value_of(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// A running worker process.
pub struct Worker {
    child: Child,
    telemetry: String,
}

impl Worker {
    /// Waits until the log says where the metrics are.
    pub fn started(mut child: Child) -> Self {
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

    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.telemetry).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    pub fn metric(&self, series: &str) -> f64 {
        let (_, metrics) = self.get("/metrics");
        value_of(&metrics, series).unwrap_or_else(|| panic!("no {series} in {metrics}"))
    }

    /// A metric that may not be there yet.
    pub fn metric_or(&self, series: &str, otherwise: f64) -> f64 {
        value_of(&self.get("/metrics").1, series).unwrap_or(otherwise)
    }

    pub fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let asked = Instant::now();
        while !is_so(self) {
            assert!(asked.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Ends it as Kubernetes would; returns its exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.exit_code()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for its end by itself; returns its exit code.
    pub fn exit_code(mut self) -> Option<i32> {
        self.status().code()
    }

    /// Waits for its end by a signal; returns which.
    pub fn killed_by(mut self) -> Option<i32> {
        self.status().signal()
    }

    /// Waits until the process stands still.
    pub fn wait_until_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        self.wait_until("it stands still", |_| {
            let stat = std::fs::read_to_string(&stat).unwrap();
            // PID (NAME) STATE ...
            stat.rsplit(") ").next().unwrap().starts_with('T')
        });
    }

    /// Its decoders.
    pub fn children(&self) -> Vec<Pid> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let children = tasks.filter_map(|task| {
            // A thread may end while it is looked at.
            std::fs::read_to_string(task.ok()?.path().join("children")).ok()
        });
        let all = children.collect::<Vec<_>>().join(" ");
        all.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn status(&mut self) -> ExitStatus {
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(asked.elapsed() < PATIENCE, "the worker does not end");
            std::thread::sleep(ASK_AGAIN);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// How often a clock has said something about a session.
pub fn markers(exam: &Exam) -> usize {
    let observations = exam.read_all(&exam.topics.observations());
    let is_marker = |record: &&Record| record.headers.get("ce_type") == Some(b"invigilator.marker.v1");
    observations.iter().filter(is_marker).count()
}

/// Each segment was observed once: (session, epoch, sequence).
pub fn assert_observed_once(exam: &Exam) -> usize {
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
    assert_eq!(markers(exam), 0, "no clock had to say that a session is over");
    let observed: Vec<_> = observations.iter().map(observation).collect();
    assert_eq!(
        observed.len(),
        observed.iter().collect::<BTreeSet<_>>().len(),
        "a segment was observed twice"
    );
    assert_eq!(observed.iter().collect::<BTreeSet<_>>(), published.iter().collect());
    published.len()
}
