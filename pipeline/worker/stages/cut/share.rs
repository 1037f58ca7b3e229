//! One partition's share of the work: its uploads, and from which record on they would have to be read again.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use domain::ids::SessionId;
use domain::messages::{CHUNK_TYPE, ChunkHeader, CutState, UploadEvent, UploadFact};
use domain::upload::Arrival;
use kafka::wire;
use kafka::{KafkaError, PartitionReader, Record, Start, Topics};

use super::batch::Batch;
use super::session::{Cutting, Session};
use crate::telemetry::metrics::Metrics;

/// How long reading stored states may take before it is begun anew.
const PATIENCE: Duration = Duration::from_secs(45);
/// After how long a silent upload gives up what it kept to go on from: until then its chunks have to be in the log.
const LET_GO_AFTER: Duration = Duration::from_secs(600);

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
    uploads: HashMap<SessionId, Upload>,
    /// Uploads that are over, and whose state is to be deleted.
    over: BTreeSet<SessionId>,
    /// Where the log goes on; `None` before anything was read.
    next: Option<i64>,
    /// Bytes that all uploads hold.
    held: usize,
}

impl Share {
    /// Takes a partition over where it was left: uploads go on from their stored states.
    pub(super) fn restore(
        partition: i32,
        how: Cutting,
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
        let (uploads, over) = (HashMap::new(), BTreeSet::new());
        let mut share = Self { partition, how, uploads, over, next: None, held: 0 };
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

    fn take_up(&mut self, record: &Record) -> Result<(), String> {
        let state: CutState = wire::decode(record).map_err(|error| error.to_string())?;
        let id = state.session.clone();
        let session = Session::restore(state, self.how).map_err(|error| error.to_string())?;
        self.held += session.held();
        self.uploads.insert(id, Upload { session, heard: Instant::now(), is_told: false });
        Ok(())
    }

    /// Takes in a record of the log.
    pub(super) fn take(&mut self, record: Record, batch: &mut Batch, metrics: &Metrics) {
        self.next = Some(record.origin.offset.saturating_add(1));
        batch.passed();
        let entry = match wire::kind(&record) {
            Ok(CHUNK_TYPE) => wire::decode_chunk(&record).map(Entry::Chunk),
            _ => wire::decode(&record).map(Entry::Fact),
        };
        match entry {
            Ok(Entry::Chunk(header)) => self.chunk(&header, record, batch, metrics),
            Ok(Entry::Fact(fact)) => self.fact(fact, &record, batch, metrics),
            Err(error) => batch.set_aside(&record, error.reason(), error.to_string(), metrics),
        }
    }

    fn chunk(&mut self, header: &ChunkHeader, record: Record, batch: &mut Batch, metrics: &Metrics) {
        let (trace, arrived) = (wire::traceparent(&record).map(str::to_owned), record.timestamp_ms);
        let upload = upload(&mut self.uploads, &header.session, self.how);
        let held = upload.session.held();
        let arrival = upload.session.chunk(header, record);
        let outcome = match arrival {
            Arrival::Taken => {
                (upload.heard, upload.is_told) = (Instant::now(), false);
                "taken"
            }
            Arrival::Repeated => "repeated",
            Arrival::Contradicted => "contradicted",
        };
        metrics.chunks(outcome, 1);
        batch.say(upload.session.take_said(), (trace.as_deref(), arrived), metrics);
        self.held = self.held.saturating_sub(held) + upload.session.held();
    }

    fn fact(&mut self, fact: UploadFact, record: &Record, batch: &mut Batch, metrics: &Metrics) {
        let UploadFact { session: id, event } = fact;
        let upload = upload(&mut self.uploads, &id, self.how);
        let held = upload.session.held();
        let is_over = upload.session.fact(event, record);
        upload.is_told &= event != UploadEvent::Silent;
        let cause = (wire::traceparent(record), record.timestamp_ms);
        batch.say(upload.session.take_said(), cause, metrics);
        self.held = self.held.saturating_sub(held) + upload.session.held();
        if is_over || !upload.session.has_begun() {
            self.held = self.held.saturating_sub(upload.session.held());
            self.uploads.remove(&id);
            self.over.insert(id);
        }
    }

    /// Writes that uploads are silent of which nothing came for so long.
    pub(super) fn tell_silences(&mut self, silence: Duration, batch: &mut Batch) {
        for (id, upload) in &mut self.uploads {
            let session = &upload.session;
            let is_due = match session.is_silent() {
                false => upload.heard.elapsed() >= silence,
                true => session.needed().is_some() && upload.heard.elapsed() >= LET_GO_AFTER.max(silence),
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
        for id in std::mem::take(&mut self.over) {
            // It may have begun again already.
            if !self.uploads.contains_key(&id) {
                batch.forget(&id, self.partition);
            }
        }
        for Upload { session, .. } in self.uploads.values_mut().filter(|upload| upload.session.is_changed()) {
            if let Some(state) = session.state() {
                session.stored(&state);
                batch.store(&state, self.partition);
            }
        }
    }

    /// From which record on the log has to be read again, as of the stored states; `None` if nothing was read.
    pub(super) fn position(&self) -> Option<i64> {
        let needed = self.uploads.values().filter_map(|upload| upload.session.needed());
        self.next.map(|next| needed.min().map_or(next, |needed| needed.min(next)))
    }

    /// How many uploads there are.
    pub(super) fn len(&self) -> usize {
        self.uploads.len()
    }

    /// Bytes that all of them hold.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

/// The upload of a session, which may begin now.
fn upload<'a>(uploads: &'a mut HashMap<SessionId, Upload>, id: &SessionId, how: Cutting) -> &'a mut Upload {
    let begin = || Upload { session: Session::new(id.clone(), how), heard: Instant::now(), is_told: false };
    uploads.entry(id.clone()).or_insert_with(begin)
}
