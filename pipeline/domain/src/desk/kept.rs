//! What a desk keeps of incidents, scores and reviews: the present state of each, in bounded number.
//!
//! Of an incident the highest revision counts; of a score the highest revision, and of the same revision the
//! last one in the log; of a review the first one with its id. Where there is too much, what goes is chosen
//! by what it is and never by when it came: so neither order nor repetition makes a difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::LogPlace;
use super::views::ScoreRevision;
use crate::messages::{Incident, IncidentClass, Review, Score};
use crate::score::review::instant;

/// Most incidents of a session. The score role reports at most 48 at a time, and forgets coverage only.
const MOST_INCIDENTS: usize = 128;
/// Most reviews of a session.
const MOST_REVIEWS: usize = 128;
/// Most revisions of a score.
const MOST_REVISIONS: usize = 64;
/// Characters of a note that are kept.
const LONGEST_NOTE: usize = 500;

/// The present state of each incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Incidents {
    /// By start, then by id.
    kept: Vec<Incident>,
    /// Some were left out: coverage incidents before others, old ones before new ones.
    pub incomplete: bool,
}

impl Incidents {
    /// Takes a revision in; `false` if it changes nothing.
    pub fn put(&mut self, mut incident: Incident) -> bool {
        if let Some(index) = self.kept.iter().position(|have| have.incident_id == incident.incident_id) {
            if incident.rev <= self.kept[index].rev {
                return false;
            }
            self.kept.remove(index);
        }
        shorten(&mut incident.review.note);
        let key = |incident: &Incident| (incident.start_ms, incident.incident_id);
        let place = self.kept.partition_point(|have| key(have) < key(&incident));
        let id = incident.incident_id;
        self.kept.insert(place, incident);
        if self.kept.len() <= MOST_INCIDENTS {
            return true;
        }
        self.incomplete = true;
        let coverage = self.kept.iter().position(|have| have.class == IncidentClass::Coverage);
        self.kept.remove(coverage.unwrap_or(0)).incident_id != id
    }

    /// All of them, by start.
    pub fn all(&self) -> &[Incident] {
        &self.kept
    }
}

/// The score, and how it came to be what it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    latest: Option<Score>,
    /// By number, each with the offset of its last record.
    revisions: BTreeMap<u32, (i64, ScoreRevision)>,
}

impl Scores {
    /// Takes a revision in; `false` if it changes nothing.
    pub fn put(&mut self, place: LogPlace, score: Score) -> bool {
        let known = self.revisions.get(&score.rev).is_some_and(|(offset, _)| *offset >= place.offset);
        let oldest = self.revisions.first_key_value().map(|(rev, _)| *rev);
        let is_full = self.revisions.len() >= MOST_REVISIONS;
        if known || (is_full && oldest.is_some_and(|oldest| score.rev < oldest)) {
            return false;
        }
        self.revisions.insert(score.rev, (place.offset, ScoreRevision::of(&score, place.at)));
        if self.revisions.len() > MOST_REVISIONS {
            self.revisions.pop_first();
        }
        if self.latest.as_ref().is_none_or(|latest| score.rev >= latest.rev) {
            self.latest = Some(score);
        }
        true
    }

    /// The present score.
    pub fn latest(&self) -> Option<&Score> {
        self.latest.as_ref()
    }

    /// The newest revisions, in order.
    pub fn revisions(&self) -> impl Iterator<Item = &ScoreRevision> {
        self.revisions.values().map(|(_, revision)| revision)
    }
}

/// Decisions of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decided {
    /// In the order in which they apply.
    kept: Vec<Review>,
}

impl Decided {
    /// Takes a decision in; `false` if it changes nothing.
    pub fn put(&mut self, mut review: Review) -> bool {
        if self.kept.iter().any(|have| have.review_id == review.review_id) {
            return false;
        }
        shorten(&mut review.note);
        let time = instant(&review.at);
        let before = |have: &Review| {
            instant(&have.at).cmp(&time).then_with(|| have.review_id.cmp(&review.review_id)).is_lt()
        };
        let place = self.kept.partition_point(before);
        self.kept.insert(place, review);
        if self.kept.len() <= MOST_REVIEWS {
            return true;
        }
        self.kept.remove(0);
        place > 0
    }

    /// The newest ones, in the order in which they apply.
    pub fn all(&self) -> &[Review] {
        &self.kept
    }
}

/// Keeps the beginning of a note. The whole of it is in the log.
fn shorten(note: &mut Option<String>) {
    if let Some(text) = note
        && let Some((end, _)) = text.char_indices().nth(LONGEST_NOTE)
    {
        text.truncate(end);
        text.push('…');
    }
}
