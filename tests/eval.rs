//! An evaluation says how right the product is, never more than it measured, and what to look at.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use domain::geometry::Rect;
use domain::messages::*;
use domain::policy::Policy;
use domain::score::{Direction, Gaze, Output, SampleTrace, ScoreInput, SessionFold};
use domain::time::{Interval, MediaMs, Millis};
use invigilator::eval::{Analysed, Analyzer, EvalError, Evaluation, Figure, Recorded, run};
use serde_json::Value;
use tempfile::TempDir;

use crate::report::synthetic::{incident, observations, score, session};

fn policy() -> Policy {
    let text = include_str!("../config/policies/standard.toml");
    toml::from_str(text).unwrap()
}

/// A product that answers what it was told to, by file name.
#[derive(Default)]
struct Scripted {
    policy: Option<Policy>,
    answers: BTreeMap<String, Analysed>,
    asked: RefCell<Vec<String>>,
}

impl Analyzer for Scripted {
    fn analyze(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        self.asked.borrow_mut().push(name.clone());
        self.answers.get(&name).cloned().ok_or_else(|| "no such answer".into())
    }

    fn analyze_still(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        self.analyze(file)
    }

    fn policy(&self) -> &Policy {
        self.policy.as_ref().unwrap()
    }
}

/// A folder with labels, and the product's answers about its clips.
struct Bench {
    folder: TempDir,
    product: Scripted,
}

impl Bench {
    fn new(forms: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in forms {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { folder, product: Scripted { policy: Some(policy()), ..Scripted::default() } }
    }

    /// A clip that exists; what the product says of it.
    fn clip(mut self, path: &str, answer: Option<Analysed>) -> Self {
        let file = self.folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, b"not looked at").unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        self.product.answers.extend(answer.map(|answer| (name, answer)));
        self
    }

    fn run(&self) -> Evaluation {
        run(self.folder.path(), &self.product, |_, _, _| {}).unwrap()
    }
}

fn figure<'a>(evaluation: &'a Evaluation, name: &str) -> &'a Figure {
    evaluation.figures.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Answers with this many faces in each second; `None`: too dark.
fn counted(faces: &[Option<usize>]) -> Analysed {
    let duration = faces.len() as i64 * 1000;
    let mut seen = observations(duration, 1000);
    let mut traces = Vec::new();
    for frame in seen.iter_mut().flat_map(|observation| &mut observation.frames) {
        let count = faces[(frame.media_ms.0 / 1000) as usize];
        let face = frame.faces.first().cloned().unwrap();
        frame.status = if count.is_some() { SampleStatus::Seen } else { SampleStatus::NotSeen };
        frame.reason = count.is_none().then_some(UnseenReason::Dark);
        frame.faces = vec![face; count.unwrap_or(0)];
        traces.push(SampleTrace {
            at: frame.media_ms,
            span: Interval::new(frame.media_ms, frame.media_ms + Millis(1000)),
            unseen: count.is_none().then_some("dark"),
            persons: count.map(|count| count as u16),
            gaze: None,
        });
    }
    let mut score = score(Vec::new());
    score.coverage.expected_ms = Millis(duration);
    score.coverage.observed_ms = Millis(faces.iter().flatten().count() as i64 * 1000);
    Analysed { observations: seen, incidents: Vec::new(), score, traces, duration: Millis(duration) }
}

fn with(mut analysed: Analysed, incidents: Vec<Incident>) -> Analysed {
    analysed.incidents = incidents;
    analysed
}

fn reported(kind: IncidentType, from_s: i64, to_s: i64, flag_s: i64) -> Incident {
    let run = IncidentRun { detected_at: String::new(), time_to_flag_ms: Millis(flag_s * 1000) };
    Incident { run: Some(run), ..incident(kind, from_s, to_s, Severity::Medium, "") }
}

const SPANS: &str = "clip,from_s,to_s,faces,persons,identity,state\n";

#[test]
fn all_forms_are_found_in_the_folder_and_one_below() {
    let bench = Bench::new(&[
        ("labels_video_whole.csv", "clip,faces_min,faces_max,persons,identity\nvideos/a.mp4,1,1,1,\n"),
        (
            "labels_video_seconds.csv",
            "clip,second,faces_min,faces_max,persons,gaze,phone,identity,note\nvideos/a.mp4,1,2,2,2,unknown,0,,\n",
        ),
        ("labels_images.csv", "image,faces_min,faces_max,phone,note\nimages/i.jpg,3,3,0,\n"),
        ("labels_pairs.csv", "a,b,same_or_different,source\nx.jpg,y.jpg,same,z\n"),
        ("registry/labels.csv", &format!("{SPANS}r.webm,0,2,1-2,2,p1,ok (with a note)\n")),
    ])
    .clip("videos/a.mp4", Some(counted(&[Some(1), Some(2), Some(1)])))
    .clip("images/i.jpg", Some(counted(&[Some(3)])))
    .clip("registry/r.webm", Some(counted(&[Some(1), Some(2)])));
    let evaluation = bench.run();
    let names: Vec<&str> = evaluation.clips.iter().map(|clip| clip.clip.as_str()).collect();
    assert_eq!(names, ["images/i.jpg", "registry/r.webm", "videos/a.mp4"]);
    assert_eq!(evaluation.data_set.forms.len(), 4, "pairs are for another task");
    assert!(evaluation.problems.is_empty(), "{:?}", evaluation.problems);
    // The label of a second holds over that of its clip.
    assert_eq!(figure(&evaluation, "face_count").n, 5);
    assert_eq!(figure(&evaluation, "face_count").value, Some(1.0));
    assert_eq!(figure(&evaluation, "face_count_stills").value, Some(1.0));
    assert_eq!(figure(&evaluation, "person_count").value, Some(4.0 / 5.0));
}

#[test]
fn a_second_not_seen_is_wrong_unless_people_could_not_see_either() {
    let labels = format!("{SPANS}a.webm,0,4,1,1,p1,ok\na.webm,4,6,0-1,1,p1,nearly black\n");
    let bench = Bench::new(&[("labels.csv", &labels)])
        .clip("a.webm", Some(counted(&[Some(1), None, None, Some(2), None, Some(1)])));
    let evaluation = bench.run();
    let faces = figure(&evaluation, "face_count_single");
    assert_eq!((faces.value, faces.n, faces.clips), (Some(2.0 / 5.0), 5, 1));
    let text = evaluation.to_string();
    assert!(text.contains("faces, seconds 1 to 2: labelled 1, got not seen"), "{text}");
    assert!(text.contains("faces, second 3: labelled 1, got 2"), "{text}");
    assert!(!text.contains("second 4"), "excused");
}

#[test]
fn spans_longer_than_the_on_duration_must_be_found_and_in_time() {
    let labels = format!(
        "{SPANS}a.webm,0,20,1,1,p1,ok\na.webm,20,44,0,0,,absent\na.webm,44,60,1,1,p1,ok\n\
         b.webm,0,20,1,1,p1,ok\nb.webm,20,29,0,0,,absent\nb.webm,29,40,1,1,p1,ok\n\
         c.webm,0,30,0,0,,absent from the start\n\
         d.webm,0,10,1,1,p1,ok\nd.webm,10,11,1-2,2,p1,entering\nd.webm,11,30,2,2,p1,second person\n"
    );
    let absent = |from, to, flag| reported(IncidentType::PersonAbsent, from, to, flag);
    let bench = Bench::new(&[("labels.csv", &labels)])
        // Found after 10 s.
        .clip("a.webm", Some(with(counted(&[Some(1); 60]), vec![absent(20, 44, 10)])))
        // 9 s are too short to have to be found.
        .clip("b.webm", Some(counted(&[Some(1); 40])))
        // Nobody was ever seated: without a face is all that can be said.
        .clip("c.webm", Some(with(counted(&[Some(0); 30]), vec![absent(0, 30, 10)])))
        // Flagged 8 s after the second person came: later than 3 s and 2 s.
        .clip(
            "d.webm",
            Some(with(counted(&[Some(2); 30]), vec![reported(IncidentType::MultiplePersons, 12, 30, 6)])),
        );
    let evaluation = bench.run();
    let recall = figure(&evaluation, "incident_recall");
    assert_eq!((recall.value, recall.n), (Some(2.0 / 3.0), 3));
    assert_eq!(figure(&evaluation, "incident_recall_face_not_detected").value, Some(0.0));
    assert_eq!(figure(&evaluation, "incident_recall_person_absent").value, Some(1.0));
    assert_eq!(figure(&evaluation, "onset_in_time").value, Some(0.5));
    let precision = figure(&evaluation, "incident_precision");
    assert_eq!((precision.value, precision.n), (Some(2.0 / 3.0), 3));
    let text = evaluation.to_string();
    for line in [
        "missed: face_not_detected, labelled 0.0 to 30.0 s",
        "no label explains person_absent, 0.0 to 30.0 s",
        "multiple_persons, labelled 10.0 to 30.0 s: start is off by 2.0 s, flagged after 8.0 s",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("b.webm\n    missed"));
}

#[test]
fn neighbouring_spans_of_one_meaning_are_one_span() {
    let labels = format!(
        "{SPANS}a.webm,0,10,1,1,p1,ok\na.webm,10,20,1,1,p1,dark\na.webm,20,30,0-1,1,p1,nearly black\n"
    );
    let dark = [vec![Some(1); 10], vec![None; 20]].concat();
    let found = vec![reported(IncidentType::SceneUnusable, 10, 30, 15)];
    let bench = Bench::new(&[("labels.csv", &labels)]).clip("a.webm", Some(with(counted(&dark), found)));
    let evaluation = bench.run();
    let recall = figure(&evaluation, "incident_recall");
    assert_eq!((recall.value, recall.n), (Some(1.0), 1), "each alone would be shorter than 15 s");
}

#[test]
fn evidence_in_a_calm_clip_is_counted_against_the_product() {
    let whole = "clip,faces_min,faces_max,persons,identity\na.mp4,1,1,1,\nb.mp4,1,1,1,\nc.mp4,2,4,4,\n";
    let away = vec![reported(IncidentType::GazeOffScreen, 5, 20, 8)];
    let bench = Bench::new(&[("labels_video_whole.csv", whole)])
        .clip("a.mp4", Some(with(counted(&[Some(1); 60]), away)))
        .clip("b.mp4", Some(counted(&[Some(1); 60])))
        .clip("c.mp4", Some(counted(&[Some(3); 60])));
    let evaluation = bench.run();
    let calm = figure(&evaluation, "calm_without_evidence");
    assert_eq!((calm.value, calm.n), (Some(0.5), 2));
    let wrong = figure(&evaluation, "false_evidence_per_hour");
    assert_eq!(wrong.value, Some(20.0), "one in three minutes");
    assert!(wrong.intervals[0].bounds.low < 1.0 && wrong.intervals[0].bounds.high > 100.0);
    assert_eq!(figure(&evaluation, "incident_recall_multiple_persons").n, 1, "the whole clip is a span");
}

#[test]
fn an_incident_far_beyond_its_label_is_shown() {
    let labels =
        format!("{SPANS}a.webm,0,20,1,1,p1,ok\na.webm,20,40,2,2,p1,second person\na.webm,40,60,1,1,p1,ok\n");
    let found = vec![reported(IncidentType::MultiplePersons, 20, 55, 3)];
    let bench =
        Bench::new(&[("labels.csv", &labels)]).clip("a.webm", Some(with(counted(&[Some(1); 60]), found)));
    assert!(bench.run().to_string().contains("multiple_persons, 20.0 to 55.0 s: 15.0 s beyond its label"));
}

#[test]
fn gaze_is_judged_by_the_calibrated_angle() {
    let mut seconds = "clip,second,faces_min,faces_max,persons,gaze,phone,identity,note\n".to_owned();
    let labelled = ["screen", "screen", "away_up", "unknown", "away_image_left", "away_down", "screen"];
    for (second, gaze) in labelled.iter().enumerate() {
        seconds += &format!("a.mp4,{second},1,1,1,{gaze},0,,\n");
    }
    let mut analysed = counted(&[Some(1); 7]);
    // (yaw, pitch) in degrees; the last is not measured.
    let looks = [(2, 3), (-22, 0), (0, 25), (80, 0), (-30, 0), (0, -12)];
    for (trace, (yaw, pitch)) in analysed.traces.iter_mut().zip(looks) {
        let direction = Direction { yaw: yaw * 1000, pitch: pitch * 1000 };
        trace.gaze = Some(Gaze { direction, head: Direction::default(), calibrated: true });
    }
    let bench = Bench::new(&[("labels_video_seconds.csv", &seconds)]).clip("a.mp4", Some(analysed));
    let evaluation = bench.run();
    // Away: 25, 30, 12 degrees. On screen: 3, 22, none. Pairs won: 3 + 3 + 2 of 9.
    let auc = figure(&evaluation, "gaze_away_auc");
    assert_eq!((auc.value, auc.n), (Some(8.0 / 9.0), 6));
    // Two of three found, one false alarm.
    assert_eq!(figure(&evaluation, "gaze_away_f1").value, Some(4.0 / 6.0));
    assert_eq!(figure(&evaluation, "gaze_away_auc_calibrated").n, 5);
    assert_eq!(figure(&evaluation, "gaze_away_found").value, Some(2.0 / 3.0));
    assert_eq!(figure(&evaluation, "gaze_screen_found").value, Some(2.0 / 3.0));
    let text = evaluation.to_string();
    assert!(text.contains("gaze, second 1: labelled on screen, decided away (22.0°)"), "{text}");
    assert!(text.contains("gaze, second 5: labelled away, decided on screen (12.0°)"), "{text}");
}

#[test]
fn no_figure_goes_without_data_set_operating_point_size_and_interval() {
    let labels = format!("{SPANS}a.webm,0,30,1,1,p1,ok\nb.webm,0,30,1,1,p1,ok\n");
    let bench = Bench::new(&[("labels.csv", &labels)])
        .clip("a.webm", Some(counted(&[Some(1); 30])))
        .clip("b.webm", Some(counted(&[Some(1); 30])));
    let evaluation = bench.run();
    for figure in evaluation.figures.iter().filter(|figure| figure.value.is_some()) {
        assert!(figure.n > 0 || figure.name == "false_evidence_per_hour", "{}", figure.name);
        assert!(!figure.intervals.is_empty(), "{}", figure.name);
    }
    let text = evaluation.to_string();
    for sign in [
        "data set",
        "labels.csv  sha256",
        "policy standard version 3",
        "face: blazeface_back@1",
        "1 samples/s",
    ] {
        assert!(text.contains(sign), "{sign}\n{text}");
    }
    let json = serde_json::to_value(&evaluation).unwrap();
    let figure = &json["figures"][0];
    assert_eq!((figure["name"].as_str(), figure["n"].as_u64()), (Some("face_count"), Some(60)));
    assert_eq!(figure["intervals"][0]["method"], "Wilson");
    assert!(figure["intervals"][0]["low"].as_f64().unwrap() < 0.95);
    assert_eq!(json["operating_point"]["policy"]["id"], "standard");
    assert_eq!(text, bench.run().to_string(), "the same labels and results print the same");
}

#[test]
fn what_the_product_refuses_is_counted_and_listed() {
    let labels = format!("{SPANS}a.webm,0,10,1,1,p1,ok\nb.webm,0,10,1,1,p1,ok\n");
    let images = "image,faces_min,faces_max,phone,note\ni.jpg,1,1,0,\n";
    let bench = Bench::new(&[("labels.csv", &labels), ("labels_images.csv", images)])
        .clip("a.webm", Some(counted(&[Some(1); 10])))
        .clip("b.webm", None)
        .clip("i.jpg", None);
    let evaluation = bench.run();
    let faces = figure(&evaluation, "face_count");
    assert_eq!((faces.value, faces.n), (Some(0.5), 20), "a refused video is not seen at all");
    let stills = figure(&evaluation, "face_count_stills");
    assert_eq!(stills.value, None);
    assert!(stills.note.as_ref().is_some_and(|note| note.starts_with("1 stills were refused")));
    assert!(evaluation.to_string().contains("i.jpg: refused: no such answer"));
}

#[test]
fn labels_that_cannot_be_used_are_reported() {
    let labels = format!(
        "{SPANS}a.webm,0,10,1,1,p1,ok\na.webm,10,20,1,1,p1,levitating\na.webm,30,20,1,1,p1,ok\n\
         a.webm,20,30,many,1,p1,ok\ngone.webm,0,10,1,1,p1,ok\n"
    );
    let bench =
        Bench::new(&[("labels.csv", &labels), ("labels_x.csv", "clip,faces_min,faces_max\na,one,2\n")])
            .clip("a.webm", Some(counted(&[Some(1); 10])));
    let problems = bench.run().problems.join("\n");
    for problem in [
        "`levitating` is no known state",
        "from_s and to_s are no span",
        "`many` is no count",
        "gone.webm: labelled but not there",
        "labels_x.csv",
    ] {
        assert!(problems.contains(problem), "{problem}\n{problems}");
    }
    assert_eq!(bench.product.asked.borrow().as_slice(), ["a.webm"]);
}

#[test]
fn nothing_to_evaluate_is_an_error() {
    let bench =
        Bench::new(&[("labels.csv", &format!("{SPANS}a.webm,0,10,1,1,p1,ok\n"))]).clip("a.webm", None);
    let error = run(bench.folder.path(), &bench.product, |_, _, _| {}).unwrap_err();
    assert!(matches!(error, EvalError::Nothing { .. }));
    assert!(error.to_string().contains("a.webm: refused: no such answer"), "{error}");
    assert!(matches!(
        run(Path::new("/no/such"), &bench.product, |_, _, _| {}),
        Err(EvalError::Folder { .. })
    ));
}

/// The real fold over made-up observations, in place of a script.
pub fn folded(observations: Vec<Observation>, duration: Millis) -> Analysed {
    let policy_ref = PolicyRef { id: "standard".to_owned(), version: 1, sha256: "00".repeat(32) };
    let mut fold = SessionFold::new(policy(), policy_ref, session("s42"));
    fold.trace(true);
    let expected = Some(Interval::new(MediaMs::ZERO, MediaMs::ZERO + duration));
    let started =
        SessionEvent::Started { policy: "standard".to_owned(), accommodations: Vec::new(), expected };
    let fact = SessionFact { session: session("s42"), media_ms: MediaMs::ZERO, event: started };
    let mut outputs = fold.push(ScoreInput::SessionFact(&fact));
    for observation in &observations {
        outputs.extend(fold.push(ScoreInput::Observation(observation)));
    }
    outputs.extend(fold.finish());
    let traces = fold.take_traces();
    let mut incidents = BTreeMap::new();
    let mut last = None;
    for output in outputs {
        match output {
            Output::Incident { mut incident, time_to_flag } => {
                incident.run =
                    Some(IncidentRun { detected_at: String::new(), time_to_flag_ms: time_to_flag });
                incidents.insert(incident.incident_id, *incident);
            }
            Output::Score(score) => last = Some(*score),
        }
    }
    Analysed {
        observations,
        incidents: incidents.into_values().collect(),
        score: last.unwrap(),
        traces,
        duration,
    }
}

#[test]
fn the_real_fold_is_measured_through_the_same_seam() {
    let labels = format!(
        "{SPANS}a.webm,0,20,1,1,p1,ok\na.webm,20,40,2,2,p1,second person\na.webm,40,60,1,1,p1,ok\nb.webm,0,60,1,1,p1,ok\n"
    );
    let calm = observations(60_000, 500);
    let mut visited = calm.clone();
    for frame in visited.iter_mut().flat_map(|observation| &mut observation.frames) {
        if (20_000..40_000).contains(&frame.media_ms.0) {
            let t = frame.media_ms.0 as f32 / 1000.0;
            let rect = Rect { x: 0.7 + 0.05 * (t * 1.3).sin(), y: 0.25, w: 0.2, h: 0.35 };
            let mut second = frame.faces[0].clone();
            second.rect = rect;
            frame.faces.push(second);
            frame.persons.get_or_insert_default().push(PersonObservation { rect, conf: 0.9 });
        }
    }
    let bench = Bench::new(&[("labels.csv", &labels)])
        .clip("a.webm", Some(folded(visited, Millis(60_000))))
        .clip("b.webm", Some(folded(calm, Millis(60_000))));
    let evaluation = bench.run();
    let text = evaluation.to_string();
    for name in
        ["face_count", "incident_recall", "onset_in_time", "incident_precision", "calm_without_evidence"]
    {
        assert_eq!(figure(&evaluation, name).value, Some(1.0), "{name}\n{text}");
    }
    assert!(figure(&evaluation, "person_count").value.is_some_and(|value| value > 0.95), "{text}");
    assert!(figure(&evaluation, "coverage").value.is_some_and(|value| value > 0.99), "{text}");
}

/// Observations as another program may write them.
fn lines(observations: &[Observation]) -> String {
    let lines = observations.iter().map(|observation| serde_json::to_string(observation).unwrap() + "\n");
    lines.collect()
}

/// What is wrong with the only file of a folder of observations, told on one line.
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jsonl"), text).unwrap();
    let error = anyhow::Error::from(Recorded::read(folder.path()).unwrap_err());
    format!("{error:#}")
}

#[test]
fn what_others_saw_is_read_bare_or_from_events_and_in_order() {
    let seen = observations(30_000, 1000);
    let event = |kind: &str, data: Value| {
        serde_json::json!({"specversion": "1.0", "type": kind, "data": data}).to_string() + "\n"
    };
    let wrapped = |observation| {
        event("invigilator.observation.v1", serde_json::to_value::<&Observation>(observation).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let mixed = [wrapped(&seen[2]), event("invigilator.score.v1", Value::Null), lines(&seen[..2])].concat();
    fs::write(folder.path().join("a.jsonl"), mixed).unwrap();
    fs::write(folder.path().join("b.jsonl"), "\n").unwrap();
    fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
    let recorded = Recorded::read(folder.path()).unwrap();
    let instants = |seen: &[Observation]| -> Vec<MediaMs> {
        seen.iter().flat_map(|seen| &seen.frames).map(|frame| frame.media_ms).collect()
    };
    assert_eq!(instants(&recorded.of(Path::new("x/a.webm")).unwrap()), instants(&seen[..3]));
    for clip in ["b.webm", "c.d.webm"] {
        let error = recorded.of(Path::new(clip)).unwrap_err().to_string();
        let file = folder.path().join(clip.replace("webm", "jsonl"));
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_line_that_is_no_observation_is_named() {
    let seen = observations(20_000, 1000);
    let good = lines(&seen);
    let broken = refused(&format!("{good}\n{{\"session\":\n"));
    assert!(broken.contains("a.jsonl, line 4") && broken.contains("EOF"), "{broken}");
    let incomplete = refused(&format!("{{}}\n{good}"));
    assert!(incomplete.contains("a.jsonl, line 1") && incomplete.contains("missing field"), "{incomplete}");
    let mut other = seen;
    other[1].session = session("s43");
    let mixed = refused(&lines(&other));
    assert!(mixed.contains("a.jsonl, line 2") && mixed.contains("s43"), "{mixed}");
}

fn invigilator(arguments: &[&str]) -> process::Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    program.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap()
}

/// A folder with labelled sample clips.
fn labelled(clips: &[&str], rows: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in clips {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
        assert!(clip.exists(), "{} is missing: run `make setup`", clip.display());
        fs::copy(clip, folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("labels.csv"), format!("{SPANS}{rows}")).unwrap();
    folder
}

#[test]
fn what_analyze_saw_evaluates_like_the_clips_themselves() {
    // A transport stream does not say how long it is.
    let clips = ["c06_second_person_h264.ts", "c07_two_faces_vp9.webm"];
    let rows = "c06_second_person_h264.ts,0,15,1,1,p1,ok\nc06_second_person_h264.ts,15,27,1-2,2,p1,second person\n\
                c07_two_faces_vp9.webm,0,20,2,2,p1,second person\n";
    let folder = labelled(&clips, rows);
    let path = |name: &str| folder.path().join(name);
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    fs::create_dir(path("seen")).unwrap();
    for clip in clips {
        let output = invigilator(&["analyze", "--json", "--no-progress", &text(path(clip))]);
        fs::write(path("seen").join(clip).with_extension("jsonl"), output.stdout).unwrap();
    }
    let evaluated = |name: &str, extra: &[&str]| -> Value {
        let (folder, json) = (text(folder.path().to_owned()), text(path(name)));
        let output = invigilator(&[&["eval", &folder, "--no-progress", "--json", &json], extra].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap()
    };
    let seen = text(path("seen"));
    let product = evaluated("product.json", &[]);
    let mut others = evaluated("others.json", &["--observations", &seen]);
    assert_eq!(others["operating_point"]["observations"], seen);
    others["operating_point"]["observations"] = Value::Null;
    assert_eq!(product, others);
    assert!(product["figures"].as_array().unwrap().iter().any(|figure| figure["value"] == 1.0));

    // Nothing was recorded of one clip: it counts as not seen.
    fs::remove_file(path("seen").join("c07_two_faces_vp9.jsonl")).unwrap();
    let folder = text(folder.path().to_owned());
    let output = invigilator(&["eval", &folder, "--no-progress", "--observations", &seen]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("c07_two_faces_vp9.webm: refused: no observations"), "{told}");

    // A broken line ends it.
    fs::write(path("seen").join("c07_two_faces_vp9.jsonl"), "{}\n").unwrap();
    let output = invigilator(&["eval", &folder, "--no-progress", "--observations", &seen]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("c07_two_faces_vp9.jsonl, line 1: no observation: missing field"), "{told}");
}
