//! Numbers that no camera measures and no clock shows: refused as messages, or folded without harm.

use domain::geometry::Point;
use domain::messages::envelope::Message;
use domain::messages::{MarkerKind, Observation, SessionEvent};
use domain::score::ScoreInput;
use domain::time::{Interval, MediaMs, Millis};

use crate::builder::{SCREEN, session};
use crate::fixtures::{fact, fold_with, marker, standard};

/// Observations of a seated candidate, one of them changed.
fn changed(change: impl Fn(&mut Observation)) -> Vec<Observation> {
    let mut observations = session().seated(60).looking(20, SCREEN.turned(60.0)).observations();
    change(&mut observations[20]);
    observations
}

fn fold(observations: &[Observation]) {
    let mut fold = fold_with(&standard());
    for observation in observations {
        assert_eq!(observation.validate(), Ok(()));
        fold.push(ScoreInput::Observation(observation));
    }
    fold.finish();
}

#[test]
fn measurements_of_any_size_are_folded() {
    for number in [0.0, -0.0, 1e-40, 1e9, -1e9, f32::MAX, f32::MIN] {
        fold(&changed(|observation| {
            observation.plan.fps = number;
            for face in observation.frames.iter_mut().flat_map(|frame| &mut frame.faces) {
                (face.yaw, face.pitch, face.roll) = (Some(number), Some(-number), Some(number));
                (face.gaze_yaw, face.gaze_pitch) = (Some(-number), Some(number));
                face.eye_openness = Some(number.abs());
                (face.rect.x, face.rect.w, face.conf) = (number, -number, number);
            }
        }));
    }
}

#[test]
fn places_at_the_end_of_counting_are_folded() {
    fold(&changed(|observation| observation.sequence = u64::MAX));
    fold(&changed(|observation| observation.stream.epoch = u32::MAX));
    let mut observations = changed(|_| {});
    for (observation, sequence) in observations.iter_mut().zip(u64::MAX - 39..=u64::MAX) {
        (observation.stream.epoch, observation.sequence) = (u32::MAX, sequence);
    }
    fold(&observations);
}

#[test]
fn times_far_from_a_session_are_refused() {
    let changes: [fn(&mut Observation); 8] = [
        |observation| observation.start_ms = MediaMs(-1),
        |observation| observation.end_ms = observation.start_ms,
        |observation| observation.end_ms = MediaMs::MAX,
        |observation| observation.frames[0].media_ms = MediaMs(i64::MIN),
        |observation| observation.plan.fps = f32::INFINITY,
        |observation| observation.frames[0].faces[0].yaw = Some(f32::NAN),
        |observation| observation.frames[0].faces[0].points.push(Point { x: f32::INFINITY, y: 0.0 }),
        |observation| observation.frames[0].faces[0].conf = f32::NAN,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let refused = changed(change).iter().filter(|observation| observation.validate().is_err()).count();
        assert_eq!(refused, 1, "{index}");
    }

    let mut silence = marker(MarkerKind::StreamLost, 60);
    assert!(silence.validate().is_ok());
    silence.silent_ms = Millis(i64::MAX);
    assert!(silence.validate().is_err());

    let expecting = |start, end| SessionEvent::Ended {
        expected: Some(Interval { start: MediaMs(start), end: MediaMs(end) }),
    };
    assert!(fact(0, expecting(0, 5_400_000)).validate().is_ok());
    for (start, end) in [(0, i64::MAX), (i64::MIN, 0), (1000, 0)] {
        assert!(fact(0, expecting(start, end)).validate().is_err());
    }
    assert!(fact(i64::MIN, SessionEvent::BreakStarted).validate().is_err());
}
