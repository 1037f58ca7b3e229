//! Promise: what rules, dashboards and runbooks ask for exists: every metric and label is in what a real worker and
//! a real gateway say, and every command of a runbook is one of the program's.
//!
//! Whether rules do what they should, promtool checks: `tests/k8s/monitoring.sh`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kafka::{Headers, Outgoing, Publisher, PublisherSettings, Topics};
use serde_json::Value;

use crate::exam::{Exam, PATIENCE, Worker, invigilator, text};
use crate::gateway::ask;

/// Labels that Prometheus and its operator put on what they scrape.
const TARGET: [&str; 2] = ["namespace", "pod"];

/// Series that begin with something that does not happen in this test, and their labels.
const LATER: [(&str, &[&str]); 4] = [
    ("invigilator_retries_total", &["reason", "stage"]),
    ("invigilator_records_refused_total", &["reason"]),
    ("invigilator_gateway_told_total", &["outcome", "subscriber"]),
    ("invigilator_gateway_telling_lag_ms", &["subscriber", "topic"]),
];

/// Labels whose values are words of errors, from all over the program, or what operators called something.
const OPEN: [&str; 3] = ["reason", "subscriber", "topic"];

/// Of each metric its labels, and of each label the values that were seen.
type Scrape = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Everything with queries in it: manifests, rules and their tests, dashboards, runbooks; without comments.
fn files() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "yaml" || kind == "json" || kind == "md") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join("k8s"), &mut paths);
    walk(&root.join("docs/runbooks"), &mut paths);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        // Queries in JSON have their quotes escaped.
        let text = lines.collect::<Vec<_>>().join("\n").replace("\\\"", "\"");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Every metric of ours in a text, with what is in the braces behind it.
fn selectors(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("invigilator_") {
        let rest = &text[at..];
        let name = &rest[..rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())];
        let inside = rest[name.len()..].strip_prefix('{').unwrap_or_default();
        // Routes have braces of their own, within quotes.
        let mut quoted = false;
        let end = inside.find(|letter| {
            quoted ^= letter == '"';
            letter == '}' && !quoted
        });
        found.push((name, &inside[..end.unwrap_or(0)]));
    }
    found
}

/// `a="b",c=~"d|e"` as labels with the values that they are compared with.
fn matchers(inside: &str) -> Vec<(&str, Vec<&str>)> {
    let mut parts = inside.split('"');
    let mut found = Vec::new();
    while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
        let label = before.trim_matches(|letter| !is_name(letter));
        let values = if before.contains('~') { value.split('|').collect() } else { vec![value] };
        found.push((label, values));
    }
    found
}

/// The labels of `by (a, b)` and the like.
fn grouped(text: &str) -> impl Iterator<Item = &str> {
    let lists = ["by (", "on (", "ignoring ("].into_iter().flat_map(|word| text.split(word).skip(1));
    lists.flat_map(|rest| rest.split(')').next().unwrap_or_default().split(", "))
}

/// Reads what a process says; histograms also under the names of their parts.
fn read(said: &str, scrape: &mut Scrape) {
    for line in said.lines().filter(|line| !line.starts_with('#')) {
        let name = &line[..line.find(|letter| !is_name(letter)).unwrap()];
        let labels = scrape.entry(name.to_owned()).or_default();
        let (_, inside) = selectors(line)[0];
        for (label, values) in matchers(inside) {
            labels.entry(label.to_owned()).or_default().extend(values.into_iter().map(ToOwned::to_owned));
        }
    }
}

/// What a gateway says that has answered a request.
fn gateway_says(exam: &Exam) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "k".repeat(32)).unwrap();
    let mut child = exam
        .command("gateway")
        .env("INVIGILATOR__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("INVIGILATOR__GATEWAY__KEY_FILE", folder.path().join("key"))
        .env("INVIGILATOR__GATEWAY__STORE", folder.path().join("store"))
        .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let started = entries.into_iter().find(|entry| entry["message"] == "gateway started").unwrap();
    let (address, telemetry) = (text(&started["address"]), text(&started["telemetry"]));
    // Nobody may; but it is an answer on the route that alerts watch.
    ask(&address, "PUT", "/v1/sessions/t1:e1:s1/chunks/0", "", "video/webm", b"").unwrap();
    let (status, said) = ask(&telemetry, "GET", "/metrics", "", "", b"").unwrap();
    assert_eq!(status, 200);
    child.kill().unwrap();
    child.wait().unwrap();
    said
}

/// What a worker says that has scored a session and set a record aside.
fn worker_says(exam: &Exam, worker: &Worker) -> String {
    let publisher = Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| {
        result.unwrap();
    })
    .unwrap();
    let noise = Outgoing {
        topic: exam.topics.segments(),
        partition: Some(0),
        key: b"noise".to_vec(),
        value: Some(vec![7; 300]),
        headers: Headers::new(),
    };
    publisher.send(noise, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();
    exam.final_scores(1);
    exam.read(&exam.topics.dead_letters(), |records| !records.is_empty());
    // Each role asks every few seconds.
    for role in ["cut", "observe", "score"] {
        let lag = format!("invigilator_consumer_lag_records{{role=\"{role}\"");
        worker
            .wait_until("it has said how far behind it is", |worker| worker.get("/metrics").1.contains(&lag));
    }
    worker.get("/metrics").1
}

/// What is wrong with a selector: its metric, a label or a value that is nowhere.
fn problems(scrape: &Scrape, name: &str, inside: &str) -> Vec<String> {
    // What has not happened here may be told by the code alone.
    const CODE: [&str; 4] = [
        include_str!("../pipeline/worker/telemetry/metrics.rs"),
        include_str!("../pipeline/worker/telemetry/metrics/gateway.rs"),
        include_str!("../pipeline/worker/stages/ingest.rs"),
        include_str!("../pipeline/worker/gateway/tell/courier.rs"),
    ];
    // Prose calls a histogram by its name.
    let Some(labels) = scrape.get(name).or_else(|| scrape.get(&format!("{name}_count"))) else {
        return vec![format!("there is no {name}")];
    };
    let is_there = |(label, values): (&str, Vec<&str>)| match labels.get(label) {
        _ if TARGET.contains(&label) => None,
        None => Some(format!("{name} has no label {label}")),
        Some(_) if OPEN.contains(&label) => None,
        Some(seen) => {
            let in_code = |value: &str| CODE.iter().any(|code| code.contains(&format!("\"{value}\"")));
            let unknown = values.into_iter().find(|value| !seen.contains(*value) && !in_code(value))?;
            Some(format!("{name} has no {label}={unknown}"))
        }
    };
    matchers(inside).into_iter().filter_map(is_there).collect()
}

#[test]
fn every_metric_and_label_that_is_asked_for_is_said() {
    let exam = Exam::new("monitoring");
    exam.publish(&["c05_second_person_vp8.webm"]);
    let worker = exam.worker("monitoring-0");
    let mut scrape = Scrape::new();
    read(&worker_says(&exam, &worker), &mut scrape);
    read(&gateway_says(&exam), &mut scrape);
    assert_eq!(worker.terminate(), Some(0));
    for (name, labels) in LATER {
        let labels = labels.iter().map(|label| ((*label).to_owned(), BTreeSet::new()));
        scrape.entry(name.to_owned()).or_insert_with(|| labels.collect());
    }
    let own = scrape.values().flat_map(BTreeMap::keys).map(String::as_str);
    let known: BTreeSet<&str> = own.chain(TARGET).chain(["slo"]).collect();

    let mut wrong = BTreeSet::new();
    for (path, text) in files() {
        let place = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut note = |problem: String| wrong.insert(format!("{place}: {problem}"));
        for (name, inside) in selectors(&text) {
            problems(&scrape, name, inside).into_iter().for_each(|problem| _ = note(problem));
        }
        if text.contains("invigilator_") {
            let unknown = grouped(&text).filter(|label| !known.contains(label));
            unknown.for_each(|label| _ = note(format!("no metric has the label {label}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_alert_leaves_two_thirds_of_what_topics_are_kept_for() {
    let topics = Topics::default();
    let specs = topics.specs(1, 1);
    let hours = |name: String| -> u64 {
        let spec = specs.iter().find(|spec| spec.name == name).unwrap();
        spec.configs["retention.ms"].parse::<u64>().unwrap() / 3_600_000
    };
    let (_, rules) = files().into_iter().find(|(path, _)| path.ends_with("monitoring/causes.yaml")).unwrap();
    for (role, topic) in [("cut", topics.chunks()), ("observe", topics.segments())] {
        let condition = format!("{{role=\"{role}\"}} > {} * 3600", hours(topic) / 3);
        assert!(rules.contains(&condition), "{condition}");
    }
}

#[test]
fn commands_of_runbooks_are_commands_of_the_program() {
    let mut tried = 0;
    for (path, text) in files().iter().filter(|(path, _)| path.extension().is_some_and(|kind| kind == "md")) {
        let commands =
            text.lines().map(str::trim).filter_map(|line| match line.split_once(" -- invigilator ") {
                Some((_, arguments)) => Some(arguments),
                None => line.strip_prefix("invigilator "),
            });
        for arguments in commands {
            // Arguments before it are judged, and nothing is done.
            let output = invigilator().args(arguments.split_whitespace()).arg("--help").output().unwrap();
            assert!(
                output.status.success(),
                "{}: {arguments}: {}",
                path.display(),
                String::from_utf8_lossy(&output.stderr)
            );
            tried += 1;
        }
    }
    assert!(tried > 5, "runbooks name commands");
}
