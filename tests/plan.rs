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
fn mistakes_are_told() {
    assert!(refused(&["--bitrate", "400k"]).contains("--sessions"));
    assert!(refused(&["--sessions", "0"]).contains("--sessions"));
    assert!(refused(&["--sessions", "10", "--bitrate", "fast"]).contains("like 400k"));
    assert!(refused(&["--sessions", "10", "--retention", "scores=1h"]).contains("`scores`"));
    assert!(refused(&["--sessions", "10", "--calm", "0.5"]).contains("--calm-figures"));
    assert!(refused(&["--sessions", "10", "--codec", "vp8", "--figures", "x.json"]).contains("--codec"));
    assert!(refused(&["--sessions", "10", "--figures", "no-such.json"]).contains("no-such.json"));
    assert!(refused(&["--sessions", "10", "--figures", "Cargo.toml"]).contains("invigilator bench --json"));
}
