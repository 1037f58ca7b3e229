//! Makes messages: revisions of incidents, and the score with a reason for every point.
//!
//! Brings together what the ledger saw, what circumstances and humans take away
//! ([`standing`](super::standing)) and what the rule makes of it ([`rule`]). Decides
//! nothing by itself.

use std::collections::BTreeMap;

use super::coverage::CoverageReport;
use super::identity::Identity;
use super::ledger::Record;
use super::review::Reviews;
use super::rule::{self, Finding};
use super::standing::{Circumstances, Claim, Standing, standings};
use super::words;
use crate::ids::SessionId;
use crate::messages::{
    Accommodation, CountsReason, Incident, IncidentClass, IncidentState, IncidentType, MediaRef,
    NotEvaluated, PolicyRef, Score, ScoreStatus, Severity,
};
use crate::policy::Policy;
use crate::time::MediaMs;

/// Topic that media references point into, without prefix.
const MEDIA_TOPIC: &str = "exam.segments";

/// Everything known about a session at one moment.
pub(super) struct Report<'a> {
    pub session: &'a SessionId,
    pub policy: &'a Policy,
    pub policy_ref: &'a PolicyRef,
    pub records: &'a [Record],
    /// Number of an incident's first revision.
    pub first_rev: u32,
    pub reviews: &'a Reviews,
    pub circumstances: Circumstances,
    pub coverage: CoverageReport,
    pub not_evaluated: Vec<NotEvaluated>,
    pub granted: Vec<Accommodation>,
    pub models: Vec<String>,
    pub identity: &'a Identity,
}

/// How every incident stands, and what they add up to.
pub(super) struct Standings {
    by_record: Vec<Standing>,
    extents: BTreeMap<IncidentType, i64>,
    findings: Vec<Finding>,
    pending_identity: bool,
}

/// Where in its life the score is.
pub(super) struct Revision {
    pub rev: u32,
    pub status: ScoreStatus,
    pub watermark: MediaMs,
    pub inputs_sha256: String,
}

impl Standings {
    /// Whether a human found that somebody else sat there.
    fn is_another_confirmed(&self) -> bool {
        self.findings.iter().any(|finding| finding.kind.class() == IncidentClass::Identity)
    }
}

impl Report<'_> {
    /// How every incident stands at this moment.
    pub fn standings(&self) -> Standings {
        let claims: Vec<Claim> = self
            .records
            .iter()
            .map(|record| Claim {
                kind: record.lane.kind,
                seen: record.seen.clone(),
                confidence_milli: record.confidence,
                calibrated: record.calibrated,
            })
            .collect();
        let by_record = standings(&claims, &self.circumstances, &self.reviews.by_type(), self.policy);
        let findings: Vec<Finding> = self
            .records
            .iter()
            .zip(&by_record)
            .filter(|(_, standing)| !standing.counted.is_empty())
            .map(|(record, standing)| Finding {
                incident: record.id(self.session),
                kind: record.lane.kind,
                counted: standing.counted.clone(),
                excursions: standing.pieces(),
            })
            .collect();
        let totals = rule::totals(&findings);
        let extents = totals.iter().map(|(kind, total)| (*kind, total.extent(*kind))).collect();
        let pending_identity = by_record.iter().any(|standing| standing.pending);
        Standings { by_record, extents, findings, pending_identity }
    }

    /// The present revision of one incident.
    pub fn incident(&self, index: usize, standings: &Standings) -> Incident {
        let record = &self.records[index];
        let standing = &standings.by_record[index];
        let kind = record.lane.kind;
        let counts = !standing.counted.is_empty();
        let severity = self.severity(record, standing, standings);
        let duration_ms =
            if record.seen.is_empty() { record.end - record.start } else { record.seen.length() };
        let rev = record.reporting.next_rev;
        let state = match (record.open, rev) {
            (true, first) if first == self.first_rev => IncidentState::Open,
            (true, _) => IncidentState::Updated,
            (false, _) => IncidentState::Closed,
        };
        let models = if words::rests_on_models(kind) { self.models.clone() } else { Vec::new() };
        Incident {
            incident_id: record.id(self.session),
            rev,
            session: self.session.clone(),
            kind,
            class: kind.class(),
            state,
            start_ms: record.start,
            end_ms: record.end,
            duration_ms,
            severity,
            severity_num: severity_num(severity),
            confidence: f32::from(record.confidence) / 1000.0,
            reason: words::reason(record, duration_ms),
            stats: record.stats,
            media_refs: record.refs.iter().map(|sequence| media_ref(*sequence)).collect(),
            attribution: words::attribution(record),
            counts,
            counts_reason: standing.reason,
            policy: self.policy_ref.clone(),
            models,
            review: self.reviews.state_of(kind, &record.seen),
            run: None,
        }
    }

    /// The last revision of an incident that is not found any more.
    pub fn superseded(&self, index: usize, standings: &Standings) -> Incident {
        Incident {
            state: IncidentState::Superseded,
            counts: false,
            counts_reason: CountsReason::Superseded,
            ..self.incident(index, standings)
        }
    }

    /// The score at this moment.
    pub fn score(&self, standings: &Standings, revision: Revision) -> Score {
        let contributions = rule::contributions(&self.policy.points, &standings.findings);
        let verdict = rule::verdict(
            self.policy,
            &contributions,
            &self.coverage.coverage,
            self.coverage.unexplained,
            standings.pending_identity,
        );
        Score {
            session: self.session.clone(),
            rev: revision.rev,
            supersedes: revision.rev.checked_sub(1),
            status: revision.status,
            evidence: verdict.evidence,
            integrity: verdict.integrity,
            band: verdict.band,
            review_priority: verdict.review_priority,
            concern_milli: verdict.concern_milli,
            contributions,
            coverage: self.coverage.coverage.clone(),
            not_evaluated: self.not_evaluated.clone(),
            identity: self.identity.ledger(
                standings.pending_identity,
                standings.is_another_confirmed(),
                &self.policy.detect.identity,
            ),
            accommodations_honoured: self.granted.clone(),
            policy: self.policy_ref.clone(),
            models: self.models.clone(),
            inputs_sha256: revision.inputs_sha256,
            watermark_ms: revision.watermark,
            human_review_required: true,
            decision: None,
            run: None,
        }
    }

    /// Follows the total of the type; an incident that does not count is weighed by itself.
    fn severity(&self, record: &Record, standing: &Standing, standings: &Standings) -> Severity {
        let kind = record.lane.kind;
        let own = || match kind {
            IncidentType::RepeatedGlances => record.seen.iter().count() as i64,
            _ => record.seen.length().0,
        };
        let total = standings.extents.get(&kind).copied();
        let extent = total.filter(|_| !standing.counted.is_empty()).unwrap_or_else(own);
        rule::severity(&self.policy.points, kind, extent)
    }
}

/// `0` info, `0.1` low, `0.15` medium, `0.25` high.
fn severity_num(severity: Severity) -> f32 {
    match severity {
        Severity::Info => 0.0,
        Severity::Low => 0.1,
        Severity::Medium => 0.15,
        Severity::High => 0.25,
    }
}

fn media_ref(sequence: u64) -> MediaRef {
    MediaRef { topic: MEDIA_TOPIC.to_owned(), sequence }
}
