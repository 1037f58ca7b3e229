//! The topics as a whole: created where they are missing, and looked at before work begins.
//!
//! What they should be is `kafka::topics`', what is wrong with them `kafka::topology`'s to say.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use domain::error::ErrorKind;
use kafka::topics::{self, TopicDefault};
use kafka::topology::{self, Finding};
use kafka::{Admin, Connection, KafkaError, TopicDescription, TopicSpec, Topics};

use crate::exit::{Exit, Failure};
use crate::stages::Stop;

/// How long brokers may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often brokers that do not answer are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// An admin client of brokers that answer.
///
/// # Errors
/// If a setting is refused, or none answers.
pub fn reach(connection: &Connection) -> Result<Admin, Failure> {
    let admin = Admin::new(connection, PATIENCE).map_err(service)?;
    admin.brokers().map_err(|error| {
        Failure::new(Exit::Service, anyhow!("no broker at {} answers: {error}", connection.brokers))
    })?;
    Ok(admin)
}

/// What exists of all topics.
///
/// # Errors
/// If the brokers do not answer.
pub fn describe(admin: &Admin, topics: &Topics) -> Result<BTreeMap<String, TopicDescription>, KafkaError> {
    let names: Vec<String> = topics::ALL.iter().map(|topic| topics.name(topic.name)).collect();
    admin.describe(&names)
}

/// What has to be created.
///
/// # Errors
/// If it would not fit what exists.
pub fn plan(
    topics: &Topics,
    partitions: i32,
    replication: i32,
    found: &BTreeMap<String, TopicDescription>,
) -> Result<Vec<TopicSpec>, Failure> {
    topology::missing(topics, partitions, replication, found)
        .map_err(|finding| Failure::new(Exit::Service, anyhow!("topic {} {finding}", finding.topic)))
}

/// What is wrong with some topics.
///
/// # Errors
/// If the brokers do not answer.
pub fn check(admin: &Admin, topics: &Topics, used: &[TopicDefault]) -> Result<Vec<Finding>, KafkaError> {
    let names: Vec<String> = used.iter().map(|topic| topics.name(topic.name)).collect();
    Ok(topology::compare(topics, used, &admin.describe(&names)?))
}

/// Waits for brokers to answer, and looks whether some topics keep their promises. Returns whether work
/// may begin: if not, an end was asked for meanwhile.
///
/// # Errors
/// If a topic breaks a promise, or the brokers refuse this process.
pub fn wait_until_fit(
    connection: &Connection,
    topics: &Topics,
    used: &[TopicDefault],
    stop: &Stop,
) -> Result<bool, Failure> {
    let admin = Admin::new(connection, PATIENCE).map_err(service)?;
    while !stop.is_draining() {
        match check(&admin, topics, used) {
            Ok(findings) => return judge(&findings, &connection.brokers).map(|()| true),
            Err(error) if error.kind() == ErrorKind::Transient => {
                tracing::warn!(brokers = connection.brokers, %error, "waiting for the brokers");
                stop.wait(ASK_AGAIN);
            }
            Err(error) => return Err(service(error)),
        }
    }
    Ok(false)
}

/// Refuses topics that break a promise; logs what else is different.
fn judge(findings: &[Finding], brokers: &str) -> Result<(), Failure> {
    if let Some(broken) = findings.iter().find(|finding| finding.breaks_promise()) {
        let remedy = broken.remedy(brokers);
        let message =
            format!("topic {} {broken}; {remedy}; see `invigilator topics check` for all", broken.topic);
        return Err(Failure::new(Exit::Service, anyhow!(message)));
    }
    if let Some(first) = findings.first() {
        tracing::warn!(
            topic = first.topic,
            difference = %first,
            differences = findings.len(),
            "topics are not as they would be created: see `invigilator topics check`"
        );
    }
    Ok(())
}

fn service(error: KafkaError) -> Failure {
    Failure::new(Exit::Service, error)
}
