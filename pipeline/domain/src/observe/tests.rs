use super::*;
use crate::detections::{DetectedPerson, Eyes, MeshedFace, Things};
use crate::messages::Quality;

fn rect(x: f32, y: f32, w: f32, h: f32) -> Rect {
    Rect { x, y, w, h }
}

fn detected(conf: f32, at: Rect, mesh: Option<Rect>) -> DetectedFace {
    let mesh = mesh.map(|rect| MeshedFace {
        presence: 0.99,
        rect,
        yaw: -4.06,
        pitch: 12.04,
        roll: 0.0,
        eyes: Some(Eyes { gaze_x: 0.0211, gaze_y: 0.0104, openness: 0.27 }),
    });
    DetectedFace { rect: at, conf, points: [Point { x: 0.38, y: 0.35 }; 6], mesh }
}

fn sight(faces: Vec<DetectedFace>, light: Light) -> Sight {
    let quality = Quality {
        luma_p10: 31,
        luma_p90: 201,
        contrast: 44,
        sharpness: 180,
        phash: "00".into(),
        grid: "00".into(),
    };
    let persons = vec![
        DetectedPerson { rect: rect(0.7, 0.1, 0.3, 0.9), conf: 0.31 },
        DetectedPerson { rect: rect(0.1, 0.1, 0.4, 0.9), conf: 0.88 },
        DetectedPerson { rect: rect(0.0, 0.0, 0.1, 0.1), conf: 0.1 },
    ];
    let things = Some(Things { persons, objects: Vec::new() });
    Sight { quality, light, detections: Detections { faces, things } }
}

fn look(faces: Vec<DetectedFace>) -> FrameObservation {
    seen(MediaMs(1000), &sight(faces, Light::Normal), &Reporting::default())
}

#[test]
fn two_boxes_whose_meshes_land_on_one_face_are_one_face() {
    // Seen once in the wild: IoU 0.288, both meshes on the same face.
    let one = detected(0.9, rect(0.30, 0.3, 0.2, 0.2), Some(rect(0.32, 0.3, 0.2, 0.25)));
    let double = detected(0.6, rect(0.40, 0.35, 0.2, 0.2), Some(rect(0.34, 0.31, 0.2, 0.25)));
    assert!(one.rect.iou(double.rect) < SUPPRESSION_OF_THE_DETECTOR);
    let frame = look(vec![double, one]);
    assert_eq!(frame.faces.len(), 1);
    assert_eq!(frame.faces[0].conf, 0.9);
}

const SUPPRESSION_OF_THE_DETECTOR: f32 = 0.3;

#[test]
fn two_people_cheek_to_cheek_are_two_faces() {
    let left = detected(0.9, rect(0.30, 0.3, 0.2, 0.25), Some(rect(0.30, 0.3, 0.2, 0.25)));
    let right = detected(0.8, rect(0.48, 0.3, 0.2, 0.25), Some(rect(0.48, 0.3, 0.2, 0.25)));
    assert_eq!(look(vec![left, right]).faces.len(), 2);
}

#[test]
fn a_box_the_mesh_rejects_is_no_face() {
    let mut wallpaper = detected(0.6, rect(0.7, 0.1, 0.1, 0.1), Some(rect(0.7, 0.1, 0.1, 0.1)));
    wallpaper.mesh.as_mut().unwrap().presence = 0.01;
    assert!(look(vec![wallpaper]).faces.is_empty());
}

#[test]
fn faces_come_largest_first_and_persons_most_confident_first() {
    let small = detected(0.95, rect(0.7, 0.1, 0.1, 0.1), None);
    let large = detected(0.60, rect(0.1, 0.1, 0.4, 0.4), None);
    let frame = look(vec![small, large]);
    assert_eq!(frame.faces.iter().map(|face| face.conf).collect::<Vec<_>>(), [0.6, 0.95]);
    assert_eq!(frame.persons.iter().flatten().map(|person| person.conf).collect::<Vec<_>>(), [0.88, 0.31]);
}

#[test]
fn numbers_are_rounded_and_pitch_points_up() {
    let at = rect(0.31, 0.22, 0.24, 0.41);
    let face = &look(vec![detected(0.93, at, Some(at))]).faces[0];
    let text = serde_json::to_string(face).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["yaw"].to_string(), "-4.1");
    assert_eq!(json["gaze_yaw"].to_string(), "0.021");
    assert_eq!(json["gaze_pitch"].to_string(), "-0.01");
    assert_eq!(json["box"].to_string(), "[0.31,0.22,0.24,0.41]");
    assert_eq!(json["roll"].to_string(), "0.0");
}

#[test]
fn an_unusable_picture_keeps_its_quality_and_reports_nothing_else() {
    let dark =
        sight(vec![detected(0.9, rect(0.3, 0.3, 0.2, 0.2), None)], Light::Unusable(UnseenReason::Dark));
    let frame = seen(MediaMs(0), &dark, &Reporting::default());
    assert_eq!((frame.status, frame.reason), (SampleStatus::NotSeen, Some(UnseenReason::Dark)));
    assert!(frame.quality.is_some() && frame.faces.is_empty() && frame.persons.is_none());
}

#[test]
fn nobody_found_in_the_dark_is_not_nobody_there() {
    let mut sight = sight(vec![detected(0.9, rect(0.3, 0.3, 0.2, 0.2), None)], Light::Dim);
    sight.detections.things.as_mut().unwrap().persons.clear();
    assert_eq!(seen(MediaMs(0), &sight, &Reporting::default()).status, SampleStatus::Seen);
    sight.detections.faces.clear();
    let nobody = seen(MediaMs(0), &sight, &Reporting::default());
    assert_eq!((nobody.status, nobody.reason), (SampleStatus::NotSeen, Some(UnseenReason::Dark)));
}
