//! `invigilator topics check`: every topic, what is different about it, and the remedy.

use std::collections::BTreeMap;
use std::io::{self, Write};

use kafka::topics;
use kafka::topology::{Finding, compare};
use kafka::{TopicDescription, Topics};
use serde::Serialize;

use super::{configuration, service};
use crate::cli::CheckArgs;
use crate::commands::table::aligned;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::topology;

/// A topic as it is.
#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    partitions: Option<i32>,
    replication: Option<i32>,
    in_sync: Option<i32>,
    state: &'static str,
    findings: Vec<Told>,
}

/// What is different about it.
#[derive(Debug, Serialize)]
struct Told {
    breaks_promise: bool,
    problem: String,
    remedy: String,
}

pub(super) fn run(args: &CheckArgs, settings: &Settings) -> Result<Exit, Failure> {
    let connection = settings.connection().map_err(configuration)?;
    let topics = settings.topics().map_err(configuration)?;
    let admin = topology::reach(&connection)?;
    let found = topology::describe(&admin, &topics).map_err(service)?;
    let findings = compare(&topics, &topics::ALL, &found);
    print(&rows(&topics, &found, &findings, &connection.brokers), args.json)?;
    let is_broken = findings.iter().any(Finding::breaks_promise);
    Ok(if is_broken { Exit::Service } else { Exit::Ok })
}

fn rows(
    topics: &Topics,
    found: &BTreeMap<String, TopicDescription>,
    findings: &[Finding],
    brokers: &str,
) -> Vec<Row> {
    let row = |topic: String| {
        let own = findings.iter().filter(|finding| finding.topic == topic);
        let findings: Vec<Told> = own
            .map(|finding| Told {
                breaks_promise: finding.breaks_promise(),
                problem: finding.to_string(),
                remedy: finding.remedy(brokers),
            })
            .collect();
        let state = match findings.iter().any(|told| told.breaks_promise) {
            true => "broken",
            false if findings.is_empty() => "ok",
            false => "differs",
        };
        let found = found.get(&topic);
        Row {
            topic,
            partitions: found.map(|topic| topic.partitions),
            replication: found.map(|topic| topic.replication),
            in_sync: found.map(|topic| topic.in_sync),
            state,
            findings,
        }
    };
    topics::ALL.iter().map(|topic| row(topics.name(topic.name))).collect()
}

fn print(rows: &[Row], json: bool) -> io::Result<()> {
    let mut out = io::stdout();
    if json {
        return writeln!(out, "{:#}", serde_json::json!(rows));
    }
    let head = ["topic", "partitions", "replication", "in sync", "state"].map(str::to_owned).to_vec();
    let count = |count: Option<i32>| count.map_or("-".to_owned(), |count| count.to_string());
    let cells = |row: &Row| {
        let counts = [row.partitions, row.replication, row.in_sync].map(count);
        let [partitions, replication, in_sync] = counts;
        vec![row.topic.clone(), partitions, replication, in_sync, row.state.to_owned()]
    };
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    aligned(&table).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    for row in rows {
        for told in &row.findings {
            writeln!(out, "\n{} {}\n  {}", row.topic, told.problem, told.remedy)?;
        }
    }
    Ok(())
}
