//! What each process does with the brokers: which topics it uses, and what it must be allowed to do. The
//! check at its start and the access list of its principal both come from this table.
//!
//! Whoever creates topics needs `Create` and `DescribeConfigs` on them besides; no running process does.

use kafka::KafkaError;
use kafka::topics::{self, TopicDefault};

use crate::settings::adapters::CLIENT_ID;
use crate::settings::{Kafka, Role};

/// A process with a principal of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Party {
    /// The cut role of the worker
    Cut,
    /// The observe role of the worker
    Observe,
    /// The score role of the worker
    Score,
    /// `invigilator publish`, or whoever else uploads sessions
    Publish,
    /// `invigilator gateway`
    Gateway,
}

impl From<Role> for Party {
    fn from(role: Role) -> Self {
        match role {
            Role::Cut => Self::Cut,
            Role::Observe => Self::Observe,
            Role::Score => Self::Score,
        }
    }
}

/// An operation, as Kafka names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Fetch records, or take part in a group.
    Read,
    /// Write records, or use a transactional id.
    Write,
    /// Ask how far a log or a group is.
    Describe,
    /// Ask for the settings of a topic.
    DescribeConfigs,
}

/// What an operation is allowed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A topic.
    Topic(String),
    /// A consumer group.
    Group(String),
    /// All consumer groups that begin so.
    Groups(String),
    /// All transactional ids that begin so.
    TransactionalIds(String),
}

/// What must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// On what.
    pub resource: Resource,
    /// Which operations.
    pub operations: Vec<Operation>,
}

/// Topics by who uses them, and how.
const USES: [(Party, &str, &[Operation]); 27] = {
    use Operation::{Describe, Read, Write};
    use Party::{Cut, Gateway, Observe, Publish, Score};
    [
        // That an upload is silent is written where it is read.
        (Cut, "chunks", &[Read, Write]),
        (Cut, "cut-state", &[Read, Write]),
        (Cut, "segments", &[Write]),
        (Cut, "sessions", &[Write]),
        (Cut, "dead-letters", &[Write]),
        (Observe, "segments", &[Read]),
        // Who is expected; what is past its time is deleted.
        (Observe, "enrolments", &[Read, Write]),
        // Whether a session's policy asks for pictures.
        (Observe, "sessions", &[Read]),
        (Observe, "observations", &[Write]),
        (Observe, "dead-letters", &[Write]),
        // Whether everything that was uploaded has been observed.
        (Score, "segments", &[Describe]),
        // Markers are written where they are read.
        (Score, "observations", &[Read, Write]),
        (Score, "sessions", &[Read]),
        (Score, "reviews", &[Read]),
        (Score, "incidents", &[Write]),
        (Score, "scores", &[Write]),
        (Score, "score-state", &[Read, Write]),
        (Score, "dead-letters", &[Write]),
        (Publish, "segments", &[Write]),
        (Publish, "sessions", &[Write]),
        (Gateway, "chunks", &[Write]),
        (Gateway, "sessions", &[Read, Write]),
        (Gateway, "observations", &[Read]),
        (Gateway, "incidents", &[Read]),
        (Gateway, "scores", &[Read]),
        (Gateway, "reviews", &[Read, Write]),
        (Gateway, "audit", &[Read, Write]),
    ]
};

/// The topics that some processes use, each once.
pub fn topics(parties: &[Party]) -> Vec<TopicDefault> {
    let is_used = |name: &str| USES.iter().any(|(party, topic, _)| parties.contains(party) && *topic == name);
    topics::ALL.into_iter().filter(|topic| is_used(topic.name)).collect()
}

/// All that a process must be allowed to do.
///
/// # Errors
/// Never for validated settings.
pub fn grants(party: Party, kafka: &Kafka) -> Result<Vec<Grant>, KafkaError> {
    let names = kafka.topics()?;
    let used = USES.iter().filter(|(user, _, _)| *user == party);
    // What a shadow has not of its own it only reads.
    let is_allowed = |operation: &Operation, topic: &str| {
        *operation != Operation::Write || !names.is_shadow() || names.is_own(topic)
    };
    let mut grants: Vec<Grant> = used
        .map(|(_, topic, operations)| {
            let allowed = operations.iter().filter(|operation| is_allowed(operation, topic));
            let operations = allowed.chain(&[Operation::DescribeConfigs]).copied().collect();
            Grant { resource: Resource::Topic(names.name(topic)), operations }
        })
        .collect();
    let observe = Resource::Group(format!("{}-observe", kafka.group_prefix));
    let score = format!("{}-score", kafka.group_prefix);
    let mut grant = |resource, operation| grants.push(Grant { resource, operations: vec![operation] });
    match party {
        Party::Cut => {
            let cut = format!("{}-cut", kafka.group_prefix);
            grant(Resource::Groups(format!("{CLIENT_ID}-")), Operation::Describe);
            grant(Resource::TransactionalIds(format!("{cut}-")), Operation::Write);
            grant(Resource::Group(cut), Operation::Read);
        }
        Party::Observe => {
            grant(Resource::Groups(format!("{CLIENT_ID}-")), Operation::Describe);
            grant(observe, Operation::Read);
        }
        Party::Score => {
            grant(observe, Operation::Describe);
            // Readers of side inputs are named after the client; they are members of nothing.
            grant(Resource::Groups(format!("{CLIENT_ID}-")), Operation::Describe);
            grant(Resource::TransactionalIds(format!("{score}-")), Operation::Write);
            grant(Resource::Group(score), Operation::Read);
        }
        Party::Publish => {}
        Party::Gateway => {
            // A reader, likewise.
            grant(Resource::Groups(format!("{CLIENT_ID}-")), Operation::Describe);
            // Each subscriber has groups of its own.
            grant(Resource::Groups(format!("{}-tell-", kafka.group_prefix)), Operation::Read);
        }
    }
    Ok(grants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_use_is_of_a_topic_that_exists() {
        for (_, used, _) in USES {
            assert!(topics::ALL.iter().any(|topic| topic.name == used), "{used}");
        }
        let score: Vec<&str> = topics(&[Party::Score]).iter().map(|topic| topic.name).collect();
        assert_eq!(
            score,
            [
                "segments",
                "sessions",
                "observations",
                "incidents",
                "scores",
                "score-state",
                "reviews",
                "dead-letters"
            ]
        );
    }

    #[test]
    fn a_principal_gets_what_its_process_does_and_nothing_else() {
        let kafka = Settings::defaults().kafka;
        let grants = grants(Party::Observe, &kafka).unwrap();
        assert_eq!(grants.len(), 7);
        assert!(grants.contains(&Grant {
            resource: Resource::Topic("exam.segments".to_owned()),
            operations: vec![Operation::Read, Operation::DescribeConfigs],
        }));
        assert_eq!(grants[6].resource, Resource::Group("invigilator-observe".to_owned()));
    }

    #[test]
    fn a_shadow_may_write_to_topics_of_its_own_alone() {
        let kafka = Settings::defaults().in_shadow("v2".parse().unwrap()).kafka;
        for party in [Party::Observe, Party::Score] {
            let writes = |grant: &Grant| grant.operations.contains(&Operation::Write);
            for grant in grants(party, &kafka).unwrap().iter().filter(|grant| writes(grant)) {
                let is_own = match &grant.resource {
                    Resource::Topic(name) => name.starts_with("exam.shadow-v2."),
                    Resource::TransactionalIds(prefix) => prefix.starts_with("invigilator-shadow-v2-"),
                    _ => false,
                };
                assert!(is_own, "{grant:?}");
            }
        }
        let group = Resource::Group("invigilator-shadow-v2-observe".to_owned());
        assert!(grants(Party::Observe, &kafka).unwrap().iter().any(|grant| grant.resource == group));
    }
}
