//! Batches of the log become desks, summaries and events. One thread does this.
//!
//! Desks change in memory and are written to the file now and then, together with the positions up to which they
//! are folded: whatever is lost in between is read again, and folding it again changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::desk::{DeskEntry, IngestMs, LogPlace, SessionDesk, StreamState};
use domain::ids::SessionId;
use domain::messages::{Incident, Score};
use domain::ports::{Feed, Position, Read};

use super::retention::Sweep;
use super::tables::{Positions, StoreError};
use super::{Shared, Store};
use crate::events::{Event, Kind};

/// How often what changed is written to the file: desks change with every segment, and are large.
const WRITE_EVERY: Duration = Duration::from_secs(30);
/// How often dashboards are told that nothing but media time went on.
const TELL_VIDEO_EVERY: Duration = Duration::from_secs(5);
/// How often streams are looked at that may have turned silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// As soon as so many desks are not in the file as they are in memory, they are written.
const MOST_DIRTY: usize = 2_000;
/// Desks that are written at once.
const SLICE: usize = 64;
/// Most desks in memory; beyond that those that changed longest ago are left in the file alone.
const MOST_DESKS: usize = 8_000;

/// What the folding thread knows.
#[derive(Debug)]
pub(super) struct Folding {
    positions: Positions,
    /// Sessions that were erased, and when the log took that.
    pub(super) erased: BTreeMap<SessionId, i64>,
    pub(super) sweep: Sweep,
    /// Sessions that are not in the file as they are in memory.
    dirty: BTreeSet<SessionId>,
    written: Instant,
    looked: Instant,
    /// When dashboards were last told of each session.
    told: BTreeMap<SessionId, Instant>,
    /// Sessions of which they will be told soon.
    untold: BTreeSet<SessionId>,
    /// When each desk in memory changed last.
    changed: BTreeMap<SessionId, Instant>,
}

impl Folding {
    pub(super) fn new(positions: Positions, erased: BTreeMap<SessionId, i64>) -> Self {
        let now = Instant::now();
        Self {
            positions,
            erased,
            sweep: Sweep::default(),
            dirty: BTreeSet::new(),
            written: now,
            looked: now,
            told: BTreeMap::new(),
            untold: BTreeSet::new(),
            changed: BTreeMap::new(),
        }
    }

    pub(super) fn next_offset(&self, feed: Feed, partition: i32) -> Option<i64> {
        self.positions.get(&(feed, partition)).copied()
    }
}

impl Store {
    /// Folds a batch, which may be empty: time goes on, too. Returns what dashboards are told.
    ///
    /// # Errors
    /// If the file cannot be read or written. The process has to end then: the next one begins with what the file
    /// holds.
    pub fn fold(&self, batch: Vec<(Position, Read)>, now: IngestMs) -> Result<Vec<Event>, StoreError> {
        let mut folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        let folding = &mut *folding;
        let mut events = Vec::new();
        let mut urgent = BTreeSet::new();
        let mut audit = Vec::new();
        for (position, read) in batch {
            match read {
                Read::Desk(entry) => self.take(folding, position, entry, &mut urgent, &mut events)?,
                Read::Erased(session) => {
                    urgent.remove(&session);
                    self.tables.mark_erased(&session, position.at_ms)?;
                    folding.erased.insert(session.clone(), position.at_ms);
                    self.erase(folding, &BTreeSet::from([session]))?;
                }
                Read::Audit(entry) => audit.push((position.at_ms, entry)),
                Read::Skipped => {}
            }
            folding.positions.insert((position.feed, position.partition), position.offset.saturating_add(1));
        }
        if !audit.is_empty() {
            self.tables.put_audit(&audit)?;
        }
        if folding.looked.elapsed() >= LOOK_EVERY {
            urgent.append(&mut self.index().turned_silent(now));
            folding.looked = Instant::now();
        }
        let due = |session: &SessionId| {
            folding.told.get(session).is_none_or(|told| told.elapsed() >= TELL_VIDEO_EVERY)
        };
        urgent.extend(folding.untold.iter().filter(|session| due(session)).cloned());
        for session in urgent {
            events.extend(self.summarise(folding, session, now)?);
        }
        if folding.written.elapsed() >= WRITE_EVERY || folding.dirty.len() >= MOST_DIRTY {
            self.write(folding)?;
            self.sweep(folding, now)?;
        }
        Ok(events)
    }

    /// Writes what changed to the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.write(&mut self.folding.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(
        &self,
        folding: &mut Folding,
        position: Position,
        entry: DeskEntry,
        urgent: &mut BTreeSet<SessionId>,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        let session = entry.session().clone();
        // Topics are read in any interleaving: what was written before may be read after.
        if folding.erased.get(&session).is_some_and(|erased| position.at_ms <= *erased) {
            return Ok(());
        }
        let told = Told::of(&entry);
        let shared = self.shared(&session)?;
        let place = LogPlace { offset: position.offset, at: IngestMs(position.at_ms) };
        let changes = shared.write().unwrap_or_else(PoisonError::into_inner).apply(place, entry);
        if !changes.any() {
            return Ok(());
        }
        Self::changed(folding, session.clone());
        if changes.incident || changes.score {
            events.extend(told.and_then(|told| told.event(&session)));
        }
        if changes.summary || changes.score || changes.history {
            urgent.insert(session);
        } else {
            folding.untold.insert(session);
        }
        Ok(())
    }

    /// The desk of a session: in memory, from the file, or an empty one.
    pub(super) fn shared(&self, session: &SessionId) -> Result<Shared, StoreError> {
        let known = self.desks.read().unwrap_or_else(PoisonError::into_inner).get(session).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let desk = self.tables.desk(session)?.unwrap_or_else(|| SessionDesk::new(session.clone()));
        let shared = Arc::new(RwLock::new(desk));
        let mut desks = self.desks.write().unwrap_or_else(PoisonError::into_inner);
        desks.insert(session.clone(), Arc::clone(&shared));
        Ok(shared)
    }

    /// Brings a session's summary up to date.
    fn summarise(
        &self,
        folding: &mut Folding,
        session: SessionId,
        now: IngestMs,
    ) -> Result<Option<Event>, StoreError> {
        let shared = self.shared(&session)?;
        let desk = shared.read().unwrap_or_else(PoisonError::into_inner);
        let (summary, silent_from) = (desk.summary(now), desk.silent_from(now));
        let event = Event::new(Kind::Session, &session, &summary);
        self.index.write().unwrap_or_else(PoisonError::into_inner).put(summary, silent_from);
        folding.untold.remove(&session);
        folding.told.insert(session, Instant::now());
        Ok(event)
    }

    /// Forgets sessions altogether.
    pub(super) fn erase(
        &self,
        folding: &mut Folding,
        sessions: &BTreeSet<SessionId>,
    ) -> Result<(), StoreError> {
        self.tables.delete(sessions.iter())?;
        let mut desks = self.desks.write().unwrap_or_else(PoisonError::into_inner);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for session in sessions {
            desks.remove(session);
            index.remove(session);
            folding.dirty.remove(session);
            folding.untold.remove(session);
            folding.told.remove(session);
            folding.changed.remove(session);
        }
        Ok(())
    }

    /// A session's desk is not in the file as it is in memory any more.
    pub(super) fn changed(folding: &mut Folding, session: SessionId) {
        folding.dirty.insert(session.clone());
        folding.changed.insert(session, Instant::now());
    }

    fn write(&self, folding: &mut Folding) -> Result<(), StoreError> {
        // Sessions of which dashboards were not told yet have an old summary, which the next start makes new.
        let dirty: Vec<SessionId> = folding.dirty.iter().cloned().collect();
        for slice in dirty.chunks(SLICE) {
            let mut rows = Vec::new();
            for session in slice {
                let known = self.desks.read().unwrap_or_else(PoisonError::into_inner).get(session).cloned();
                let summary = self.index().get(session).cloned();
                let (Some(desk), Some(summary)) = (known, summary) else { continue };
                let desk = serde_json::to_vec(&*desk.read().unwrap_or_else(PoisonError::into_inner))?;
                rows.push((session.clone(), desk, serde_json::to_vec(&*summary)?));
            }
            self.tables.put(&rows)?;
        }
        // With the last of them, so that what is missing after a crash is read again.
        self.tables.checkpoint(&folding.positions)?;
        folding.dirty.clear();
        folding.written = Instant::now();
        self.forget(folding);
        Ok(())
    }

    /// Leaves desks in the file alone: all of sessions that are over, and the oldest of too many.
    fn forget(&self, folding: &mut Folding) {
        let mut desks = self.desks.write().unwrap_or_else(PoisonError::into_inner);
        let index = self.index();
        let is_over = |session: &SessionId| {
            index.get(session).is_none_or(|summary| summary.state == StreamState::Ended)
        };
        let waits = |session: &SessionId| folding.untold.contains(session);
        desks.retain(|session, _| !is_over(session) || waits(session));
        if desks.len() > MOST_DESKS {
            let mut by_age: Vec<_> = desks
                .keys()
                .map(|session| (folding.changed.get(session).copied(), session.clone()))
                .collect();
            by_age.sort_unstable();
            for (_, session) in by_age.iter().take(desks.len() - MOST_DESKS) {
                desks.remove(session);
            }
        }
        folding.changed.retain(|session, _| desks.contains_key(session));
        folding.told.retain(|session, _| desks.contains_key(session));
    }
}

/// What an entry is told as, if it changes something.
enum Told {
    Incident(Box<Incident>),
    Score(Box<Score>),
}

impl Told {
    fn of(entry: &DeskEntry) -> Option<Self> {
        match entry {
            DeskEntry::Incident(incident) => Some(Self::Incident(incident.clone())),
            DeskEntry::Score(score) => Some(Self::Score(score.clone())),
            _ => None,
        }
    }

    fn event(self, session: &SessionId) -> Option<Event> {
        match self {
            Self::Incident(incident) => Event::new(Kind::Incident, session, &*incident),
            Self::Score(score) => Event::new(Kind::Score, session, &*score),
        }
    }
}
