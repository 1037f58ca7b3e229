//! Promise: with `privacy.encrypt` no byte of video, of a photo or of a template lies readable in a broker's log or in a
//! store; scores are those of a run without it; once a session is erased its key is gone, nobody can open what is left
//! of it, and whoever reads that again says nothing of it. A vault that is down costs time alone, and holds up only
//! what waits for it.
//!
//! Real binary, real decoder and models, real Apache Kafka, a real object store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::messages::{Enrolment, Reference};
use invigilator::identity::seal;
use invigilator::privacy::{TenantKeys, Vault};
use kafka::Record;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::broker::Broker;
use crate::exam::{Exam, Worker, clip, data, text, without_history};
use crate::gateway::{Gateway, header, put, wait_until};
use crate::object_store::ObjectStore;

const SESSION: &str = "t1/e1/exam";
/// Somebody who uploads what is no video.
const POISON: &str = "t1/e1/poison";
/// Published with media by reference.
const ELSEWHERE: &str = "t1/e1/elsewhere";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Bytes of what is looked for, each: as long as no two things have by chance.
const WINDOW: usize = 24;

fn ffmpeg(arguments: &[&str], output: &Path) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments).arg(output);
    assert!(command.status().unwrap().success());
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What all of this is about: some seconds of somebody, and a photo.
struct Material {
    folder: TempDir,
    recording: PathBuf,
    photo: PathBuf,
}

impl Material {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (recording, photo) = (folder.path().join("recording.webm"), folder.path().join("photo.jpg"));
        let calm = clip("c01_calm_vp8.webm");
        ffmpeg(&["-t", "15.9", "-i", calm.to_str().unwrap(), "-an", "-c", "copy"], &recording);
        ffmpeg(&["-ss", "31", "-i", calm.to_str().unwrap(), "-frames:v", "1", "-q:v", "2"], &photo);
        std::fs::write(folder.path().join("keys"), format!("t1 2026-11 {KEY}\n")).unwrap();
        Self { folder, recording, photo }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Pieces of some bytes, from all over them.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    // Neither the beginning nor the end, which are much alike.
    let inner = &bytes[bytes.len() / 20..bytes.len() - bytes.len() / 20];
    inner.chunks_exact((inner.len() / 200).max(WINDOW)).map(|chunk| &chunk[..WINDOW]).collect()
}

/// How many of the pieces are somewhere in the files below these folders.
fn found(pieces: &[&[u8]], folders: &[PathBuf]) -> usize {
    let wanted: BTreeSet<&[u8]> = pieces.iter().copied().collect();
    // By their first bytes: far fewer have to be compared.
    let place = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut begins = vec![false; 1 << 16];
    wanted.iter().for_each(|piece| begins[place(piece)] = true);
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| files(folder)) {
        let bytes = std::fs::read(&file).unwrap();
        for window in bytes.windows(WINDOW).filter(|window| begins[place(window)]) {
            seen.extend(wanted.get(window).copied());
        }
    }
    seen.len()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        // Of a broker: offsets alone, and room for more of them.
        let is_index = entry.extension().is_some_and(|kind| kind == "index" || kind == "timeindex");
        match entry.is_dir() {
            true => files.extend(self::files(&entry)),
            false => files.extend((!is_index).then_some(entry)),
        }
    }
    files
}

/// One run: everything that is sealed or is not.
struct Run<'a> {
    material: &'a Material,
    exam: Exam,
    gateway_store: PathBuf,
    privacy: Vec<(&'static str, String)>,
}

impl<'a> Run<'a> {
    fn new(material: &'a Material, broker: &Broker, name: &'static str, encrypts: bool) -> Self {
        let exam = Exam::on(&broker.bootstrap(), name);
        exam.create_topics();
        let mut privacy =
            vec![("INVIGILATOR__PRIVACY__KEYS_FILE", material.path("keys").display().to_string())];
        if encrypts {
            let vault = format!("file://{}/", material.path("vault").display());
            privacy.push(("INVIGILATOR__PRIVACY__VAULT", vault));
            privacy.push(("INVIGILATOR__PRIVACY__ENCRYPT", "true".to_owned()));
        }
        let gateway_store = material.path(&format!("{name}-gateway"));
        Self { material, exam, gateway_store, privacy }
    }

    fn shelf(&self) -> PathBuf {
        self.gateway_store.with_extension("shelf")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = self.exam.command(name);
        command.envs(self.privacy.iter().cloned());
        command
    }

    fn worker(&self, group: &str, roles: &[&str]) -> Worker {
        let allowed = format!("[\"file://{}/\"]", self.material.folder.path().display());
        let mut variables = self.variables();
        variables.extend([
            ("INVIGILATOR__KAFKA__GROUP_PREFIX", group),
            ("INVIGILATOR__WORKER__MEDIA_PREFIXES", &allowed),
            ("INVIGILATOR__SAMPLING__BASE_FPS", "0.5"),
            ("INVIGILATOR__SAMPLING__ESCALATED_FPS", "1"),
        ]);
        self.exam.worker_of(roles, group, &variables)
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.privacy.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// Somebody is enrolled and sits the exam, somebody else uploads a picture, and a recording is published.
    fn sit(&self, gateway: &Gateway<'_>) {
        let mut enroll = self.command("enroll");
        succeeded(&enroll.args(["--session", SESSION]).arg(&self.material.photo).output().unwrap());
        let service = gateway.token("service");
        let upload = |name: &str, bytes: &[u8], size: usize| {
            let (id, token) = gateway.create(&service, name);
            for (number, chunk) in bytes.chunks(size).enumerate() {
                // As clients do: what was not acknowledged is sent again.
                let is_taken = || put(&gateway.address, &id, number, &token, chunk).unwrap() == 204;
                wait_until("a chunk is acknowledged", || is_taken().then_some(()));
            }
            assert_eq!(gateway.post(&format!("/v1/sessions/{id}/end"), &token, &json!({})).0, 202);
        };
        upload("exam", &std::fs::read(&self.material.recording).unwrap(), 50_000);
        upload("poison", &std::fs::read(&self.material.photo).unwrap(), 1 << 20);
        let mut publish = self.command("publish");
        publish.args(["--no-progress", "--by-reference", "--session", ELSEWHERE, "--media"]);
        succeeded(&publish.arg(self.shelf()).arg(&self.material.recording).output().unwrap());
    }

    /// The scores of both recordings, once they are final.
    fn scores(&self) -> BTreeMap<String, Value> {
        let mut scores = BTreeMap::new();
        let topic = self.exam.topics.scores();
        self.exam.read(&topic, |records| {
            let of = |record: &Record| std::str::from_utf8(&record.key).unwrap().to_owned();
            scores.extend(records.iter().map(|record| (of(record), data(record))));
            let is_final = |session| scores.get(session).is_some_and(|score| score["status"] == "final");
            is_final(SESSION) && is_final(ELSEWHERE)
        });
        scores.remove(POISON);
        scores
    }

    /// The last word on the session in a topic.
    fn last(&self, topic: &str) -> Option<Record> {
        let records = self.exam.read_all(topic);
        records.into_iter().rfind(|record| record.key == SESSION.as_bytes())
    }
}

#[test]
fn nothing_readable_is_left_on_disks_and_what_is_erased_opens_for_nobody() {
    let (material, broker) = (Material::new(), Broker::start());
    let [recording, photo] = [&material.recording, &material.photo].map(|path| std::fs::read(path).unwrap());
    let [video, picture] = [&recording, &photo].map(|bytes| pieces(bytes));
    // The folders that belong to one run: of the broker, the gateway and the publisher.
    let folders = |run: &Run<'_>, topic: &str| -> Vec<PathBuf> {
        let begin = run.exam.topics.name(topic);
        let logs = std::fs::read_dir(broker.data()).unwrap().map(|entry| entry.unwrap().path());
        logs.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begin)).collect()
    };

    let plain = Run::new(&material, &broker, "plain", false);
    let open = {
        let gateway = Gateway::keeping(&plain.exam, &plain.gateway_store, &plain.variables());
        let worker = plain.worker("plain", &[]);
        plain.sit(&gateway);
        let scores = plain.scores();
        let letters = plain.exam.read(&plain.exam.topics.dead_letters(), |letters| letters.len() == 1);
        assert_eq!(header(&letters[0], "dlq-stage"), "cut");
        assert_eq!(worker.terminate(), Some(0));
        scores
    };
    // What is not sealed is found: else finding nothing would say nothing. (Containers are written anew by the cutter:
    // pieces that lie across frames are not in segments.)
    assert!(found(&video, &folders(&plain, "chunks")) > video.len() * 9 / 10);
    assert!(found(&video, &folders(&plain, "segments")) > video.len() / 2);
    assert!(found(&video, &[plain.shelf()]) > video.len() / 2);
    assert!(found(&picture, &folders(&plain, "dead-letters")) > picture.len() * 9 / 10);

    let run = Run::new(&material, &broker, "sealed", true);
    let mut gateway = Gateway::keeping(&run.exam, &run.gateway_store, &run.variables());
    let worker = run.worker("sealed", &[]);
    run.sit(&gateway);
    let comparable = |scores: &BTreeMap<String, Value>| -> Vec<Value> {
        let scores = scores.values().cloned().map(without_history);
        // Templates have names at random.
        let unnamed = scores.map(|mut score| {
            if let Some(identity) = score["identity"].as_object_mut() {
                identity.remove("template");
            }
            score
        });
        unnamed.collect()
    };
    assert_eq!(comparable(&run.scores()), comparable(&open), "what is sealed is scored as what is not");
    let letters = run.exam.read(&run.exam.topics.dead_letters(), |letters| letters.len() == 1);
    assert_eq!(header(&letters[0], "dlq-stage"), "cut");
    assert_eq!(worker.terminate(), Some(0));

    let keys = TenantKeys::read(&material.path("keys")).unwrap();
    let place = format!("file://{}/", material.path("vault").display()).parse().unwrap();
    let vault = || Vault::open(&place, TenantKeys::read(&material.path("keys")).unwrap().into()).unwrap();
    let session = SESSION.parse().unwrap();
    let key = {
        let vault = vault();
        vault.wait(vault.existing(&session)).unwrap()
    };
    let enrolment: Enrolment =
        kafka::wire::decode(&run.last(&run.exam.topics.enrolments()).unwrap()).unwrap();
    let Reference::Sealed(sealed) = &enrolment.reference else { panic!("{enrolment:?}") };
    assert!(seal::open((&keys, None), &enrolment, sealed).is_err(), "no tenant's key opens it");
    let face = seal::open((&keys, Some(&key)), &enrolment, sealed).unwrap();
    let face: Vec<u8> = face.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    let encoded = STANDARD.encode(&face);
    let (template, encoded) = (pieces(&face), pieces(encoded.as_bytes()));

    let everywhere = || {
        // All topics, with what people did, and what stores hold.
        let mut all = folders(&run, "");
        all.extend([run.gateway_store.clone(), run.shelf(), material.path("vault")]);
        all
    };
    assert!(everywhere().len() > 12, "{:?}", everywhere());
    let nothing = |when: &str| {
        let all = [&video, &picture, &template, &encoded].map(Vec::as_slice).concat();
        assert_eq!(found(&all, &everywhere()), 0, "pieces of video, photo or template, {when}");
    };
    nothing("before anything is erased");

    let erase = || -> Value {
        serde_json::from_str(&succeeded(&run.command("erase").arg(SESSION).output().unwrap())).unwrap()
    };
    let receipt = erase();
    assert_eq!(receipt["key"], "destroyed");
    let unreadable =
        receipt["left"].as_array().unwrap().iter().filter(|left| left["sealed_unreadable"] == true);
    let unreadable: Vec<String> = unreadable.map(|left| text(&left["topic"])).collect();
    let topics = &run.exam.topics;
    assert_eq!(unreadable, [topics.chunks(), topics.segments(), topics.dead_letters()]);
    assert!(std::fs::read_to_string(material.path("vault/t1/e1/exam.key")).unwrap().contains("erased"));
    assert_eq!(vault().wait(vault().existing(&session)).unwrap_err().reason(), "erased");
    for topic in [topics.enrolments(), topics.scores(), topics.score_state(), topics.cut_state()] {
        assert_eq!(run.last(&topic).unwrap().value, None, "{topic}");
    }
    assert_eq!(erase()["key"], "none");
    let proctor = gateway.token("proctor");
    let of_session = |gateway: &Gateway<'_>| gateway.get("/v1/sessions/t1:e1:exam", &proctor).0;
    wait_until("the gateway has forgotten it", || (of_session(&gateway) == 404).then_some(()));
    gateway.forget_store();
    wait_until("it is ready again", || (gateway.operator("/readyz").0 == 200).then_some(()));
    assert_eq!(of_session(&gateway), 404, "also when all is read again");
    let said =
        [topics.observations(), topics.scores(), topics.dead_letters(), topics.segments()].map(|topic| {
            (
                run.exam.read_all(&topic).iter().filter(|record| record.key == SESSION.as_bytes()).count(),
                topic,
            )
        });

    // Another group reads all that is left, from its beginning.
    let again = run.worker("again", &["cut", "observe"]);
    let of_session = |topic: &str, kind: &str| -> f64 {
        let records = run.exam.read_all(topic);
        let is_one = |record: &&Record| record.key == SESSION.as_bytes() && header(record, "ce_type") == kind;
        records.iter().filter(is_one).count() as f64
    };
    let chunks = of_session(&topics.chunks(), "invigilator.chunk.v1");
    let segments = of_session(&topics.segments(), "invigilator.segment.v1");
    again.wait_until("it has passed over the chunks", |worker| {
        worker.metric_or("invigilator_chunks_total{outcome=\"erased\"}", 0.0) == chunks
    });
    again.wait_until("it has passed over the segments", |worker| {
        worker.metric_or("invigilator_records_refused_total{reason=\"erased\"}", 0.0) == segments
    });
    assert_eq!(again.terminate(), Some(0));
    for (count, topic) in said {
        let records = run.exam.read_all(&topic);
        let now = records.iter().filter(|record| record.key == SESSION.as_bytes()).count();
        assert_eq!(now, count, "nothing more is said of it in {topic}");
    }
    nothing("after the session was erased");
}

/// Publishes a recording as a session.
fn publish(exam: &Exam, recording: &Path, session: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = exam.command("publish");
    command.args(["--no-progress", "--session", session]).arg(recording).envs(variables.iter().copied());
    command.output().unwrap()
}

#[test]
fn a_vault_that_is_down_holds_up_what_waits_for_it_alone() {
    // In partitions of their own.
    const SEALED: &str = "t1/vault/away";
    const PLAIN: &str = "t1/vault/inline";
    let (material, mut store) = (Material::new(), ObjectStore::start("keys"));
    let exam = Exam::new("vault-down");
    exam.create_topics();
    let keys = material.path("keys").display().to_string();
    let environment = store.environment();
    let mut variables: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([
        ("INVIGILATOR__PRIVACY__KEYS_FILE", keys.as_str()),
        ("INVIGILATOR__PRIVACY__VAULT", "s3://keys/sessions/"),
    ]);
    let sealing = [variables.as_slice(), &[("INVIGILATOR__PRIVACY__ENCRYPT", "true")]].concat();
    succeeded(&publish(&exam, &material.recording, SEALED, &sealing));
    // Another process finds the key that is there.
    succeeded(&publish(&exam, &material.recording, SEALED, &sealing));
    store.kill();
    let refused = publish(&exam, &material.recording, "t1/vault/other", &sealing);
    assert_eq!(refused.status.code(), Some(7), "nothing is written that cannot be sealed");

    let idle = [("INVIGILATOR__WORKER__IDLE_AFTER_END_MS", "600000")];
    let worker = exam.worker_with("vault-down", &[variables.as_slice(), &idle].concat());
    let retries = "invigilator_retries_total{reason=\"store_unreachable\",stage=\"fetch\"}";
    worker.wait_until("the vault was asked again and again", |worker| worker.metric_or(retries, 0.0) >= 3.0);
    succeeded(&publish(&exam, &material.recording, PLAIN, &[]));
    let partitions = |session: &str| -> BTreeSet<i32> {
        let segments = exam.read_all(&exam.topics.segments());
        let of_session = segments.iter().filter(|record| record.key == session.as_bytes());
        of_session.map(|record| record.origin.partition).collect()
    };
    assert!(partitions(SEALED).is_disjoint(&partitions(PLAIN)), "the names were chosen badly");
    let finals = |session: &str| {
        let scores = exam.read(&exam.topics.scores(), |records| {
            let is_final = |record: &Record| data(record)["status"] == "final";
            records.iter().any(|record| record.key == session.as_bytes() && is_final(record))
        });
        data(scores.iter().rfind(|record| record.key == session.as_bytes()).unwrap())
    };
    let plain = finals(PLAIN);
    store.restart();
    let sealed = finals(SEALED);
    assert_eq!(sealed["integrity"], plain["integrity"]);
    assert_eq!(sealed["coverage"], plain["coverage"], "nothing of it was lost");
    assert_eq!(exam.read_all(&exam.topics.dead_letters()).len(), 0);
    assert_eq!(worker.terminate(), Some(0));

    let erased = exam.command("erase").arg(SEALED).envs(variables.iter().copied()).output().unwrap();
    let receipt: Value = serde_json::from_str(&succeeded(&erased)).unwrap();
    assert_eq!(receipt["key"], "destroyed");
    let refused = publish(&exam, &material.recording, SEALED, &sealing);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("was erased"), "{refused:?}");
    assert_eq!(refused.status.code(), Some(4));
}
