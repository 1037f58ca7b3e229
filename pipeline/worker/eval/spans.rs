//! What the product should report about a clip, derived from its labels.
//!
//! An expectation says which types would be right during a stretch. Where the stretch is longer than a
//! type's on-duration under the policy, one of the types *must* be reported; otherwise each of them
//! *may* be.

use domain::messages::IncidentType;
use domain::policy::Policy;
use domain::time::{Interval, MediaMs, Millis};

use super::labels::{Clip, Gaze, Span, State};

/// Away from the screen, in any of the ways it can be reported.
const AWAY: [IncidentType; 2] = [IncidentType::GazeOffScreen, IncidentType::HeadTurnedAway];

/// Something that labels say happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// When.
    pub interval: Interval,
    /// Any of these is right.
    pub types: Vec<IncidentType>,
    /// The on-duration, if one of them has to be reported.
    pub must: Option<Millis>,
}

/// All expectations of a clip, in order of time. `duration` ends labels for the whole clip.
pub fn expected(clip: &Clip, duration: Millis, policy: &Policy) -> Vec<Expectation> {
    let end = MediaMs::ZERO + duration;
    let mut found: Vec<Expectation> = Vec::new();
    let mut spans: Vec<&Span> = clip.spans.iter().filter(|span| span.interval.start < end).collect();
    spans.sort_by_key(|span| (span.interval.start, span.interval.end));
    let mut seated = false;
    for span in spans {
        let interval = Interval::new(span.interval.start, span.interval.end.min(end));
        for (types, demanded) in meanings(span, seated) {
            add(&mut found, interval, &types, demanded);
        }
        seated |= span.state != State::Absent && span.faces.is_some_and(|faces| faces.min > 0);
    }
    for expectation in &mut found {
        let shortest = expectation.types.iter().filter_map(|kind| on_duration(*kind, policy)).min();
        let length = expectation.interval.length();
        expectation.must = expectation.must.and(shortest.filter(|on| length > *on));
    }
    found
}

/// Joins an expectation to the one that it continues. `must` holds a placeholder until the whole
/// length is known.
fn add(found: &mut Vec<Expectation>, interval: Interval, types: &[IncidentType], demanded: bool) {
    let must = demanded.then_some(Millis::ZERO);
    let continued = found
        .iter_mut()
        .rev()
        .find(|before| before.types == types && before.must == must && before.interval.end >= interval.start);
    match continued {
        Some(before) => before.interval.end = before.interval.end.max(interval.end),
        None => found.push(Expectation { interval, types: types.to_vec(), must }),
    }
}

/// What a labelled span means: sets of types, and whether one of each set is demanded.
fn meanings(span: &Span, seated: bool) -> Vec<(Vec<IncidentType>, bool)> {
    use IncidentType::*;
    let mut meanings: Vec<(Vec<IncidentType>, bool)> = Vec::new();
    let mut must = |types: &[IncidentType]| meanings.push((types.to_vec(), true));
    let at_least = |count: u32| {
        span.persons.is_some_and(|persons| persons.min >= count)
            || span.faces.is_some_and(|faces| faces.min >= count)
    };
    let may_be_several = span.persons.is_some_and(|persons| persons.max >= 2)
        || span.faces.is_some_and(|faces| faces.max >= 2);
    let no_face = span.faces.is_some_and(|faces| faces.max == 0);
    if at_least(2) {
        must(&[MultiplePersons]);
    }
    if no_face && span.persons.is_some_and(|persons| persons.min > 0) && !span.state.is_unusable() {
        must(&[FaceNotDetected]);
    }
    if span.phone {
        must(&[PhoneVisible]);
    }
    match span.state {
        // Without having seen the seat taken, an empty one looks like any other wall.
        State::Absent if seated => must(&[PersonAbsent]),
        State::Absent => must(&[FaceNotDetected]),
        State::Covered => must(&[CameraObstructed]),
        State::Dark => must(&[SceneUnusable]),
        State::Frozen => must(&[VideoFrozen]),
        State::Gap => must(&[VideoGap]),
        State::LookingAway => must(&AWAY),
        State::Ordinary
        | State::SecondPerson
        | State::NoUsableFace
        | State::Replayed
        | State::OtherPerson => {}
    }
    if span.gaze == Some(Gaze::Away) {
        must(&AWAY);
    }
    let mut may = |types: &[IncidentType]| meanings.push((types.to_vec(), false));
    if may_be_several || span.state == State::SecondPerson {
        may(&[MultiplePersons]);
    }
    match span.state {
        State::Absent if seated => may(&[FaceNotDetected]),
        State::Covered | State::Dark => may(&[SceneUnusable, CameraObstructed, FaceNotDetected]),
        State::Gap => may(&[StreamLost, MediaUndecodable, ClockDiscontinuity]),
        State::Replayed => may(&[ReplaySuspected]),
        State::OtherPerson => may(&[IdentityMismatch, IdentitySwitch]),
        _ => {}
    }
    if span.state == State::LookingAway || matches!(span.gaze, Some(Gaze::Away | Gaze::Down | Gaze::Unknown))
    {
        may(&[GazeOffScreen, HeadTurnedAway, RepeatedGlances]);
    }
    meanings
}

/// How long a type must last to be reported; `None` for a type that the policy does not look for.
pub fn on_duration(kind: IncidentType, policy: &Policy) -> Option<Millis> {
    let detect = &policy.detect;
    match kind {
        IncidentType::PersonAbsent => Some(detect.person_absent.window.on_ms),
        IncidentType::FaceNotDetected => Some(detect.face_not_detected.window.on_ms),
        IncidentType::FacePartial => Some(detect.face_partial.window.on_ms),
        IncidentType::MultiplePersons => Some(detect.multiple_persons.window.on_ms),
        IncidentType::GazeOffScreen => Some(detect.gaze_off_screen.window.on_ms),
        IncidentType::HeadTurnedAway => Some(detect.head_turned_away.window.on_ms),
        IncidentType::PhoneVisible => {
            detect.phone_visible.enabled.then_some(detect.phone_visible.window.on_ms)
        }
        IncidentType::CameraObstructed => Some(detect.camera_obstructed.window.on_ms),
        IncidentType::SceneUnusable => Some(detect.scene_unusable.window.on_ms),
        IncidentType::VideoFrozen => Some(detect.video_frozen.on_ms),
        IncidentType::VideoGap => Some(detect.video_gap.longer_than_ms),
        _ => None,
    }
}

/// A clip in which one person sits in front of a usable camera and looks at the screen, as far as
/// anybody labelled: nothing can cost points there.
pub fn is_calm(clip: &Clip) -> bool {
    !clip.is_still
        && clip.spans.iter().all(|span| {
            span.state == State::Ordinary
                && span.faces.is_none_or(|faces| (faces.min, faces.max) == (1, 1))
                && span.persons.is_none_or(|persons| persons.max == 1)
                && !matches!(span.gaze, Some(Gaze::Away | Gaze::Down))
                && !span.phone
        })
}
