//! The contract's names in plain words, and figures as people write them.
//!
//! Responsible for the tone of reports and dashboards: they say what was seen and what was not, never what
//! anybody meant by it. The sentence that an incident carries itself is made in `score/words.rs`.

use crate::messages::{
    Accommodation, Attribution, Band, Contribution, CountsReason, IdentityState, IncidentType,
    NotEvaluatedReason, ReviewPriority, ReviewStatus, ScoreStatus, Severity,
};
use crate::score::rule::is_looking_away;
use crate::time::{MediaMs, Millis};

/// What a type of incident is called at the start of a sentence or a row.
pub fn incident(kind: IncidentType) -> &'static str {
    match kind {
        IncidentType::MultiplePersons => "Two or more persons",
        IncidentType::PersonAbsent => "Nobody at the desk",
        IncidentType::PhoneVisible => "Phone in the picture",
        IncidentType::ProhibitedObject => "Listed object in the picture",
        IncidentType::GazeOffScreen => "Eyes away from the screen",
        IncidentType::HeadTurnedAway => "Head turned away",
        IncidentType::RepeatedGlances => "Repeated looks to one side",
        IncidentType::IdentityMismatch => "Face unlike the enrolled one",
        IncidentType::IdentitySwitch => "Face changed during the session",
        IncidentType::ReplaySuspected => "Same moving picture twice",
        IncidentType::FaceNotDetected => "No usable face",
        IncidentType::FacePartial => "Face cut by the picture's edge",
        IncidentType::IdentityUnverifiable => "Identity could not be checked",
        IncidentType::CameraObstructed => "Camera covered",
        IncidentType::SceneUnusable => "Too dark or blurred",
        IncidentType::VideoFrozen => "Picture frozen",
        IncidentType::VideoGap => "Piece of video missing",
        IncidentType::StreamLost => "Video stopped arriving",
        IncidentType::MediaUndecodable => "Video could not be decoded",
        IncidentType::ClockDiscontinuity => "Clock jumped",
    }
}

/// Severity.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    }
}

/// Why an incident takes part in the score or not.
pub fn counts(reason: CountsReason) -> &'static str {
    match reason {
        CountsReason::Evidence => "seen long enough and clearly enough",
        CountsReason::Confirmed => "confirmed by a person",
        CountsReason::Coverage => "what could not be seen never costs points",
        CountsReason::AwaitingReview => "only a person can make this count",
        CountsReason::Dismissed => "dismissed by a person",
        CountsReason::LowConfidence => "below the policy's confidence floor",
        CountsReason::Accommodated => "allowed by an accommodation",
        CountsReason::Uncalibrated => "found before the eyes were calibrated",
        CountsReason::Frozen => "the picture stood still at the time",
        CountsReason::Unexpected => "outside the time that was expected",
        CountsReason::Superseded => "not found when the session was judged again",
    }
}

/// Where the cause lies, if that is not plain from the incident itself.
pub fn attribution(attribution: Attribution) -> Option<&'static str> {
    match attribution {
        Attribution::Candidate | Attribution::Unknown => None,
        Attribution::It => Some("network, browser or machine"),
        Attribution::Platform => Some("this system"),
    }
}

/// What a person decided, if anybody did.
pub fn review(status: ReviewStatus) -> Option<&'static str> {
    match status {
        ReviewStatus::Unreviewed => None,
        ReviewStatus::Confirmed => Some("reviewed: confirmed"),
        ReviewStatus::Dismissed => Some("reviewed: dismissed"),
        ReviewStatus::Reopened => Some("review reopened"),
    }
}

/// Name of a band.
pub fn band(band: Band) -> &'static str {
    match band {
        Band::Green => "Green",
        Band::Amber => "Amber",
        Band::Red => "Red",
        Band::Grey => "Grey",
    }
}

/// What a band stands for.
pub fn band_meaning(band: Band) -> &'static str {
    match band {
        Band::Green => "little or nothing was noted.",
        Band::Amber => "some of what was noted deserves a look.",
        Band::Red => "a lot was noted; a person should look at this first.",
        Band::Grey => "not enough was seen to give a number. This is not an accusation.",
    }
}

/// Why a type of evidence was not looked for.
pub fn not_evaluated(reason: NotEvaluatedReason) -> &'static str {
    match reason {
        NotEvaluatedReason::Uncalibrated => "how this person looks at the screen was not known yet",
        NotEvaluatedReason::SparsePlan => "samples were planned too far apart for it",
    }
}

/// A mark for a band that does not rest on colour.
pub fn band_mark(band: Band) -> &'static str {
    match band {
        Band::Green => "●",
        Band::Amber => "▲",
        Band::Red => "■",
        Band::Grey => "◌",
    }
}

/// The word that style rules use.
pub fn band_class(band: Band) -> &'static str {
    match band {
        Band::Green => "green",
        Band::Amber => "amber",
        Band::Red => "red",
        Band::Grey => "grey",
    }
}

/// How soon a person should look.
pub fn priority(priority: ReviewPriority) -> &'static str {
    match priority {
        ReviewPriority::None => "nothing waits for a look",
        ReviewPriority::Low => "low: when there is time",
        ReviewPriority::Medium => "medium: soon",
        ReviewPriority::High => "high: first",
    }
}

/// Whether more is expected.
pub fn status(status: ScoreStatus) -> &'static str {
    match status {
        ScoreStatus::Provisional => "provisional",
        ScoreStatus::Final => "final",
    }
}

/// What is known about who sat there.
pub fn identity(state: IdentityState) -> &'static str {
    match state {
        IdentityState::Verified => "the enrolled person was seen",
        IdentityState::Unverifiable => "could not be checked",
        IdentityState::PendingReview => "waits for a person to look",
        IdentityState::NotRequired => "not asked for",
    }
}

/// What an accommodation meant for the score.
pub fn accommodation(granted: Accommodation) -> (&'static str, &'static str) {
    match granted {
        Accommodation::Breaks => ("Breaks", "approved breaks were taken out of the expected time."),
        Accommodation::ExtraTime => ("Extra time", "the expected time was longer."),
        Accommodation::Paper => ("Paper on the desk", "looking down was fine and was not counted."),
        Accommodation::SecondPerson => ("A helper in the room", "a second person was not counted."),
        Accommodation::HeadCovering => ("Head covering", "was worn with permission and changed nothing."),
    }
}

/// Why something was not seen, from the word the coverage ledger uses; unknown words stand for
/// themselves.
pub fn unseen(reason: &str) -> &str {
    match reason {
        "dark" => "Too dark",
        "blur" => "Too blurred",
        "obstructed" => "Camera covered",
        "undecodable" => "Could not be decoded",
        "gap" => "No picture for that time",
        "shed" => "Left out by this system under load",
        "frozen" => "Picture stood still",
        "late" => "Arrived too late",
        "overtaken" => "Deleted before it could be looked at",
        other => other,
    }
}

/// One contribution as a sentence, e.g. `Two or more persons for 13 s: base 20 + 13 s × 0.2 = 22.6
/// points`.
pub fn arithmetic(part: &Contribution) -> String {
    let name = incident(part.kind);
    let by_time = part.rate_milli_per_s * part.union_ms.0 / 1000;
    let sum = part.base_milli + by_time;
    let mut told = format!("{name} for {}: base {}", seconds(part.union_ms), milli(part.base_milli));
    if part.rate_milli_per_s > 0 {
        told += &format!(" + {} × {} = {}", seconds(part.union_ms), milli(part.rate_milli_per_s), milli(sum));
    }
    told += " points";
    if part.raw_milli < sum {
        told += &format!(", limited to {}, the most this can cost", milli(part.raw_milli));
    }
    if part.applied_milli < part.raw_milli {
        told += &format!(
            ", counted as {} because {}",
            milli(part.applied_milli),
            if is_looking_away(part.kind) {
                "looking away in all its forms has one limit"
            } else {
                "all points together are at most 100"
            },
        );
    }
    told
}

/// Seconds as the rate is applied to them, so that a reader can follow the multiplication.
fn seconds(length: Millis) -> String {
    format!("{} s", milli(length.0))
}

/// The text as it continues a sentence.
pub fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// An instant as `12:34` or `1:02:34`.
pub fn clock(instant: MediaMs) -> String {
    let seconds = instant.0.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A length as `0.5 s`, `13 s`, `2 min 5 s` or `1 h 2 min`.
pub fn length(length: Millis) -> String {
    let tenths = (length.0.max(0) + 50) / 100;
    if tenths < 600 {
        return format!("{} s", decimal(tenths, 10));
    }
    let seconds = (length.0 + 500) / 1000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Thousandths as a decimal without needless zeros: `22600` is `22.6`.
pub fn milli(value: i64) -> String {
    decimal(value, 1000)
}

/// A fraction of a power of ten as an exact decimal without needless zeros.
fn decimal(value: i64, unit: i64) -> String {
    let (whole, part) = (value.abs() / unit, value.abs() % unit);
    let digits = unit.ilog10() as usize;
    let text = format!("{}{whole}.{part:0digits$}", if value < 0 { "−" } else { "" });
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Thousandths as a percentage; the space does not break.
pub fn percent(ratio_milli: i64) -> String {
    format!("{}\u{a0}%", decimal(ratio_milli, 10))
}

/// `1 person`, `2 persons`.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(clock(MediaMs(61_999)), "1:01");
        assert_eq!(clock(MediaMs(3_754_000)), "1:02:34");
        assert_eq!(length(Millis(500)), "0.5 s");
        assert_eq!(length(Millis(13_000)), "13 s");
        assert_eq!(length(Millis(59_980)), "1 min");
        assert_eq!(length(Millis(125_000)), "2 min 5 s");
        assert_eq!(length(Millis(5_400_000)), "1 h 30 min");
        assert_eq!(milli(22_600), "22.6");
        assert_eq!(milli(-50), "−0.05");
        assert_eq!(milli(20_000), "20");
        assert_eq!(percent(983), "98.3\u{a0}%");
        assert_eq!(percent(1000), "100\u{a0}%");
    }
}
