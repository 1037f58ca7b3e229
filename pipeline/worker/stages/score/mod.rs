//! Observations to scores: consume, fold, produce, in transactions.
//!
//! In: `exam.observations` as a member of a group; beside each of its partitions the same partition of
//! `exam.sessions` and `exam.reviews`. Out: `exam.incidents`, `exam.scores`, `exam.score-state`, markers,
//! and the offsets of everything that was read, all in one transaction: a result is there if and only if
//! its inputs count as read.
//!
//! One thread does all of it, in this order: partitions that came are restored from their stored state;
//! records are folded; what they led to is committed together after a short while. Whatever goes wrong
//! (an aborted transaction, a fenced producer, brokers that do not answer) has one remedy: forget, take a
//! new producer, restore from what is committed, read again from there; as often as it takes.
//!
//! An order to judge a session again is a record of the log like any other: its session is folded again from
//! the beginning ([`log`]) before the transaction that passes the order is committed. So there is never
//! more than one who judges a session, and the revision, the state and the offset of the order go together.
//!
//! A session's facts are read before its first observation is judged: they were written earlier, so they
//! are there by then.

mod batch;
mod log;
mod policies;
mod preview;
mod sessions;
mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use kafka::{
    Assignment, Connection, GroupConsumer, GroupProgress, GroupProtocol, GroupSettings, KafkaError,
    PartitionReader, Record, Topics, TransactionError, TransactionalPublisher,
};

use batch::Batch;
use log::{Entry, PATIENCE, session_of};
pub(crate) use policies::Policies;
pub(crate) use preview::Preview;
use sessions::Clocks;
pub(super) use sessions::Patience;
use share::Share;

use super::stop::Stop;
use super::transactions::{Changes, outcome, pause_before, transact};
use crate::evidence::tidy::Tidier;
use crate::failpoint::Failpoint;
use crate::settings::Role;
use crate::settings::policy::LoadedPolicy;
use crate::telemetry::health::Pulse;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::{Metrics, Stage};
use crate::telemetry::spans::Spans;

/// The role, in metrics and logs.
pub(super) const ROLE: Role = Role::Score;
/// What a transaction passes.
const POINTS: [Failpoint; 3] = [Failpoint::ScoreSent, Failpoint::ScoreOffsets, Failpoint::ScoreCommitted];
/// How long a poll waits while nothing is gathered.
const POLL: Duration = Duration::from_millis(50);
/// A transaction is committed at the latest when it has taken in so many records.
const MOST_RECORDS: usize = 1000;
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
    pub group_protocol: GroupProtocol,
    pub session_timeout: Duration,
    pub transactional_id: String,
    pub policy: LoadedPolicy,
    pub linger: Duration,
    pub transaction_timeout: Duration,
    pub patience: Patience,
    /// For how long a session stays in memory when its score is final.
    pub final_in_memory: Duration,
    /// Told of sessions whose score is final, where pictures are kept.
    pub tidier: Option<Tidier>,
    pub metrics: Metrics,
    pub spans: Spans,
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
    /// `None`: something went wrong, and what is in memory is worth nothing.
    publisher: Option<TransactionalPublisher>,
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

impl ScoreError {
    /// Whether it may be gone when everything is begun anew.
    fn passes(&self) -> bool {
        match self {
            Self::Kafka(error) => error.kind() == ErrorKind::Transient,
            // A producer can be fenced for many reasons, and a new one cures all that can be cured.
            Self::Transaction(error) => !error.is_refusal(),
            Self::Settings(_) => false,
        }
    }
}

/// When something was last done that is done from time to time.
struct Due {
    clocks: Instant,
    lag: Instant,
    trouble: Trouble,
}

impl Default for Due {
    fn default() -> Self {
        Self { clocks: Instant::now(), lag: Instant::now(), trouble: Trouble::default() }
    }
}

impl Run {
    fn begin(by: Score) -> Result<Self, ScoreError> {
        let changes = Arc::new(Changes::new(ROLE, Arc::clone(&by.pulse), by.metrics.clone()));
        let settings = GroupSettings {
            instance_id: by.instance_id.clone(),
            protocol: by.group_protocol,
            session_timeout: by.session_timeout,
            start_paused: true,
            buffer_bytes: BUFFER,
            ..GroupSettings::new(by.group_id.clone())
        };
        let assignment = Arc::clone(&changes) as Arc<dyn Assignment>;
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
            publisher: None,
            sides,
            states,
            observed,
            shares,
            batch,
            caught_up,
        })
    }

    fn go_on(mut self) -> Result<(), ScoreError> {
        let mut due = Due::default();
        let mut failures = 0;
        while !self.by.stop.is_draining() {
            self.by.pulse.beat();
            match self.round(&mut due) {
                Ok(()) => failures = 0,
                Err(error) if error.passes() => {
                    failures += 1;
                    let pause = pause_before(failures);
                    tracing::warn!(%error, failures, ?pause, "starting over from what is committed");
                    self.publisher = None;
                    self.by.stop.wait(pause);
                }
                Err(error) => return Err(error),
            }
        }
        // What cannot be committed any more is done again by a successor.
        if let Err(error) = self.commit() {
            tracing::warn!(%error, "the last transaction was not committed");
        }
        self.consumer.close();
        Ok(())
    }

    /// Reads a record, if there is one, and does what is due.
    fn round(&mut self, due: &mut Due) -> Result<(), ScoreError> {
        if self.publisher.is_none() {
            self.recover()?;
        }
        match self.consumer.poll(POLL.min(self.by.linger)) {
            Ok(Some(record)) => self.observe(&record)?,
            Ok(None) => {
                self.caught_up = Instant::now();
                if self.batch.is_empty() {
                    self.by.metrics.caught_up(ROLE);
                }
            }
            Err(error) if error.kind() == ErrorKind::Transient => {
                if due.trouble.is_news() {
                    tracing::warn!(%error, "reading goes on when the brokers answer");
                }
            }
            Err(error) => return Err(error.into()),
        }
        // Before anything is committed: what was folded for a partition that is gone must not be.
        self.follow_assignment()?;
        self.read_sides(&mut due.trouble)?;
        if due.clocks.elapsed() >= LOOK_AT_CLOCKS_EVERY {
            due.clocks = Instant::now();
            self.look_at_clocks()?;
            if self.batch.is_empty() {
                self.shares.values_mut().for_each(|share| share.rest_quiet(self.by.final_in_memory));
            }
            self.keep_in_touch();
        }
        if due.lag.elapsed() >= ASK_LAG_EVERY {
            due.lag = Instant::now();
            self.tell_share();
        }
        let is_due = self.batch.since.is_some_and(|since| since.elapsed() >= self.by.linger);
        if is_due || self.batch.records >= MOST_RECORDS {
            self.commit()?;
        }
        Ok(())
    }

    /// Takes in a record of the observation log.
    fn observe(&mut self, record: &Record) -> Result<(), ScoreError> {
        let started = Instant::now();
        let partition = record.origin.partition;
        if !self.shares.contains_key(&partition) {
            return Ok(());
        }
        self.wake(record)?;
        let entry = Entry::read(record);
        if let Ok(Entry::Observation(observation)) = &entry
            && self.shares[&partition].is_new(&observation.session)
        {
            self.catch_up(partition)?;
        }
        if let Ok(Entry::Observation(observation)) = &entry {
            self.batch.observed(&observation.session, record, started);
        }
        self.batch.passed(record);
        match (entry, self.shares.get_mut(&partition)) {
            (Ok(entry), Some(share)) => {
                let outputs = share.observe(&entry, record.origin.offset, &self.by.metrics);
                self.batch.say(outputs, Some(record), &self.by.metrics);
            }
            (Err(error), _) => self.batch.set_aside(record, &error, &self.by.metrics),
            (Ok(_), None) => {}
        }
        self.by.metrics.stage(Stage::Score, true, started.elapsed());
        Ok(())
    }

    /// Takes in what has come of the side inputs.
    fn read_sides(&mut self, trouble: &mut Trouble) -> Result<(), ScoreError> {
        while self.batch.records < MOST_RECORDS {
            match self.sides.poll(Duration::ZERO) {
                Ok(Some(record)) => self.side(&record)?,
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Transient => {
                    if trouble.is_news() {
                        tracing::warn!(%error, "reading side inputs goes on when the brokers answer");
                    }
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
        records.iter().try_for_each(|record| self.side(record))
    }

    fn side(&mut self, record: &Record) -> Result<(), ScoreError> {
        let share = self.shares.get(&record.origin.partition);
        if share.is_none_or(|share| share.has_read(record, &self.by.topics)) {
            return Ok(());
        }
        self.wake(record)?;
        let Some(share) = self.shares.get_mut(&record.origin.partition) else { return Ok(()) };
        self.batch.passed(record);
        match share.side(record, &self.by.topics) {
            Ok(outputs) => self.batch.say(outputs, Some(record), &self.by.metrics),
            Err(error) => self.batch.set_aside(record, &error, &self.by.metrics),
        }
        Ok(())
    }

    /// Has the session of a record in memory.
    fn wake(&mut self, record: &Record) -> Result<(), ScoreError> {
        let share = self.shares.get_mut(&record.origin.partition);
        if let (Some(share), Some(id)) = (share, session_of(record)) {
            share.wake(&id, &self.by.topics, &self.states, &self.by.metrics)?;
        }
        Ok(())
    }

    /// Writes markers for sessions that a clock takes to be over, or to have lost their video.
    fn look_at_clocks(&mut self) -> Result<(), ScoreError> {
        let now = Instant::now();
        let (segments, patience) = (self.by.topics.segments(), self.by.patience);
        for (partition, share) in &mut self.shares {
            if !share.sessions.has_silent(now, patience) {
                continue;
            }
            // Without an answer nobody knows whether something is still to come.
            let observed = match self.observed.of(&segments, *partition) {
                Ok(observed) => observed,
                // Nor is there one for the other partitions, and each question takes its time.
                Err(error) if error.kind() == ErrorKind::Transient => break,
                Err(error) => return Err(error.into()),
            };
            let clocks = Clocks { now, caught_up: self.caught_up, observed };
            for marker in share.sessions.silent(clocks, patience) {
                tracing::info!(session = %marker.session, kind = ?marker.kind, "a session has fallen silent");
                self.batch.mark(&marker);
                self.batch.since.get_or_insert(now);
            }
        }
        Ok(())
    }

    /// For clients that have nothing to do for long.
    fn keep_in_touch(&self) {
        self.states.keep_in_touch();
        self.observed.keep_in_touch();
        if let Some(publisher) = &self.publisher {
            publisher.keep_in_touch();
        }
    }

    /// Commits everything gathered.
    fn commit(&mut self) -> Result<(), ScoreError> {
        let Some(publisher) = self.publisher.as_mut().filter(|_| !self.batch.is_empty()) else {
            return Ok(());
        };
        for share in self.shares.values_mut() {
            let (topics, metrics) = (&self.by.topics, &self.by.metrics);
            let outputs = share.follow_orders(topics, &self.states, &self.policies, metrics);
            self.batch.say(outputs, None, metrics);
        }
        let mut stored = Vec::new();
        for (partition, share) in &mut self.shares {
            share.sessions.take_changed(&mut |session, state| {
                stored.push((*partition, self.batch.store(&session, state, *partition), session));
            });
        }
        let started = Instant::now();
        let offsets = self.batch.offsets.iter();
        let offsets: Vec<(&str, i32, i64)> =
            offsets.map(|((topic, partition), next)| (topic.as_str(), *partition, *next)).collect();
        let result = transact(publisher, &self.batch.outgoing, &offsets, &self.consumer, POINTS);
        self.by.metrics.transaction(ROLE, outcome(&result), started.elapsed());
        let places = result?;
        self.batch.tell_committed(&self.by.metrics, &self.by.spans);
        self.batch.clear();
        for (partition, index, session) in stored {
            if let Some(share) = self.shares.get_mut(&partition) {
                share.sessions.stored(&session, places.get(index).copied().flatten());
                if let Some((tidier, spans)) = self.by.tidier.as_ref().zip(share.sessions.settled(&session)) {
                    tidier.settle(&session, spans);
                }
            }
        }
        let after = self.by.final_in_memory;
        self.shares.values_mut().for_each(|share| share.rest_quiet(after));
        Ok(())
    }

    /// Forgets everything that is not committed. A new producer of the same id ends whatever the last one
    /// left open.
    fn recover(&mut self) -> Result<(), ScoreError> {
        let (connection, id) = (&self.by.connection, &self.by.transactional_id);
        let publisher = TransactionalPublisher::new(connection, id, self.by.transaction_timeout)?;
        self.start_over()?;
        self.publisher = Some(publisher);
        Ok(())
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

    /// Reads everything again that is not committed.
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
