//! Uploads to segments: consume, cut, produce, in transactions.
//!
//! In: `exam.chunks` as a member of a group. Out: `exam.segments`, facts whose media time only the cutter knows
//! (`exam.sessions`), that uploads are silent (`exam.chunks`), `exam.cut-state`, dead letters, and the offset of
//! the first chunk that any upload of the partition still needs, all in one transaction: what the state knows is
//! there, and no chunk is passed whose frames are in no segment yet. While a segment waits for frames that are decoded
//! late there is no state: what is said then is said again, and the same, by whoever goes on from the last one.
//!
//! One thread does all of it: nothing is decoded, so it is far quicker than what comes after it. What an upload
//! becomes is decided by the log alone ([`session`]); a wall clock only writes into that log that nothing came
//! ([`share`]). Whatever goes wrong has one remedy: forget, restore from what is committed, read again from there.
//!
//! Chunks may be sealed, and segments are where the settings say so. A partition whose next record needs a key that is
//! not there waits, and the others go on ([`keys`]); what belongs to a session that was erased is passed over.
//!
//! Memory: what uploads hold is bounded for each of them, and for all by a budget. Where that is not enough, a
//! partition is put down: forgotten and paused, until others leave it room or it is its turn.

mod batch;
mod keys;
mod session;
mod share;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use container::{CutSettings, Limits};
use domain::error::ErrorKind;
use domain::messages::CutState;
use domain::time::Millis;
use domain::upload::Bounds;
use kafka::{
    Assignment, Connection, GroupConsumer, GroupProtocol, GroupSettings, KafkaError, PartitionReader, Record,
    Topics, TransactionError, TransactionalPublisher,
};

use batch::Batch;
pub(super) use session::Cutting;
use share::Share;

use super::stop::Stop;
use super::transactions::{Changes, outcome, pause_before, transact};
use crate::failpoint::Failpoint;
use crate::privacy::{Protection, SealError};
use crate::settings::Role;
use crate::telemetry::health::Pulse;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::{Metrics, Pool};
use crate::telemetry::spans::Spans;

/// The role, in metrics and logs.
pub(super) const ROLE: Role = Role::Cut;
/// What a transaction passes.
const POINTS: [Failpoint; 3] = [Failpoint::CutSent, Failpoint::CutOffsets, Failpoint::CutCommitted];
/// How long a poll waits.
const POLL: Duration = Duration::from_millis(20);
/// How long a transaction gathers what it writes, and how long if that is an offset alone.
const LINGER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A transaction is committed at the latest when it has taken in so many records, or writes so many bytes.
const MOST: (usize, usize) = (1000, 8 << 20);
/// How often clocks are looked at.
const LOOK_AT_CLOCKS_EVERY: Duration = Duration::from_secs(1);
/// How often the brokers are asked how far behind this process is.
const ASK_LAG_EVERY: Duration = Duration::from_secs(10);
/// How long partitions are cut while others wait for their turn.
const TURN: Duration = Duration::from_secs(5);
/// Budget for records that were fetched and not polled, per client.
const BUFFER: usize = 16 << 20;
/// In a record: all but the frames of a segment.
const AROUND_FRAMES: usize = 128 << 10;
/// After how long a silent upload gives up what it kept to go on from, which others have to read again with it: as
/// long as the longest preroll, and what takes for a device to come back.
const LET_GO_AFTER: Millis = Millis::from_secs(90);
/// How much may wait behind a chunk that is missing.
const BOUNDS: Bounds = Bounds { bytes: 16 << 20, chunks: 256 };

impl Cutting {
    /// How uploads are cut so that every segment fits into a record of this many bytes: one that would not is
    /// closed early, and the next one begins with what it is decoded from.
    pub(super) fn within(record: usize, silence: Duration) -> Self {
        let silence = Millis(silence.as_millis().try_into().unwrap_or(i64::MAX));
        let bytes = record.saturating_sub(AROUND_FRAMES).max(record / 2);
        let limits = Limits {
            header: CutState::LONGEST_HEADER.min(record / 4),
            frame: bytes / 2,
            ..Limits::default()
        };
        let settings = CutSettings { bytes, ..CutSettings::default() };
        Self { limits, settings, bounds: BOUNDS, silence, let_go: LET_GO_AFTER }
    }
}

/// What the cut role works with.
pub(super) struct Cut {
    pub connection: Connection,
    pub topics: Topics,
    pub group_id: String,
    pub instance_id: Option<String>,
    pub group_protocol: GroupProtocol,
    pub session_timeout: Duration,
    pub transactional_id: String,
    pub transaction_timeout: Duration,
    pub how: Cutting,
    /// What chunks are opened and segments sealed with.
    pub protection: Protection,
    /// What uploads may hold, in bytes.
    pub budget: usize,
    pub metrics: Metrics,
    pub spans: Spans,
    pub pulse: Arc<Pulse>,
    pub stop: Stop,
}

impl Cut {
    /// Cuts until the program stops.
    pub(super) fn run(self) {
        let stop = self.stop.clone();
        if let Err(error) = Run::begin(self).and_then(Run::go_on) {
            stop.fail("cut", &error);
        }
    }
}

/// Why the role cannot go on.
#[derive(Debug, thiserror::Error)]
enum CutError {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl CutError {
    /// Whether it may be gone when everything is begun anew.
    fn passes(&self) -> bool {
        match self {
            Self::Kafka(error) => error.kind() == ErrorKind::Transient,
            Self::Transaction(error) => !error.is_refusal(),
            Self::Seal(_) => false,
        }
    }
}

/// When something was last done that is done from time to time.
struct Due {
    clocks: Instant,
    lag: Instant,
    trouble: Trouble,
}

/// A partition that was put down.
struct Resting {
    partition: i32,
    since: Instant,
    /// Up to where it was read.
    reached: Option<i64>,
}

/// The running role.
struct Run {
    by: Cut,
    consumer: GroupConsumer,
    changes: Arc<Changes>,
    /// `None`: something went wrong, and what is in memory is worth nothing.
    publisher: Option<TransactionalPublisher>,
    states: PartitionReader,
    shares: BTreeMap<i32, Share>,
    /// Partitions of which nothing is polled because what was polled waits for keys.
    held: BTreeSet<i32>,
    /// Partitions that were put down, the first one for longest.
    resting: VecDeque<Resting>,
    /// For how long partitions were put down so far.
    rested: Duration,
    /// When a partition was last put down or taken up again.
    turn: Instant,
    /// The positions that were committed last.
    committed: BTreeMap<i32, i64>,
    batch: Batch,
}

impl Run {
    fn begin(by: Cut) -> Result<Self, CutError> {
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
        let consumer = GroupConsumer::new(&by.connection, &by.topics.chunks(), &settings, assignment)?;
        let states = PartitionReader::new(&by.connection, BUFFER)?;
        let batch = Batch::new(by.topics.clone());
        Ok(Self {
            by,
            consumer,
            changes,
            publisher: None,
            states,
            shares: BTreeMap::new(),
            held: BTreeSet::new(),
            resting: VecDeque::new(),
            rested: Duration::ZERO,
            turn: Instant::now(),
            committed: BTreeMap::new(),
            batch,
        })
    }

    fn go_on(mut self) -> Result<(), CutError> {
        let mut due = Due { clocks: Instant::now(), lag: Instant::now(), trouble: Trouble::default() };
        let mut failures = 0;
        while !self.by.stop.is_draining() {
            self.by.pulse.beat();
            match self.round(&mut due) {
                Ok(()) => failures = 0,
                Err(error) if error.passes() => {
                    failures += 1;
                    let pause = pause_before(failures);
                    tracing::warn!(%error, failures, ?pause, "cutting starts over from what is committed");
                    self.publisher = None;
                    self.by.stop.wait(pause);
                }
                Err(error) => return Err(error),
            }
        }
        // What cannot be committed any more is done again by a successor.
        if let Err(error) = self.commit() {
            tracing::warn!(%error, "the last transaction of segments was not committed");
        }
        self.consumer.close();
        Ok(())
    }

    /// Reads a record, if there is one, and does what is due.
    fn round(&mut self, due: &mut Due) -> Result<(), CutError> {
        if self.publisher.is_none() {
            self.recover()?;
        }
        match self.consumer.poll(POLL) {
            Ok(Some(record)) => self.take(record)?,
            Ok(None) => {
                if self.batch.outgoing.is_empty() && self.held.is_empty() {
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
        // Before anything is committed: what was cut for a partition that is gone must not be.
        self.follow_assignment()?;
        self.go_on_with_keys()?;
        if due.clocks.elapsed() >= LOOK_AT_CLOCKS_EVERY {
            due.clocks = Instant::now();
            self.look_at_clocks();
        }
        if due.lag.elapsed() >= ASK_LAG_EVERY {
            due.lag = Instant::now();
            if let Ok(lags) = self.consumer.lag() {
                self.by.metrics.share(ROLE, lags.len(), lags.iter().map(|lag| lag.offsets).sum());
            }
        }
        let linger = if self.batch.outgoing.is_empty() { LINGER.1 } else { LINGER.0 };
        let is_due = self.batch.since.is_some_and(|since| since.elapsed() >= linger);
        if is_due || self.batch.records >= MOST.0 || self.batch.bytes >= MOST.1 {
            self.commit()?;
        }
        self.keep_within_budget()
    }

    fn take(&mut self, record: Record) -> Result<(), CutError> {
        match self.shares.get_mut(&record.origin.partition) {
            Some(share) => Ok(share.take(record, &mut self.batch, &self.by.metrics)?),
            None => Ok(()),
        }
    }

    /// Takes in what waited for keys that have come; has nothing more polled of partitions that still wait.
    fn go_on_with_keys(&mut self) -> Result<(), CutError> {
        for share in self.shares.values_mut() {
            share.go_on(&mut self.batch, &self.by.metrics)?;
        }
        let wait = self.shares.iter().filter(|(_, share)| share.waits()).map(|(partition, _)| *partition);
        let wait: BTreeSet<i32> = wait.collect();
        let pause: Vec<i32> = (&wait - &self.held).into_iter().collect();
        if !pause.is_empty() {
            self.consumer.pause(&pause)?;
        }
        // What was put down meanwhile, or went, is nothing to be polled either.
        let resume = (&self.held - &wait).into_iter().filter(|partition| self.shares.contains_key(partition));
        let resume: Vec<i32> = resume.collect();
        if !resume.is_empty() {
            self.consumer.resume(&resume)?;
        }
        self.held = wait;
        Ok(())
    }

    /// Writes what only a clock can tell.
    fn look_at_clocks(&mut self) {
        let (metrics, held) = (&self.by.metrics, self.held());
        metrics.uploads(self.shares.values().map(Share::len).sum());
        metrics.pool(Pool::Chunks, held as u64, self.rested);
        self.states.keep_in_touch();
        if let Some(publisher) = &self.publisher {
            publisher.keep_in_touch();
        }
        for share in self.shares.values_mut() {
            share.tell_silences(&mut self.batch);
            share.forget(&mut self.batch);
        }
    }

    /// Commits everything gathered.
    fn commit(&mut self) -> Result<(), CutError> {
        let Some(publisher) = self.publisher.as_mut() else { return Ok(()) };
        self.shares.values_mut().for_each(|share| share.store(&mut self.batch));
        // All of them, whether or not they moved: with offsets the group is asked whether this is still a member.
        let positions =
            self.shares.iter().filter_map(|(partition, share)| Some((*partition, share.position()?)));
        let positions: Vec<(i32, i64)> = positions.collect();
        let have_moved =
            positions.iter().any(|(partition, next)| self.committed.get(partition) != Some(next));
        if !self.batch.outgoing.is_empty() || have_moved {
            let (topic, started) = (self.by.topics.chunks(), Instant::now());
            let offsets: Vec<(&str, i32, i64)> =
                positions.iter().map(|(partition, next)| (topic.as_str(), *partition, *next)).collect();
            let result = transact(publisher, &self.batch.outgoing, &offsets, &self.consumer, POINTS);
            self.by.metrics.transaction(ROLE, outcome(&result), started.elapsed());
            result?;
            self.committed.extend(positions);
            self.batch.tell_committed(&self.by.metrics, &self.by.spans);
        }
        self.batch.clear();
        Ok(())
    }

    /// Forgets everything that is not committed. A new producer of the same id ends whatever the last one
    /// left open.
    fn recover(&mut self) -> Result<(), CutError> {
        let (connection, id) = (&self.by.connection, &self.by.transactional_id);
        let publisher = TransactionalPublisher::new(connection, id, self.by.transaction_timeout)?;
        self.start_over()?;
        self.publisher = Some(publisher);
        Ok(())
    }

    /// Takes up new partitions and lets go of those that are gone.
    fn follow_assignment(&mut self) -> Result<(), CutError> {
        let gone = self.changes.take_gone();
        let assigned = self.consumer.assigned();
        let is_gone = |partition: &i32| gone.contains(partition) || !assigned.contains(partition);
        self.resting.retain(|resting| !is_gone(&resting.partition));
        let before = self.shares.len();
        self.shares.retain(|partition, _| !is_gone(partition));
        if self.shares.len() < before && !self.batch.outgoing.is_empty() {
            // The batch holds what the partition led to: all of it is done again, by whoever owns what.
            return self.start_over();
        }
        let rests = |partition: &i32| self.resting.iter().any(|resting| resting.partition == *partition);
        let is_new = |partition: &i32| !self.shares.contains_key(partition) && !rests(partition);
        let new: Vec<i32> = assigned.into_iter().filter(is_new).collect();
        new.into_iter().try_for_each(|partition| self.take_up(partition, None))
    }

    /// Reads everything again that is not committed.
    fn start_over(&mut self) -> Result<(), CutError> {
        self.batch.clear();
        let assigned = self.consumer.assigned();
        self.consumer.pause(&assigned)?;
        self.shares.clear();
        self.resting.clear();
        self.consumer.rewind(&assigned)?;
        assigned.into_iter().try_for_each(|partition| self.take_up(partition, None))
    }

    /// Goes on with a partition from where it is committed: reading is there already. It may have been read up to
    /// an offset before.
    fn take_up(&mut self, partition: i32, reached: Option<i64>) -> Result<(), CutError> {
        let (topics, metrics) = (&self.by.topics, &self.by.metrics);
        let next = self.consumer.committed(&[partition])?.pop().map(|(_, next)| next);
        let how = (self.by.how, &self.by.protection);
        let share = Share::restore((partition, next, reached), how, topics, &self.states, metrics)?;
        self.shares.insert(partition, share);
        self.held.remove(&partition);
        self.committed.remove(&partition);
        self.committed.extend(next.map(|next| (partition, next)));
        self.consumer.resume(&[partition])?;
        Ok(())
    }

    fn held(&self) -> usize {
        self.shares.values().map(Share::held).sum()
    }

    /// Puts a partition down while uploads hold more than they may, and takes one up again when there is room,
    /// or in turns. The one that holds most goes on until its turn is over, and alone may hold what it needs: else
    /// nothing would. A turn begins with the first record that was not read in the one before.
    fn keep_within_budget(&mut self) -> Result<(), CutError> {
        let behind = self.shares.iter().find(|(_, share)| share.is_behind()).map(|(partition, _)| *partition);
        if behind.is_some() {
            self.turn = Instant::now();
        }
        let (held, budget) = (self.held(), self.by.budget);
        let is_tight = held > budget / 2;
        let rest = if is_tight { TURN } else { TURN / 5 };
        let is_turn = !self.resting.is_empty() && (self.turn.elapsed() >= rest || self.shares.is_empty());
        let mut holders: Vec<(usize, i32)> =
            self.shares.iter().map(|(partition, share)| (share.held(), *partition)).collect();
        holders.sort_unstable_by(|one, other| other.cmp(one));
        let stays = behind.or(holders.first().map(|(_, partition)| *partition));
        let down = match is_turn {
            true => holders.first().filter(|_| is_tight),
            // Little would be won by those that hold little.
            false => {
                let next = holders.iter().find(|(_, partition)| Some(*partition) != stays);
                next.filter(|(bytes, _)| held > budget && *bytes >= budget / 16)
            }
        };
        if let Some((_, partition)) = down.copied() {
            tracing::warn!(partition, held, budget, "no room for all uploads: cut in turns");
            self.commit()?;
            self.consumer.pause(&[partition])?;
            let reached = self.shares.remove(&partition).and_then(|share| share.reached());
            self.resting.push_back(Resting { partition, since: Instant::now(), reached });
        }
        if is_turn && let Some(Resting { partition, since, reached }) = self.resting.pop_front() {
            self.rested += since.elapsed();
            self.consumer.rewind(&[partition])?;
            self.take_up(partition, reached)?;
        }
        if is_turn || down.is_some() {
            self.turn = Instant::now();
        }
        Ok(())
    }
}
