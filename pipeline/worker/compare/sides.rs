//! One side of a comparison: the last score of each session, its incidents, and with what observations were made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::ids::SessionId;
use domain::messages::{Incident, IncidentState, Observation, Score, ScoreStatus};
use kafka::{Admin, Connection, PartitionReader, Start, Topics, wire};
use serde::Serialize;
use uuid::Uuid;

use super::CompareError;

/// Budget for records that were fetched and not looked at.
const BUFFER: usize = 16 << 20;
/// How long a partition may take to be read.
const READ_WITHIN: Duration = Duration::from_secs(600);
/// Of each partition's observations the last ones tell with what they were made.
const OBSERVATIONS: i64 = 50;

/// What one side knows of a session whose score is final.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its last score.
    pub score: Score,
    /// Its incidents, but those that were taken back.
    pub incidents: Vec<Incident>,
}

/// One side.
#[derive(Debug, Default)]
pub struct Side {
    /// Sessions with a final score.
    pub sessions: BTreeMap<SessionId, Judged>,
    /// With what observations were made.
    pub makers: Makers,
}

/// With what observations were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Makers {
    /// SHA-256 of models, by task and name.
    pub models: BTreeMap<String, String>,
    /// Hashes of the settings that can change an observation.
    pub config_hashes: BTreeSet<String>,
    /// Policies that judged, with their versions and hashes.
    pub policies: BTreeSet<String>,
}

impl Side {
    /// Reads the topics of one side.
    pub(super) fn read(
        connection: &Connection,
        topics: &Topics,
        patience: Duration,
    ) -> Result<Self, CompareError> {
        let admin = Admin::new(connection, patience)?;
        let count = |topic: &str| -> Result<i32, CompareError> {
            admin.partitions(topic)?.ok_or_else(|| CompareError::NoTopic(topic.to_owned()))
        };
        let reader = PartitionReader::new(connection, BUFFER)?;
        let mut side = Self::default();
        for partition in 0..count(&topics.scores())? {
            let mut last: BTreeMap<SessionId, Score> = BTreeMap::new();
            reader.read_to_end(
                &topics.scores(),
                partition,
                Start::Beginning,
                READ_WITHIN,
                &mut |record| {
                    if let Ok(score) = wire::decode::<Score>(&record) {
                        last.insert(score.session.clone(), score);
                    }
                },
            )?;
            for (id, score) in last.into_iter().filter(|(_, score)| score.status == ScoreStatus::Final) {
                side.makers.policies.insert(policy(&score));
                side.sessions.insert(id, Judged { score, incidents: Vec::new() });
            }
        }
        for partition in 0..count(&topics.incidents())? {
            side.read_incidents(&reader, &topics.incidents(), partition)?;
        }
        for partition in 0..count(&topics.observations())? {
            side.read_makers(&reader, &topics.observations(), partition)?;
        }
        Ok(side)
    }

    fn read_incidents(
        &mut self,
        reader: &PartitionReader,
        topic: &str,
        partition: i32,
    ) -> Result<(), CompareError> {
        let mut last: BTreeMap<Uuid, Incident> = BTreeMap::new();
        reader.read_to_end(topic, partition, Start::Beginning, READ_WITHIN, &mut |record| {
            let incident = wire::decode::<Incident>(&record).ok();
            if let Some(incident) = incident.filter(|each| self.sessions.contains_key(&each.session)) {
                last.insert(incident.incident_id, incident);
            }
        })?;
        for incident in last.into_values().filter(|each| each.state != IncidentState::Superseded) {
            if let Some(judged) = self.sessions.get_mut(&incident.session) {
                judged.incidents.push(incident);
            }
        }
        Ok(())
    }

    fn read_makers(
        &mut self,
        reader: &PartitionReader,
        topic: &str,
        partition: i32,
    ) -> Result<(), CompareError> {
        let (_, end) = reader.bounds(topic, partition, READ_WITHIN)?;
        let start = Start::Offset(end - OBSERVATIONS);
        reader.read_to_end(topic, partition, start, READ_WITHIN, &mut |record| {
            let Ok(seen) = wire::decode::<Observation>(&record) else { return };
            for model in seen.models {
                let name = format!("{}: {}@{}", model.task, model.name, model.version);
                self.makers.models.insert(name, model.sha256);
            }
            self.makers.config_hashes.insert(seen.pipeline.config_hash);
        })?;
        Ok(())
    }
}

fn policy(score: &Score) -> String {
    let policy = &score.policy;
    format!("{} {} {}", policy.id, policy.version, policy.sha256)
}
