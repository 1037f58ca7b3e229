//! `invigilator topics create`: what is missing is created, what exists is left.

use std::io::{self, Write};

use serde::Serialize;

use super::{configuration, service};
use crate::cli::CreateArgs;
use crate::commands::table::aligned;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::topology;

/// What became of a topic.
#[derive(Debug, Serialize)]
struct Row {
    topic: String,
    partitions: i32,
    replication: i32,
    outcome: &'static str,
}

pub(super) fn run(args: &CreateArgs, settings: &Settings) -> Result<Exit, Failure> {
    let connection = settings.connection().map_err(configuration)?;
    let topics = settings.topics().map_err(configuration)?;
    let admin = topology::reach(&connection)?;
    let found = topology::describe(&admin, &topics).map_err(service)?;
    let missing = topology::plan(&topics, args.partitions, args.replication, &found)?;
    if !args.dry_run {
        admin.create_topics(&missing).map_err(service)?;
    }
    let outcome = if args.dry_run { "would be created" } else { "created" };
    let rows: Vec<Row> = topics
        .specs(args.partitions, args.replication)
        .into_iter()
        .map(|spec| match found.get(&spec.name) {
            Some(found) => Row {
                topic: spec.name,
                partitions: found.partitions,
                replication: found.replication,
                outcome: "exists",
            },
            None => {
                Row { topic: spec.name, partitions: spec.partitions, replication: spec.replication, outcome }
            }
        })
        .collect();
    print(&rows, args.json)?;
    Ok(Exit::Ok)
}

fn print(rows: &[Row], json: bool) -> io::Result<()> {
    let mut out = io::stdout();
    if json {
        return writeln!(out, "{:#}", serde_json::json!(rows));
    }
    let head = ["topic", "partitions", "replication", "outcome"].map(str::to_owned).to_vec();
    let cells = |row: &Row| {
        vec![
            row.topic.clone(),
            row.partitions.to_string(),
            row.replication.to_string(),
            row.outcome.to_owned(),
        ]
    };
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    aligned(&table).iter().try_for_each(|line| writeln!(out, "{line}"))
}
