//! One partition's share of the work: its uploads, and from which record on they would have to be read again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use domain::ids::SessionId;
use domain::messages::{CHUNK_TYPE, ChunkHeader, CutState, StreamState, UploadEvent, UploadFact};
use domain::upload::Arrival;
use kafka::wire;
use kafka::{KafkaError, PartitionReader, Record, Start, Topics};

use super::batch::Batch;
use super::keys::{Found, Keys};
use super::session::{Cutting, Session};
use crate::clock;
use crate::privacy::{Protection, SealError, SessionKey, payload};
use crate::telemetry::metrics::Metrics;

/// How long reading stored states may take before it is begun anew.
const PATIENCE: Duration = Duration::from_secs(45);
/// For how long after its last record the state of an upload is kept, by the clock of the broker: as long as a
/// session may last. Until then nothing that comes late begins it anew.
const KEPT_MS: i64 = 7 * 86_400_000;
/// A partition that is read again and of which nothing comes for so long has nothing more to be read.
const STALLED: Duration = Duration::from_secs(10);

/// A record of the log.
enum Entry {
    Chunk(ChunkHeader),
    Fact(UploadFact),
}

/// An upload, and when something of it was last heard.
struct Upload {
    session: Session,
    heard: Instant,
    /// Its silence was told, and that was not read yet.
    is_told: bool,
}

/// The share of one partition.
pub(super) struct Share {
    partition: i32,
    how: Cutting,
    keys: Keys,
    /// Records that were polled and wait for a key; nothing more is polled until they have it.
    waiting: VecDeque<Record>,
    uploads: HashMap<SessionId, Upload>,
    /// Uploads of which nothing is needed but their state: they are over, or have been silent for long.
    resting: HashMap<SessionId, CutState>,
    /// Those that are over, which their stored states do not say yet.
    ended: BTreeSet<SessionId>,
    /// Where the log goes on; `None` if nothing of it was ever read.
    next: Option<i64>,
    /// Records before this offset were read before this share was put down.
    reached: Option<i64>,
    /// When a record was last read, and when that one came to the broker.
    read: (Instant, i64),
    /// Bytes that all uploads hold.
    held: usize,
}

impl Share {
    /// Takes a partition over where it was left, at the committed offset: uploads go on from their stored states.
    /// Up to where it was reached before, the log is only read again.
    pub(super) fn restore(
        (partition, next, reached): (i32, Option<i64>, Option<i64>),
        (how, protection): (Cutting, &Protection),
        topics: &Topics,
        states: &PartitionReader,
        metrics: &Metrics,
    ) -> Result<Self, KafkaError> {
        let mut stored: HashMap<Vec<u8>, Record> = HashMap::new();
        states.read_to_end(&topics.cut_state(), partition, Start::Beginning, PATIENCE, &mut |record| {
            match record.value {
                Some(_) => drop(stored.insert(record.key.clone(), record)),
                None => drop(stored.remove(&record.key)),
            }
        })?;
        let mut share = Self::new((partition, next, reached), how, protection);
        for record in stored.values() {
            if let Err(problem) = share.take_up(record) {
                metrics.refused("cut_state");
                let key = String::from_utf8_lossy(&record.key);
                tracing::error!(%key, problem, "a stored state is of no use: its upload is cut from the beginning");
            }
        }
        tracing::info!(partition, uploads = share.uploads.len(), "partition of uploads taken over");
        Ok(share)
    }

    fn new(
        (partition, next, reached): (i32, Option<i64>, Option<i64>),
        how: Cutting,
        protection: &Protection,
    ) -> Self {
        Self {
            partition,
            how,
            keys: Keys::new(protection.clone()),
            waiting: VecDeque::new(),
            uploads: HashMap::new(),
            resting: HashMap::new(),
            ended: BTreeSet::new(),
            next,
            reached,
            read: (Instant::now(), i64::MIN),
            held: 0,
        }
    }

    fn take_up(&mut self, record: &Record) -> Result<(), String> {
        let state: CutState = wire::decode(record).map_err(|error| error.to_string())?;
        let (id, heard) = (state.session.clone(), heard(state.heard_at_ms));
        if may_rest(&state) {
            self.resting.insert(id, state);
            return Ok(());
        }
        let session = Session::restore(state, self.how).map_err(|error| error.to_string())?;
        self.held += session.held();
        self.uploads.insert(id, Upload { session, heard, is_told: false });
        Ok(())
    }

    /// The upload of a session, which may begin now, or go on after a rest; `None` if it is over.
    fn upload(&mut self, id: &SessionId, came_at_ms: i64, metrics: &Metrics) -> Option<&mut Upload> {
        if self.resting.get(id).is_some_and(|state| over_at(state).is_some()) {
            return None;
        }
        if !self.uploads.contains_key(id) {
            let begin = || Session::new(id.clone(), self.how);
            let session = self.resting.remove(id).map(|state| Session::restore(state, self.how));
            let session = session.unwrap_or_else(|| Ok(begin())).unwrap_or_else(|error| {
                metrics.refused("cut_state");
                tracing::error!(session = %id, %error, "a stored state is of no use: its upload is cut from the beginning");
                begin()
            });
            self.held += session.held();
            self.uploads.insert(id.clone(), Upload { session, heard: heard(came_at_ms), is_told: false });
        }
        self.uploads.get_mut(id)
    }

    /// Takes in a record of the log, once those before it and its key are there.
    pub(super) fn take(
        &mut self,
        record: Record,
        batch: &mut Batch,
        metrics: &Metrics,
    ) -> Result<(), SealError> {
        self.waiting.push_back(record);
        self.go_on(batch, metrics)
    }

    /// Takes in what has waited for keys that have come.
    pub(super) fn go_on(&mut self, batch: &mut Batch, metrics: &Metrics) -> Result<(), SealError> {
        while let Some(found) = self.waiting.front().and_then(|record| self.keys.of(record))
            && let Some(record) = self.waiting.pop_front()
        {
            self.take_in(record, found, batch, metrics)?;
        }
        Ok(())
    }

    /// Whether nothing more of it may be polled.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn take_in(
        &mut self,
        record: Record,
        found: Found,
        batch: &mut Batch,
        metrics: &Metrics,
    ) -> Result<(), SealError> {
        self.next = Some(record.origin.offset.saturating_add(1));
        self.read = (Instant::now(), record.timestamp_ms.unwrap_or(self.read.1));
        batch.passed();
        let key = match found {
            Found::None => None,
            Found::Key(key) => Some(key),
            // Nobody can read it any more, and what it would lead to is to be there no more.
            Found::Destroyed => {
                let is_chunk = wire::kind(&record).is_ok_and(|kind| kind == CHUNK_TYPE);
                metrics.chunks("erased", is_chunk.into());
                return Ok(());
            }
        };
        let entry = wire::is_sealed(&record.headers).and_then(|is_sealed| match wire::kind(&record)? {
            CHUNK_TYPE => Ok((Entry::Chunk(wire::decode_chunk(&record)?), is_sealed)),
            _ => Ok((Entry::Fact(wire::decode(&record)?), false)),
        });
        match entry {
            Ok((Entry::Chunk(header), is_sealed)) => {
                self.chunk(&header, (record, is_sealed), key, batch, metrics)
            }
            Ok((Entry::Fact(fact), _)) => self.fact(fact, &record, key, batch, metrics),
            Err(error) => {
                batch.set_aside(&record, error.reason(), error.to_string(), metrics);
                Ok(())
            }
        }
    }

    fn chunk(
        &mut self,
        header: &ChunkHeader,
        (mut record, is_sealed): (Record, bool),
        key: Option<SessionKey>,
        batch: &mut Batch,
        metrics: &Metrics,
    ) -> Result<(), SealError> {
        if is_sealed
            && let Some(key) = &key
            && let Err(error) = payload::open(&mut record, key, &payload::of_chunk(header))
        {
            batch.set_aside(&record, error.reason(), error.to_string(), metrics);
            return Ok(());
        }
        let (trace, arrived) = (wire::traceparent(&record).map(str::to_owned), record.timestamp_ms);
        let (offset, came) = (record.origin.offset, arrived.unwrap_or_default());
        let is_again = self.reached.is_some_and(|reached| offset < reached);
        let Some(upload) = self.upload(&header.session, came, metrics) else {
            let over = self.resting.get(&header.session).and_then(over_at);
            metrics.chunks(if over > Some(offset) { "repeated" } else { "late" }, 1);
            return Ok(());
        };
        let held = upload.session.held();
        let arrival = upload.session.chunk(header, record);
        upload.is_told = false;
        // What is read again was heard when it came.
        upload.heard = if is_again { heard(came) } else { Instant::now() };
        let outcome = match arrival {
            Arrival::Taken => "taken",
            Arrival::Repeated => "repeated",
            Arrival::Contradicted => "contradicted",
        };
        metrics.chunks(outcome, 1);
        let (said, left) = (upload.session.take_said(), upload.session.held());
        self.held = self.held.saturating_sub(held) + left;
        batch.say(said, key.as_ref(), (trace.as_deref(), arrived), metrics)
    }

    fn fact(
        &mut self,
        fact: UploadFact,
        record: &Record,
        key: Option<SessionKey>,
        batch: &mut Batch,
        metrics: &Metrics,
    ) -> Result<(), SealError> {
        let UploadFact { session: id, event } = fact;
        let (offset, came) = (record.origin.offset, record.timestamp_ms.unwrap_or_default());
        let Some(upload) = self.upload(&id, came, metrics) else { return Ok(()) };
        let held = upload.session.held();
        let is_over = upload.session.fact(event, record);
        upload.is_told &= event != UploadEvent::Silent;
        let said = upload.session.take_said();
        let (left, has_begun) = (upload.session.held(), upload.session.has_begun());
        let over = is_over.then(|| upload.session.over(offset));
        self.held = self.held.saturating_sub(held) + left;
        if is_over || !has_begun {
            self.held = self.held.saturating_sub(left);
            self.uploads.remove(&id);
        }
        if let Some(state) = over {
            self.ended.insert(id.clone());
            self.resting.insert(id, state);
        }
        batch.say(said, key.as_ref(), (wire::traceparent(record), record.timestamp_ms), metrics)
    }

    /// Writes that uploads are silent of which nothing was read for so long. If something is in the log all the
    /// same, whoever reads it there knows by its time.
    pub(super) fn tell_silences(&mut self, batch: &mut Batch) {
        // What has come may be among what waits.
        if self.is_behind() || self.waits() {
            return;
        }
        let [silence, let_go] = [self.how.silence, self.how.let_go.max(self.how.silence)]
            .map(|millis| Duration::from_millis(millis.0.try_into().unwrap_or_default()));
        for (id, upload) in &mut self.uploads {
            let session = &upload.session;
            let is_due = match session.is_silent() {
                false => upload.heard.elapsed() >= silence,
                true => session.needed().is_some() && upload.heard.elapsed() >= let_go,
            };
            if is_due && !upload.is_told {
                upload.is_told = true;
                tracing::debug!(session = %id, "an upload is silent");
                batch.tell_silence(id, self.partition);
            }
        }
    }

    /// Writes the states that changed.
    pub(super) fn store(&mut self, batch: &mut Batch) {
        for id in std::mem::take(&mut self.ended) {
            if let Some(state) = self.resting.get(&id) {
                batch.store(state, self.partition);
            }
        }
        let mut rest = Vec::new();
        for Upload { session, .. } in self.uploads.values_mut().filter(|upload| upload.session.is_changed()) {
            if let Some(state) = session.state() {
                session.stored(&state);
                batch.store(&state, self.partition);
                if may_rest(&state) {
                    rest.push(state);
                }
            }
        }
        for state in rest {
            let held = self.uploads.remove(&state.session).map_or(0, |upload| upload.session.held());
            self.held = self.held.saturating_sub(held);
            self.resting.insert(state.session.clone(), state);
        }
    }

    /// Deletes states that nothing can come for any more.
    pub(super) fn forget(&mut self, batch: &mut Batch) {
        let (partition, next, now) = (self.partition, self.position(), self.read.1);
        self.resting.retain(|id, state| {
            let is_old = now.saturating_sub(state.heard_at_ms) >= KEPT_MS;
            // Else its records would be read again, and begin it anew.
            let is_passed = over_at(state).is_none_or(|at| next > Some(at));
            if is_old && is_passed {
                batch.forget(id, partition);
            }
            !(is_old && is_passed)
        });
    }

    /// Whether it is still reading again what was read before it was put down.
    pub(super) fn is_behind(&self) -> bool {
        self.next < self.reached && self.read.0.elapsed() < STALLED
    }

    /// Up to where the log was read.
    pub(super) fn reached(&self) -> Option<i64> {
        self.next.max(self.reached)
    }

    /// From which record on the log has to be read again, as of the stored states; `None` if nothing was ever
    /// read.
    pub(super) fn position(&self) -> Option<i64> {
        let needed = self.uploads.values().filter_map(|upload| upload.session.needed());
        self.next.map(|next| needed.min().map_or(next, |needed| needed.min(next)))
    }

    /// How many uploads are being cut.
    pub(super) fn len(&self) -> usize {
        self.uploads.len()
    }

    /// Bytes that all of them hold.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

/// Whether nothing of an upload is needed in memory until something of it comes.
fn may_rest(state: &CutState) -> bool {
    over_at(state).is_some() || (state.is_silent && state.offset.is_none())
}

/// The record with which an upload was over, if it is.
fn over_at(state: &CutState) -> Option<i64> {
    if let StreamState::Over { at } = state.stream { Some(at) } else { None }
}

/// When something was heard that came to the broker at this time. Clocks may differ: that is good enough to write
/// that an upload is silent, and the log decides whether it is.
fn heard(came_at_ms: i64) -> Instant {
    let now = Instant::now();
    now.checked_sub(clock::since_ms(came_at_ms)).unwrap_or(now)
}
