//! What the roles share that poll and commit in transactions: which partitions went, how a transaction is made,
//! how long to wait when one failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kafka::{Assignment, GroupConsumer, Outgoing, TransactionError, TransactionalPublisher};

use crate::failpoint::Failpoint;
use crate::settings::Role;
use crate::telemetry::health::Pulse;
use crate::telemetry::metrics::Metrics;

/// After how long it is tried again to begin anew, at first and at most.
const BEGIN_ANEW_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Notes which partitions went, for the thread that polls.
pub(super) struct Changes {
    role: Role,
    pulse: Arc<Pulse>,
    metrics: Metrics,
    gone: Mutex<Vec<i32>>,
}

impl Changes {
    pub(super) fn new(role: Role, pulse: Arc<Pulse>, metrics: Metrics) -> Self {
        Self { role, pulse, metrics, gone: Mutex::default() }
    }

    /// Those that went since this was last asked.
    pub(super) fn take_gone(&self) -> Vec<i32> {
        std::mem::take(&mut self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_gone(&self, partitions: &[i32], how: &'static str) {
        tracing::info!(?partitions, how, role = self.role.name(), "partitions gone");
        self.metrics.rebalance(self.role, how);
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).extend(partitions);
    }
}

impl Assignment for Changes {
    fn assigned(&self, partitions: &[i32]) {
        tracing::info!(?partitions, role = self.role.name(), "partitions assigned");
        self.metrics.rebalance(self.role, "assigned");
        self.pulse.ready();
    }

    /// Offsets go with the transaction, so there is nothing to commit here.
    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)> {
        self.note_gone(partitions, "revoked");
        Vec::new()
    }

    fn lost(&self, partitions: &[i32]) {
        self.note_gone(partitions, "lost");
    }

    fn overtaken(&self, _partition: i32, expected: i64, earliest: i64) {
        self.metrics.overtaken(expected, earliest);
    }
}

/// Writes records, and the offsets (topic, partition, next offset) that they come from, in one transaction.
/// Passes a point when the records are sent, when the offsets are, and when both are committed. Returns where the
/// records are, see [`TransactionalPublisher::commit`].
pub(super) fn transact(
    publisher: &mut TransactionalPublisher,
    outgoing: &[Outgoing],
    offsets: &[(&str, i32, i64)],
    consumer: &GroupConsumer,
    [sent, added, committed]: [Failpoint; 3],
) -> Result<Vec<Option<i64>>, TransactionError> {
    let group = consumer.group_metadata().map_err(TransactionError::Abort)?;
    publisher.begin()?;
    for record in outgoing {
        publisher.send(record)?;
    }
    sent.pass();
    publisher.add_offsets(offsets, &group)?;
    added.pass();
    let places = publisher.commit()?;
    committed.pass();
    Ok(places)
}

/// In metrics: what became of a transaction.
pub(super) fn outcome<T>(result: &Result<T, TransactionError>) -> &'static str {
    match result {
        Ok(_) => "committed",
        Err(TransactionError::Abort(_)) => "aborted",
        Err(TransactionError::Fatal(_)) => "fenced",
    }
}

/// How long to wait before the next of several attempts in a row to begin anew.
pub(super) fn pause_before(attempt: u32) -> Duration {
    let (first, most) = BEGIN_ANEW_AFTER;
    first.saturating_mul(1 << (attempt - 1).min(16)).min(most)
}
