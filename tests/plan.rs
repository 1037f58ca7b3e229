//! Promise: a plan says how large a cluster must be, on which figures it rests and what it takes for granted, to
//! people and to programs.

use std::process::{Command, Output};

use serde_json::Value;

fn plan(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("INVIGILATOR_CONFIG");
    command.arg("plan").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = plan(arguments);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn people_get_a_table_with_assumptions() {
    let printed = text(&plan(&["--sessions", "50000", "--bitrate", "400k"]));
    for part in [
        "50000 sessions of 400 kbit/s",
        "cores",
        "pods",
        "partitions",
        "segments",
        "Taken for granted",
        "another processor",
    ] {
        assert!(printed.contains(part), "{part} is missing from\n{printed}");
    }
    assert!(!printed.contains("Cost"), "there are no prices in the program");
    let priced = text(&plan(&["--sessions", "50000", "--price-core-hour", "0.04"]));
    assert!(priced.contains("Cost of a month"), "{priced}");
}

#[test]
fn programs_get_the_same_as_json() {
    let json: Value =
        serde_json::from_str(&text(&plan(&["--sessions", "1000", "--codec", "h264", "--json"]))).unwrap();
    assert_eq!(json["ask"]["sessions"], 1000);
    assert!(json["workers"]["cores"].as_u64().unwrap() >= 10, "{json}");
    assert!(json["figures"]["machine"]["processor"].is_string(), "{json}");
    let more: Value =
        serde_json::from_str(&text(&plan(&["--sessions", "2000", "--codec", "h264", "--json"]))).unwrap();
    assert!(more["workers"]["cores"].as_u64() > json["workers"]["cores"].as_u64());
}

#[test]
fn figures_of_a_file_are_used() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/figures/vp8.json");
    let mut figures: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for row in figures["rows"].as_array_mut().unwrap() {
        row["milliseconds"]["median"] = 100.0.into();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), figures.to_string()).unwrap();
    let file = file.path().to_str().unwrap();
    let printed = text(&plan(&["--sessions", "1000", "--figures", file]));
    assert!(printed.contains("100 busy") && printed.contains(file), "{printed}");
    assert!(!printed.contains("another processor"), "{printed}");
    let calm = text(&plan(&["--sessions", "1000", "--calm", "1", "--calm-figures", file]));
    assert!(calm.contains("100 busy") && calm.contains("100 % that are calm"), "{calm}");
}

#[test]
fn a_timetable_becomes_floors_of_pods_that_are_added_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let table = "exam,begins,ends,sessions\n\
        biology,2026-12-14T09:00:00Z,2026-12-14T12:00:00Z,1000\n\
        chemistry,2026-12-14T10:00:00Z,2026-12-14T11:00:00Z,1000\n";
    std::fs::write(file.path(), table).unwrap();
    let file = file.path().to_str().unwrap();
    let printed = text(&plan(&["--timetable", file, "--emit", "keda", "--ahead", "15min"]));
    let pods = |sessions: &str| -> u64 {
        let json: Value = serde_json::from_str(&text(&plan(&["--sessions", sessions, "--json"]))).unwrap();
        json["workers"]["pods"].as_u64().unwrap()
    };
    let (one, both) = (pods("1000"), pods("2000"));
    assert!(both > one);
    let floor = |start: &str, end: &str, pods: u64| {
        format!("start: {start} 14 12 *\n      end: {end} 14 12 *\n      desiredReplicas: \"{pods}\"\n")
    };
    for part in [floor("45 8", "45 9", one), floor("45 9", "0 11", both), floor("0 11", "0 12", one)] {
        assert!(printed.contains(&part), "{part} is missing from\n{printed}");
    }
}

#[test]
fn mistakes_are_told() {
    assert!(refused(&["--timetable", "no-such.csv", "--emit", "keda"]).contains("no-such.csv"));
    assert!(refused(&["--timetable", "Cargo.toml", "--emit", "keda"]).contains("columns"));
    assert!(refused(&["--timetable", "exams.csv"]).contains("--emit"));
    assert!(refused(&["--bitrate", "400k"]).contains("--sessions"));
    assert!(refused(&["--sessions", "0"]).contains("--sessions"));
    assert!(refused(&["--sessions", "10", "--bitrate", "fast"]).contains("like 400k"));
    assert!(refused(&["--sessions", "10", "--retention", "scores=1h"]).contains("`scores`"));
    assert!(refused(&["--sessions", "10", "--calm", "0.5"]).contains("--calm-figures"));
    assert!(refused(&["--sessions", "10", "--codec", "vp8", "--figures", "x.json"]).contains("--codec"));
    assert!(refused(&["--sessions", "10", "--figures", "no-such.json"]).contains("no-such.json"));
    assert!(refused(&["--sessions", "10", "--figures", "Cargo.toml"]).contains("invigilator bench --json"));
}
