//! Writes sessions tersely: `session().seated(60).absent(20).seated(30)`.
//!
//! The room is an 8 x 8 luma pattern with a candidate in the middle who sways a little, like everybody.
//! Numbers are seconds. All variation is a fixed function of the sample's number.

use domain::detections::ObjectClass;
use domain::geometry::Rect;
use domain::messages::{
    FaceObservation, FrameObservation, ModelRef, ObjectObservation, Observation, PersonObservation,
    PipelineRef, Plan, PlanReason, Quality, SampleStatus, SegmentStatus, StreamKind, StreamRef, UnseenReason,
};
use domain::time::MediaMs;

use crate::fixtures::session_id;

/// Length of a segment.
const SEGMENT_MS: i64 = 2000;

pub fn session() -> Script {
    Script {
        step_ms: 1000,
        frames: Vec::new(),
        now_ms: 0,
        epoch: 0,
        sequence: 0,
        done: Vec::new(),
        frozen: None,
    }
}

#[derive(Debug, Clone)]
pub struct Script {
    step_ms: i64,
    frames: Vec<FrameObservation>,
    now_ms: i64,
    epoch: u32,
    sequence: u64,
    done: Vec<Observation>,
    /// Number of the sample whose picture stands still.
    frozen: Option<i64>,
}

/// Where the candidate looks: head in degrees, eyes in eye widths; `None` for closed eyes.
#[derive(Clone, Copy)]
pub struct Looks {
    pub yaw: f32,
    pub pitch: f32,
    pub eyes: Option<(f32, f32)>,
}

/// At the screen, seen by a camera a little to the side and below: raw angles are not zero.
pub const SCREEN: Looks = Looks { yaw: -4.0, pitch: 12.0, eyes: Some((0.02, -0.01)) };

impl Looks {
    pub fn turned(self, yaw: f32) -> Self {
        Self { yaw: self.yaw + yaw, ..self }
    }

    pub fn raised(self, pitch: f32) -> Self {
        Self { pitch: self.pitch + pitch, ..self }
    }

    pub fn eyes_by(self, x: f32) -> Self {
        Self { eyes: self.eyes.map(|(old, y)| (old + x, y)), ..self }
    }

    pub fn eyes_closed(self) -> Self {
        Self { eyes: None, ..self }
    }
}

impl Script {
    /// Samples per second from here on.
    pub fn fps(mut self, fps: i64) -> Self {
        self.cut();
        self.step_ms = 1000 / fps;
        self
    }

    pub fn seated(self, seconds: i64) -> Self {
        self.looking(seconds, SCREEN)
    }

    pub fn looking(self, seconds: i64, looks: Looks) -> Self {
        self.each(seconds, |frame, number| frame.add_candidate(number, looks))
    }

    /// Nobody, and the room shows it.
    pub fn absent(self, seconds: i64) -> Self {
        self.each(seconds, |frame, number| frame.show(number, false, 1000, 0))
    }

    /// Somebody sits there and nothing finds them.
    pub fn undetected(self, seconds: i64) -> Self {
        self.each(seconds, |frame, number| frame.show(number, true, 1000, 0))
    }

    /// The same, under another exposure: luma times `gain` thousandths plus `offset`.
    pub fn undetected_exposed(self, seconds: i64, gain: i64, offset: i64) -> Self {
        self.each(seconds, move |frame, number| frame.show(number, true, gain, offset))
    }

    pub fn absent_exposed(self, seconds: i64, gain: i64, offset: i64) -> Self {
        self.each(seconds, move |frame, number| frame.show(number, false, gain, offset))
    }

    /// A body without a face.
    pub fn faceless(self, seconds: i64) -> Self {
        self.each(seconds, |frame, number| {
            frame.show(number, true, 1000, 0);
            frame.add_body(0.15, 0.15, 0.7, 0.85, 0.88);
        })
    }

    /// The candidate's face cut by the picture's lower edge.
    pub fn half_out(self, seconds: i64) -> Self {
        self.each(seconds, |frame, number| {
            frame.show(number, true, 1000, 0);
            frame.add_face(0.38, 0.75, 0.24, 0.40, 0.9, SCREEN);
        })
    }

    /// As the worker looks: persons are looked for every four seconds, and where there is not one face.
    pub fn rarely(mut self) -> Self {
        self.cut();
        for frame in self.done.iter_mut().flat_map(|segment| &mut segment.frames) {
            if frame.faces.len() == 1 && frame.media_ms.0 % 4000 != 0 {
                (frame.persons, frame.objects) = (None, None);
            }
        }
        self
    }

    /// A second person who moves like people do.
    pub fn second_person(self, seconds: i64) -> Self {
        self.beside(seconds, |frame, number| {
            frame.add_face(0.72 + sway(number, 7) * 0.02, 0.25, 0.14, 0.24, 0.85, SCREEN);
        })
    }

    /// A face on the wall: the detector's box jitters by a hundredth of its size.
    pub fn poster(self, seconds: i64) -> Self {
        self.beside(seconds, |frame, number| {
            frame.add_face(0.72 + sway(number, 6) * 0.0007, 0.25, 0.14, 0.24, 0.95, SCREEN);
        })
    }

    /// The candidate, and something beside them.
    pub fn beside(self, seconds: i64, more: impl Fn(&mut FrameObservation, i64)) -> Self {
        self.each(seconds, |frame, number| {
            frame.add_candidate(number, SCREEN);
            more(frame, number);
        })
    }

    pub fn object(self, seconds: i64, class: ObjectClass, conf: f32) -> Self {
        self.beside(seconds, |frame, _| {
            let rect = Rect { x: 0.6, y: 0.7, w: 0.1, h: 0.1 };
            frame.objects.get_or_insert_default().push(ObjectObservation { class, rect, conf });
        })
    }

    /// Too dark to see.
    pub fn dark(self, seconds: i64) -> Self {
        self.unseen(seconds, UnseenReason::Dark)
    }

    /// A hand on the lens.
    pub fn covered(self, seconds: i64) -> Self {
        self.unseen(seconds, UnseenReason::Obstructed)
    }

    /// Samples left out under load.
    pub fn shed(self, seconds: i64) -> Self {
        self.unseen(seconds, UnseenReason::Shed)
    }

    pub fn unseen(self, seconds: i64, reason: UnseenReason) -> Self {
        self.each(seconds, move |frame, _| {
            frame.status = SampleStatus::NotSeen;
            frame.reason = Some(reason);
            frame.quality = None;
        })
    }

    /// Whatever follows shows one and the same picture, until `thawed`.
    pub fn frozen(mut self) -> Self {
        self.frozen = Some(self.now_ms / self.step_ms);
        self
    }

    pub fn thawed(mut self) -> Self {
        self.frozen = None;
        self
    }

    /// Segments that no decoder accepts.
    pub fn undecodable(mut self, seconds: i64) -> Self {
        self.cut();
        let from = self.done.len();
        self = self.unseen(seconds, UnseenReason::Undecodable);
        self.cut();
        for observation in &mut self.done[from..] {
            observation.status = SegmentStatus::Undecodable;
        }
        self
    }

    /// Segments that never arrive: their numbers are missing.
    pub fn lost(mut self, seconds: i64) -> Self {
        self.cut();
        self.now_ms += seconds * 1000;
        self.sequence += (seconds * 1000 / SEGMENT_MS) as u64;
        self
    }

    /// Media time without video, numbered without a hole.
    pub fn hole(mut self, seconds: i64) -> Self {
        self.cut();
        self.now_ms += seconds * 1000;
        self
    }

    /// The page is loaded again: a new encoder.
    pub fn reload(mut self) -> Self {
        self.cut();
        self.epoch += 1;
        self.sequence = 0;
        self
    }

    /// Samples of so many seconds, each filled in by `fill` from its number.
    pub fn each(mut self, seconds: i64, fill: impl Fn(&mut FrameObservation, i64)) -> Self {
        let end = self.now_ms + seconds * 1000;
        while self.now_ms < end {
            let number = self.frozen.unwrap_or(self.now_ms / self.step_ms);
            let mut frame = blank(self.now_ms);
            fill(&mut frame, number);
            self.frames.push(frame);
            self.now_ms += self.step_ms;
            if self.now_ms % SEGMENT_MS == 0 {
                self.cut();
            }
        }
        self
    }

    /// What happens next is written apart.
    pub fn then(mut self, next: Script) -> Self {
        for observation in next.observations() {
            for frame in observation.frames {
                self.frames.push(FrameObservation { media_ms: MediaMs(self.now_ms), ..frame });
                self.now_ms += self.step_ms;
                if self.now_ms % SEGMENT_MS == 0 {
                    self.cut();
                }
            }
        }
        self
    }

    pub fn observations(mut self) -> Vec<Observation> {
        self.cut();
        self.done
    }

    pub fn seconds(&self) -> i64 {
        self.now_ms / 1000
    }

    /// Ends the present segment.
    fn cut(&mut self) {
        let frames = std::mem::take(&mut self.frames);
        let Some(first) = frames.first() else { return };
        let start = MediaMs(first.media_ms.0 / SEGMENT_MS * SEGMENT_MS)
            .max(self.done.last().map_or(MediaMs(0), |last| last.end_ms).min(first.media_ms));
        self.done.push(Observation {
            session: session_id(),
            tenant: "t1".into(),
            exam: "e7".into(),
            stream: StreamRef { kind: StreamKind::Webcam, epoch: self.epoch, init_sha256: "ab".into() },
            sequence: self.sequence,
            attempt: 0,
            start_ms: start,
            end_ms: MediaMs(self.now_ms),
            status: SegmentStatus::Observed,
            dead_letter: None,
            plan: Plan {
                fps: 1000.0 / self.step_ms as f32,
                keyframes_only: false,
                reason: PlanReason::Default,
                escalated: self.step_ms < 1000,
                shed: 0,
            },
            frames,
            template: None,
            models: vec![model("face", "blazeface_back"), model("person", "nanodet_g_int8")],
            pipeline: PipelineRef { version: "0.1.0".into(), config_hash: "cd".into() },
            run: None,
        });
        self.sequence += 1;
    }
}

fn model(task: &str, name: &str) -> ModelRef {
    ModelRef { task: task.into(), name: name.into(), version: "1".into(), sha256: "ef".into() }
}

fn blank(at_ms: i64) -> FrameObservation {
    FrameObservation {
        media_ms: MediaMs(at_ms),
        status: SampleStatus::Seen,
        reason: None,
        quality: None,
        faces: Vec::new(),
        persons: Some(Vec::new()),
        objects: Some(Vec::new()),
    }
}

/// Something between -1 and 1 that changes from sample to sample.
pub fn sway(number: i64, seed: i64) -> f32 {
    ((number * (37 + seed) + seed * 11).rem_euclid(21) - 10) as f32 / 10.0
}

/// Mean luma of the room's cells, with or without the candidate in the middle.
pub fn room(number: i64, seated: bool, gain: i64, offset: i64) -> [u8; 64] {
    std::array::from_fn(|cell| {
        let (column, row) = (cell as i64 % 8, cell as i64 / 8);
        let wall = 70 + column * 12 + row * 4;
        let candidate = (2..=5).contains(&column) && row >= 2;
        let luma = if candidate && seated { 40 + row * 3 } else { wall };
        let flicker = (number * 3 + column * 2 + row).rem_euclid(5) - 2;
        (luma * gain / 1000 + offset + flicker).clamp(0, 255) as u8
    })
}

pub trait Filling {
    fn show(&mut self, number: i64, seated: bool, gain: i64, offset: i64);
    fn add_candidate(&mut self, number: i64, looks: Looks);
    fn add_face(&mut self, x: f32, y: f32, w: f32, h: f32, conf: f32, looks: Looks);
    fn add_body(&mut self, x: f32, y: f32, w: f32, h: f32, conf: f32);
}

impl Filling for FrameObservation {
    fn show(&mut self, number: i64, seated: bool, gain: i64, offset: i64) {
        let cells = room(number, seated, gain, offset);
        self.quality = Some(Quality {
            luma_p10: 31,
            luma_p90: 201,
            contrast: 44,
            sharpness: 180,
            phash: format!("{:016x}", (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            grid: cells.iter().map(|cell| format!("{cell:02x}")).collect(),
        });
    }

    fn add_candidate(&mut self, number: i64, looks: Looks) {
        self.show(number, true, 1000, 0);
        let x = 0.38 + sway(number, 3) * 0.012;
        self.add_face(x, 0.22, 0.24, 0.40, 0.93, looks);
        self.add_body(0.15, 0.15, 0.7, 0.85, 0.88);
    }

    fn add_face(&mut self, x: f32, y: f32, w: f32, h: f32, conf: f32, looks: Looks) {
        self.faces.push(FaceObservation {
            rect: Rect { x, y, w, h },
            conf,
            points: Vec::new(),
            yaw: Some(looks.yaw),
            pitch: Some(looks.pitch),
            roll: Some(0.0),
            gaze_yaw: looks.eyes.map(|eyes| eyes.0),
            gaze_pitch: looks.eyes.map(|eyes| eyes.1),
            eye_openness: looks.eyes.map(|_| 0.27),
            identity: None,
        });
    }

    fn add_body(&mut self, x: f32, y: f32, w: f32, h: f32, conf: f32) {
        self.persons.get_or_insert_default().push(PersonObservation { rect: Rect { x, y, w, h }, conf });
    }
}
