//! What the fold says after a record: which incidents changed, what the score is now, and whether it is
//! final.
//!
//! What was said last is remembered, so that nothing is said twice and nothing changes silently.

use super::fold::SessionFold;
use super::input::Output;
use super::report::{Report, Revision, Standings};
use super::standing::Circumstances;
use super::state::Publishing;
use crate::messages::{Incident, IncidentState, NotEvaluated, ScoreStatus, canonical};
use crate::time::{Interval, MediaMs, Millis};

/// All media time: where nobody said when video is expected, none is unexpected.
const ALWAYS: Interval = Interval { start: MediaMs(i64::MIN / 2), end: MediaMs(i64::MAX / 2) };

/// A quiet session's score is published again after this much media time.
const QUIET_REPORT: Millis = Millis::from_secs(60);

/// Why the fold looks whether there is something to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// More video.
    Video,
    /// Something that can change how every incident stands.
    Circumstances,
    /// Without any effect.
    Nothing,
}

impl SessionFold {
    /// Says what a record changed.
    pub(super) fn publish(&mut self, cause: Cause) -> Vec<Output> {
        if cause == Cause::Nothing {
            return Vec::new();
        }
        if self.patient {
            self.watch_released();
            return Vec::new();
        }
        let watched = self.watch_released();
        if cause == Cause::Video && !watched {
            return Vec::new();
        }
        let Publishing { rev, is_final: was_final, closing, at } = self.state.publishing.clone();
        // A stream that goes on after it was taken to be over is provisional again; a review or a
        // latecomer leaves a final score final.
        let closes = self.is_complete() || closing || (was_final && !watched);
        if closes {
            self.close();
        }
        let frontier = self.state.watch.frontier();
        let everything = closes || was_final || cause == Cause::Circumstances;
        let quiet = at.is_none_or(|at| frontier - at >= QUIET_REPORT);
        if !everything && !quiet && !self.state.ledger.has_due() {
            return Vec::new();
        }
        self.say(closes, everything, if closes || was_final { rev + 1 } else { rev })
    }

    /// Whether the end is known and everything before it was watched.
    pub(super) fn is_complete(&self) -> bool {
        self.state.lifecycle.ended().is_some_and(|end| self.state.reorder.is_complete(end))
    }

    /// Publishes what is new about the incidents, and revision `rev` of the score.
    pub(super) fn say(&mut self, closes: bool, everything: bool, rev: u32) -> Vec<Output> {
        let frontier = self.state.watch.frontier();
        let report = self.report(closes);
        let standings = report.standings();
        let incidents = self.revisions(&report, &standings, everything);
        let revision = Revision {
            rev,
            status: if closes { ScoreStatus::Final } else { ScoreStatus::Provisional },
            watermark: frontier,
            inputs_sha256: self.inputs_sha256(),
        };
        let score = report.score(&standings, revision);
        self.state.publishing = Publishing { rev, is_final: closes, closing: false, at: Some(frontier) };
        let mut outputs = self.note(incidents);
        outputs.push(Output::Score(Box::new(score)));
        outputs
    }

    pub(super) fn report(&self, closes: bool) -> Report<'_> {
        let state = &self.state;
        let granted = self.granted();
        let frontier = state.watch.frontier();
        let whole = self.expected();
        let so_far = if closes { whole } else { Interval::new(whole.start, whole.end.min(frontier)) };
        let breaks = self.breaks(&granted);
        let circumstances = Circumstances {
            expected: state.lifecycle.expected().unwrap_or(ALWAYS),
            breaks: breaks.clone(),
            frozen: state.watch.coverage.frozen(),
            second_person: granted.second_person,
        };
        Report {
            session: &self.session,
            policy: &self.policy,
            policy_ref: &self.policy_ref,
            records: state.ledger.records(),
            first_rev: state.ledger.first_rev(),
            reviews: &state.reviews,
            circumstances,
            coverage: state.watch.coverage.report(so_far, &breaks),
            not_evaluated: self.not_evaluated(),
            granted: granted.granted(),
            models: state.models.iter().cloned().collect(),
            identity: &state.watch.identity,
        }
    }

    /// The incidents of which something new has to be said.
    fn revisions(&self, report: &Report<'_>, standings: &Standings, everything: bool) -> Vec<Revised> {
        let records = report.records.iter().enumerate();
        let candidates = records.filter(|(_, record)| everything || record.reporting.due);
        let revised = candidates.filter_map(|(index, record)| {
            let incident = report.incident(index, standings);
            let said = fingerprint(&incident, record.open);
            let time_to_flag = record.time_to_flag;
            let is_new = record.reporting.next_rev == report.first_rev || said != record.reporting.said;
            is_new.then_some(Revised { index, incident, said, time_to_flag })
        });
        revised.collect()
    }

    /// Remembers what is said now.
    fn note(&mut self, revised: Vec<Revised>) -> Vec<Output> {
        let frontier = self.state.watch.frontier();
        let records = self.state.ledger.records_mut();
        for record in records.iter_mut().filter(|record| record.reporting.due) {
            record.reporting.due = false;
            record.reporting.at = frontier;
        }
        let publish = |revised: Revised| {
            let reporting = &mut records[revised.index].reporting;
            reporting.next_rev += 1;
            reporting.said = revised.said;
            Output::Incident { incident: Box::new(revised.incident), time_to_flag: revised.time_to_flag }
        };
        revised.into_iter().map(publish).collect()
    }

    fn not_evaluated(&self) -> Vec<NotEvaluated> {
        let by_type = self.state.watch.not_evaluated.iter();
        let entries = by_type.flat_map(|(kind, reasons)| {
            reasons.iter().map(|(reason, duration_ms)| NotEvaluated {
                kind: *kind,
                reason: *reason,
                duration_ms: *duration_ms,
            })
        });
        entries.collect()
    }

    /// Hash over everything that was taken in, whatever order it came in.
    fn inputs_sha256(&self) -> String {
        let state = &self.state;
        let parts = (&state.observations_sha256, &state.lifecycle, &state.reviews, &state.markers);
        canonical::sha256_hex(&canonical::bytes(&parts))
    }
}

/// A revision about to be published.
struct Revised {
    index: usize,
    incident: Incident,
    said: u32,
    time_to_flag: Millis,
}

/// Tells whether a revision says anything that the one before did not.
fn fingerprint(incident: &Incident, open: bool) -> u32 {
    let said = Incident { rev: 0, state: IncidentState::Updated, ..incident.clone() };
    let digest = canonical::sha256_hex(&canonical::bytes(&(said, open)));
    u32::from_str_radix(&digest[..8], 16).expect("a digest is hex. This is a bug.")
}
