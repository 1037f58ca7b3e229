//! Promise: the enrolled person is recognised and a swap is found within 30 s of media time, in calm mode too;
//! it costs nothing before a human looked; no number of a face is in any topic or log; erasing leaves nothing
//! behind under the session's name.
//!
//! Real binary, real decoder and models, real Apache Kafka, real video of two people.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::messages::{Enrolment, Photo, Reference, canonical};
use invigilator::identity::seal;
use invigilator::privacy::TenantKeys;
use invigilator::sending::send_all;
use kafka::Outgoing;
use kafka::wire::Event;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::exam::{Exam, PARTITIONS, PATIENCE, clip, data, invigilator, text};

const SESSION: &str = "t1/e7/swap";
/// When somebody else sits down.
const SWAP_MS: i64 = 20_000;
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn ffmpeg(arguments: &[&str], inputs: &[PathBuf], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]);
    command.args(inputs.iter().flat_map(|input| ["-i".as_ref(), input.as_os_str()]));
    assert!(command.args(arguments).arg(output).status().unwrap().success());
}

/// A photo of whoever sits in the calm clip.
fn photo(folder: &TempDir) -> PathBuf {
    let photo = folder.path().join("photo.jpg");
    ffmpeg(&["-ss", "31", "-frames:v", "1", "-q:v", "2"], &[clip("c01_calm_vp8.webm")], &photo);
    photo
}

/// One person for 20 s, then another one.
fn swap(folder: &TempDir) -> PathBuf {
    let recording = folder.path().join("swap.webm");
    let joined = "[0:v]trim=0:20,setpts=PTS-STARTPTS,setsar=1[a];[1:v]trim=0:36,setpts=PTS-STARTPTS,setsar=1[b];\
                  [a][b]concat=n=2:v=1:a=0[v]";
    let encoder = "-an -c:v libvpx -deadline realtime -cpu-used 8 -b:v 400k -g 30 -pix_fmt yuv420p -r 15";
    let encoder: Vec<&str> = encoder.split(' ').collect();
    let arguments = [&["-filter_complex", joined, "-map", "[v]"], encoder.as_slice()].concat();
    ffmpeg(&arguments, &[clip("c01_calm_vp8.webm"), clip("c02_calm_h264.mp4")], &recording);
    recording
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `analyze` finds of a type: the last message of it that counts.
fn analyzed(recording: &Path, photo: &Path) -> Vec<Value> {
    let output = invigilator()
        .args(["analyze", "--json", "--no-progress", "--session", SESSION, "--reference"])
        .arg(photo)
        .arg(recording)
        .output()
        .unwrap();
    succeeded(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).map(|event| &event["data"]).collect()
}

/// When an incident of a type was known to be one.
fn noticed(incidents: &[&Value], kind: &str) -> Option<i64> {
    let first = incidents.iter().find(|incident| incident["type"] == kind)?;
    Some(first["start_ms"].as_i64().unwrap() + first["run"]["time_to_flag_ms"].as_i64().unwrap())
}

#[test]
fn the_enrolled_person_is_verified_and_nobody_is_accused() {
    let folder = tempfile::tempdir().unwrap();
    for recording in ["c01_calm_vp8.webm", "c03_leaves_vp8.webm", "c05_second_person_vp8.webm"] {
        let events = analyzed(&clip(recording), &photo(&folder));
        let accused = of(&events, "invigilator.incident.v1");
        assert!(accused.iter().all(|incident| incident["class"] != "identity"), "{recording}: {accused:?}");
        let score = of(&events, "invigilator.score.v1").pop().unwrap();
        assert_eq!(score["identity"]["state"], "verified", "{recording}: {}", score["identity"]);
    }
}

#[test]
fn a_photo_that_cannot_be_used_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [nobody, two] = ["nobody.png", "two.png"].map(|name| folder.path().join(name));
    ffmpeg(&["-frames:v", "1"], &[clip("c15_empty_h264.mp4")], &nobody);
    ffmpeg(&["-frames:v", "1"], &[clip("c07_two_faces_vp9.webm")], &two);
    let good = photo(&folder);
    let photos = [good.clone(), nobody, two, folder.path().join("missing.jpg"), clip("labels.csv")];
    let output = invigilator().args(["enroll", "--dry-run"]).args(photos).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout).unwrap();
    let reasons: Vec<&str> = said.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(reasons[0], "can be used");
    for (said, reason) in reasons[1..].iter().zip(["faces", "faces", "unreadable", "no_picture"]) {
        assert!(said.starts_with(&format!("cannot be used ({reason})")), "{said}");
    }
    let stranger = folder.path().join("stranger.jpg");
    ffmpeg(&["-ss", "10", "-frames:v", "1", "-q:v", "2"], &[clip("c02_calm_h264.mp4")], &stranger);
    let output = invigilator().args(["enroll", "--dry-run"]).args([good, stranger]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("(unlike)"), "two people are no person");
}

/// A worker whose whole log is kept.
struct Logged {
    child: Child,
    log: PathBuf,
}

impl Logged {
    fn start(exam: &Exam, folder: &TempDir, keys: &Path) -> Self {
        Self::start_with(exam, folder, keys, &[])
    }

    fn start_with(exam: &Exam, folder: &TempDir, keys: &Path, variables: &[(&str, &str)]) -> Self {
        let log = folder.path().join("worker.log");
        let child = exam
            .command("worker")
            .env("INVIGILATOR__KAFKA__INSTANCE", "enrolment")
            .env("INVIGILATOR__TELEMETRY__LISTEN", "")
            .env("INVIGILATOR__TELEMETRY__LOG_LEVEL", "trace")
            .env("INVIGILATOR__ADAPTIVE__CALM_AFTER_MS", "5000")
            .env("INVIGILATOR__PRIVACY__KEYS_FILE", keys)
            .envs(variables.iter().copied())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Ends it in order; everything that it said.
    fn end(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // It may have ended in order.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn a_swap_is_found_nothing_of_a_face_is_told_and_erasing_leaves_nothing() {
    let (exam, folder) = (Exam::new("enrolment"), tempfile::tempdir().unwrap());
    exam.create_topics();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, format!("t1 2026-11 {KEY}\n")).unwrap();
    let enrolled = exam
        .command("enroll")
        .args(["--session", SESSION])
        .arg(photo(&folder))
        .env("INVIGILATOR__PRIVACY__KEYS_FILE", &keys)
        .output()
        .unwrap();
    let enrolled = succeeded(&enrolled);
    let records = exam.read_all(&exam.topics.enrolments());
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let enrolment: Enrolment = kafka::wire::decode(record).unwrap();
    assert!(enrolled.contains(&enrolment.template), "{enrolled}");

    let worker = Logged::start(&exam, &folder, &keys);
    let published = exam
        .command("publish")
        .args(["--no-progress", "--session", SESSION])
        .arg(swap(&folder))
        .output()
        .unwrap();
    succeeded(&published);
    let scores = exam.final_scores(1);
    let score = &scores[SESSION];
    assert_eq!(score["identity"]["template"], enrolment.template.as_str());
    assert_eq!(score["identity"]["state"], "pending_review", "{}", score["identity"]);
    assert_eq!((score["concern_milli"].as_i64(), &score["review_priority"]), (Some(0), &"high".into()));
    let incidents: Vec<Value> = exam.read_all(&exam.topics.incidents()).iter().map(data).collect();
    let at = noticed(&incidents.iter().collect::<Vec<_>>(), "identity_mismatch").expect("a swap is noticed");
    assert!((SWAP_MS..=SWAP_MS + 30_000).contains(&at), "noticed at {at} ms");
    let log = worker.end();

    let Reference::Sealed(sealed) = &enrolment.reference else { panic!("{enrolment:?}") };
    let opened = seal::open((&TenantKeys::read(&keys).unwrap(), None), &enrolment, sealed).unwrap();
    let mut told = vec![log, enrolled];
    for topic in exam.topics.specs(PARTITIONS, 1).into_iter().map(|spec| spec.name) {
        let records = exam.read_all(&topic);
        let values = records.iter().filter_map(|record| record.value.as_deref());
        told.extend(values.map(|value| String::from_utf8_lossy(value).into_owned()));
    }
    assert!(told[0].len() > 1000 && told.len() > 30, "what was said is looked at");
    for value in opened.values().iter().filter(|value| value.abs() > 1e-3) {
        let printed = value.abs().to_string();
        assert!(told.iter().all(|text| !text.contains(&printed)), "{printed} is told");
    }
    let plain: Vec<u8> = opened.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    for part in plain.chunks_exact(48).map(|part| STANDARD.encode(part)) {
        assert!(told.iter().all(|text| !text.contains(&part)), "numbers of a face are told");
    }

    let erase = || -> Value { serde_json::from_str(&succeeded(&erasing(&exam))).unwrap() };
    let found = |receipt: &Value| -> Vec<String> {
        let deleted = receipt["deleted"].as_array().unwrap().iter();
        deleted.filter(|topic| topic["found"] == true).map(|topic| text(&topic["topic"])).collect()
    };
    let names = [exam.topics.enrolments(), exam.topics.scores(), exam.topics.score_state()];
    assert_eq!(found(&erase()), names);
    assert_eq!(found(&erase()), [""; 0], "nothing is left");
    for topic in names {
        let records = exam.read_all(&topic);
        let last = records.iter().rfind(|record| record.key == SESSION.as_bytes()).unwrap();
        assert_eq!(last.value, None, "{topic}");
    }
}

/// An exam system that knows nothing of templates writes photos, one in the record and one elsewhere.
#[test]
fn photos_in_the_log_become_a_template_and_go() {
    let (exam, folder) = (Exam::new("photos"), tempfile::tempdir().unwrap());
    exam.create_topics();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, format!("t1 2026-11 {KEY}\n")).unwrap();
    let photo = photo(&folder);
    let bytes = std::fs::read(&photo).unwrap();
    let session = "t1/e7/photos";
    let enrolment = |photos: Vec<Photo>| Enrolment {
        session: session.parse().unwrap(),
        template: "card-17".to_owned(),
        expires_at: "2099-01-01T00:00:00Z".to_owned(),
        reference: Reference::Photos(photos),
    };
    let inline = Photo::Inline { inline: STANDARD.encode(&bytes) };
    let (uri, size) = (format!("file://{}", photo.display()), bytes.len() as u64);
    let elsewhere = Photo::Elsewhere { uri, sha256: canonical::sha256_hex(&bytes), size };
    let event = Event::from_source("/invigilator/test");
    let written = enrolment(vec![inline, elsewhere]);
    let record = Outgoing::message(exam.topics.enrolments(), event, &written);
    send_all(&exam.connection, [record], PATIENCE).unwrap();
    let allowed = format!("[\"file://{}/\"]", folder.path().display());
    let worker =
        Logged::start_with(&exam, &folder, &keys, &[("INVIGILATOR__WORKER__MEDIA_PREFIXES", &allowed)]);
    let records = exam.read(&exam.topics.enrolments(), |records| records.len() == 2);
    let last: Enrolment = kafka::wire::decode(&records[1]).unwrap();
    assert!(matches!(last.reference, Reference::Sealed(_)) && last.template == "card-17");
    assert_eq!((records[0].key.as_slice(), &records[0].key), (session.as_bytes(), &records[1].key));

    let published = exam
        .command("publish")
        .args(["--no-progress", "--session", session])
        .arg(clip("c01_calm_vp8.webm"))
        .output()
        .unwrap();
    succeeded(&published);
    let scores = exam.final_scores(1);
    assert_eq!(scores[session]["identity"]["state"], "verified", "{}", scores[session]["identity"]);
    let log = worker.end();
    assert!(!log.contains(&STANDARD.encode(&bytes[..48])), "a photo is in the log");
}

fn erasing(exam: &Exam) -> Output {
    exam.command("erase").arg(SESSION).output().unwrap()
}
