//! What comes out, as a reader sees it: which sessions have a final score, how soon, whether any was said twice, and
//! whether those that are compared are what they must be.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use domain::ids::SessionId;
use domain::messages::{Incident, Score, ScoreStatus};
use kafka::{Connection, KafkaError, PartitionReader, Record, Start, Topics, wire};
use serde::Serialize;
use uuid::Uuid;

use super::Setting;
use super::life::Life;
use super::records::{Verdict, expected};
use super::sender::Sender;

/// Budget of a reader.
const BUFFER: usize = 16 << 20;
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);
/// How long a partition may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);

/// What must be so of all results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Sessions with a final score.
    pub finals: u64,
    /// Scores that rest on the same records as the one before and say no more, or have an earlier revision; and
    /// revisions of incidents that are there twice, or not at all.
    pub doubled: u64,
    /// Sessions whose score and incidents were compared with the fold of what was sent.
    pub compared: usize,
    /// Those of them that are something else.
    pub different: Vec<SessionId>,
}

/// What is stored of sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct States {
    /// Bytes of the last state of a session, on average.
    pub bytes_per_session: f64,
    /// Bytes of any state, on average: of those that compaction has left.
    pub bytes_per_record: f64,
    /// States that were written for one observation, on average.
    pub per_observation: f64,
}

/// Follows the scores.
pub(super) struct Verdicts<'a> {
    sender: &'a Sender,
    began: Instant,
    /// What those that are compared must be.
    expected: BTreeMap<SessionId, Verdict>,
    finals: AtomicU64,
    seen: Mutex<Seen>,
}

/// What was read.
#[derive(Default)]
struct Seen {
    sessions: HashMap<SessionId, Last>,
    compared: BTreeMap<SessionId, Verdict>,
    doubled: u64,
    scores: u64,
    /// From when all was sent that a final score needs to when it was read, in seconds.
    delays: Vec<f64>,
}

/// The last score of a session. That a clock said that it is over is no record: it makes a provisional one final.
#[derive(PartialEq)]
struct Last {
    rev: u32,
    inputs: String,
    is_final: bool,
}

impl<'a> Verdicts<'a> {
    pub fn new(setting: &Setting, sender: &'a Sender, began: Instant) -> Self {
        let wave = &setting.wave;
        let step = (wave.sessions / setting.compared.max(1)).max(1);
        let numbers = (0..wave.sessions).step_by(step as usize).take(setting.compared as usize);
        let expected = numbers.map(|number| {
            let life = Life::of(wave, number);
            let verdict = expected(wave, &life, &setting.policy, &sender.origin);
            (life.session, verdict)
        });
        let expected = expected.collect();
        Self { sender, began, expected, finals: AtomicU64::new(0), seen: Mutex::default() }
    }

    /// Sessions with a final score.
    pub fn finals(&self) -> u64 {
        self.finals.load(Ordering::Relaxed)
    }

    /// Delays of final scores, in seconds, sorted.
    pub fn delays(&self) -> Vec<f64> {
        let mut delays = self.seen().delays.clone();
        delays.sort_by(f64::total_cmp);
        delays
    }

    /// How many scores were read.
    pub fn scores(&self) -> u64 {
        self.seen().scores
    }

    /// Whether the scores that are compared are what they must be, as far as they were read.
    pub fn agree(&self) -> bool {
        let seen = self.seen();
        let score = |verdict: Option<&Verdict>| verdict.and_then(|verdict| verdict.score.clone());
        self.expected.iter().all(|(id, verdict)| score(seen.compared.get(id)) == verdict.score)
    }

    /// Reads scores until an end is asked for.
    pub fn follow(
        &self,
        connection: &Connection,
        topics: &Topics,
        partitions: i32,
        stop: &AtomicBool,
    ) -> Result<(), KafkaError> {
        let reader = PartitionReader::new(connection, BUFFER)?;
        let name = topics.scores();
        let all: Vec<_> = (0..partitions).map(|each| (name.as_str(), each, Start::Beginning)).collect();
        reader.assign(&all)?;
        while !stop.load(Ordering::Relaxed) {
            match reader.poll(POLL) {
                Ok(Some(record)) => self.take(&record),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Transient => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&self, record: &Record) {
        let Ok(score) = wire::decode::<Score>(record) else { return };
        let now = self.began.elapsed();
        let mut seen = self.seen();
        seen.scores += 1;
        let is_final = score.status == ScoreStatus::Final;
        let before = seen.sessions.get(&score.session);
        let was_final = before.is_some_and(|last| last.is_final);
        let last = Last { rev: score.rev, inputs: score.inputs_sha256.clone(), is_final };
        let is_doubled = before.is_some_and(|before| last.rev < before.rev || last == *before);
        seen.doubled += u64::from(is_doubled);
        seen.sessions.insert(score.session.clone(), last);
        if is_final && !was_final {
            self.finals.fetch_add(1, Ordering::Relaxed);
            seen.delays.extend(self.delay(&score.session, now));
        } else if was_final && !is_final {
            self.finals.fetch_sub(1, Ordering::Relaxed);
        }
        if self.expected.contains_key(&score.session) {
            seen.compared.entry(score.session.clone()).or_default().score(score);
        }
    }

    /// How long a final score that was read now took; `None` where a clock had to say that the session is over.
    fn delay(&self, session: &SessionId, now: Duration) -> Option<f64> {
        let number = session.as_str().rsplit('-').next()?.parse().ok()?;
        Some(now.checked_sub(self.sender.completed(number)?)?.as_secs_f64())
    }

    /// Reads all incidents, and compares.
    pub fn check(
        &self,
        connection: &Connection,
        topics: &Topics,
        partitions: i32,
    ) -> Result<Check, KafkaError> {
        let reader = PartitionReader::new(connection, BUFFER)?;
        let mut seen = self.seen();
        let Seen { compared, doubled, .. } = &mut *seen;
        let mut revisions: HashMap<Uuid, u32> = HashMap::new();
        for partition in 0..partitions {
            reader.read_to_end(
                &topics.incidents(),
                partition,
                Start::Beginning,
                PATIENCE,
                &mut |record| {
                    let Ok(incident) = wire::decode::<Incident>(&record) else { return };
                    let next = revisions.entry(incident.incident_id).or_default();
                    *doubled += u64::from(incident.rev != *next);
                    *next = incident.rev + 1;
                    if self.expected.contains_key(&incident.session) {
                        compared.entry(incident.session.clone()).or_default().incident(incident);
                    }
                },
            )?;
        }
        let is_different = |(id, verdict): &(&SessionId, &Verdict)| compared.get(*id) != Some(*verdict);
        let different = self.expected.iter().filter(is_different).map(|(id, _)| id.clone()).collect();
        Ok(Check { finals: self.finals(), doubled: *doubled, compared: self.expected.len(), different })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what is stored of the sessions of one partition: that of all would take longer than the wave.
pub(super) fn states(connection: &Connection, topics: &Topics) -> Result<States, KafkaError> {
    let reader = PartitionReader::new(connection, BUFFER)?;
    let (mut records, mut bytes, mut last) = (0_u64, 0_u64, HashMap::new());
    let topic = topics.score_state();
    let end = reader.read_to_end(&topic, 0, Start::Beginning, PATIENCE, &mut |record| {
        let size = record.value.as_ref().map_or(0, Vec::len) as u64;
        records += 1;
        bytes += size;
        last.insert(record.key, size);
    })?;
    let observations = reader.bounds(&topics.observations(), 0, PATIENCE)?.1;
    let mean = |sum: u64, of: u64| sum as f64 / of.max(1) as f64;
    Ok(States {
        bytes_per_session: mean(last.values().sum(), last.len() as u64),
        bytes_per_record: mean(bytes, records),
        // Offsets that transactions take for themselves included: a few in a hundred.
        per_observation: end as f64 / observations.max(1) as f64,
    })
}
