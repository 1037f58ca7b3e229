//! Summaries of all sessions, in memory: lists, filters, order, pages.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::desk::{IngestMs, Queue, SessionSummary, StreamState, Urgency};
use domain::ids::SessionId;
use domain::messages::Band;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Summaries by tenant and session.
#[derive(Debug, Default)]
pub struct Index {
    tenants: BTreeMap<String, BTreeMap<SessionId, Arc<SessionSummary>>>,
    /// Sessions that turn silent unless something comes, and when.
    silent_from: BTreeMap<SessionId, IngestMs>,
}

/// Which sessions, and in what order.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of this exam.
    pub exam: Option<String>,
    /// Whose stream is so.
    pub state: Option<StreamState>,
    /// Of this band; `none`: without a score.
    pub band: Option<BandFilter>,
    /// In this list of work.
    pub queue: Option<Queue>,
    /// With this in the name.
    pub name: Option<String>,
    /// The order.
    pub sort: Sort,
}

/// A band, or none yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BandFilter {
    /// Little or nothing was noted.
    Green,
    /// Something was noted.
    Amber,
    /// Much was noted.
    Red,
    /// Too little was seen to say.
    Grey,
    /// There is no score yet.
    None,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Whom a person should look at first.
    #[default]
    Priority,
    /// The lowest score first; those without one last.
    Integrity,
    /// What began last first.
    Started,
    /// What changed last first.
    Updated,
}

/// Where a session stands in a list: no two stand in the same place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// By urgency.
    Priority(Box<Urgency>),
    /// By score; 255 is none.
    Integrity(u8, SessionId),
    /// By start.
    Started(Reverse<Option<String>>, SessionId),
    /// By change.
    Updated(Reverse<Option<String>>, SessionId),
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The sessions.
    pub items: Vec<Arc<SessionSummary>>,
    /// How many there are on all pages.
    pub total: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<Place>,
}

impl Index {
    /// Takes a summary in.
    pub fn put(&mut self, summary: SessionSummary, silent_from: Option<IngestMs>) {
        let session = summary.session.clone();
        match silent_from {
            Some(at) => drop(self.silent_from.insert(session.clone(), at)),
            None => drop(self.silent_from.remove(&session)),
        }
        self.tenants.entry(summary.tenant.clone()).or_default().insert(session, Arc::new(summary));
    }

    /// Forgets a session.
    pub fn remove(&mut self, session: &SessionId) {
        self.silent_from.remove(session);
        if let Some(sessions) = self.tenants.get_mut(session.tenant()) {
            sessions.remove(session);
            if sessions.is_empty() {
                self.tenants.remove(session.tenant());
            }
        }
    }

    /// All sessions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<SessionSummary>> {
        self.tenants.values().flat_map(BTreeMap::values)
    }

    /// The summary of a session.
    pub fn get(&self, session: &SessionId) -> Option<&Arc<SessionSummary>> {
        self.tenants.get(session.tenant())?.get(session)
    }

    /// All sessions of a tenant, by name.
    pub fn of_tenant(&self, tenant: &str) -> impl Iterator<Item = &Arc<SessionSummary>> {
        self.tenants.get(tenant).into_iter().flat_map(BTreeMap::values)
    }

    /// Sessions that have turned silent by now.
    pub fn turned_silent(&self, now: IngestMs) -> BTreeSet<SessionId> {
        let due = self.silent_from.iter().filter(|(_, at)| **at <= now);
        due.map(|(session, _)| session.clone()).collect()
    }

    /// Sessions of a tenant, in order: those after a place, at most `limit`, of those that may be seen.
    pub fn page(
        &self,
        tenant: &str,
        may_see: impl Fn(&SessionSummary) -> bool,
        query: &Query,
        after: Option<&Place>,
        limit: usize,
    ) -> Page {
        let wanted = self.of_tenant(tenant).filter(|summary| may_see(summary) && query.matches(summary));
        let mut places: Vec<(Place, &Arc<SessionSummary>)> =
            wanted.map(|summary| (query.sort.place(summary), summary)).collect();
        let total = places.len();
        if let Some(after) = after {
            places.retain(|(place, _)| place > after);
        }
        let has_more = places.len() > limit;
        if has_more {
            places.select_nth_unstable_by(limit, |one, other| one.0.cmp(&other.0));
            places.truncate(limit);
        }
        places.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let items = places.iter().map(|(_, summary)| Arc::clone(summary)).collect();
        let next = places.pop().filter(|_| has_more).map(|(place, _)| place);
        Page { items, total, next }
    }
}

impl Query {
    /// Whether a session is one of those that are asked for.
    pub fn matches(&self, summary: &SessionSummary) -> bool {
        let contains = |name: &String| summary.name.to_lowercase().contains(&name.to_lowercase());
        self.exam.as_ref().is_none_or(|exam| *exam == summary.exam)
            && self.state.is_none_or(|state| state == summary.state)
            && self.band.is_none_or(|band| band == BandFilter::of(summary.band))
            && self.queue.is_none_or(|queue| is_in(summary, queue))
            && self.name.as_ref().is_none_or(contains)
    }
}

fn is_in(summary: &SessionSummary, queue: Queue) -> bool {
    match queue {
        Queue::Evidence => summary.queues.evidence,
        Queue::Coverage => summary.queues.coverage,
        Queue::None => summary.queue == Queue::None,
    }
}

impl BandFilter {
    /// The filter that a session passes.
    pub fn of(band: Option<Band>) -> Self {
        match band {
            Some(Band::Green) => Self::Green,
            Some(Band::Amber) => Self::Amber,
            Some(Band::Red) => Self::Red,
            Some(Band::Grey) => Self::Grey,
            None => Self::None,
        }
    }
}

impl Sort {
    /// Where a session stands.
    pub fn place(self, summary: &SessionSummary) -> Place {
        let session = summary.session.clone();
        match self {
            Self::Priority => Place::Priority(Box::new(summary.urgency())),
            Self::Integrity => Place::Integrity(summary.integrity.unwrap_or(u8::MAX), session),
            Self::Started => Place::Started(Reverse(summary.started_at.clone()), session),
            Self::Updated => Place::Updated(Reverse(summary.updated_at.clone()), session),
        }
    }

    /// Whether a place is one of this order.
    pub fn has(self, place: &Place) -> bool {
        matches!(
            (self, place),
            (Self::Priority, Place::Priority(_))
                | (Self::Integrity, Place::Integrity(..))
                | (Self::Started, Place::Started(..))
                | (Self::Updated, Place::Updated(..))
        )
    }
}
