//! Made-up sessions for the report: every kind of lane, plot and sentence, and no real person.

use std::collections::BTreeMap;

use domain::geometry::Rect;
use domain::ids::SessionId;
use domain::messages::*;
use domain::policy::Bands;
use domain::score::{Direction, Gaze, SampleTrace};
use domain::time::{Interval, MediaMs, Millis};
use invigilator::report::{MediaFacts, SessionReport};
use serde_json::Map;

pub const BANDS: Bands = Bands { green_from: 85, amber_from: 60 };

pub fn session(name: &str) -> SessionId {
    SessionId::new("t1", "e7", name).unwrap()
}

fn policy() -> PolicyRef {
    PolicyRef { id: "standard".to_owned(), version: 3, sha256: "5f".repeat(32) }
}

/// A face that looks around a little; `t` in seconds.
fn face(t: f32, x: f32) -> FaceObservation {
    let away = if (300.0..340.0).contains(&(t % 900.0)) { 1.0 } else { 0.0 };
    FaceObservation {
        rect: Rect { x: x + 0.02 * (t * 0.8).sin(), y: 0.22, w: 0.24, h: 0.41 },
        conf: 0.93,
        points: Vec::new(),
        yaw: Some(6.0 * (t * 0.21).sin() + 38.0 * away),
        pitch: Some(4.0 + 5.0 * (t * 0.13).cos()),
        roll: Some(1.0),
        gaze_yaw: Some(0.02 * (t * 0.9).sin() + 0.13 * away),
        gaze_pitch: Some(0.015 * (t * 0.7).cos()),
        eye_openness: Some(0.27),
        identity: None,
    }
}

fn frame(at: i64) -> FrameObservation {
    let t = at as f32 / 1000.0;
    let minute = (t / 60.0) % 60.0;
    let unseen = match minute {
        m if (20.0..23.0).contains(&m) => Some(UnseenReason::Dark),
        m if (41.0..41.6).contains(&m) => Some(UnseenReason::Obstructed),
        m if (52.0..52.3).contains(&m) => Some(UnseenReason::Shed),
        _ => None,
    };
    let second = (30.0..30.25).contains(&minute);
    let absent = (11.0..12.2).contains(&minute);
    let mut faces = if absent { Vec::new() } else { vec![face(t, 0.31)] };
    if second {
        faces.push(face(t, 0.7));
    }
    let persons = faces.iter().map(|face| PersonObservation { rect: face.rect, conf: 0.88 }).collect();
    let status = if unseen.is_some() { SampleStatus::NotSeen } else { SampleStatus::Seen };
    let (faces, persons) = if unseen.is_some() { Default::default() } else { (faces, persons) };
    FrameObservation {
        media_ms: MediaMs(at),
        status,
        reason: unseen,
        quality: None,
        faces,
        persons: Some(persons),
        objects: Some(Vec::new()),
    }
}

pub fn observations(duration_ms: i64, step_ms: i64) -> Vec<Observation> {
    let model = |task: &str, name: &str| ModelRef {
        task: task.to_owned(),
        name: name.to_owned(),
        version: "1".to_owned(),
        sha256: "08".repeat(32),
    };
    (0..(duration_ms + 9999) / 10_000)
        .map(|sequence| {
            let (start, end) = (sequence * 10_000, ((sequence + 1) * 10_000).min(duration_ms));
            Observation {
                session: session("s42"),
                tenant: "t1".to_owned(),
                exam: "e7".to_owned(),
                stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: "ab".repeat(32) },
                sequence: sequence as u64,
                attempt: 0,
                start_ms: MediaMs(start),
                end_ms: MediaMs(end),
                status: SegmentStatus::Observed,
                dead_letter: None,
                plan: Plan {
                    fps: 1000.0 / step_ms as f32,
                    keyframes_only: false,
                    reason: PlanReason::Default,
                    escalated: false,
                    shed: 0,
                },
                frames: (start..end).step_by(step_ms as usize).map(frame).collect(),
                template: None,
                models: vec![model("face", "blazeface_back"), model("person", "nanodet_g_int8")],
                pipeline: PipelineRef { version: "0.1.0".to_owned(), config_hash: "cd".repeat(32) },
                run: None,
            }
        })
        .collect()
}

/// How a score might have read these samples.
pub fn traces(observations: &[Observation]) -> Vec<SampleTrace> {
    let read = |frame: &FrameObservation, step: i64| SampleTrace {
        at: frame.media_ms,
        span: Interval::new(frame.media_ms, frame.media_ms + Millis(step)),
        unseen: frame.reason.map(|reason| match reason {
            UnseenReason::Obstructed => "obstructed",
            UnseenReason::Shed => "shed",
            UnseenReason::Blur => "blur",
            _ => "dark",
        }),
        persons: frame.reason.is_none().then_some(frame.persons.iter().flatten().count() as u16),
        gaze: frame.faces.first().and_then(|face| {
            let degrees = |head: f32, eyes: f32| ((head + 210.0 * eyes) * 1000.0) as i32;
            let yaw = degrees(face.yaw?, face.gaze_yaw?);
            let direction = Direction { yaw, pitch: degrees(face.pitch? - 4.0, face.gaze_pitch?) };
            Some(Gaze { direction, head: direction, calibrated: frame.media_ms >= MediaMs(8000) })
        }),
    };
    let observations = observations.iter();
    let traces = observations.flat_map(|observation| {
        let step = (1000.0 / observation.plan.fps) as i64;
        observation.frames.iter().map(move |frame| read(frame, step))
    });
    traces.collect()
}

pub fn incident(kind: IncidentType, from_s: i64, to_s: i64, severity: Severity, text: &str) -> Incident {
    let counts = kind.class() == IncidentClass::Evidence;
    Incident {
        incident_id: session("s42").derive(&format!("{}{from_s}", kind.name())),
        rev: 2,
        session: session("s42"),
        kind,
        class: kind.class(),
        state: IncidentState::Closed,
        start_ms: MediaMs(from_s * 1000),
        end_ms: MediaMs(to_s * 1000),
        duration_ms: Millis((to_s - from_s) * 1000),
        severity,
        severity_num: 0.25,
        confidence: 0.913,
        reason: Reason { code: "synthetic".to_owned(), params: Map::new(), text: text.to_owned() },
        stats: SampleStats { planned: 26, valid: 26, matched: 25 },
        media_refs: Vec::new(),
        attribution: if counts { Attribution::Candidate } else { Attribution::Unknown },
        counts,
        counts_reason: match kind.class() {
            IncidentClass::Evidence => CountsReason::Evidence,
            IncidentClass::Coverage => CountsReason::Coverage,
            IncidentClass::Identity => CountsReason::AwaitingReview,
        },
        policy: policy(),
        models: vec!["blazeface_back@1".to_owned()],
        review: ReviewState::unreviewed(),
        run: None,
    }
}

fn contribution(kind: IncidentType, union_ms: i64, base: i64, rate: i64, cap: i64) -> Contribution {
    let raw = (base + rate * union_ms / 1000).min(cap);
    Contribution {
        kind,
        severity: Severity::Medium,
        incidents: Vec::new(),
        union_ms: Millis(union_ms),
        base_milli: base,
        rate_milli_per_s: rate,
        raw_milli: raw,
        applied_milli: raw,
    }
}

pub fn score(contributions: Vec<Contribution>) -> Score {
    let concern: i64 = contributions.iter().map(|part| part.applied_milli).sum();
    let integrity = ((100_000 - concern) / 1000) as u8;
    Score {
        session: session("s42"),
        rev: 1,
        supersedes: Some(0),
        status: ScoreStatus::Final,
        evidence: EvidenceStatus::Sufficient,
        integrity: Some(integrity),
        band: match integrity {
            85.. => Band::Green,
            60.. => Band::Amber,
            _ => Band::Red,
        },
        review_priority: ReviewPriority::Medium,
        concern_milli: concern,
        not_evaluated: vec![NotEvaluated {
            kind: IncidentType::GazeOffScreen,
            reason: NotEvaluatedReason::Uncalibrated,
            duration_ms: Millis(8_000),
        }],
        contributions,
        coverage: Coverage {
            expected_ms: Millis(3_600_000),
            observed_ms: Millis(3_366_000),
            ratio_milli: 935,
            by_reason: BTreeMap::from([
                ("dark".to_owned(), Millis(180_000)),
                ("obstructed".to_owned(), Millis(36_000)),
                ("shed".to_owned(), Millis(18_000)),
            ]),
            longest_unseen_ms: Millis(180_000),
        },
        identity: IdentityLedger {
            state: IdentityState::NotRequired,
            template: None,
            checks: 0,
            eligible: 0,
            matched: 0,
            last_match_ms: None,
        },
        accommodations_honoured: vec![Accommodation::Paper, Accommodation::ExtraTime],
        policy: policy(),
        models: vec!["blazeface_back@1".to_owned()],
        inputs_sha256: "ef".repeat(32),
        watermark_ms: MediaMs(3_600_000),
        human_review_required: true,
        decision: None,
        run: None,
    }
}

/// An hour with a bit of everything.
pub fn eventful(title: &str) -> SessionReport {
    use IncidentType::*;
    let mut away = contribution(GazeOffScreen, 80_000, 3_000, 50, 8_000);
    away.applied_milli = 6_500;
    SessionReport {
        title: title.to_owned(),
        media: MediaFacts {
            duration: Millis(3_600_000),
            size: Some((640, 480)),
            codec: Some("VP8".to_owned()),
            container: Some("WebM".to_owned()),
        },
        observations: observations(3_600_000, 1000),
        incidents: vec![
            incident(
                GazeOffScreen,
                300,
                340,
                Severity::Medium,
                "Eyes and head were away from the screen for 40 s.",
            ),
            incident(
                GazeOffScreen,
                1200,
                1240,
                Severity::Medium,
                "Eyes and head were away from the screen for 40 s.",
            ),
            incident(
                HeadTurnedAway,
                302,
                338,
                Severity::Medium,
                "The head was turned by more than 35° for 36 s.",
            ),
            incident(PersonAbsent, 660, 732, Severity::Medium, "Nobody was at the desk for 72 s."),
            incident(SceneUnusable, 1200, 1380, Severity::Info, "The picture was too dark for 180 s."),
            incident(MultiplePersons, 1800, 1813, Severity::High, "Two persons were visible for 13 s."),
            incident(CameraObstructed, 2460, 2496, Severity::Info, "The camera was covered for 36 s."),
            incident(
                ReplaySuspected,
                2700,
                2720,
                Severity::High,
                "A stretch of 20 s repeats an earlier one.",
            ),
        ],
        score: score(vec![
            contribution(MultiplePersons, 13_000, 20_000, 200, 50_000),
            contribution(PersonAbsent, 72_000, 6_000, 50, 45_000),
            away,
            contribution(HeadTurnedAway, 36_000, 3_000, 50, 8_000),
        ]),
        bands: BANDS,
        traces: traces(&observations(3_600_000, 1000)),
        pictures: Vec::new(),
    }
}

/// Half a minute in which nothing happened.
pub fn calm(title: &str) -> SessionReport {
    let mut score = score(Vec::new());
    score.review_priority = ReviewPriority::None;
    score.coverage = Coverage {
        expected_ms: Millis(30_000),
        observed_ms: Millis(30_000),
        ratio_milli: 1000,
        by_reason: BTreeMap::new(),
        longest_unseen_ms: Millis(0),
    };
    score.accommodations_honoured = Vec::new();
    score.not_evaluated = Vec::new();
    SessionReport {
        title: title.to_owned(),
        media: MediaFacts { duration: Millis(30_000), size: Some((640, 480)), codec: None, container: None },
        observations: observations(30_000, 500),
        incidents: Vec::new(),
        score,
        bands: BANDS,
        traces: traces(&observations(30_000, 500)),
        pictures: Vec::new(),
    }
}

/// Two hours of which too little was seen.
pub fn grey(title: &str) -> SessionReport {
    let mut report = calm(title);
    report.score.integrity = None;
    report.score.band = Band::Grey;
    report.score.evidence = EvidenceStatus::Insufficient;
    report.score.review_priority = ReviewPriority::Medium;
    report.score.coverage = Coverage {
        expected_ms: Millis(7_200_000),
        observed_ms: Millis(5_400_000),
        ratio_milli: 750,
        by_reason: BTreeMap::from([("obstructed".to_owned(), Millis(1_800_000))]),
        longest_unseen_ms: Millis(1_800_000),
    };
    report
}
