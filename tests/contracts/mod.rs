//! Promise: what others build on keeps its form and is described: files, messages, records, topics.

mod asyncapi;
mod consumers;
mod description;
mod records;
mod requests;
mod schemas;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kafka::{Admin, Connection, Outgoing, Publisher, PublisherSettings, Topics};
use serde_json::Value;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn read_json(relative: &str) -> Value {
    let text = std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// A folder of what `make setup` installs for these tests.
fn installed(name: &str) -> PathBuf {
    let folder = path(".cache/contracts").join(name);
    assert!(folder.join("installed").is_file(), "{} is missing; run: make setup", folder.display());
    folder
}

/// Topics of one partition each.
fn create_topics(connection: &Connection, topics: &Topics) {
    Admin::new(connection, PATIENCE).unwrap().create_topics(&topics.specs(1, 1)).unwrap();
}

/// Writes records and waits until they are safe.
fn publish(connection: &Connection, records: impl IntoIterator<Item = Outgoing>) {
    let settings = PublisherSettings::default();
    let publisher = Publisher::new(connection, settings, |(), result| result.unwrap()).unwrap();
    records.into_iter().for_each(|record| publisher.send(record, ()).unwrap());
    publisher.flush(PATIENCE).unwrap();
}
