//! Records of `exam.segments` into the worker: the thread that polls.
//!
//! Takes a record in when there is room for its media, gives it a lease and a place, and passes it on: to
//! be fetched if its media, or the key that they are sealed with, are elsewhere, else to be decoded. While there is no room, all partitions are
//! paused, and while something of a partition waits to be tried again that one is; a backlog gets half of the
//! room only, so that it does not keep live video out. Polling goes on, so that the group does not take this
//! process for dead. Commits only what the ledger says is done. On the
//! way out it takes in nothing more, and polls until everything in hand is acknowledged or given up.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use domain::delivery::Urgency;
use domain::error::ErrorKind;
use kafka::wire::{self, Media};
use kafka::{Assignment, GroupConsumer, KafkaError, Record};
use tokio::sync::mpsc;

use super::budget::{Budget, Permit};
use super::dead_letter::Rejected;
use super::decode::{SegmentMedia, Taken};
use super::enrolments::{Enrolments, Whom};
use super::fetch::Lacking;
use super::holds::Holds;
use super::outbox::{Outbox, SharedLedger, locked};
use super::overtaken::Overtaken;
use super::plans::Plans;
use super::queue::Entrance;
use super::stop::Stop;
use super::unlock::{Lacks, Unlock};
use crate::failpoint::Failpoint;
use crate::media::Reference;
use crate::settings::Role;
use crate::telemetry::health::Pulse;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::{Metrics, Stage};

/// How long a poll waits: also how late a commit or the end of a pause can be.
const POLL: Duration = Duration::from_millis(50);
/// How often done offsets are committed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How often the brokers are asked how far behind this process is.
const ASK_LAG_EVERY: Duration = Duration::from_secs(5);
/// What a segment costs at least: bounds the number of small ones.
pub(super) const LEAST_COST: u64 = 64 << 10;
/// The role, in metrics and logs.
pub(super) const ROLE: Role = Role::Observe;

/// What the polling thread works with.
pub(super) struct Ingest<'a> {
    pub consumer: GroupConsumer,
    pub ledger: SharedLedger,
    pub overtaken: Arc<Overtaken>,
    pub enrolments: &'a Enrolments,
    pub outbox: &'a Outbox,
    pub media: &'a Budget,
    /// More than this no segment may have, in bytes, whatever its record states.
    pub most_media: u64,
    pub holds: &'a Holds,
    pub to_fetch: mpsc::Sender<Lacking<'a>>,
    pub unlock: Unlock<'a>,
    pub to_decode: Entrance<'a>,
    pub plans: &'a Plans<'a>,
    pub metrics: &'a Metrics,
    pub pulse: Arc<Pulse>,
    pub stop: &'a Stop,
}

/// The partitions that nothing is fetched of.
#[derive(Default)]
struct Paused {
    partitions: BTreeSet<i32>,
    said: Option<Instant>,
}

impl Ingest<'_> {
    /// Polls until the program stops.
    pub(super) fn run(self) {
        let mut waiting = VecDeque::new();
        if let Err(error) = self.poll_until_drained(&mut waiting) {
            self.stop.fail("ingest", &error);
        }
        if self.stop.is_immediate() {
            self.outbox.give_up();
        }
        let done = locked(&self.ledger).take_committable();
        if let Err(error) = self.consumer.commit_sync(&done) {
            tracing::warn!(%error, "the last offsets were not committed: their segments are done again");
        }
        self.consumer.close();
    }

    fn poll_until_drained(&self, waiting: &mut VecDeque<Record>) -> Result<(), KafkaError> {
        let (mut committed, mut asked) = (Instant::now(), Instant::now());
        let (mut paused, mut failed_commits) = (Paused::default(), 0);
        let mut trouble = Trouble::default();
        while !self.stop.is_immediate() {
            self.pulse.beat();
            if self.stop.is_draining() {
                waiting.clear();
                if locked(&self.ledger).in_flight() == 0 && self.is_all_committed() {
                    return Ok(());
                }
            }
            let round = Instant::now();
            let (full, late) = self.take_in_all(waiting)?;
            self.throttle(full || self.stop.is_draining(), &late, &mut paused)?;
            match self.consumer.poll(POLL) {
                Ok(Some(record)) => waiting.push_back(record),
                Ok(None) if waiting.is_empty() => self.catch_up()?,
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Transient => {
                    if trouble.is_news() {
                        tracing::warn!(%error, "reading goes on when the brokers answer");
                    }
                }
                Err(error) => return Err(error),
            }
            if full && !self.stop.is_draining() {
                self.media.count_blocked(round.elapsed());
            }
            if committed.elapsed() >= COMMIT_EVERY {
                committed = Instant::now();
                self.commit(&mut failed_commits)?;
            }
            // Brokers that do not answer must not hold up the end.
            if asked.elapsed() >= ASK_LAG_EVERY && !self.stop.is_draining() {
                asked = Instant::now();
                self.tell_lag();
            }
        }
        Ok(())
    }

    /// Passes on what there is room for, in order within each partition; tells whether there is none for live
    /// video, and which partitions have a backlog that waits for its part.
    fn take_in_all(&self, waiting: &mut VecDeque<Record>) -> Result<(bool, BTreeSet<i32>), KafkaError> {
        let (mut full, mut late) = (false, BTreeSet::new());
        for record in std::mem::take(waiting) {
            let partition = record.origin.partition;
            if full || late.contains(&partition) {
                waiting.push_back(record);
                continue;
            }
            match self.take_in(record)? {
                Admission::Passed => {}
                Admission::Full(record) => {
                    full = true;
                    waiting.push_back(record);
                }
                Admission::Late(record) => {
                    late.insert(partition);
                    waiting.push_back(record);
                }
            }
        }
        Ok((full, late))
    }

    /// Passes a record on, or gives it back if there is no room for it.
    fn take_in(&self, record: Record) -> Result<Admission, KafkaError> {
        let started = Instant::now();
        let read = wire::decode_segment(&record)
            .and_then(|(header, media)| Ok((header, reference_of(media), wire::is_sealed(&record.headers)?)));
        let (header, media, is_sealed) = match read {
            Ok(read) => read,
            Err(error) => {
                let (reason, detail) = (error.reason(), error.to_string());
                self.set_aside(&record, &Rejected { stage: Stage::Ingest, reason, detail, attempts: 1 })?;
                self.metrics.stage(Stage::Ingest, false, started.elapsed());
                return Ok(Admission::Passed);
            }
        };
        // Until it is known who is expected, nothing of the partition is looked at.
        if !self.enrolments.is_ready(record.origin.partition) {
            return Ok(Admission::Late(record));
        }
        let urgency = self.plans.urgency(&header, age(&record));
        let permit = match (self.room(&record, (media.as_ref(), is_sealed), urgency), urgency) {
            (Some(permit), _) => permit,
            (None, Urgency::Backlog) => return Ok(Admission::Late(record)),
            (None, _) => return Ok(Admission::Full(record)),
        };
        let lease = locked(&self.ledger).begin(record.origin.partition, record.origin.offset);
        // Without a lease the partition has gone, or the record has been taken in before.
        let Some(lease) = lease else { return Ok(Admission::Passed) };
        let arrived = record.timestamp_ms.unwrap_or_default();
        let (template, enrolment) = match self.enrolments.of(lease.partition(), &header.session) {
            Some(Whom::Known(template)) => (Some(template), None),
            Some(Whom::Sealed(enrolment)) => (None, Some(enrolment)),
            None => (None, None),
        };
        let overtaken = self.overtaken.may_miss_some(lease.partition(), &header, arrived);
        let place = self.outbox.reserve(&header, record, lease, permit);
        let place = if overtaken { place.after_deleted_ones(&header) } else { place };
        let since = Instant::now();
        let segment = Taken { header, media: SegmentMedia::Inline, urgency, template, place, since };
        self.pass_on(segment, Lacks { media, is_sealed, enrolment });
        self.metrics.stage(Stage::Ingest, true, started.elapsed());
        Ok(Admission::Passed)
    }

    /// To be decoded, or to be fetched what it lacks.
    fn pass_on(&self, mut segment: Taken, lacks: Lacks) {
        let key = if lacks.key() { self.unlock.protection.at_hand(&segment.header.session) } else { None };
        let is_here = lacks.media.is_none() && (key.is_some() || !lacks.key());
        if is_here {
            if let Some(key) = key {
                self.unlock.open(&mut segment, &lacks, &key);
            }
            self.to_decode.put(segment);
        } else {
            let load = self.holds.fetching(segment.place.partition());
            // Never full: it has room for as many as there can be permits.
            drop(self.to_fetch.try_send(Lacking { segment, lacks, load }));
        }
    }

    fn set_aside(&self, record: &Record, rejected: &Rejected) -> Result<(), KafkaError> {
        let lease = locked(&self.ledger).begin(record.origin.partition, record.origin.offset);
        lease.map_or(Ok(()), |lease| self.outbox.set_aside(record, lease, rejected))
    }

    fn room(
        &self,
        record: &Record,
        (reference, is_sealed): (Option<&Reference>, bool),
        urgency: Urgency,
    ) -> Option<Permit> {
        let value = record.value.as_ref().map_or(0, Vec::len) as u64;
        // What was opened lies beside what it was opened from, which a dead letter keeps.
        let inline = if is_sealed { 2 * value } else { value };
        // What states more is refused when it is to be fetched: until then it shall hold nobody up.
        let referenced = reference.map_or(0, |reference| reference.size.min(self.most_media));
        let bytes = (inline + referenced).max(LEAST_COST);
        match urgency {
            Urgency::Backlog => self.media.try_take_of_half(bytes),
            Urgency::InDoubt | Urgency::Live => self.media.try_take(bytes),
        }
    }

    /// Pauses all partitions, or those that are held or `late`, and resumes the others.
    fn throttle(&self, all: bool, late: &BTreeSet<i32>, paused: &mut Paused) -> Result<(), KafkaError> {
        let assigned: BTreeSet<i32> = self.consumer.assigned().into_iter().collect();
        let pause = if all { assigned.clone() } else { &(&self.holds.held() | late) & &assigned };
        // A partition that left and came back is not paused any more: said again every now and then.
        if pause == paused.partitions && paused.said.is_some_and(|said| said.elapsed() < POLL) {
            return Ok(());
        }
        let resume: Vec<i32> = (&(&paused.partitions - &pause) & &assigned).into_iter().collect();
        if !pause.is_empty() {
            self.consumer.pause(&pause.iter().copied().collect::<Vec<_>>())?;
        }
        if !resume.is_empty() {
            self.consumer.resume(&resume)?;
        }
        *paused = Paused { partitions: pause, said: Some(Instant::now()) };
        Ok(())
    }

    fn commit(&self, failed_before: &mut u64) -> Result<(), KafkaError> {
        let mut ledger = locked(&self.ledger);
        let failed = self.consumer.failed_commits();
        if failed > std::mem::replace(failed_before, failed) {
            ledger.offer_again();
        }
        let done = ledger.take_committable();
        drop(ledger);
        if done.is_empty() {
            return Ok(());
        }
        self.consumer.commit(&done)?;
        Failpoint::ObserveCommitted.pass();
        Ok(())
    }

    /// Commits the last offsets and waits for it. While partitions move among the members the brokers take none, as long as
    /// it takes each of them to notice: polling has to go on until they do.
    fn is_all_committed(&self) -> bool {
        let mut ledger = locked(&self.ledger);
        // One that was sent without waiting may have failed unseen.
        ledger.offer_again();
        let done = ledger.take_committable();
        drop(ledger);
        match self.consumer.commit_sync(&done) {
            Err(error) if error.kind() == ErrorKind::Transient => false,
            Err(error) => {
                tracing::warn!(%error, "the last offsets were not committed: their segments are done again");
                true
            }
            Ok(()) => true,
        }
    }

    /// Nothing is there to read, and everything that was read is in the ledger. Ends of transactions before here are done
    /// as well: else nobody could tell that this role has seen all there is. With nothing in hand, it is not behind.
    fn catch_up(&self) -> Result<(), KafkaError> {
        let positions = self.consumer.positions()?;
        let mut ledger = locked(&self.ledger);
        positions.into_iter().for_each(|(partition, next)| ledger.pass(partition, next));
        if ledger.in_flight() == 0 {
            self.metrics.caught_up(ROLE);
        }
        Ok(())
    }

    fn tell_lag(&self) {
        // Brokers that do not answer are seen elsewhere; an old figure would be a wrong one.
        if let Ok(lags) = self.consumer.lag() {
            self.metrics.share(ROLE, lags.len(), lags.iter().map(|lag| lag.offsets).sum());
            let held = self.holds.held();
            let waiting = lags.iter().filter(|lag| !held.contains(&lag.partition));
            self.plans.adjust(waiting.map(|lag| lag.offsets.unsigned_abs()).sum());
        }
    }
}

/// What became of a record.
enum Admission {
    /// It was passed on, or set aside, or is somebody else's.
    Passed,
    /// There is no room.
    Full(Record),
    /// It is late already, and what room there is is kept for live video.
    Late(Record),
}

/// How long ago a record came to the broker, as far as it says and the clocks agree.
fn age(record: &Record) -> Duration {
    let came = record.timestamp_ms.and_then(|came| u64::try_from(came).ok()).map(Duration::from_millis);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    came.map_or(Duration::ZERO, |came| now.saturating_sub(came))
}

fn reference_of(media: Media<'_>) -> Option<Reference> {
    match media {
        Media::Inline(_) => None,
        Media::Reference { uri, sha256, size } => Some(Reference { uri, sha256, size }),
    }
}

/// Keeps the ledger in step with the assignment.
pub(super) struct Leases {
    pub ledger: SharedLedger,
    pub overtaken: Arc<Overtaken>,
    pub enrolments: Arc<Enrolments>,
    pub metrics: Metrics,
    pub pulse: Arc<Pulse>,
}

impl Assignment for Leases {
    fn assigned(&self, partitions: &[i32]) {
        tracing::info!(?partitions, role = ROLE.name(), "partitions assigned");
        self.metrics.rebalance(ROLE, "assigned");
        self.enrolments.expect(partitions);
        let mut ledger = locked(&self.ledger);
        partitions.iter().for_each(|partition| ledger.assign(*partition));
        self.pulse.ready();
    }

    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)> {
        tracing::info!(?partitions, role = ROLE.name(), "partitions revoked");
        self.metrics.rebalance(ROLE, "revoked");
        partitions.iter().for_each(|partition| self.overtaken.forget(*partition));
        self.enrolments.forget(partitions);
        let mut ledger = locked(&self.ledger);
        partitions.iter().filter_map(|partition| Some((*partition, ledger.revoke(*partition)?))).collect()
    }

    fn lost(&self, partitions: &[i32]) {
        tracing::warn!(?partitions, role = ROLE.name(), "partitions lost");
        self.metrics.rebalance(ROLE, "lost");
        partitions.iter().for_each(|partition| self.overtaken.forget(*partition));
        self.enrolments.forget(partitions);
        let mut ledger = locked(&self.ledger);
        for partition in partitions {
            // Nothing can be committed for it any more.
            let _position = ledger.revoke(*partition);
        }
    }

    fn overtaken(&self, partition: i32, expected: i64, earliest: i64) {
        self.overtaken.add(partition);
        self.metrics.overtaken(expected, earliest);
    }
}
