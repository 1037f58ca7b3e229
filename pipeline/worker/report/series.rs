//! Takes the series that are plotted out of observations and the score's reading of them: one value per
//! valid sample.

use domain::messages::{FaceObservation, FrameObservation, Observation, SampleStatus};
use domain::score::{Direction, SampleTrace};

/// A sample never stands for more than this on either side, in milliseconds.
const LONGEST_REACH: i64 = 1000;

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
    /// Number of persons, as the score counts them.
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
        let raw = |measure: &dyn Fn(&FrameObservation) -> Option<f32>| raw(observations, measure);
        let largest = |measure: fn(&FaceObservation) -> Option<f32>| {
            raw(&|frame| frame.faces.first().and_then(measure))
        };
        let direction = |axis: fn(Direction) -> i32| {
            // Nothing before the centre is known.
            read(traces, |trace| {
                let gaze = trace.gaze.filter(|gaze| gaze.calibrated)?;
                Some(axis(gaze.direction) as f32 / 1000.0)
            })
        };
        Self {
            faces: raw(&|frame| Some(frame.faces.len() as f32)),
            persons: read(traces, |trace| trace.persons.map(f32::from)),
            gaze_sideways: largest(|face| face.gaze_yaw),
            gaze_upwards: largest(|face| face.gaze_pitch),
            yaw: largest(|face| face.yaw),
            pitch: largest(|face| face.pitch),
            away_sideways: direction(|direction| direction.yaw),
            away_upwards: direction(|direction| direction.pitch),
        }
    }
}

/// What a sample itself says, in order of time.
fn raw(observations: &[Observation], measure: &dyn Fn(&FrameObservation) -> Option<f32>) -> Vec<Value> {
    let values = observations.iter().flat_map(|observation| {
        let reach = reach(observation.plan.fps);
        observation.frames.iter().map(move |frame| {
            let value = if frame.status == SampleStatus::Seen { measure(frame) } else { None };
            Value { at: frame.media_ms.0, reach, value }
        })
    });
    let mut values: Vec<Value> = values.collect();
    values.sort_by_key(|value| value.at);
    values
}

/// How the score read a sample.
fn read(traces: &[SampleTrace], measure: impl Fn(&SampleTrace) -> Option<f32>) -> Vec<Value> {
    let value = |trace: &SampleTrace| Value {
        at: trace.at.0,
        reach: trace.span.length().0 / 2,
        value: measure(trace),
    };
    traces.iter().map(value).collect()
}

/// Half the planned interval, in milliseconds.
fn reach(fps: f32) -> i64 {
    if fps > 0.0 { ((500.0 / fps).round() as i64).min(LONGEST_REACH) } else { LONGEST_REACH }
}
