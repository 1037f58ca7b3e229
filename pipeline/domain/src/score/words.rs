//! Why an incident is there, in a code for programs and a sentence for people. Sentences say what was
//! seen or not seen and for how long; they never guess at reasons or intent.

use serde_json::{Map, Value, json};

use super::gaps::{DELETED_UNSEEN, LOST_ON_THE_WAY};
use super::ledger::Record;
use crate::messages::{Attribution, IncidentType, Reason};
use crate::time::Millis;

/// The reason of an incident. `length` is how long it lasted.
pub(super) fn reason(record: &Record, length: Millis) -> Reason {
    let time = duration(length);
    let figure = record.figure;
    let mut params = Map::new();
    let (code, text) = match record.lane.kind {
        IncidentType::MultiplePersons => {
            params.insert("max_persons".to_owned(), json!(figure));
            ("several_persons", format!("{} were visible for {time}.", count(figure, "person")))
        }
        IncidentType::PersonAbsent => {
            ("empty_seat", format!("Nobody was visible and the candidate's place was empty for {time}."))
        }
        IncidentType::PhoneVisible => ("phone", format!("A phone was visible for {time}.")),
        IncidentType::ProhibitedObject => {
            ("object", format!("An object that this exam does not allow was visible for {time}."))
        }
        IncidentType::GazeOffScreen => {
            ("gaze_away", format!("The eyes were directed away from the screen for {time}."))
        }
        IncidentType::HeadTurnedAway => {
            ("head_away", format!("The head was turned away from the screen for {time}."))
        }
        IncidentType::RepeatedGlances => {
            let glances = record.seen.iter().count() as u16;
            params.insert("glances".to_owned(), json!(glances));
            (
                "same_place",
                format!("{} went to the same place beside the screen.", count(glances, "short look")),
            )
        }
        IncidentType::IdentityMismatch => {
            let unlike = u16::try_from(record.stats.matched).unwrap_or(u16::MAX);
            params.insert("comparisons".to_owned(), json!(unlike));
            (
                "similarity_low",
                format!("{} found a face unlike the enrolled one.", count(unlike, "comparison")),
            )
        }
        IncidentType::IdentitySwitch => {
            ("similarity_step", "The face became unlike the enrolled one after a break in view.".to_owned())
        }
        IncidentType::ReplaySuspected => {
            ("sequence_repeats", format!("A moving picture sequence of {time} was seen before."))
        }
        IncidentType::FaceNotDetected => ("no_face", format!("No face could be found for {time}.")),
        IncidentType::FacePartial => {
            ("face_cut", format!("The face was partly outside the picture for {time}."))
        }
        IncidentType::IdentityUnverifiable => {
            ("no_eligible_sample", format!("Identity could not be checked for {time}."))
        }
        IncidentType::CameraObstructed => {
            ("uniform_picture", format!("The camera showed a covered or uniform picture for {time}."))
        }
        IncidentType::SceneUnusable => {
            ("dark_or_blurred", format!("The picture was too dark or too blurred for {time}."))
        }
        IncidentType::VideoFrozen => ("same_picture", format!("The picture stood still for {time}.")),
        IncidentType::VideoGap => {
            let (code, why) = match figure {
                DELETED_UNSEEN => ("segments_deleted", ": it was deleted before it could be looked at"),
                LOST_ON_THE_WAY => ("segments_missing", ""),
                _ => ("media_time_missing", ""),
            };
            (code, format!("No video is there for {time}{why}."))
        }
        IncidentType::StreamLost => {
            params.insert("silent_s".to_owned(), json!(figure));
            ("no_bytes", format!("No video arrived for {}.", duration(Millis::from_secs(figure.into()))))
        }
        IncidentType::MediaUndecodable => {
            ("no_decoder_accepts", format!("The video could not be decoded for {time}."))
        }
        IncidentType::ClockDiscontinuity => {
            ("media_time_back", format!("The video's clock went back by {time}."))
        }
    };
    if record.episode != record.start {
        params.insert("episode_start_ms".to_owned(), Value::from(record.episode.0));
    }
    Reason { code: code.to_owned(), params, text }
}

/// On whose side the cause lies, as far as the type tells.
pub(super) fn attribution(record: &Record) -> Attribution {
    match record.lane.kind {
        IncidentType::MultiplePersons
        | IncidentType::PersonAbsent
        | IncidentType::PhoneVisible
        | IncidentType::ProhibitedObject
        | IncidentType::GazeOffScreen
        | IncidentType::HeadTurnedAway
        | IncidentType::RepeatedGlances
        | IncidentType::IdentityMismatch
        | IncidentType::IdentitySwitch
        | IncidentType::FaceNotDetected
        | IncidentType::FacePartial
        | IncidentType::CameraObstructed
        | IncidentType::SceneUnusable => Attribution::Candidate,
        IncidentType::VideoFrozen
        | IncidentType::StreamLost
        | IncidentType::MediaUndecodable
        | IncidentType::ClockDiscontinuity => Attribution::It,
        IncidentType::VideoGap if record.figure == DELETED_UNSEEN => Attribution::Platform,
        IncidentType::VideoGap if record.figure == LOST_ON_THE_WAY => Attribution::It,
        IncidentType::VideoGap | IncidentType::ReplaySuspected | IncidentType::IdentityUnverifiable => {
            Attribution::Unknown
        }
    }
}

/// Whether the incident rests on what models saw.
pub(super) fn rests_on_models(kind: IncidentType) -> bool {
    !matches!(
        kind,
        IncidentType::CameraObstructed
            | IncidentType::SceneUnusable
            | IncidentType::VideoFrozen
            | IncidentType::VideoGap
            | IncidentType::StreamLost
            | IncidentType::MediaUndecodable
            | IncidentType::ClockDiscontinuity
    )
}

/// `13 s`, `2 min 5 s`, `1 h 0 min 3 s`; seconds are rounded to the nearest, at least one.
fn duration(length: Millis) -> String {
    let seconds = ((length.0 + 500) / 1000).max(1);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, seconds) => format!("{hours} h {minutes} min {seconds} s"),
    }
}

/// `Two persons`, `12 short looks`.
fn count(number: u16, what: &str) -> String {
    const WORDS: [&str; 11] =
        ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
    let plural = if number == 1 { "" } else { "s" };
    match WORDS.get(usize::from(number)) {
        Some(word) => format!("{word} {what}{plural}"),
        None => format!("{number} {what}{plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_people_say_them() {
        let said = |ms: i64| duration(Millis(ms));
        assert_eq!(
            (said(200), said(13_400), said(125_000)),
            ("1 s".into(), "13 s".into(), "2 min 5 s".into())
        );
        assert_eq!(said(3_603_000), "1 h 0 min 3 s");
    }

    #[test]
    fn counts_are_words_up_to_ten() {
        assert_eq!(count(2, "person"), "Two persons");
        assert_eq!(count(1, "person"), "One person");
        assert_eq!(count(12, "short look"), "12 short looks");
    }
}
