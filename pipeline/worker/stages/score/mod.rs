//! Observations to scores: consume, fold, produce, in transactions.
//!
//! In: `exam.observations` as a member of a group; beside each of its partitions the same partition of
//! `exam.sessions` and `exam.reviews`. Out: `exam.incidents`, `exam.scores`, `exam.score-state`, markers,
//! and the offsets of everything that was read, all in one transaction: a result is there if and only if
//! its inputs count as read.
//!
//! One thread does all of it, in this order: partitions that came are restored from their stored state;
//! records are folded; what they led to is committed together after a short while. Whatever goes wrong
//! (an aborted transaction, a partition taken away, a fenced producer) has one remedy: forget, restore from
//! what is committed, read again from there.
//!
//! A session's facts are read before its first observation is judged: they were written earlier, so they
//! are there by then.

mod batch;
mod policies;
mod sessions;
mod share;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use domain::messages::envelope::Message;
use domain::messages::{Marker, Observation};
use kafka::{
    Assignment, Connection, GroupConsumer, GroupProgress, GroupSettings, KafkaError, PartitionReader, Record,
    Topics, TransactionError, TransactionalPublisher, wire,
};

use batch::Batch;
use policies::Policies;
use sessions::Clocks;
pub(super) use sessions::IdleAfter;
use share::{PATIENCE, Share};

use super::outbox::ARRIVED;
use super::stop::Stop;
use crate::settings::policy::LoadedPolicy;
use crate::telemetry::health::Pulse;
use crate::telemetry::metrics::{Metrics, Stage};

/// The name of the role in metrics.
pub(super) const ROLE: &str = "score";
/// How long a poll waits while nothing is gathered.
const POLL: Duration = Duration::from_millis(50);
/// A transaction is committed at the latest when it has taken in so many records.
const MOST_RECORDS: usize = 1000;
/// How long a transaction may stay open, and how long any step of it is tried.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How often clocks are looked at.
const LOOK_AT_CLOCKS_EVERY: Duration = Duration::from_secs(1);
/// How often the brokers are asked how far behind this process is.
const ASK_LAG_EVERY: Duration = Duration::from_secs(10);
/// Budget for records that were fetched and not polled, per client.
const BUFFER: usize = 16 << 20;

/// What the score role works with.
pub(super) struct Score {
    pub connection: Connection,
    pub topics: Topics,
    pub group_id: String,
    /// The group of the observe role.
    pub observe_group_id: String,
    pub instance_id: Option<String>,
    pub transactional_id: String,
    pub policy: LoadedPolicy,
    pub linger: Duration,
    pub idle_after: IdleAfter,
    pub metrics: Metrics,
    pub pulse: Arc<Pulse>,
    pub stop: Stop,
}

impl Score {
    /// Scores until the program stops.
    pub(super) fn run(self) {
        let stop = self.stop.clone();
        if let Err(error) = Run::begin(self).and_then(Run::go_on) {
            stop.fail("score", &error);
        }
    }
}

/// The running role.
struct Run {
    by: Score,
    policies: Policies,
    consumer: GroupConsumer,
    changes: Arc<Changes>,
    publisher: TransactionalPublisher,
    /// Reads side inputs as they come.
    sides: PartitionReader,
    /// Reads stored state.
    states: PartitionReader,
    /// Asks how far the observe role has got.
    observed: GroupProgress,
    shares: BTreeMap<i32, Share>,
    batch: Batch,
    /// When nothing more was there to read.
    caught_up: Instant,
}

/// Why the role cannot go on.
#[derive(Debug, thiserror::Error)]
enum ScoreError {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    #[error(transparent)]
    Settings(#[from] crate::settings::SettingsError),
}

impl Run {
    fn begin(by: Score) -> Result<Self, ScoreError> {
        let changes = Arc::new(Changes {
            pulse: Arc::clone(&by.pulse),
            metrics: by.metrics.clone(),
            gone: Mutex::default(),
        });
        let settings = GroupSettings {
            instance_id: by.instance_id.clone(),
            start_paused: true,
            buffer_bytes: BUFFER,
            ..GroupSettings::new(by.group_id.clone())
        };
        let assignment = Arc::clone(&changes) as Arc<dyn Assignment>;
        let publisher =
            TransactionalPublisher::new(&by.connection, &by.transactional_id, TRANSACTION_TIMEOUT)?;
        let consumer = GroupConsumer::new(&by.connection, &by.topics.observations(), &settings, assignment)?;
        let sides = PartitionReader::new(&by.connection, BUFFER)?;
        let states = PartitionReader::new(&by.connection, BUFFER)?;
        let policies = Policies::load(by.policy.clone())?;
        let batch = Batch::new(by.topics.clone());
        let observed = GroupProgress::new(&by.connection, &by.observe_group_id)?;
        let (shares, caught_up) = (BTreeMap::new(), Instant::now());
        Ok(Self {
            by,
            policies,
            consumer,
            changes,
            publisher,
            sides,
            states,
            observed,
            shares,
            batch,
            caught_up,
        })
    }

    fn go_on(mut self) -> Result<(), ScoreError> {
        let (mut clocks, mut lag) = (Instant::now(), Instant::now());
        while !self.by.stop.is_draining() {
            self.by.pulse.beat();
            match self.consumer.poll(POLL.min(self.by.linger)) {
                Ok(Some(record)) => self.observe(&record)?,
                Ok(None) => self.caught_up = Instant::now(),
                Err(error) if error.kind() == ErrorKind::Transient => {
                    tracing::warn!(%error, "reading goes on when the brokers answer");
                }
                Err(error) => return Err(error.into()),
            }
            // Before anything is committed: what was folded for a partition that is gone must not be.
            self.follow_assignment()?;
            self.read_sides()?;
            if clocks.elapsed() >= LOOK_AT_CLOCKS_EVERY {
                clocks = Instant::now();
                self.look_at_clocks();
            }
            if lag.elapsed() >= ASK_LAG_EVERY {
                lag = Instant::now();
                self.tell_share();
            }
            let is_due = self.batch.since.is_some_and(|since| since.elapsed() >= self.by.linger);
            if is_due || self.batch.records >= MOST_RECORDS {
                self.commit()?;
            }
        }
        self.commit()?;
        self.consumer.close();
        Ok(())
    }

    /// Takes in a record of the observation log.
    fn observe(&mut self, record: &Record) -> Result<(), ScoreError> {
        let started = Instant::now();
        let partition = record.origin.partition;
        if !self.shares.contains_key(&partition) {
            return Ok(());
        }
        let outcome = match wire::kind(record) {
            Ok(Marker::TYPE) => wire::decode::<Marker>(record)
                .map(|marker| self.shares.get_mut(&partition).map(|share| share.sessions.marker(&marker))),
            _ => match wire::decode::<Observation>(record) {
                Ok(observation) => {
                    let is_new = self.shares[&partition].is_new(&observation.session);
                    if is_new {
                        self.catch_up(partition)?;
                    }
                    Ok(self.shares.get_mut(&partition).map(|share| share.sessions.observation(&observation)))
                }
                Err(error) => Err(error),
            },
        };
        self.batch.passed(record);
        match outcome {
            Ok(outputs) => {
                self.batch.say(outputs.unwrap_or_default(), record, &self.by.metrics);
                self.batch.arrived.extend(arrived(record));
            }
            Err(error) => refuse(&self.by.metrics, record, &error),
        }
        self.by.metrics.stage(Stage::Score, true, started.elapsed());
        Ok(())
    }

    /// Takes in what has come of the side inputs.
    fn read_sides(&mut self) -> Result<(), ScoreError> {
        while self.batch.records < MOST_RECORDS {
            match self.sides.poll(Duration::ZERO) {
                Ok(Some(record)) => self.side(&record),
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Transient => {
                    tracing::warn!(%error, "reading side inputs goes on when the brokers answer");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads the facts of a partition up to the end that they have now.
    fn catch_up(&mut self, partition: i32) -> Result<(), ScoreError> {
        let Some(start) = self.shares.get(&partition).map(Share::facts_start) else { return Ok(()) };
        let mut records = Vec::new();
        let topic = self.by.topics.sessions();
        self.states.read_to_end(&topic, partition, start, PATIENCE, &mut |record| records.push(record))?;
        records.iter().for_each(|record| self.side(record));
        Ok(())
    }

    fn side(&mut self, record: &Record) {
        let Some(share) = self.shares.get_mut(&record.origin.partition) else { return };
        if share.has_read(record, &self.by.topics) {
            return;
        }
        self.batch.passed(record);
        match share.side(record, &self.by.topics) {
            Ok(outputs) => self.batch.say(outputs, record, &self.by.metrics),
            Err(error) => refuse(&self.by.metrics, record, &error),
        }
    }

    /// Writes markers for sessions that a clock takes to be over.
    fn look_at_clocks(&mut self) {
        let now = Instant::now();
        let (segments, after) = (self.by.topics.segments(), self.by.idle_after);
        for (partition, share) in &mut self.shares {
            if !share.sessions.has_silent(now, after) {
                continue;
            }
            // Without an answer nobody knows whether something is still to come.
            let Ok(observed) = self.observed.of(&segments, *partition) else { continue };
            let clocks = Clocks { now, caught_up: self.caught_up, observed };
            for marker in share.sessions.idle(clocks, after) {
                tracing::info!(session = %marker.session, "a session is taken to be over");
                self.batch.mark(&marker);
                self.batch.since.get_or_insert(now);
            }
        }
    }

    /// Commits everything gathered.
    fn commit(&mut self) -> Result<(), ScoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        match self.transact() {
            Ok(()) => {
                self.by.metrics.transaction("committed", started.elapsed());
                for arrived in &self.batch.arrived {
                    self.by.metrics.scored_after(crate::clock::since_ms(*arrived));
                }
                self.batch.clear();
                Ok(())
            }
            Err(TransactionError::Abort(error)) => {
                tracing::warn!(%error, "a transaction is aborted: its records are read again");
                self.by.metrics.transaction("aborted", started.elapsed());
                match self.publisher.abort() {
                    Ok(()) => self.start_over(),
                    Err(_) => self.rebuild(),
                }
            }
            Err(TransactionError::Fatal(error)) => {
                tracing::warn!(%error, "the producer is built anew");
                self.by.metrics.transaction("fenced", started.elapsed());
                self.rebuild()
            }
        }
    }

    fn transact(&mut self) -> Result<(), TransactionError> {
        for (partition, share) in &mut self.shares {
            for (session, state) in share.sessions.take_changed() {
                self.batch.store(&session, &state, *partition);
            }
        }
        let group = self.consumer.group_metadata().map_err(TransactionError::Abort)?;
        self.publisher.begin()?;
        for record in &self.batch.outgoing {
            self.publisher.send(record)?;
        }
        let offsets = self.batch.offsets.iter();
        let offsets: Vec<(&str, i32, i64)> =
            offsets.map(|((topic, partition), next)| (topic.as_str(), *partition, *next)).collect();
        self.publisher.commit(&offsets, &group)
    }

    fn rebuild(&mut self) -> Result<(), ScoreError> {
        self.publisher =
            TransactionalPublisher::new(&self.by.connection, &self.by.transactional_id, TRANSACTION_TIMEOUT)?;
        self.start_over()
    }

    /// Takes up new partitions and lets go of those that are gone.
    fn follow_assignment(&mut self) -> Result<(), ScoreError> {
        let gone = self.changes.take_gone();
        let assigned = self.consumer.assigned();
        let is_gone = |partition: &i32| gone.contains(partition) || !assigned.contains(partition);
        let lost: Vec<i32> = self.shares.keys().copied().filter(is_gone).collect();
        for partition in &lost {
            self.let_go(*partition)?;
        }
        if !lost.is_empty() && !self.batch.is_empty() {
            // The batch holds what the partition led to: all of it is done again, by whoever owns what.
            return self.start_over();
        }
        let new: Vec<i32> =
            assigned.into_iter().filter(|partition| !self.shares.contains_key(partition)).collect();
        for partition in new {
            self.take_over(partition)?;
        }
        Ok(())
    }

    /// Forgets everything that is not committed.
    fn start_over(&mut self) -> Result<(), ScoreError> {
        self.batch.clear();
        let assigned = self.consumer.assigned();
        self.consumer.pause(&assigned)?;
        for partition in self.shares.keys().copied().collect::<Vec<_>>() {
            self.let_go(partition)?;
        }
        self.consumer.rewind(&assigned)?;
        assigned.into_iter().try_for_each(|partition| self.take_over(partition))
    }

    fn let_go(&mut self, partition: i32) -> Result<(), ScoreError> {
        self.shares.remove(&partition);
        let (facts, reviews) = (self.by.topics.sessions(), self.by.topics.reviews());
        self.sides.unassign(&[(&facts, partition), (&reviews, partition)])?;
        Ok(())
    }

    fn take_over(&mut self, partition: i32) -> Result<(), ScoreError> {
        let share = Share::restore(
            partition,
            &self.by.topics,
            &self.policies,
            &self.consumer,
            &self.states,
            &self.by.metrics,
        )?;
        let (facts, reviews) = (self.by.topics.sessions(), self.by.topics.reviews());
        self.sides.assign(&[
            (&facts, partition, share.facts_start()),
            (&reviews, partition, share.reviews_start()),
        ])?;
        self.shares.insert(partition, share);
        self.consumer.resume(&[partition])?;
        Ok(())
    }

    fn tell_share(&self) {
        self.by.metrics.sessions(self.shares.values().map(|share| share.sessions.len()).sum());
        if let Ok(lags) = self.consumer.lag() {
            self.by.metrics.share(ROLE, lags.len(), lags.iter().map(|lag| lag.offsets).sum());
        }
    }
}

/// When the segment of an observation came to the broker.
fn arrived(record: &Record) -> Option<i64> {
    std::str::from_utf8(record.headers.get(ARRIVED)?).ok()?.parse().ok()
}

/// A record of the log that nobody can read: counted and passed, never in the way of those behind it.
fn refuse(metrics: &Metrics, record: &Record, error: &wire::WireError) {
    metrics.refused(error.reason());
    let (topic, partition, offset) = (&record.origin.topic, record.origin.partition, record.origin.offset);
    tracing::error!(topic, partition, offset, %error, "a record cannot be read");
}

/// Notes which partitions went, for the thread that polls.
struct Changes {
    pulse: Arc<Pulse>,
    metrics: Metrics,
    gone: Mutex<Vec<i32>>,
}

impl Changes {
    fn take_gone(&self) -> Vec<i32> {
        std::mem::take(&mut self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_gone(&self, partitions: &[i32], how: &'static str) {
        tracing::info!(?partitions, how, role = ROLE, "partitions gone");
        self.metrics.rebalance(ROLE, how);
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).extend(partitions);
    }
}

impl Assignment for Changes {
    fn assigned(&self, partitions: &[i32]) {
        tracing::info!(?partitions, role = ROLE, "partitions assigned");
        self.metrics.rebalance(ROLE, "assigned");
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
