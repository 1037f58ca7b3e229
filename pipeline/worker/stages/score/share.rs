//! One partition's share of the work: its sessions, and how far its side inputs were read.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::ids::SessionId;
use domain::messages::{Observation, Review, SessionFact};
use domain::score::Output;
use kafka::wire::{self, WireError};
use kafka::{GroupConsumer, KafkaError, PartitionReader, Record, Start, Topics};

use super::policies::Policies;
use super::sessions::Sessions;
use crate::telemetry::metrics::Metrics;

/// How long reading up to an end may take before it is begun anew: longer than a transaction that a dead
/// process left open lives with the usual settings.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

/// The share of one partition.
pub(super) struct Share {
    pub sessions: Sessions,
    /// Where the facts go on; 0 before any was read.
    facts_next: i64,
    reviews_next: i64,
}

impl Share {
    /// Takes a partition over where it was left: stored states, and for sessions whose state is of no
    /// use, their whole log.
    pub(super) fn restore(
        partition: i32,
        topics: &Topics,
        policies: &Policies,
        consumer: &GroupConsumer,
        states: &PartitionReader,
        metrics: &Metrics,
    ) -> Result<Self, KafkaError> {
        let committed = |topic: &str| consumer.committed_in(topic, partition).map(|next| next.unwrap_or(0));
        let (facts_next, reviews_next) = (committed(&topics.sessions())?, committed(&topics.reviews())?);
        let mut share = Self { sessions: Sessions::new(policies.clone()), facts_next, reviews_next };
        let mut unusable = BTreeSet::new();
        states.read_to_end(&topics.score_state(), partition, Start::Beginning, PATIENCE, &mut |record| {
            let Some(id) = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok()) else {
                metrics.refused("state_key");
                return;
            };
            unusable.remove(&id);
            match record.value.as_deref().map(|state| share.sessions.restore(&id, state)) {
                Some(Ok(())) => {}
                Some(Err(reason)) => {
                    metrics.refused(reason.reason());
                    share.sessions.forget(&id);
                    unusable.insert(id);
                }
                None => share.sessions.forget(&id),
            }
        })?;
        if !unusable.is_empty() {
            share.fold_again(partition, topics, consumer, states, &unusable)?;
        }
        tracing::info!(partition, sessions = share.sessions.len(), "partition taken over");
        Ok(share)
    }

    /// Folds sessions again from their records up to what is committed. What they say was said before.
    fn fold_again(
        &mut self,
        partition: i32,
        topics: &Topics,
        consumer: &GroupConsumer,
        log: &PartitionReader,
        wanted: &BTreeSet<SessionId>,
    ) -> Result<(), KafkaError> {
        tracing::warn!(partition, sessions = wanted.len(), "states of no use: folding again from the log");
        let is_wanted = |record: &Record| {
            let key = std::str::from_utf8(&record.key).ok();
            key.and_then(|key| key.parse().ok()).is_some_and(|id: SessionId| wanted.contains(&id))
        };
        for (topic, next) in [(topics.sessions(), self.facts_next), (topics.reviews(), self.reviews_next)] {
            log.read_to_end(&topic, partition, Start::Beginning, PATIENCE, &mut |record| {
                if record.origin.offset < next && is_wanted(&record) {
                    // Unreadable records were counted when they were met first.
                    let _said = self.fold_side(&record, topics);
                }
            })?;
        }
        let observations = topics.observations();
        let next = consumer.committed_in(&observations, partition)?.unwrap_or(0);
        log.read_to_end(&observations, partition, Start::Beginning, PATIENCE, &mut |record| {
            if record.origin.offset < next && is_wanted(&record) {
                if let Ok(observation) = wire::decode::<Observation>(&record) {
                    self.sessions.observation(&observation);
                } else if let Ok(marker) = wire::decode(&record) {
                    self.sessions.marker(&marker);
                }
            }
        })?;
        Ok(())
    }

    /// Whether nothing is known of a session yet.
    pub(super) fn is_new(&self, session: &SessionId) -> bool {
        !self.sessions.knows(session)
    }

    /// Whether a record of a side input was taken in before: facts are read ahead when a session is new.
    pub(super) fn has_read(&self, record: &Record, topics: &Topics) -> bool {
        let is_fact = record.origin.topic == topics.sessions();
        record.origin.offset < if is_fact { self.facts_next } else { self.reviews_next }
    }

    /// Takes in a record of a side input.
    pub(super) fn side(&mut self, record: &Record, topics: &Topics) -> Result<Vec<Output>, WireError> {
        let next = record.origin.offset + 1;
        if record.origin.topic == topics.sessions() {
            self.facts_next = next;
        } else {
            self.reviews_next = next;
        }
        self.fold_side(record, topics)
    }

    fn fold_side(&mut self, record: &Record, topics: &Topics) -> Result<Vec<Output>, WireError> {
        if record.origin.topic == topics.sessions() {
            let fact: SessionFact = wire::decode(record)?;
            return Ok(self.sessions.fact(&fact));
        }
        let review: Review = wire::decode(record)?;
        Ok(self.sessions.review(&review))
    }

    /// Where reading the facts goes on.
    pub(super) fn facts_start(&self) -> Start {
        Start::Offset(self.facts_next)
    }

    /// Where reading the reviews goes on.
    pub(super) fn reviews_start(&self) -> Start {
        Start::Offset(self.reviews_next)
    }
}
