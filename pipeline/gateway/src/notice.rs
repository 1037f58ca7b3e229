//! `GET /v1/policies/{policy}/notice`: what a candidate is told before the exam, from the policy that judges: what is
//! recorded, what is looked for, what never happens, and how long anything is kept.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use domain::messages::IncidentType;
use domain::policy::{Detect, Policy};
use domain::time::Millis;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::error::Problem;
use crate::settings::GatewaySettings;

/// What a candidate is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Notice {
    /// The policy, with its version.
    pub policy: String,
    /// What is recorded.
    pub recorded: Vec<String>,
    /// What is looked for.
    pub looked_for: Vec<LookedFor>,
    /// What never happens.
    pub never: Vec<String>,
    /// How long what is kept.
    pub kept: Vec<String>,
}

/// Something that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LookedFor {
    /// Its type in reports.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// What it is.
    pub text: String,
    /// When it is noted.
    pub when: String,
    /// Whether it can lower the score. What cannot be seen never does.
    pub can_cost_points: bool,
}

/// `GET /v1/policies/{policy}/notice`
pub async fn read(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Notice>, Problem> {
    let policy = app.settings.policies.get(&id).ok_or_else(Problem::not_found)?;
    Ok(Json(notice(policy, &app.settings)))
}

fn notice(policy: &Policy, settings: &GatewaySettings) -> Notice {
    let mut recorded = vec![
        "The picture of your camera, from the start of the exam to its end.",
        "No sound, no screen, no keystrokes.",
    ];
    let mut looked_for = looked_for(&policy.detect);
    let mut never = vec![
        "The machine decides nothing: a person looks at what was noted before anything follows from it.",
        "What cannot be seen, because of light, camera or network, never lowers a score.",
        "Nothing is concluded about mood, honesty or health.",
    ];
    let mut kept = settings.kept.clone();
    if let Some(time) = settings.templates_kept {
        recorded.push(
            "If you were enrolled with photos: your face is compared with them, again and again, to see that it is you.",
        );
        looked_for.push(another_face());
        never.push("Your face is compared with nobody else's, and searched for nowhere.");
        kept.push(format!("The numbers of your face that it is compared with, encrypted: {}.", days(time)));
    }
    if let Some(time) = settings.pictures_kept.filter(|_| policy.evidence.pictures) {
        recorded.push(
            "Single pictures of moments in which several persons, nobody, something not allowed or another face is seen. \
             Other persons are made unrecognisable in them; so are you where it is not sure who is who.",
        );
        kept.push(format!("Those pictures, encrypted, if something was noted then: {}.", days(time)));
    }
    let texts = |texts: Vec<&str>| texts.into_iter().map(ToOwned::to_owned).collect();
    Notice {
        policy: format!("{} {}", policy.id, policy.version),
        recorded: texts(recorded),
        looked_for,
        never: texts(never),
        kept,
    }
}

fn another_face() -> LookedFor {
    LookedFor {
        kind: IncidentType::IdentityMismatch,
        text: "Somebody else than the person on the photos sits there.".to_owned(),
        when: "in several comparisons, and only once a person has confirmed it".to_owned(),
        can_cost_points: true,
    }
}

fn days(time: Duration) -> String {
    match time.as_secs() / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn looked_for(detect: &Detect) -> Vec<LookedFor> {
    use IncidentType as Type;
    let evidence =
        |kind, text: &str, when| LookedFor { kind, text: text.to_owned(), when, can_cost_points: true };
    let coverage =
        |kind, text: &str, when| LookedFor { can_cost_points: false, ..evidence(kind, text, when) };
    let mut all = vec![
        evidence(Type::PersonAbsent, "Nobody is at the desk.", lasting(detect.person_absent.window.on_ms)),
        evidence(
            Type::MultiplePersons,
            "Two or more persons are in the picture.",
            lasting(detect.multiple_persons.window.on_ms),
        ),
        evidence(
            Type::GazeOffScreen,
            "Head and eyes are directed away from the screen.",
            lasting(detect.gaze_off_screen.window.on_ms),
        ),
        evidence(
            Type::HeadTurnedAway,
            "The head is turned far away from the screen.",
            lasting(detect.head_turned_away.window.on_ms),
        ),
        evidence(
            Type::RepeatedGlances,
            "Many short looks to the same place beside the screen.",
            format!(
                "{} times within {}",
                detect.repeated_glances.count,
                duration(detect.repeated_glances.within_ms)
            ),
        ),
    ];
    if detect.phone_visible.enabled {
        let when = lasting(detect.phone_visible.window.on_ms);
        all.push(evidence(Type::PhoneVisible, "A phone is in the picture.", when));
    }
    if !detect.prohibited_object.classes.is_empty() {
        let when = lasting(detect.prohibited_object.window.on_ms);
        all.push(evidence(
            Type::ProhibitedObject,
            "An object that the exam does not allow is visible.",
            when,
        ));
    }
    all.extend([
        coverage(
            Type::FaceNotDetected,
            "Your face cannot be found although somebody is there.",
            lasting(detect.face_not_detected.window.on_ms),
        ),
        coverage(
            Type::FacePartial,
            "Your face is partly outside the picture.",
            lasting(detect.face_partial.window.on_ms),
        ),
        coverage(
            Type::CameraObstructed,
            "The camera is covered.",
            lasting(detect.camera_obstructed.window.on_ms),
        ),
        coverage(
            Type::SceneUnusable,
            "The picture is too dark or too blurred.",
            lasting(detect.scene_unusable.window.on_ms),
        ),
        coverage(Type::VideoFrozen, "The picture stands still.", lasting(detect.video_frozen.on_ms)),
        coverage(Type::VideoGap, "Video is missing.", lasting(detect.video_gap.longer_than_ms)),
    ]);
    all
}

fn lasting(length: Millis) -> String {
    format!("for {} or longer", duration(length))
}

fn duration(length: Millis) -> String {
    let (minutes, seconds) = (length.0 / 60_000, length.0 % 60_000 / 1000);
    match (minutes, seconds) {
        (0, 1) => "1 second".to_owned(),
        (0, seconds) => format!("{seconds} seconds"),
        (1, 0) => "1 minute".to_owned(),
        (minutes, 0) => format!("{minutes} minutes"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_people_say_them() {
        let texts = [1_000, 10_000, 60_000, 300_000, 90_000].map(|ms| duration(Millis(ms)));
        assert_eq!(texts, ["1 second", "10 seconds", "1 minute", "5 minutes", "1 min 30 s"]);
    }
}
