//! What sessions' scores would be under another policy: the fold that the score role would do, written
//! nowhere.

use std::collections::BTreeMap;

use domain::ids::SessionId;
use domain::messages::{PolicyRef, Score};
use domain::score::Output;
use kafka::{Connection, KafkaError, PartitionReader, Topics};

use super::BUFFER;
use super::log::{Log, Stretch};
use super::policies::Policies;
use super::sessions::Sessions;

/// Computes scores from what is in the topics now.
pub(crate) struct Preview {
    topics: Topics,
    policies: Policies,
    policy: PolicyRef,
    reader: PartitionReader,
}

impl Preview {
    /// A preview under one of the policies that workers know.
    pub(crate) fn new(
        connection: &Connection,
        topics: Topics,
        policies: Policies,
        policy: PolicyRef,
    ) -> Result<Self, KafkaError> {
        let reader = PartitionReader::new(connection, BUFFER)?;
        Ok(Self { topics, policies, policy, reader })
    }

    /// The scores of some sessions of a partition; a session without a record has none.
    pub(crate) fn scores(
        &self,
        partition: i32,
        wanted: &[&SessionId],
    ) -> Result<BTreeMap<SessionId, Score>, KafkaError> {
        let all = i64::MAX;
        let (topics, reader) = (&self.topics, &self.reader);
        let log = Log { partition, topics, reader, facts_next: all, reviews_next: all };
        let stretch =
            Stretch { policy: Some(self.policy.clone()), again_until: Some(all), end: all, before: None };
        let stretches = wanted.iter().map(|id| ((*id).clone(), stretch.clone())).collect();
        let said = log.fold(&mut Sessions::new(self.policies.clone()), &stretches)?;
        let last = |(id, outputs): (SessionId, Vec<Output>)| match outputs.into_iter().next_back() {
            Some(Output::Score(score)) => Some((id, *score)),
            _ => None,
        };
        Ok(said.into_iter().filter_map(last).collect())
    }
}
