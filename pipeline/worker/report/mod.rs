//! The report: what a session's score rests on, as one page a person can read, print and pass on.
//!
//! ```text
//! sessions ─▶ seen (what was looked at) ┐
//!          ─▶ series (what was measured) ├─▶ timeline, card, incidents, coverage ─▶ page ─▶ HTML
//!          ─▶ words (the contract's names, in words)                              ┘
//! ```
//!
//! [`render`] promises one self-contained page: no request leaves it (its own content security policy
//! forbids any), no script is needed to read it, all foreign text is escaped, and its size is bounded
//! by the width of the plots and not by the length of the session. The same input gives the same
//! bytes. It shows numbers only, unless [`evidence`] pictures are handed in, which a user has to ask
//! for.
//! Not responsible for: judging anything. What is not in the observations, the incidents or the score
//! is not on the page, and the page never says more than they do: no verdict, no guess at intent.

mod card;
mod coverage;
pub mod evidence;
mod incidents;
mod overview;
mod page;
mod plot;
mod plots;
mod provenance;
mod seen;
mod series;
mod timeline;

use domain::messages::{Incident, IncidentState, Observation, Score};
use domain::policy::Bands;
use domain::score::SampleTrace;
use domain::time::{MediaMs, Millis};
use domain::words;
use uuid::Uuid;

/// Everything the report says about one session.
#[derive(Debug, Clone)]
pub struct SessionReport {
    /// What the user calls it: the name of the file.
    pub title: String,
    /// The video itself.
    pub media: MediaFacts,
    /// What was seen, in any order.
    pub observations: Vec<Observation>,
    /// The last revision of each incident, in any order.
    pub incidents: Vec<Incident>,
    /// The score.
    pub score: Score,
    /// Where the policy draws the borders of the bands.
    pub bands: Bands,
    /// How the score read each sample, in order of media time: says what was seen.
    pub traces: Vec<SampleTrace>,
    /// Pictures of flagged moments; empty unless the user asked for them.
    pub pictures: Vec<EvidencePicture>,
}

/// What is known about the video without looking at it.
#[derive(Debug, Clone, Default)]
pub struct MediaFacts {
    /// How long it is.
    pub duration: Millis,
    /// Upright size in pixels; `None` if no picture was ever decoded.
    pub size: Option<(u32, u32)>,
    /// Codec, e.g. `VP8`; `None` where unknown.
    pub codec: Option<String>,
    /// Container, e.g. `WebM`; `None` where unknown.
    pub container: Option<String>,
}

/// A picture of a flagged moment.
#[derive(Debug, Clone)]
pub struct EvidencePicture {
    /// The incident it illustrates.
    pub incident_id: Uuid,
    /// The instant it shows.
    pub media_ms: MediaMs,
    /// The encoded picture.
    pub jpeg: Vec<u8>,
}

/// The page about these sessions; with more than one, an overview leads it.
pub fn render(sessions: &[SessionReport]) -> String {
    page::render(sessions)
}

impl SessionReport {
    /// Incidents that stand (not merged into others), in order of time.
    fn standing_incidents(&self) -> Vec<&Incident> {
        let stands = |incident: &&Incident| incident.state != IncidentState::Superseded;
        let mut standing: Vec<&Incident> = self.incidents.iter().filter(stands).collect();
        standing.sort_by_key(|incident| (incident.start_ms, incident.kind, incident.incident_id));
        standing
    }

    /// How much media time the plots span: the video, and whatever was planned or found beyond it.
    fn span(&self) -> Millis {
        let observed = self.observations.iter().map(|observation| observation.end_ms);
        let found = self.incidents.iter().map(|incident| incident.end_ms);
        let last = observed.chain(found).max().unwrap_or_default();
        (last - MediaMs::ZERO).max(self.media.duration).max(Millis(1000))
    }
}
