//! Whole sessions, output by output, as golden files that are reviewed like code.

use std::path::PathBuf;

use domain::messages::canonical;
use domain::score::Output;
use serde_json::{Value, json};

use crate::builder::{SCREEN, Script, session};
use crate::fixtures::{ACCOMMODATED, run, run_with, span, standard, started};

/// Compares with `tests/snapshots/<name>.json`, or writes it if `UPDATE_SNAPSHOTS` is set.
fn assert_snapshot(name: &str, outputs: &[Output]) {
    let lines: Vec<Value> = outputs
        .iter()
        .map(|output| match output {
            Output::Incident { incident, time_to_flag } => json!({
                "time_to_flag_ms": time_to_flag,
                "incident": serde_json::from_slice::<Value>(&canonical::bytes(incident)).unwrap(),
            }),
            Output::Score(score) => {
                json!({"score": serde_json::from_slice::<Value>(&canonical::bytes(score)).unwrap()})
            }
        })
        .collect();
    let text = serde_json::to_string_pretty(&lines).unwrap() + "\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/snapshots/{name}.json"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{} differs; see UPDATE_SNAPSHOTS in tests/score/main.rs", path.display());
}

fn snapshot(name: &str, script: Script) {
    assert_snapshot(name, &run(&standard(), &script.observations()).outputs);
}

#[test]
fn calm() {
    snapshot("calm", session().seated(120));
}

#[test]
fn leaves_the_seat() {
    snapshot("leaves_the_seat", session().seated(60).absent(35).seated(4).absent(20).seated(30));
}

#[test]
fn second_person() {
    snapshot("second_person", session().seated(30).fps(2).second_person(13).fps(1).seated(30));
}

#[test]
fn looks_away_and_back() {
    let script = session().seated(60).looking(40, SCREEN.turned(40.0)).seated(30);
    snapshot("looks_away_and_back", script);
}

#[test]
fn everything_that_can_be_missing() {
    let script = session()
        .seated(30)
        .dark(20)
        .seated(10)
        .covered(10)
        .seated(10)
        .lost(8)
        .seated(10)
        .undecodable(8)
        .seated(10)
        .frozen()
        .seated(20)
        .thawed()
        .faceless(20)
        .seated(20);
    snapshot("everything_that_can_be_missing", script);
}

#[test]
fn accommodated() {
    let policy = toml::from_str(ACCOMMODATED).unwrap();
    let script = session().fps(2).seated(30).second_person(20).looking(30, SCREEN.raised(-30.0)).seated(30);
    let facts = [started(&[], Some(span(0, 120)))];
    assert_snapshot("accommodated", &run_with(&policy, &facts, &script.observations(), &[]).outputs);
}
