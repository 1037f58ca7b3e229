//! A session over media time: what was measured, what was not seen, and breaks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SessionDesk;
use super::series::Bin;
use super::unseen::UnseenTime;
use crate::messages::{IncidentState, IncidentType};
use crate::policy::Accommodations;
use crate::score::Unseen;
use crate::time::{Interval, MediaMs, Millis};

/// A window of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Media time from one sample to the next: 1 s times a power of two.
    pub step_ms: Millis,
    /// Start of the window.
    pub from_ms: MediaMs,
    /// End of the window (exclusive).
    pub to_ms: MediaMs,
    /// One for each step of which something is known, in order.
    pub samples: Vec<TimelineSample>,
    /// Stretches that were not seen, in order, cut to the window. Exact where `samples` are coarse.
    pub unseen: Vec<UnseenStretch>,
    /// Recorded breaks, cut to the window, whether or not breaks were granted.
    pub breaks: Vec<Stretch>,
}

/// What is known of one step. Where several samples fell into it, counts are the highest, angles and gaze
/// those furthest from straight, luma the darkest; it was `seen` only if all of it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineSample {
    /// Start of the step, a multiple of `step_ms`.
    pub at_ms: MediaMs,
    /// Whether all of it was seen.
    pub seen: bool,
    /// Why not: the reason of the longest part; `null` if it was seen.
    pub reason: Option<Unseen>,
    /// Most faces at once; `null` if nothing was seen.
    pub faces: Option<u8>,
    /// Most persons at once; `null` if nobody looked for them.
    pub persons: Option<u8>,
    /// Head of the largest face to the side, degrees, > 0 to the picture's right.
    pub yaw: Option<i8>,
    /// Head raised, degrees, > 0 up.
    pub pitch: Option<i8>,
    /// Iris offset to the side in eye widths, > 0 to the picture's right.
    pub gaze_yaw: Option<f64>,
    /// Iris offset upwards in eye widths.
    pub gaze_pitch: Option<f64>,
    /// Brightness of the picture, 0..254.
    pub luma: Option<u8>,
}

/// A stretch that was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnseenStretch {
    /// Its start.
    pub start_ms: MediaMs,
    /// Its end (exclusive).
    pub end_ms: MediaMs,
    /// Why it was not seen.
    pub reason: Unseen,
}

/// A stretch of media time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// Its start.
    pub start_ms: MediaMs,
    /// Its end (exclusive).
    pub end_ms: MediaMs,
}

impl SessionDesk {
    /// The session from `from` (0 and above) to `to`, in at most `points` samples (1 to 4096). A window that
    /// reaches beyond the video is cut to it; `to` is the end of the video where it is `None`.
    pub fn timeline(&self, from: MediaMs, to: Option<MediaMs>, points: usize) -> Timeline {
        let end = self.video.reached.unwrap_or_default();
        let from = from.clamp(MediaMs::ZERO, end);
        let to = to.unwrap_or(end).clamp(from, end);
        let step = self.video.series.step_for(from, to, points);
        let window = Interval::new(from, to);
        let unseen = self.unseen(window);
        let first = from.0.div_euclid(step.0) * step.0;
        let starts = (first..to.0).step_by(usize::try_from(step.0).unwrap_or(usize::MAX)).map(MediaMs);
        let samples = starts.filter_map(|at| {
            sample(
                at,
                self.video.series.bin(at, step),
                &unseen,
                Interval::new(at, at + step).intersection(window),
            )
        });
        Timeline {
            step_ms: step,
            from_ms: from,
            to_ms: to,
            samples: samples.collect(),
            unseen: unseen.clone(),
            breaks: self.breaks(window),
        }
    }

    /// What was not seen within a window: what observations say, and where the picture stood still.
    pub(super) fn unseen(&self, window: Interval) -> Vec<UnseenStretch> {
        let mut all = UnseenTime::default();
        let frozen = self.incidents.all().iter().filter(|incident| {
            incident.kind == IncidentType::VideoFrozen && incident.state != IncidentState::Superseded
        });
        for incident in frozen {
            all.insert(Interval::new(incident.start_ms, incident.end_ms), Unseen::Frozen);
        }
        for (span, reason) in self.video.unseen.iter() {
            all.insert(span, reason);
        }
        let inside = all.iter().map(|(span, reason)| (span.intersection(window), reason));
        let inside = inside.filter(|(span, _)| !span.is_empty());
        inside
            .map(|(span, reason)| UnseenStretch { start_ms: span.start, end_ms: span.end, reason })
            .collect()
    }

    fn breaks(&self, window: Interval) -> Vec<Stretch> {
        let recorded = Accommodations { breaks: true, ..Accommodations::default() };
        let breaks = self.lifecycle.breaks(&recorded, window.end).clipped(window);
        breaks.iter().map(|span| Stretch { start_ms: span.start, end_ms: span.end }).collect()
    }
}

/// One step; `None` if nothing is known of it.
fn sample(at: MediaMs, bin: Bin, unseen: &[UnseenStretch], span: Interval) -> Option<TimelineSample> {
    let first = unseen.partition_point(|stretch| stretch.end_ms <= span.start);
    let missing = unseen[first..].iter().take_while(|stretch| stretch.start_ms < span.end);
    let length = |stretch: &&UnseenStretch| {
        Interval::new(stretch.start_ms, stretch.end_ms).intersection(span).length()
    };
    let reason = missing.max_by_key(length).map(|stretch| stretch.reason);
    if reason.is_none() && bin == Bin::default() {
        return None;
    }
    Some(TimelineSample {
        at_ms: at,
        seen: reason.is_none(),
        reason,
        faces: bin.faces,
        persons: bin.persons,
        yaw: bin.yaw,
        pitch: bin.pitch,
        gaze_yaw: bin.gaze_yaw.map(Bin::eye_widths),
        gaze_pitch: bin.gaze_pitch.map(Bin::eye_widths),
        luma: bin.luma,
    })
}
