//! For how long a session has been calm: what its last observations say, as far as the next plan depends on
//! it.
//!
//! Calm is a candidate alone in front of the camera, seen well and looking at the screen. A memory of one
//! process, and nothing that results rest on: who has forgotten it looks more often.

use super::suspicion::Suspicion;
use crate::messages::{FrameObservation, Observation, SampleStatus, SegmentStatus};
use crate::time::{MediaMs, Millis};

/// Segments that are being looked at lie between what is remembered and what comes next: so much of them does
/// not break the calm.
const IN_HAND: Millis = Millis(30_000);
/// Doubt takes this long to pass: a session in which something happened is looked at before others.
const DOUBT_LASTS: Millis = Millis(20_000);

/// A stretch of calm, and what was before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calm {
    epoch: u32,
    since: MediaMs,
    until: MediaMs,
    /// When something was suspicious last.
    doubted: Option<MediaMs>,
}

impl Calm {
    /// Calm from one time on up to another.
    pub fn between(since: MediaMs, until: MediaMs) -> Self {
        Self { epoch: 0, since, until, doubted: None }
    }

    /// What is known after an observation, given what was known before it.
    pub fn after(before: Option<&Self>, observation: &Observation, suspicion: &Suspicion) -> Self {
        let (epoch, start, end) = (observation.stream.epoch, observation.start_ms, observation.end_ms);
        let fresh = Self { epoch, since: start, until: start, doubted: None };
        let continues = |calm: &&Self| calm.epoch == epoch && start - calm.until <= IN_HAND;
        let mut calm = before.filter(continues).copied().unwrap_or(fresh);
        calm.until = calm.until.max(end);
        if observation.frames.iter().any(|frame| suspicion.raised_by(frame)) {
            calm.doubted = calm.doubted.max(Some(end));
        }
        let is_observed = observation.status == SegmentStatus::Observed;
        if !is_observed || !observation.frames.iter().all(|frame| is_calm(frame, suspicion)) {
            calm.since = calm.until;
        }
        calm
    }

    /// How long it has been calm when the segment at `start` comes.
    pub fn length_before(&self, start: MediaMs) -> Millis {
        if start - self.until > IN_HAND { Millis::ZERO } else { self.until - self.since }
    }

    /// Whether something suspicious was seen shortly before `start`.
    pub fn is_in_doubt(&self, start: MediaMs) -> bool {
        self.doubted.is_some_and(|doubted| start - doubted <= DOUBT_LASTS)
    }
}

fn is_calm(frame: &FrameObservation, suspicion: &Suspicion) -> bool {
    frame.status == SampleStatus::Seen && frame.faces.len() == 1 && !suspicion.raised_by(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{PipelineRef, PlanReason, StreamKind, StreamRef};
    use crate::observe::{self, Observers, SegmentIdentity};
    use crate::time::Interval;

    /// An observation of two seconds with this yaw of the only face; without one, of nobody.
    fn observation(start: i64, yaw: Option<f32>) -> Observation {
        let face = |yaw: f32| {
            serde_json::json!({
                "box": [0.4, 0.2, 0.2, 0.3], "conf": 0.9, "points": [], "yaw": yaw, "pitch": 2.0, "roll": 0.0,
                "gaze_yaw": 0.01, "gaze_pitch": 0.0, "eye_openness": 0.3, "match": null
            })
        };
        let frame = serde_json::json!({
            "media_ms": start, "status": "seen", "reason": null, "quality": null,
            "faces": yaw.map(face).into_iter().collect::<Vec<_>>(), "persons": null, "objects": null
        });
        let identity = SegmentIdentity {
            session: "t1/e7/s42".parse().unwrap(),
            stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: String::new() },
            sequence: 0,
            attempt: 0,
            interval: Interval::new(MediaMs(start), MediaMs(start + 2000)),
        };
        let plan = crate::messages::Plan {
            fps: 1.0,
            keyframes_only: false,
            reason: PlanReason::Default,
            escalated: false,
            shed: 0,
        };
        let pipeline = PipelineRef { version: String::new(), config_hash: String::new() };
        let by = Observers { models: Vec::new(), pipeline };
        observe::observed(identity, plan, vec![serde_json::from_value(frame).unwrap()], &by)
    }

    fn after(observations: &[Observation]) -> Calm {
        let next = |calm: Option<Calm>, observation| {
            Some(Calm::after(calm.as_ref(), observation, &Suspicion::default()))
        };
        observations.iter().fold(None, next).unwrap()
    }

    #[test]
    fn calm_grows_and_ends_with_a_look_aside_an_empty_chair_or_time_without_video() {
        let calm = |start| observation(start, Some(1.0));
        let quiet = [calm(0), calm(2000), calm(4000)];
        assert_eq!(after(&quiet).length_before(MediaMs(6000)), Millis(6000));
        assert_eq!(after(&quiet).length_before(MediaMs(36_001)), Millis(0));
        assert!(!after(&quiet).is_in_doubt(MediaMs(6000)));
        let aside = [calm(0), observation(2000, Some(40.0)), calm(4000)];
        assert_eq!(after(&aside).length_before(MediaMs(6000)), Millis(2000));
        assert!(after(&aside).is_in_doubt(MediaMs(6000)));
        assert!(!after(&aside).is_in_doubt(MediaMs(24_001)));
        let empty = [calm(0), observation(2000, None), calm(4000)];
        assert_eq!(after(&empty).length_before(MediaMs(6000)), Millis(2000));
        assert!(!after(&empty).is_in_doubt(MediaMs(6000)));
        let late = [calm(0), calm(40_000)];
        assert_eq!(after(&late).length_before(MediaMs(42_000)), Millis(2000));
    }

    #[test]
    fn it_makes_no_difference_in_which_order_calm_segments_are_looked_at_and_doubt_is_not_forgotten() {
        let calm = |start| observation(start, Some(1.0));
        let in_order = after(&[calm(0), calm(2000), calm(4000), calm(6000)]);
        assert_eq!(after(&[calm(0), calm(4000), calm(2000), calm(6000)]), in_order);
        let aside = observation(2000, Some(40.0));
        assert_eq!(after(&[calm(0), calm(4000), aside]).length_before(MediaMs(6000)), Millis(0));
    }

    #[test]
    fn another_stream_begins_anew() {
        let mut reloaded = observation(4000, Some(1.0));
        reloaded.stream.epoch = 1;
        let calm = after(&[observation(0, Some(1.0)), observation(2000, Some(40.0)), reloaded]);
        assert_eq!(calm.length_before(MediaMs(6000)), Millis(2000));
        assert!(!calm.is_in_doubt(MediaMs(6000)));
    }
}
