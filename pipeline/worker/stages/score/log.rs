//! A partition's log, read again: sessions whose state is of no use, and sessions that are to be judged
//! again, by order of an operator or because a redriven segment came.
//!
//! What comes of it is a function of the log alone. An order is a record of the log, so a session that has
//! one is folded in two ways: up to the order everything is at hand and nothing is late
//! ([`SessionFold::again`]); what comes after is folded as it comes. However often records are read again,
//! and in however many batches, the result is the same.
//!
//! Costs one pass over the partition for all sessions together, on the thread that scores: orders are rare.
//! A log that is not whole any more, because retention took its beginning, changes nothing.
//!
//! [`SessionFold::again`]: domain::score::SessionFold::again

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::SessionId;
use domain::messages::envelope::Message;
use domain::messages::{Marker, Observation, PolicyRef, Rescore, Review, SegmentStatus, SessionFact};
use domain::score::{FoldState, Output};
use kafka::wire::{self, WireError};
use kafka::{KafkaError, PartitionReader, Record, Start, Topics};

use super::sessions::Sessions;

/// How long reading up to an end may take before it is begun anew: longer than a transaction that a dead
/// process left open lives with the usual settings.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

/// What sessions said when they were folded again.
pub(super) type Said = BTreeMap<SessionId, Vec<Output>>;

/// A record of the observation log, for the fold.
pub(super) enum Entry {
    Observation(Box<Observation>),
    Marker(Marker),
    Rescore(Rescore),
}

impl Entry {
    pub(super) fn read(record: &Record) -> Result<Self, WireError> {
        match wire::kind(record) {
            Ok(Marker::TYPE) => wire::decode(record).map(Self::Marker),
            Ok(Rescore::TYPE) => wire::decode(record).map(Self::Rescore),
            _ => wire::decode(record).map(Box::new).map(Self::Observation),
        }
    }

    /// Takes it in; an order says nothing by itself.
    pub(super) fn fold(&self, sessions: &mut Sessions) -> Vec<Output> {
        match self {
            Self::Observation(observation) => sessions.observation(observation),
            Self::Marker(marker) => sessions.marker(marker),
            Self::Rescore(_) => Vec::new(),
        }
    }

    /// Whether its session has to be folded again: on an operator's order, or because a segment that had
    /// been set aside was seen after all.
    pub(super) fn order(&self, offset: i64) -> Option<(&SessionId, Order)> {
        match self {
            Self::Observation(seen) if seen.attempt > 0 && seen.status == SegmentStatus::Observed => {
                Some((&seen.session, Order { policy: None, until: offset }))
            }
            Self::Rescore(order) => {
                Some((&order.session, Order { policy: Some(order.policy.clone()), until: offset }))
            }
            Self::Observation(_) | Self::Marker(_) => None,
        }
    }
}

/// A session is to be folded again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// Id of the policy that judges from here on; `None`: the one that did before.
    pub policy: Option<String>,
    /// The last record of the log that is at hand and cannot be late.
    pub until: i64,
}

/// How one session is folded from the log.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// The policy, where it is not left to the session's start.
    pub policy: Option<PolicyRef>,
    /// Up to this record nothing is late; `None`: folded as it came.
    pub again_until: Option<i64>,
    /// Where to stop.
    pub end: i64,
    /// What the session was before, if it said something that is to be superseded.
    pub before: Option<FoldState>,
}

/// The log of a partition, as far as it was taken in.
pub(super) struct Log<'a> {
    pub partition: i32,
    pub topics: &'a Topics,
    pub reader: &'a PartitionReader,
    /// Facts up to here were taken in.
    pub facts_next: i64,
    pub reviews_next: i64,
}

impl Log<'_> {
    /// Folds sessions from their records.
    pub(super) fn fold(
        &self,
        sessions: &mut Sessions,
        stretches: &BTreeMap<SessionId, Stretch>,
    ) -> Result<Said, KafkaError> {
        for (id, stretch) in stretches.iter().filter(|(_, stretch)| stretch.again_until.is_some()) {
            sessions.begin_again(id, stretch.policy.as_ref());
        }
        // Sets that know no order; unreadable records were counted when they were met first.
        let is_wanted = |id: &SessionId| stretches.contains_key(id);
        for (topic, next) in
            [(self.topics.sessions(), self.facts_next), (self.topics.reviews(), self.reviews_next)]
        {
            self.each(&topic, next, &is_wanted, &mut |_, record| {
                let _said = fold_side(sessions, record, self.topics);
            })?;
        }
        let mut said = Said::new();
        let end = stretches.values().map(|stretch| stretch.end).max().unwrap_or_default();
        self.each(&self.topics.observations(), end, &is_wanted, &mut |id, record| {
            let (Some(stretch), Ok(entry)) = (stretches.get(id), Entry::read(record)) else { return };
            let offset = record.origin.offset;
            if offset >= stretch.end {
                return;
            }
            let said = said.entry(id.clone()).or_default();
            if stretch.again_until.is_some_and(|until| offset > until) {
                said.extend(sessions.settle(id, stretch.before.as_ref()));
            }
            said.extend(entry.fold(sessions));
        })?;
        for (id, stretch) in stretches {
            said.entry(id.clone()).or_default().extend(sessions.settle(id, stretch.before.as_ref()));
        }
        Ok(said)
    }

    /// All orders for some sessions before `end`, in the order of the log.
    pub(super) fn orders(
        &self,
        is_wanted: &dyn Fn(&SessionId) -> bool,
        end: i64,
    ) -> Result<BTreeMap<SessionId, Vec<Order>>, KafkaError> {
        let mut orders: BTreeMap<SessionId, Vec<Order>> = BTreeMap::new();
        self.each(&self.topics.observations(), end, is_wanted, &mut |_, record| {
            let Ok(entry) = Entry::read(record) else { return };
            if let Some((id, order)) = entry.order(record.origin.offset) {
                orders.entry(id.clone()).or_default().push(order);
            }
        })?;
        Ok(orders)
    }

    /// Tells the records of some sessions before `end`.
    fn each(
        &self,
        topic: &str,
        end: i64,
        is_wanted: &dyn Fn(&SessionId) -> bool,
        tell: &mut dyn FnMut(&SessionId, &Record),
    ) -> Result<(), KafkaError> {
        self.reader.read_to_end(topic, self.partition, Start::Beginning, PATIENCE, &mut |record| {
            let id = session_of(&record).filter(|id| record.origin.offset < end && is_wanted(id));
            if let Some(id) = id {
                tell(&id, &record);
            }
        })?;
        Ok(())
    }
}

/// The session that a record belongs to, by its key.
pub(super) fn session_of(record: &Record) -> Option<SessionId> {
    std::str::from_utf8(&record.key).ok()?.parse().ok()
}

/// Takes in a record of a side input.
pub(super) fn fold_side(
    sessions: &mut Sessions,
    record: &Record,
    topics: &Topics,
) -> Result<Vec<Output>, WireError> {
    if record.origin.topic == topics.sessions() {
        let fact: SessionFact = wire::decode(record)?;
        return Ok(sessions.fact(&fact));
    }
    let review: Review = wire::decode(record)?;
    Ok(sessions.review(&review))
}
