//! The review that Open edX takes at `.../proctored_exam/attempt/{attempt}/reviewed`.
//!
//! Of its four statuses only two are ever sent. `suspicious` without a reviewer is how that platform asks for a
//! second look by a person, and `passed` closes the attempt: so `passed` needs a final score that is green and
//! rests on enough. `violation` would be a verdict, `not_reviewed` an error of the attempt, and with
//! `reviewed_by` a failing review would reject at once: none of these can be written down with these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_told;
use crate::desk::SessionDesk;
use crate::messages::{Band, EvidenceStatus, Incident, ReviewPriority, Score, ScoreStatus};
use crate::time::MediaMs;
use crate::words;

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// Whether a person should look.
    pub status: Status,
    /// What there is to look at, in order of time.
    pub comments: Vec<Comment>,
}

/// Whether a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Little or nothing was noted, and enough was seen.
    Passed,
    /// A person should look: the platform's word for that, not ours.
    Suspicious,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// What was or was not seen.
    pub comment: String,
    /// Always `unknown`: what it means is for a person to say.
    pub status: Unknown,
    /// Whole seconds from the start of the recording.
    pub start: i64,
    /// Whole seconds from the start of the recording.
    pub stop: i64,
}

/// The status of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Nobody has decided.
    Unknown,
}

/// The review of a session; `None` until its score is final.
pub fn review(desk: &SessionDesk) -> Option<Review> {
    let score = desk.score().filter(|score| score.status == ScoreStatus::Final)?;
    let told = desk.incidents().iter().filter(|incident| is_told(incident)).map(of_incident);
    let mut comments: Vec<Comment> = told.chain(of_coverage(score)).collect();
    comments.sort_by_key(|comment| (comment.start, comment.stop));
    let passes = score.band == Band::Green
        && score.evidence == EvidenceStatus::Sufficient
        && score.review_priority <= ReviewPriority::Low;
    Some(Review { status: if passes { Status::Passed } else { Status::Suspicious }, comments })
}

fn of_incident(incident: &Incident) -> Comment {
    comment(incident.reason.text.clone(), incident.start_ms, incident.end_ms)
}

/// What could not be seen, if that is why a person should look.
fn of_coverage(score: &Score) -> Option<Comment> {
    let is_why = score.evidence == EvidenceStatus::Insufficient
        || score.band == Band::Grey
        || score.review_priority == ReviewPriority::Medium;
    let seen = words::percent(score.coverage.ratio_milli);
    let text = format!("{seen} of the expected time was seen. What was not seen cost no points.");
    is_why.then(|| comment(text, MediaMs::ZERO, score.watermark_ms))
}

fn comment(text: String, start: MediaMs, end: MediaMs) -> Comment {
    let start = start.0.max(0) / 1000;
    let stop = (end.0.max(0).saturating_add(999) / 1000).max(start);
    Comment { comment: text, status: Unknown::Unknown, start, stop }
}
