//! Promise: other settings, models or another policy can be tried beside those that count: a shadow reads what they
//! read, writes to topics of its own alone, and what it sees and judges otherwise can be told.
//!
//! Real binary, real decoder and models, real Apache Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};

use kafka::{Admin, Headers, Outgoing, Publisher, PublisherSettings, Topics, topics};
use serde_json::Value;

use crate::exam::{Exam, PARTITIONS, PATIENCE, Worker, invigilator};

const NAME: &str = "shadowed";
const SHADOW: &str = "v2";
const CLIPS: [&str; 2] = ["c05_second_person_vp8.webm", "c03_leaves_vp8.webm"];

fn run(exam: &Exam, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = exam.command(command).args(arguments).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// As an operator creates those of a shadow.
fn create_topics(exam: &Exam) -> String {
    let output = invigilator()
        .args(["topics", "create", "--shadow", SHADOW, "--partitions", &PARTITIONS.to_string()])
        .args(["--replication", "1", "--brokers", exam.bootstrap()])
        .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", NAME)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// How many records each topic has that counts.
fn counted(exam: &Exam) -> BTreeMap<String, usize> {
    let names = topics::ALL.iter().map(|topic| exam.topics.name(topic.name));
    names.map(|name| (name.clone(), exam.read_all(&name).len())).collect()
}

/// The same exam as the shadow sees it.
fn in_shadow(exam: &Exam) -> Exam {
    let mut shadow = Exam::on(exam.bootstrap(), NAME);
    shadow.topics = Topics::new(NAME).unwrap().in_shadow(SHADOW.parse().unwrap());
    shadow
}

fn shadow_worker(exam: &Exam, policy: &str) -> Worker {
    let child = exam
        .command("worker")
        .args(["--shadow", SHADOW, "--policy", policy])
        .env("INVIGILATOR__KAFKA__INSTANCE", "shadow-0")
        .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Worker::started(child)
}

/// Something that is no segment, for both sides to set aside.
fn publish_noise(exam: &Exam) {
    let noise = Outgoing {
        topic: exam.topics.segments(),
        partition: Some(0),
        key: b"t/e/noise".to_vec(),
        value: Some(vec![7; 300]),
        headers: Headers::new(),
    };
    let publisher =
        Publisher::new(&exam.connection, PublisherSettings::default(), |(), result| result.unwrap()).unwrap();
    publisher.send(noise, ()).unwrap();
    publisher.flush(PATIENCE).unwrap();
}

/// What a worker makes of all there is.
fn finish(exam: &Exam, worker: Worker) -> BTreeMap<String, Value> {
    let scores = exam.final_scores(CLIPS.len());
    worker.wait_until("the noise is set aside", |_| exam.read_all(&exam.topics.dead_letters()).len() == 1);
    assert_eq!(worker.terminate(), Some(0));
    scores
}

/// A policy of the same name, that takes longer to notice a second person than anybody stays.
fn slow_policy(folder: &Path) -> String {
    let standard =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/policies/standard.toml"));
    let window = "[detect.multiple_persons]\nwindow = { on_ms = 3000,";
    let standard = standard.unwrap();
    assert!(standard.contains(window));
    let slow =
        standard.replace(window, &window.replace("3000", "60000")).replace("version = ", "version = 10");
    let path = folder.join("slow.toml");
    std::fs::write(&path, slow).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_shadow_writes_nothing_that_counts_and_what_it_judges_otherwise_is_told() {
    let (exam, folder) = (Exam::new(NAME), tempfile::tempdir().unwrap());
    exam.publish(&CLIPS);
    publish_noise(&exam);
    let scores = finish(&exam, exam.worker("counting-0"));

    let said = create_topics(&exam);
    assert!(said.contains("shadowed.shadow-v2.scores"), "{said}");
    let before = counted(&exam);
    let others = finish(&in_shadow(&exam), shadow_worker(&exam, &slow_policy(folder.path())));
    assert_eq!(counted(&exam), before, "nothing was written that counts");

    let is_other = |session: &&String| scores[*session]["integrity"] != others[*session]["integrity"];
    let changed: Vec<&String> = scores.keys().filter(is_other).collect();
    assert_eq!(changed.len(), 1, "only where there is a second person: {scores:?} {others:?}");

    let (code, said) = run(&exam, "compare", &["--shadow", SHADOW, "--json", "--most-changed", "50"]);
    assert_eq!(code, Some(0), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["sessions"], &told["equal"]), (&2.into(), &1.into()), "{told}");
    assert_eq!(told["largest"][0], changed[0].as_str());
    assert_eq!(told["incidents"]["multiple_persons"]["only_counting"], 1, "{told}");
    assert_eq!(told["incidents"]["multiple_persons"]["only_shadow"], 0);
    assert!(told["integrity"]["high"].as_i64().unwrap() > 0, "{told}");
    assert_eq!(told["counting"]["models"], told["shadows"]["models"]);
    assert_ne!(told["counting"]["policies"], told["shadows"]["policies"]);

    let (code, said) = run(&exam, "compare", &["--shadow", SHADOW, "--most-changed", "49"]);
    assert_eq!(code, Some(1), "half of them are another score: {said}");
    assert!(said.contains("1 have the same score, 1 (50.0 %) another one"), "{said}");
    assert!(said.contains("counting \\ shadow"), "{said}");
}

#[test]
fn a_shadow_without_topics_or_with_a_cutter_is_refused() {
    let exam = Exam::new("unshadowed");
    exam.create_topics();
    let admin = Admin::new(&exam.connection, PATIENCE).unwrap();
    assert_eq!(admin.partitions("unshadowed.shadow-v2.scores").unwrap(), None);
    let (code, said) = run(&exam, "worker", &["--shadow", SHADOW]);
    assert!(code == Some(7) && said.contains("unshadowed.shadow-v2.observations"), "{said}");
    let (code, said) = run(&exam, "compare", &["--shadow", SHADOW]);
    assert!(code == Some(7) && said.contains("unshadowed.shadow-v2.scores"), "{said}");
    let (code, said) = run(&exam, "worker", &["--shadow", SHADOW, "--role", "cut"]);
    assert!(code == Some(2) && said.contains("cuts nothing"), "{said}");
    let (code, said) = run(&exam, "worker", &["--shadow", "no.name"]);
    assert!(code == Some(2) && said.contains("1 to 40"), "{said}");
}
