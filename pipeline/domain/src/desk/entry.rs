//! What a desk is made from: records of the public topics, where they lie in the log, and what one of them
//! changed.

use std::fmt;
use std::ops::BitOrAssign;

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::messages::{Incident, Marker, Observation, Review, Score, SessionFact};

/// An instant of the broker's clock, in milliseconds since 1970 (UTC). Nothing is judged by it: it says when
/// something became known. Its text form is RFC 3339, always with three decimals, so that texts sort as
/// instants do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IngestMs(pub i64);

impl IngestMs {
    /// The last instant of the year 9999.
    const LAST: i64 = 253_402_300_799_999;
}

impl fmt::Display for IngestMs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.clamp(0, Self::LAST);
        let (year, month, day) = date(ms / 86_400_000);
        let (hour, minute) = (ms / 3_600_000 % 24, ms / 60_000 % 60);
        let (second, milli) = (ms / 1000 % 60, ms % 1000);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Year, month and day of the Gregorian calendar, from days since 1970. Years are counted from March, so that
/// the leap day is the last one.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Where in its topic a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// Offset in the session's partition of the topic.
    pub offset: i64,
    /// Timestamp of the record.
    pub at: IngestMs,
}

/// A record of one of the public topics.
#[derive(Debug, Clone, PartialEq)]
pub enum DeskEntry {
    /// Of `exam.sessions`.
    Session(SessionFact),
    /// Of `exam.observations`.
    Observation(Box<Observation>),
    /// Of `exam.observations`.
    Marker(Marker),
    /// Of `exam.incidents`.
    Incident(Box<Incident>),
    /// Of `exam.scores`.
    Score(Box<Score>),
    /// Of `exam.reviews`.
    Review(Review),
}

impl DeskEntry {
    /// The session that the record is about.
    pub fn session(&self) -> &SessionId {
        match self {
            Self::Session(fact) => &fact.session,
            Self::Observation(observation) => &observation.session,
            Self::Marker(marker) => &marker.session,
            Self::Incident(incident) => &incident.session,
            Self::Score(score) => &score.session,
            Self::Review(review) => &review.session,
        }
    }
}

/// What a record changed, as far as somebody who looks at the session has to hear of it. Several add up with
/// `|=`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Something of the summary, other than media time.
    pub summary: bool,
    /// Media time and plots.
    pub video: bool,
    /// The incident of this record.
    pub incident: bool,
    /// The score, or its revisions.
    pub score: bool,
    /// Facts of the session's life, or reviews.
    pub history: bool,
}

impl Changes {
    /// Whether anything changed.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

impl BitOrAssign for Changes {
    fn bitor_assign(&mut self, other: Self) {
        self.summary |= other.summary;
        self.video |= other.video;
        self.incident |= other.incident;
        self.score |= other.score;
        self.history |= other.history;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::review::instant;
    use proptest::prelude::*;

    #[test]
    fn instants_are_written_as_people_know_them() {
        assert_eq!(IngestMs(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(IngestMs(951_868_799_999).to_string(), "2000-02-29T23:59:59.999Z");
        assert_eq!(IngestMs(i64::MIN).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(IngestMs(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn instants_read_back(ms in 0..=IngestMs::LAST) {
            prop_assert_eq!(instant(&IngestMs(ms).to_string()), Some(i128::from(ms) * 1_000_000));
        }
    }
}
