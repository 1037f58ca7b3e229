//! Promise: topics are created as the system needs them, told exactly where they differ, and no worker
//! starts on topics that break a promise.
//!
//! Real binary, real Apache Kafka.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kafka::{Admin, Topics};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::broker::Broker;

fn program(prefix: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("INVIGILATOR_CONFIG")
        .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", prefix)
        .env("INVIGILATOR__KAFKA__BROKERS", Broker::shared().bootstrap())
        .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0");
    command
}

fn run(prefix: &str, arguments: &[&str]) -> Output {
    program(prefix, arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The rows that a command printed as JSON, each as one of its fields.
fn column(output: &Output, name: &str) -> Vec<Value> {
    let rows: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)));
    rows.iter().map(|row| row[name].clone()).collect()
}

fn create(prefix: &str, partitions: &str, more: &[&str]) -> Output {
    let arguments = ["topics", "create", "--replication", "1", "--json", "--partitions", partitions];
    run(prefix, &[&arguments, more].concat())
}

#[test]
fn what_create_made_check_accepts() {
    let prefix = "topology-created";
    let before = run(prefix, &["topics", "check", "--json"]);
    assert_eq!(code(&before), 7, "{}", said(&before));
    let planned = create(prefix, "2", &["--dry-run"]);
    assert!(column(&planned, "outcome").iter().all(|outcome| outcome == "would be created"));
    let still = run(prefix, &["topics", "check", "--json"]);
    assert_eq!(column(&still, "state"), vec![Value::from("broken"); column(&planned, "topic").len()]);

    let created = create(prefix, "2", &[]);
    assert_eq!(code(&created), 0, "{}", said(&created));
    assert!(column(&created, "outcome").iter().all(|outcome| outcome == "created"));
    let after = run(prefix, &["topics", "check", "--json"]);
    assert_eq!(code(&after), 0, "{}", said(&after));
    assert!(column(&after, "partitions").iter().all(|partitions| partitions == 2));
    let problems: Vec<Value> = column(&after, "findings");
    assert!(problems.iter().all(|found| found[0]["problem"].as_str().unwrap().contains("1 of 3 copies")));
    assert!(problems.iter().all(|found| found.as_array().unwrap().len() == 1), "{problems:?}");

    let again = create(prefix, "2", &[]);
    assert!(column(&again, "outcome").iter().all(|outcome| outcome == "exists"));
    let other = create(prefix, "3", &[]);
    assert_eq!(code(&other), 7, "{}", said(&other));
    assert!(said(&other).contains("topology-created.chunks has 2 partitions"), "{}", said(&other));
}

#[test]
fn a_worker_does_not_start_on_topics_that_break_a_promise() {
    let prefix = "topology-broken";
    let mut specs = Topics::new(prefix).unwrap().specs(2, 1);
    specs.iter_mut().filter(|spec| spec.name.ends_with(".sessions")).for_each(|spec| spec.partitions = 3);
    let admin = Admin::new(&Broker::shared().connection("topology"), Duration::from_secs(60)).unwrap();
    admin.create_topics(&specs).unwrap();
    let refused = run(prefix, &["worker", "--role", "score"]);
    assert_eq!(code(&refused), 7, "{}", said(&refused));
    let error = said(&refused);
    assert!(error.contains("topology-broken.sessions has 3 partitions"), "{error}");
    assert!(error.contains("invigilator topics check"), "{error}");

    let table = run(prefix, &["topics", "check"]);
    assert_eq!(code(&table), 7, "{}", said(&table));
    assert!(said(&table).contains("new generation"), "{}", said(&table));
}

#[test]
fn brokers_that_do_not_answer_are_waited_for() {
    let arguments = ["worker", "--role", "score", "--brokers", "127.0.0.1:1"];
    let mut worker = program("topology", &arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(worker.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for the brokers") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the worker gave up");
    }
    kill_process(Pid::from_child(&worker), Signal::TERM).unwrap();
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(0), "{rest}");
}
