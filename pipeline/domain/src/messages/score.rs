//! `invigilator.score.v1`: the integrity score of a session, with a reason for every point.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{IncidentType, PolicyRef, Severity};
use crate::ids::SessionId;
use crate::time::{MediaMs, Millis};

/// One revision of the score of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The session.
    pub session: SessionId,
    /// 0 while provisional, 1 when first final, more after later data or reviews.
    pub rev: u32,
    /// The revision that this one replaces.
    pub supersedes: Option<u32>,
    /// Whether more is expected.
    pub status: ScoreStatus,
    /// Whether enough was seen to say anything.
    pub evidence: EvidenceStatus,
    /// 0..100, or `null` where too little was seen to vouch for the session.
    pub integrity: Option<u8>,
    /// Coarse reading of `integrity`.
    pub band: Band,
    /// How soon a human should look.
    pub review_priority: ReviewPriority,
    /// 1000 x (100 - integrity before rounding).
    pub concern_milli: i64,
    /// Where the points went; `applied_milli` sums exactly to `concern_milli`.
    pub contributions: Vec<Contribution>,
    /// What was and was not seen.
    pub coverage: Coverage,
    /// Evidence that was not looked for although video was seen, and why.
    pub not_evaluated: Vec<NotEvaluated>,
    /// What is known about who sat the exam.
    pub identity: IdentityLedger,
    /// Accommodations of this session that the score honoured.
    pub accommodations_honoured: Vec<Accommodation>,
    /// The policy.
    pub policy: PolicyRef,
    /// `name@version` of the models.
    pub models: Vec<String>,
    /// SHA-256 over the canonical inputs of the fold, lower-case hex.
    pub inputs_sha256: String,
    /// Media time up to which everything is in.
    pub watermark_ms: MediaMs,
    /// Always `true`.
    pub human_review_required: bool,
    /// Always `null`: the machine does not decide.
    pub decision: Option<()>,
    /// Wall-clock facts; absent in canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ScoreRun>,
}

/// Whether more is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreStatus {
    /// The session is running or late data may come.
    Provisional,
    /// The session has ended and lateness has passed.
    Final,
}

/// Whether enough was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceStatus {
    /// Coverage is at or above the policy's floor.
    Sufficient,
    /// It is below: the session joins the coverage queue.
    Insufficient,
}

/// Coarse reading of a score. Grey is not an accusation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// 85 and more.
    Green,
    /// 60 to 84.
    Amber,
    /// Below 60.
    Red,
    /// Would be green, but too little was seen.
    Grey,
}

/// How soon a human should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewPriority {
    /// Nothing to see.
    None,
    /// Some day.
    Low,
    /// Soon.
    Medium,
    /// First.
    High,
}

/// What one type of incident adds to concern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contribution {
    /// The type.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// Severity of the union.
    pub severity: Severity,
    /// The incidents that count.
    pub incidents: Vec<Uuid>,
    /// Length of the union of their seen intervals.
    pub union_ms: Millis,
    /// Charged once per type.
    pub base_milli: i64,
    /// Charged per second of the union.
    pub rate_milli_per_s: i64,
    /// `min(cap, base + rate x union)`.
    pub raw_milli: i64,
    /// After the caps over several types.
    pub applied_milli: i64,
}

/// What was and was not seen of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// What should have been seen, without approved breaks.
    pub expected_ms: Millis,
    /// What was seen.
    pub observed_ms: Millis,
    /// 1000 x observed / expected, rounded down.
    pub ratio_milli: i64,
    /// What was not seen, by reason.
    pub by_reason: BTreeMap<String, Millis>,
    /// The longest single stretch not seen.
    pub longest_unseen_ms: Millis,
}

/// A type of evidence that was not looked for during part of the observed time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotEvaluated {
    /// The type.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// Why not.
    pub reason: NotEvaluatedReason,
    /// For how long.
    pub duration_ms: Millis,
}

/// Why a type of evidence was not looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotEvaluatedReason {
    /// The candidate's own "looking at the screen" was not known yet.
    Uncalibrated,
    /// Samples were planned too far apart.
    SparsePlan,
}

/// What is known about who sat the exam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityLedger {
    /// Summary.
    pub state: IdentityState,
    /// Template compared with.
    pub template: Option<String>,
    /// Comparisons tried.
    pub checks: u32,
    /// Of these, on eligible samples.
    pub eligible: u32,
    /// Of these, matched.
    pub matched: u32,
    /// Last match.
    pub last_match_ms: Option<MediaMs>,
}

/// Summary of identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityState {
    /// The enrolled person was seen.
    Verified,
    /// No eligible sample.
    Unverifiable,
    /// A human must look.
    PendingReview,
    /// The policy asks for no identity check, or no enrolment exists.
    NotRequired,
}

/// What a session was granted before the exam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Accommodation {
    /// May leave during recorded breaks.
    Breaks,
    /// More time: a longer expected interval.
    ExtraTime,
    /// Paper on the desk: looking down is fine.
    Paper,
    /// A helper in the room.
    SecondPerson,
    /// A head covering.
    HeadCovering,
}

/// Wall-clock facts of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreRun {
    /// When it was computed, RFC 3339.
    pub computed_at: String,
}
