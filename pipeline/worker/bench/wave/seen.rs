//! What is seen of a life: one observation a segment, as the observe role writes it, but for pictures that never
//! were. A function of the life and the segment's number.

use std::fmt::Write as _;

use domain::geometry::{Point, Rect};
use domain::messages::{
    FaceObservation, FrameObservation, IdentityMatch, ModelRef, Observation, PersonObservation, PipelineRef,
    Plan, PlanReason, Quality, SampleStatus, SegmentStatus, StreamKind, StreamRef, UnseenReason, canonical,
};
use domain::time::{MediaMs, Millis};
use fastrand::Rng;

use super::life::{Happening, Life, mix};

/// One sample a second, as `sampling.base_fps` has it.
const STEP: Millis = Millis::from_secs(1);
/// Persons are looked for so often, and where there is not exactly one face.
const THINGS_EVERY_S: i64 = 4;
/// Faces are compared so often.
const COMPARED_EVERY_S: i64 = 15;
/// The cells that a candidate covers: columns, and rows from here on.
const SEAT: (std::ops::RangeInclusive<i64>, i64) = (2..=5, 2);
/// Luma of a face in the dark and of a hand on the lens.
const DARK: u8 = 3;

/// What every observation names as its origin.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    models: Vec<ModelRef>,
    pipeline: PipelineRef,
}

impl Origin {
    /// Observations that no model made say so.
    pub fn simulated() -> Self {
        let model = |task: &str| ModelRef {
            task: task.to_owned(),
            name: "simulated".to_owned(),
            version: "1".to_owned(),
            sha256: canonical::sha256_hex(task.as_bytes()),
        };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let config_hash = canonical::sha256_hex(b"simulated");
        Self {
            models: ["face", "mesh", "iris", "person"].map(model).to_vec(),
            pipeline: PipelineRef { version, config_hash },
        }
    }

    /// What is seen in a segment.
    pub fn observation(&self, life: &Life, sequence: u64, start: MediaMs, end: MediaMs) -> Observation {
        let instants = (0..).map(|index| start + Millis(STEP.0 * index)).take_while(|at| *at < end);
        Observation {
            session: life.session.clone(),
            tenant: life.session.tenant().to_owned(),
            exam: life.session.exam().to_owned(),
            stream: StreamRef {
                kind: StreamKind::Webcam,
                epoch: 0,
                init_sha256: canonical::sha256_hex(life.session.as_str().as_bytes()),
            },
            sequence,
            attempt: 0,
            start_ms: start,
            end_ms: end,
            status: SegmentStatus::Observed,
            dead_letter: None,
            plan: Plan {
                fps: 1.0,
                keyframes_only: false,
                reason: PlanReason::Default,
                escalated: false,
                shed: 0,
            },
            frames: instants.map(|at| frame(life, at)).collect(),
            template: life.likeness.map(|_| template(life)),
            models: self.models.clone(),
            pipeline: self.pipeline.clone(),
            run: None,
        }
    }
}

fn template(life: &Life) -> String {
    format!("tpl-{:08x}", life.seed as u32)
}

/// One sample.
fn frame(life: &Life, at: MediaMs) -> FrameObservation {
    let second = at.0 / 1000;
    let scene = life.scene(at);
    let what = scene.map(|scene| scene.what);
    // A picture that stands still is that of the moment when it froze.
    let shown = scene.filter(|scene| scene.what == Happening::Frozen).map_or(at, |scene| scene.from);
    let mut dice = life.dice(shown.0 as u64);
    let unseen = match what {
        Some(Happening::Dark) => Some(UnseenReason::Dark),
        Some(Happening::Covered) => Some(UnseenReason::Obstructed),
        _ => None,
    };
    let mut frame = FrameObservation {
        media_ms: at,
        status: if unseen.is_none() { SampleStatus::Seen } else { SampleStatus::NotSeen },
        reason: unseen,
        quality: Some(quality(life, &mut dice, unseen, what != Some(Happening::Away))),
        faces: Vec::new(),
        persons: None,
        objects: None,
    };
    if unseen.is_some() {
        return frame;
    }
    let (x, y) = life.looks.face;
    let body = PersonObservation { rect: Rect { x: x - 0.12, y: y - 0.05, w: 0.6, h: 0.8 }, conf: 0.87 };
    let mut persons = vec![body];
    match what {
        Some(Happening::Away) => persons.clear(),
        Some(Happening::Faceless) => {}
        other => {
            let turned = if other == Some(Happening::LooksAside) { 48.0 } else { 0.0 };
            frame.faces.push(face(life, &mut dice, (x, y), turned));
        }
    }
    if what == Some(Happening::Company) {
        let beside = x - 0.28 + dice.f32() * 0.05;
        frame.faces.push(face(life, &mut dice, (beside, y + 0.04), 0.0));
        persons.push(PersonObservation { rect: Rect { x: beside - 0.08, y, w: 0.3, h: 0.6 }, conf: 0.71 });
    }
    if let (Some(first), Some(likeness)) = (frame.faces.first_mut(), life.likeness)
        && second % COMPARED_EVERY_S == 0
    {
        let similarity = Some(rounded(likeness + (dice.f32() - 0.5) * 0.006));
        first.identity = Some(IdentityMatch { eligible: true, similarity, template: template(life) });
    }
    if frame.faces.len() != 1 || second % THINGS_EVERY_S == 0 {
        frame.persons = Some(persons);
        frame.objects = Some(Vec::new());
    }
    frame
}

fn face(life: &Life, dice: &mut Rng, (x, y): (f32, f32), turned: f32) -> FaceObservation {
    let mut about = |value: f32, by: f32| rounded(value + (dice.f32() - 0.5) * by);
    let rect = Rect { x: about(x, 0.03), y: about(y, 0.02), w: about(0.22, 0.01), h: about(0.34, 0.01) };
    let point = |across: f32, down: f32| Point {
        x: rounded(rect.x + rect.w * across),
        y: rounded(rect.y + rect.h * down),
    };
    FaceObservation {
        rect,
        conf: about(0.92, 0.06),
        points: [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.5, 0.8), (0.0, 0.45), (1.0, 0.45)]
            .map(|(across, down)| point(across, down))
            .to_vec(),
        yaw: Some(about(life.looks.yaw + turned, 5.0)),
        pitch: Some(about(life.looks.pitch, 5.0)),
        roll: Some(about(0.0, 4.0)),
        gaze_yaw: Some(about(0.01, 0.04)),
        gaze_pitch: Some(about(-0.01, 0.04)),
        eye_openness: Some(about(0.27, 0.06)),
        identity: None,
    }
}

/// As observations have it: four digits.
fn rounded(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

/// The whole picture: a wall, lighter to one side, and whoever sits before it.
fn quality(life: &Life, dice: &mut Rng, unseen: Option<UnseenReason>, is_seated: bool) -> Quality {
    let cell = |cell: i64| {
        let (column, row) = (cell % 8, cell / 8);
        let flicker = dice.u8(0..5);
        let is_covered = is_seated && SEAT.0.contains(&column) && row >= SEAT.1;
        match unseen {
            Some(_) => DARK,
            None if is_covered => 36 + row as u8 * 3 + flicker,
            None => life.looks.wall.saturating_add(life.looks.slope * column as u8 + flicker),
        }
    };
    let cells: Vec<u8> = (0..64).map(cell).collect();
    let grid = cells.iter().fold(String::with_capacity(128), |mut grid, cell| {
        // Writing to a string cannot fail.
        let _ = write!(grid, "{cell:02x}");
        grid
    });
    let is_dim = unseen.is_some();
    Quality {
        luma_p10: if is_dim { 2 } else { 30 + dice.u8(0..6) },
        luma_p90: if is_dim { 6 } else { 190 + dice.u8(0..20) },
        contrast: if is_dim { 1 } else { 40 + dice.u8(0..9) },
        sharpness: if is_dim { 2 } else { 160 + dice.u16(0..60) },
        phash: format!("{:016x}", mix(dice.u64(..), u64::from(is_seated))),
        grid,
    }
}
