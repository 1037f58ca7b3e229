//! Second by second: did the product count as many faces and persons as people did?
//!
//! The product's answer for a second is its sample closest to the second's middle; where the plan has
//! none in that second, the sample whose reach covers the middle. A second without a valid sample
//! counts as wrong, unless people labelled that nothing can be seen there.

use domain::messages::{FrameObservation, SampleStatus};
use domain::time::{Interval, MediaMs, Millis};
use serde::Serialize;

use super::Analysed;
use super::figure::Tally;
use super::labels::{Clip, Range, Span};

const HALF_SECOND: Millis = Millis(500);
/// A sample never stands for more than this on either side.
const LONGEST_REACH: Millis = Millis(1000);
/// A sample may be taken this much earlier than planned; the one before or after it reaches as much further.
const EARLY: Millis = Millis(250);

/// One labelled second and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Second {
    /// Its number.
    pub second: i64,
    /// What people counted.
    pub expected: Range,
    /// What the product counted; `None` where it saw nothing.
    pub got: Option<u32>,
}

/// A run of wrong seconds, for an engineer to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Miscount {
    /// First wrong second.
    pub from_second: i64,
    /// Last wrong second.
    pub to_second: i64,
    /// What people counted.
    pub expected: Range,
    /// What the product counted; `null` where it saw nothing.
    pub got: Option<u32>,
}

impl Second {
    /// Whether the product agrees with people.
    pub fn is_right(&self) -> bool {
        self.got.is_some_and(|got| self.expected.allows(got))
    }
}

/// Every second whose faces were labelled.
pub fn faces(clip: &Clip, analysed: &Analysed) -> Vec<Second> {
    let count = |at: MediaMs| sample_at(analysed, at).map(|frame| frame.faces.len() as u32);
    seconds(clip, analysed, |span| span.faces, count)
}

/// Every second whose persons were labelled; the product's count is that of the score, without
/// posters.
pub fn persons(clip: &Clip, analysed: &Analysed) -> Vec<Second> {
    let count = |at: MediaMs| {
        let sample = sample_at(analysed, at)?;
        let trace = analysed.traces.iter().find(|trace| trace.at == sample.media_ms)?;
        trace.persons.map(u32::from)
    };
    seconds(clip, analysed, |span| span.persons, count)
}

fn seconds(
    clip: &Clip,
    analysed: &Analysed,
    expected: impl Fn(&Span) -> Option<Range>,
    count: impl Fn(MediaMs) -> Option<u32>,
) -> Vec<Second> {
    // Half a second or more at the end is a second of its own; however short, a clip has one.
    let last = ((analysed.duration.0 + 500) / 1000).max(1);
    let judged = (0..last).filter_map(|second| {
        let middle = middle_of(second);
        let span = clip.at(middle)?;
        let got = count(middle);
        let excused = got.is_none() && span.state.is_unusable();
        (!excused).then_some(Second { second, expected: expected(span)?, got })
    });
    judged.collect()
}

/// All labelled seconds of a clip that the product refused, as seconds not seen.
pub fn refused(clip: &Clip) -> Vec<Second> {
    let Some(end) = clip.labelled_end() else { return Vec::new() };
    let judged = (0..end.0 / 1000).filter_map(|second| {
        let span = clip.at(middle_of(second))?;
        (!span.state.is_unusable()).then_some(Second { second, expected: span.faces?, got: None })
    });
    judged.collect()
}

/// The instant by which a second is judged.
pub fn middle_of(second: i64) -> MediaMs {
    MediaMs(second * 1000) + HALF_SECOND
}

/// The valid sample that answers for the second around `middle`: one of its own if any was planned.
pub fn sample_at(analysed: &Analysed, middle: MediaMs) -> Option<&FrameObservation> {
    let second = Interval::new(middle - HALF_SECOND, middle + HALF_SECOND);
    let frames = || {
        analysed.observations.iter().flat_map(|observation| {
            observation.frames.iter().map(move |frame| (frame, reach(observation.plan.fps)))
        })
    };
    let distance = |frame: &FrameObservation| Millis((frame.media_ms - middle).0.abs());
    let planned = frames().any(|(frame, _)| second.contains(frame.media_ms));
    let answers = frames().filter(|(frame, reach)| {
        let near = if planned { second.contains(frame.media_ms) } else { distance(frame) <= *reach };
        near && frame.status == SampleStatus::Seen
    });
    answers.map(|(frame, _)| frame).min_by_key(|frame| (distance(frame), frame.media_ms))
}

/// How far a sample reaches on either side.
fn reach(fps: f32) -> Millis {
    let half = if fps > 0.0 { Millis((500.0 / fps).round() as i64) } else { LONGEST_REACH };
    (half + EARLY).min(LONGEST_REACH)
}

/// Right and all.
pub fn tally(seconds: &[Second]) -> Tally {
    Tally { hits: seconds.iter().filter(|second| second.is_right()).count(), trials: seconds.len() }
}

/// Wrong seconds, joined where they follow each other alike.
pub fn miscounts(seconds: &[Second]) -> Vec<Miscount> {
    let mut runs: Vec<Miscount> = Vec::new();
    for Second { second, expected, got } in seconds.iter().filter(|second| !second.is_right()) {
        match runs.last_mut() {
            Some(run) if run.to_second + 1 == *second && run.expected == *expected && run.got == *got => {
                run.to_second = *second;
            }
            _ => runs.push(Miscount {
                from_second: *second,
                to_second: *second,
                expected: *expected,
                got: *got,
            }),
        }
    }
    runs
}

/// A clip in which nobody labelled more than one face, and somewhere exactly one.
pub fn is_single_face(clip: &Clip) -> bool {
    let mut faces = clip.spans.iter().filter_map(|span| span.faces);
    !clip.is_still && faces.clone().all(|faces| faces.max <= 1) && faces.any(|faces| faces.min == 1)
}
