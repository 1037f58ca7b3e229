//! What a session's page shows beside its summary and timeline: contributions in words, revisions of the
//! score, coverage with its reasons, and how the stream is doing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SessionDesk;
use super::entry::IngestMs;
use super::queue::{self, Queues};
use super::summary::StreamState;
use super::timeline::UnseenStretch;
use crate::messages::{
    Band, Coverage, EvidenceStatus, IncidentType, NotEvaluated, ReviewPriority, Score, ScoreStatus,
};
use crate::time::{Interval, MediaMs, Millis};
use crate::words;

/// What one type of incident costs, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContributionInWords {
    /// The type.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// What was taken off, in thousandths of a point.
    pub applied_milli: i64,
    /// How that comes about, with the arithmetic.
    pub text: String,
}

/// One revision of a score, without its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreRevision {
    /// Its number.
    pub rev: u32,
    /// The revision that it replaced.
    pub supersedes: Option<u32>,
    /// When it became known, RFC 3339.
    pub at: String,
    /// Whether more was expected.
    pub status: ScoreStatus,
    /// 0..100; `null` where too little was seen.
    pub integrity: Option<u8>,
    /// Coarse reading.
    pub band: Band,
    /// 1000 x (100 - integrity before rounding).
    pub concern_milli: i64,
    /// How soon a person should look.
    pub review_priority: ReviewPriority,
    /// Whether enough was seen.
    pub evidence: EvidenceStatus,
    /// 1000 x seen / expected time.
    pub coverage_milli: i64,
    /// Media time up to which everything was in.
    pub watermark_ms: MediaMs,
    /// Policy and its version.
    pub policy: String,
}

impl ScoreRevision {
    pub(super) fn of(score: &Score, at: IngestMs) -> Self {
        Self {
            rev: score.rev,
            supersedes: score.supersedes,
            at: at.to_string(),
            status: score.status,
            integrity: score.integrity,
            band: score.band,
            concern_milli: score.concern_milli,
            review_priority: score.review_priority,
            evidence: score.evidence,
            coverage_milli: score.coverage.ratio_milli,
            watermark_ms: score.watermark_ms,
            policy: format!("{}@{}", score.policy.id, score.policy.version),
        }
    }
}

/// What was and was not seen of a session, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageView {
    /// The score's figures; `null` before the first score.
    pub coverage: Option<Coverage>,
    /// Whether that is enough.
    pub evidence: Option<EvidenceStatus>,
    /// Whether the session stands in the coverage queue.
    pub queued: bool,
    /// Why time was not seen, the longest first. None of it costs points.
    pub reasons: Vec<CoverageReason>,
    /// Evidence that was not looked for although video was seen.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Where: stretches that were not seen, in order.
    pub unseen: Vec<UnseenStretch>,
}

/// Why some time was not seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageReason {
    /// The word of the score.
    pub reason: String,
    /// In plain words.
    pub text: String,
    /// For how long.
    pub length_ms: Millis,
}

/// How a session's stream is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamHealth {
    /// Whether it goes on.
    pub state: StreamState,
    /// Media time that has been looked at.
    pub media_ms: MediaMs,
    /// When it last moved on, RFC 3339; `null` before the first video.
    pub heard_at: Option<String>,
    /// How long ago that is, milliseconds.
    pub quiet_ms: Option<Millis>,
    /// Segments that were looked at.
    pub segments: u64,
    /// Of these, how many no decoder accepts.
    pub undecodable: u64,
    /// Samples that were left out because of our own load.
    pub shed: u64,
    /// Starts of the encoder: more than 1 means that a page was loaded again, or a camera changed.
    pub epochs: u32,
    /// Unseen time within the last minute of video.
    pub unseen_last_minute_ms: Millis,
    /// Types of open incidents on the side of network, machine or platform.
    pub technical: Vec<IncidentType>,
}

impl SessionDesk {
    /// Where each point went, in words, in the order of the policy's table.
    pub fn contributions(&self) -> Vec<ContributionInWords> {
        let parts = self.scores.latest().map(|score| score.contributions.as_slice()).unwrap_or_default();
        let told = parts.iter().map(|part| ContributionInWords {
            kind: part.kind,
            applied_milli: part.applied_milli,
            text: words::arithmetic(part),
        });
        told.collect()
    }

    /// The newest revisions of the score (64 at most), in order; of a number the last record.
    pub fn revisions(&self) -> Vec<ScoreRevision> {
        self.scores.revisions().cloned().collect()
    }

    /// What was and was not seen.
    pub fn coverage(&self) -> CoverageView {
        let score = self.scores.latest();
        let by_reason = score.map(|score| &score.coverage.by_reason).into_iter().flatten();
        let mut reasons: Vec<CoverageReason> = by_reason
            .map(|(reason, length)| CoverageReason {
                reason: reason.clone(),
                text: words::unseen(reason).to_owned(),
                length_ms: *length,
            })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.length_ms));
        CoverageView {
            coverage: score.map(|score| score.coverage.clone()),
            evidence: score.map(|score| score.evidence),
            queued: Queues::of(queue::unreviewed(self.incidents.all()), score).coverage,
            reasons,
            not_evaluated: score.map(|score| score.not_evaluated.clone()).unwrap_or_default(),
            unseen: self.unseen(Interval::new(MediaMs::ZERO, MediaMs::MAX)),
        }
    }

    /// How the stream is doing at `now`.
    pub fn health(&self, now: IngestMs) -> StreamHealth {
        let end = self.video.reached.unwrap_or_default();
        let last_minute = self.unseen(Interval::new(end - Millis::from_secs(60), end));
        let unseen = last_minute.iter().map(|stretch| stretch.end_ms - stretch.start_ms).sum();
        StreamHealth {
            state: self.state(now),
            media_ms: self.media_ms(),
            heard_at: self.video.heard.map(|at| at.to_string()),
            quiet_ms: self.video.heard.map(|at| Millis(now.0.saturating_sub(at.0).max(0))),
            segments: self.video.segments,
            undecodable: self.video.undecodable,
            shed: self.video.shed,
            epochs: self.video.epochs,
            unseen_last_minute_ms: unseen,
            technical: queue::technical(self.incidents.all()),
        }
    }
}
