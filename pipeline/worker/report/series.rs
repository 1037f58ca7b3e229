//! Takes the series that are plotted out of observations and the score's reading of them: one value per
//! valid sample.

use domain::messages::{FaceObservation, FrameObservation, Observation, SampleStatus};
use domain::score::{Direction, SampleTrace};

use super::seen::half_interval;

/// Bodies and heads below this confidence are not drawn; detectors report many faint ones.
pub const PERSON_CONFIDENCE: f32 = 0.5;

/// One value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// Media time in milliseconds.
    pub at: i64,
    /// How far the sample reaches on either side, in milliseconds.
    pub reach: i64,
    /// `None` where the sample was not seen or the quantity could not be measured.
    pub value: Option<f32>,
}

/// Everything that is plotted.
#[derive(Debug, Default)]
pub struct Series {
    /// Number of faces.
    pub faces: Vec<Value>,
    /// Number of heads and bodies.
    pub persons: Vec<Value>,
    /// Iris offset sideways, eye widths.
    pub gaze_sideways: Vec<Value>,
    /// Iris offset upwards, eye widths.
    pub gaze_upwards: Vec<Value>,
    /// Head turned, degrees.
    pub yaw: Vec<Value>,
    /// Head raised, degrees.
    pub pitch: Vec<Value>,
    /// Head and eyes together, degrees to the side of the session's own on-screen centre.
    pub away_sideways: Vec<Value>,
    /// The same, upwards.
    pub away_upwards: Vec<Value>,
}

impl Series {
    /// Collects all series; among raw measurements the largest face stands for the candidate.
    pub fn of(observations: &[Observation], traces: &[SampleTrace]) -> Self {
        let mut samples: Vec<(&FrameObservation, i64)> = observations
            .iter()
            .flat_map(|observation| {
                let reach = half_interval(observation).0;
                observation.frames.iter().map(move |frame| (frame, reach))
            })
            .collect();
        samples.sort_by_key(|(frame, _)| frame.media_ms);
        let series = |measure: &dyn Fn(&FrameObservation) -> Option<f32>| -> Vec<Value> {
            let value = |&(frame, reach): &(&FrameObservation, i64)| Value {
                at: frame.media_ms.0,
                reach,
                value: if frame.status == SampleStatus::Seen { measure(frame) } else { None },
            };
            samples.iter().map(value).collect()
        };
        let largest = |measure: fn(&FaceObservation) -> Option<f32>| {
            series(&move |frame| frame.faces.first().and_then(measure))
        };
        let is_clear = |conf: f32| conf >= PERSON_CONFIDENCE;
        Self {
            faces: series(&|frame| Some(frame.faces.len() as f32)),
            persons: series(&|frame| {
                Some(frame.persons.iter().filter(|person| is_clear(person.conf)).count() as f32)
            }),
            gaze_sideways: largest(|face| face.gaze_yaw),
            gaze_upwards: largest(|face| face.gaze_pitch),
            yaw: largest(|face| face.yaw),
            pitch: largest(|face| face.pitch),
            away_sideways: directions(traces, |direction| direction.yaw),
            away_upwards: directions(traces, |direction| direction.pitch),
        }
    }
}

/// One axis of the calibrated direction; nothing before the centre is known.
fn directions(traces: &[SampleTrace], axis: fn(Direction) -> i32) -> Vec<Value> {
    let value = |trace: &SampleTrace| Value {
        at: trace.at.0,
        reach: trace.span.length().0 / 2,
        value: trace.gaze.filter(|gaze| gaze.calibrated).map(|gaze| axis(gaze.direction) as f32 / 1000.0),
    };
    traces.iter().map(value).collect()
}
