//! Nothing is kept longer than the topics keep what it was made from: sessions, audit entries and the marks of sessions
//! that were erased go with the last of their records, what was measured goes with the observations.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use domain::desk::{IngestMs, SessionSummary};
use domain::ids::SessionId;

use super::fold::Folding;
use super::{Store, StoreError};

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_secs(600);
/// Desks of which measurements are forgotten at once: each of them is read from the file.
const AT_ONCE: usize = 500;

/// How long what is kept, counted from when the log took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Incidents, scores, decisions, audit entries.
    pub results: Duration,
    /// What was measured.
    pub observations: Duration,
}

/// How far the search for what is too old has got.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    begun: Option<Instant>,
    /// Sessions whose measurements are forgotten.
    bare: BTreeSet<SessionId>,
}

impl Store {
    /// Forgets what is too old, if it has not been looked for lately.
    pub(super) fn sweep(&self, folding: &mut Folding, now: IngestMs) -> Result<(), StoreError> {
        if folding.sweep.begun.is_some_and(|begun| begun.elapsed() < EVERY) {
            return Ok(());
        }
        folding.sweep.begun = Some(Instant::now());
        let before = |age: Duration| {
            IngestMs(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
        };
        let results = before(self.retention.results);
        // Texts of times sort as times do.
        let last = results.to_string();
        let is_over = |updated: &Option<String>| updated.as_ref().is_some_and(|updated| *updated < last);
        let over: BTreeSet<SessionId> =
            self.index().all().filter(|of| is_over(&of.updated_at)).map(|of| of.session.clone()).collect();
        if !over.is_empty() {
            self.erase(folding, &over)?;
        }
        folding.sweep.bare.retain(|session| !over.contains(session));
        self.tables.delete_audit(results.0)?;
        self.tables.delete_marks(results.0)?;
        folding.erased.retain(|_, at_ms| *at_ms >= results.0);
        self.bare(folding, before(self.retention.observations))
    }

    /// Forgets measurements of sessions that began so long ago, unless they still go on.
    fn bare(&self, folding: &mut Folding, before: IngestMs) -> Result<(), StoreError> {
        let last = before.to_string();
        let began = |of: &SessionSummary| {
            of.started_at.as_ref().or(of.updated_at.as_ref()).is_some_and(|began| *began < last)
        };
        let old: Vec<SessionId> = self
            .index()
            .all()
            .filter(|of| began(of) && !folding.sweep.bare.contains(&of.session))
            .map(|of| of.session.clone())
            .take(AT_ONCE)
            .collect();
        for session in old {
            let shared = self.shared(&session)?;
            let mut desk = shared.write().unwrap_or_else(PoisonError::into_inner);
            if desk.forget_samples(before) {
                folding.sweep.bare.insert(session.clone());
                Self::changed(folding, session);
            }
        }
        Ok(())
    }
}
