//! What people who watch over exams see of a session, folded from the public topics.
//!
//! **Input**: records of sessions, observations (with markers), incidents, scores and reviews ([`entry`]).
//! **Output**: the row of a list ([`summary`]), the timeline ([`timeline`]), and the rest of a session's page
//! ([`views`]). **Promises**:
//!
//! - *Pure*: a function of the records. A clock enters as an argument, and decides about `live` or `silent`
//!   alone.
//! - *Any interleaving*: topics may be read at any speed, again, and from the start; what matters is the order
//!   within a topic's partition, and for incidents, scores and reviews not even that.
//! - *Nothing is judged here*: incidents and scores are shown as the score role published them. Words come
//!   from [`words`](crate::words): what was seen and what was not, never what anybody meant by it.
//! - *Coverage is no evidence*: the queues are apart ([`queue`]), and so is what fails on our side.
//! - *Bounded*: [`SessionDesk::MOST_BYTES`], however long a session lasts. Plots get coarser ([`series`]);
//!   what does not fit is named ([`SessionDesk::is_incomplete`]).
//!
//! Holds no picture and no name, and of faces only how many and which way they are turned.
//!
//! A desk is kept as JSON (or another self-describing format). It changes with every segment: whoever keeps
//! thousands of them keeps them in memory, and writes them out now and then together with the positions up to
//! which they are folded.

#![allow(rustdoc::private_intra_doc_links, reason = "the map above names files, private ones too")]

mod entry;
mod headline;
mod kept;
mod places;
mod queue;
mod series;
mod summary;
mod timeline;
mod unseen;
mod video;
mod views;

pub use entry::{Changes, DeskEntry, IngestMs, LogPlace};
pub use queue::{Queue, Queues, Urgency, worst_first};
pub use summary::{OpenIncident, SessionSummary, StreamState, Unreviewed};
pub use timeline::{Stretch, Timeline, TimelineSample, UnseenStretch};
pub use views::{ContributionInWords, CoverageReason, CoverageView, ScoreRevision, StreamHealth};

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::messages::{Accommodation, Incident, Review, Score, SessionEvent, SessionFact};
use crate::score::lifecycle::Lifecycle;
use crate::time::MediaMs;
use kept::{Decided, Incidents, Scores};
use video::Video;

/// Video that has not moved on for this long is silent, whatever else is known.
const SILENT_AFTER_MS: i64 = 30_000;
/// Most breaks that are kept, begun or ended.
const MOST_BREAKS: usize = 128;
/// Most facts that are kept.
const MOST_FACTS: usize = 144;

/// One session, as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionDesk {
    session: SessionId,
    /// When somebody first said that it began.
    started_at: Option<IngestMs>,
    /// When the newest record that changed something was written.
    updated_at: Option<IngestMs>,
    lifecycle: Lifecycle,
    video: Video,
    incidents: Incidents,
    scores: Scores,
    decided: Decided,
}

impl SessionDesk {
    /// The most that a desk takes, as JSON.
    pub const MOST_BYTES: usize = 512 * 1024;

    /// A session of which nothing is known yet.
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            started_at: None,
            updated_at: None,
            lifecycle: Lifecycle::default(),
            video: Video::default(),
            incidents: Incidents::default(),
            scores: Scores::default(),
            decided: Decided::default(),
        }
    }

    /// The session.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Takes a record in, which lies at `place` of its topic; says what it changed. A record that is known
    /// already, or of another session, changes nothing.
    pub fn apply(&mut self, place: LogPlace, entry: DeskEntry) -> Changes {
        if *entry.session() != self.session {
            return Changes::default();
        }
        let none = Changes::default();
        let summary = Changes { summary: true, ..none };
        let (accepted, changes) = match entry {
            DeskEntry::Session(fact) => (self.fact(place.at, &fact), Changes { history: true, ..summary }),
            DeskEntry::Observation(observation) => {
                let before = (self.video.faces(), self.video.is_lost(), self.video.reached.is_some());
                let accepted = self.video.observe(place.at, &observation);
                let after = (self.video.faces(), self.video.is_lost(), self.video.reached.is_some());
                (accepted, Changes { video: true, summary: before != after, ..none })
            }
            DeskEntry::Marker(marker) => (self.video.mark(&marker), summary),
            DeskEntry::Incident(incident) => {
                (self.incidents.put(*incident), Changes { incident: true, ..summary })
            }
            DeskEntry::Score(score) => (self.scores.put(place, *score), Changes { score: true, ..summary }),
            DeskEntry::Review(review) => (self.decided.put(review), Changes { history: true, ..none }),
        };
        if !accepted {
            return none;
        }
        self.updated_at = self.updated_at.max(Some(place.at));
        changes
    }

    /// The present score, with all its reasons.
    pub fn score(&self) -> Option<&Score> {
        self.scores.latest()
    }

    /// The present state of each incident (128 at most), by start; superseded ones too.
    pub fn incidents(&self) -> &[Incident] {
        self.incidents.all()
    }

    /// Whether incidents were left out because there are too many: old ones of class coverage go first.
    pub fn is_incomplete(&self) -> bool {
        self.incidents.incomplete
    }

    /// The newest decisions of people (128 at most), in the order in which they apply.
    pub fn reviews(&self) -> &[Review] {
        self.decided.all()
    }

    /// What the exam system said about the session, in order of media time.
    pub fn lifecycle(&self) -> Vec<SessionFact> {
        let fact = |(media_ms, event): (MediaMs, &SessionEvent)| SessionFact {
            session: self.session.clone(),
            media_ms,
            event: event.clone(),
        };
        self.lifecycle.facts().map(fact).collect()
    }

    /// Whether the exam system has said that the session began.
    pub fn has_begun(&self) -> bool {
        self.lifecycle.started()
    }

    /// Media time that has been looked at.
    pub fn reached(&self) -> MediaMs {
        self.media_ms()
    }

    /// Forgets what was measured, once the video has not moved on since `before`: plots, not what was not seen.
    /// Returns whether there is nothing measured left to forget.
    pub fn forget_samples(&mut self, before: IngestMs) -> bool {
        let is_old = self.video.heard.is_none_or(|heard| heard < before);
        if is_old {
            self.video.forget_samples();
        }
        is_old
    }

    /// When [`StreamState::Live`] turns into [`StreamState::Silent`] unless something comes; `None` in other
    /// states.
    pub fn silent_from(&self, now: IngestMs) -> Option<IngestMs> {
        let heard = self.video.heard.filter(|_| self.state(now) == StreamState::Live)?;
        Some(IngestMs(heard.0.saturating_add(SILENT_AFTER_MS)))
    }

    fn state(&self, now: IngestMs) -> StreamState {
        if self.lifecycle.ended().is_some() || self.video.is_idle() {
            return StreamState::Ended;
        }
        let Some(heard) = self.video.heard else { return StreamState::Waiting };
        let is_quiet = now.0.saturating_sub(heard.0) >= SILENT_AFTER_MS;
        if is_quiet || self.video.is_lost() { StreamState::Silent } else { StreamState::Live }
    }

    fn media_ms(&self) -> MediaMs {
        let scored = self.scores.latest().map(|score| score.watermark_ms);
        self.video.reached.max(scored).unwrap_or_default()
    }

    fn fact(&mut self, at: IngestMs, fact: &SessionFact) -> bool {
        let is_break = matches!(fact.event, SessionEvent::BreakStarted | SessionEvent::BreakEnded);
        let most = if is_break { MOST_BREAKS } else { MOST_FACTS };
        if self.lifecycle.facts().len() >= most || !self.lifecycle.add(fact) {
            return false;
        }
        if matches!(fact.event, SessionEvent::Started { .. }) {
            self.started_at = Some(self.started_at.map_or(at, |known| known.min(at)));
        }
        true
    }

    /// The policy of the score, else of the session's start.
    fn policy(&self) -> Option<String> {
        let scored = self.scores.latest().map(|score| score.policy.id.clone());
        let started = self.starts().next().map(|(policy, _)| policy.clone());
        scored.or(started)
    }

    fn accommodations(&self) -> Vec<Accommodation> {
        let mut granted: Vec<Accommodation> =
            self.starts().flat_map(|(_, accommodations)| accommodations).copied().collect();
        granted.sort_unstable();
        granted.dedup();
        granted
    }

    fn starts(&self) -> impl Iterator<Item = (&String, &Vec<Accommodation>)> {
        self.lifecycle.facts().filter_map(|(_, event)| match event {
            SessionEvent::Started { policy, accommodations, .. } => Some((policy, accommodations)),
            SessionEvent::Linked { .. }
            | SessionEvent::BreakStarted
            | SessionEvent::BreakEnded
            | SessionEvent::Ended { .. } => None,
        })
    }
}
