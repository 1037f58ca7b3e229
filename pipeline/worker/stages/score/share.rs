//! One partition's share of the work: its sessions, and how far its side inputs were read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use domain::ids::SessionId;
use domain::score::Output;
use kafka::wire::WireError;
use kafka::{GroupConsumer, KafkaError, PartitionReader, Record, Start, Topics};

use super::log::{Entry, Log, Order, PATIENCE, Stretch, fold_side, session_of};
use super::policies::Policies;
use super::sessions::Sessions;
use crate::telemetry::metrics::Metrics;

/// So many sessions are folded again in one pass: bounds what waits in them.
const MOST_AT_ONCE: usize = 64;

/// The share of one partition.
pub(super) struct Share {
    partition: i32,
    pub sessions: Sessions,
    /// Sessions that are not in memory, because their score is final, and where their states are.
    at_rest: HashMap<SessionId, i64>,
    /// Sessions that are to be folded again before anything is committed.
    orders: BTreeMap<SessionId, Order>,
    /// Where the observation log goes on.
    log_next: i64,
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
        let log_next = committed(&topics.observations())?;
        let (sessions, orders) = (Sessions::new(policies.clone()), BTreeMap::new());
        let at_rest = HashMap::new();
        let mut share = Self { partition, sessions, at_rest, orders, log_next, facts_next, reviews_next };
        let mut unusable = BTreeSet::new();
        states.read_to_end(&topics.score_state(), partition, Start::Beginning, PATIENCE, &mut |record| {
            let Some(id) = session_of(&record) else {
                metrics.refused("state_key");
                return;
            };
            unusable.remove(&id);
            share.at_rest.remove(&id);
            let at = record.origin.offset;
            match record.value.as_deref().map(|state| share.sessions.restore(&id, state, at)) {
                // There are many of them, and few are heard of again.
                Some(Ok(())) => share.rest(&id),
                Some(Err(reason)) => {
                    metrics.refused(reason.reason());
                    share.sessions.forget(&id);
                    unusable.insert(id);
                }
                None => share.sessions.forget(&id),
            }
        })?;
        if !unusable.is_empty() {
            share.rebuild(topics, states, &unusable)?;
        }
        let (sessions, at_rest) = (share.sessions.len(), share.at_rest.len());
        tracing::info!(partition, sessions, at_rest, "partition taken over");
        Ok(share)
    }

    /// Lets go of sessions whose score is final and that nothing was heard of for so long.
    pub(super) fn rest_quiet(&mut self, after: Duration) {
        self.sessions.quiet(Instant::now(), after).iter().for_each(|id| self.rest(id));
    }

    fn rest(&mut self, id: &SessionId) {
        if let Some(at) = self.sessions.let_go(id) {
            self.at_rest.insert(id.clone(), at);
        }
    }

    /// Has a session in memory again, before a record of it is taken in.
    pub(super) fn wake(
        &mut self,
        id: &SessionId,
        topics: &Topics,
        states: &PartitionReader,
        metrics: &Metrics,
    ) -> Result<(), KafkaError> {
        let Some(at) = self.at_rest.get(id).copied() else { return Ok(()) };
        let record = states.read_at(&topics.score_state(), self.partition, at, PATIENCE)?;
        let state =
            record.filter(|record| record.origin.offset == at && session_of(record).as_ref() == Some(id));
        let state = state.and_then(|record| record.value);
        let woken = state.is_some_and(|state| self.sessions.restore(id, &state, at).is_ok());
        if !woken {
            metrics.refused("state_lost");
            self.rebuild(topics, states, &BTreeSet::from([id.clone()]))?;
        }
        self.at_rest.remove(id);
        Ok(())
    }

    /// Folds sessions again from their records up to what is committed, as often as their orders did. What
    /// they say was said before.
    fn rebuild(
        &mut self,
        topics: &Topics,
        reader: &PartitionReader,
        wanted: &BTreeSet<SessionId>,
    ) -> Result<(), KafkaError> {
        let partition = self.partition;
        tracing::warn!(partition, sessions = wanted.len(), "states of no use: folding again from the log");
        let mut orders = self.log(topics, reader).orders(&|id| wanted.contains(id), self.log_next)?;
        orders.values_mut().for_each(|orders| orders.retain(|order| self.sessions.can_follow(order)));
        for round in 0.. {
            // From the beginning to the first order, then again for each order up to the next one.
            let stretch = |id: &SessionId| {
                let orders = orders.get(id).map_or([].as_slice(), Vec::as_slice);
                let end = orders.get(round).map_or(self.log_next, |next| next.until + 1);
                let stretch = match round {
                    0 => Some(Stretch { policy: None, again_until: None, end, before: None }),
                    _ => self.sessions.stretch(id, orders.get(round - 1)?, end),
                };
                Some((id.clone(), stretch?))
            };
            let stretches: BTreeMap<_, _> = wanted.iter().filter_map(stretch).collect();
            if stretches.is_empty() {
                break;
            }
            self.log(topics, reader).fold(&mut self.sessions, &stretches)?;
        }
        Ok(())
    }

    /// Takes in a record of the observation log.
    pub(super) fn observe(&mut self, entry: &Entry, offset: i64, metrics: &Metrics) -> Vec<Output> {
        self.log_next = offset + 1;
        let outputs = entry.fold(&mut self.sessions);
        if let Some((id, order)) = entry.order(offset) {
            if self.sessions.knows(id) && self.sessions.can_follow(&order) {
                let policy = order.policy.or_else(|| self.orders.remove(id)?.policy);
                self.orders.insert(id.clone(), Order { policy, ..order });
            } else {
                metrics.refused("order");
                let policy = order.policy;
                tracing::error!(session = %id, policy, "an order names a session or policy that is not here");
            }
        }
        outputs
    }

    /// Folds the sessions again for which there are orders; answers with what they say.
    pub(super) fn follow_orders(
        &mut self,
        topics: &Topics,
        reader: &PartitionReader,
        policies: &Policies,
        metrics: &Metrics,
    ) -> Vec<Output> {
        let mut outputs = Vec::new();
        while !self.orders.is_empty() {
            let later = self.orders.keys().nth(MOST_AT_ONCE).cloned();
            let later = later.map(|first| self.orders.split_off(&first)).unwrap_or_default();
            let orders = std::mem::replace(&mut self.orders, later);
            let stretch = |(id, order): (SessionId, Order)| {
                Some((id.clone(), self.sessions.stretch(&id, &order, self.log_next)?))
            };
            let stretches: BTreeMap<_, _> = orders.into_iter().filter_map(stretch).collect();
            let mut again = Sessions::new(policies.clone());
            let said = match self.log(topics, reader).fold(&mut again, &stretches) {
                Ok(said) => said,
                Err(error) => {
                    // Scoring goes on; whoever gave the order sees that nothing came of it.
                    metrics.refused("log_unread");
                    tracing::error!(%error, sessions = stretches.len(), "the log cannot be read again");
                    continue;
                }
            };
            for (id, said) in said {
                if self.sessions.replace(&id, &mut again) {
                    tracing::info!(session = %id, "a session was judged again");
                    outputs.extend(said);
                } else {
                    metrics.refused("log_incomplete");
                    tracing::error!(session = %id, "a session is not judged again: its log is not whole any more");
                }
            }
        }
        outputs
    }

    fn log<'a>(&self, topics: &'a Topics, reader: &'a PartitionReader) -> Log<'a> {
        let Self { partition, facts_next, reviews_next, .. } = *self;
        Log { partition, topics, reader, facts_next, reviews_next }
    }

    /// Whether nothing is known of a session yet.
    pub(super) fn is_new(&self, session: &SessionId) -> bool {
        !self.sessions.knows(session) && !self.at_rest.contains_key(session)
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
        fold_side(&mut self.sessions, record, topics)
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
