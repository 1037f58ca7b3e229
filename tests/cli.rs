//! Promise: the program can be used without reading its code. Help examples work, exit codes mean what
//! `--help` says, mistakes are told in one go.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::{CommandFactory, Parser};
use invigilator::cli::Cli;
use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("INVIGILATOR_CONFIG");
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file that no decoder accepts.
fn garbage(folder: &Path) -> String {
    let path = folder.join("garbage.webm");
    std::fs::write(&path, b"this is no video").unwrap();
    path.to_str().unwrap().to_owned()
}

fn clip(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/clips").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_command_shows_examples_that_parse() {
    let mut checked = 0;
    for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.lines().filter_map(|line| line.strip_prefix("  invigilator "));
        let before = checked;
        for example in examples {
            // What follows two spaces explains; what follows `>` is the shell's.
            let line = example.split("  ").next().unwrap().split(" > ").next().unwrap();
            let words = line.split_whitespace().map(|word| word.trim_matches('\''));
            if let Err(error) = Cli::try_parse_from(std::iter::once("invigilator").chain(words)) {
                panic!("`invigilator {line}`: {error}");
            }
            checked += 1;
        }
        assert!(checked > before, "`{}` shows no example", command.get_name());
    }
}

#[test]
fn help_lists_the_exit_codes_and_hides_the_child() {
    let help = text(&run(&["--help"]).stdout);
    assert!(help.contains("Exit codes:") && !help.contains("decode-child"), "{help}");
    assert_eq!(code(&run(&["--version"])), 0);
}

#[test]
fn wrong_usage_is_2() {
    assert_eq!(code(&run(&["analyse"])), 2);
    assert_eq!(code(&run(&["analyze"])), 2);
    let missing = run(&["analyze", "no-such-file.webm", "no/*.webm"]);
    assert_eq!(code(&missing), 2);
    let said = text(&missing.stderr);
    assert!(said.contains("no-such-file.webm") && said.contains("no/*.webm"), "{said}");
    assert_eq!(code(&run(&["analyze", "Cargo.toml", "--session", "no-session-id"])), 2);
    assert_eq!(code(&run(&["analyze", "Cargo.toml", "LICENSE", "--session", "t/e/s"])), 2);
    assert_eq!(code(&run(&["analyze", "Cargo.toml", "--html", "no/such/folder/report.html"])), 2);
    assert_eq!(code(&run(&["eval", "no-such-folder"])), 2);
}

#[test]
fn invalid_configuration_is_5_and_everything_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, "[decode]\nchilds = 2\n[sampling]\nfps = 1\n").unwrap();
    let path = path.to_str().unwrap();
    for arguments in [["check-config", path], ["doctor", "--config"]] {
        let output =
            program().args(arguments).args((arguments[0] == "doctor").then_some(path)).output().unwrap();
        assert_eq!(code(&output), 5, "{arguments:?}");
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(said.contains("decode.childs") && said.contains("sampling.fps"), "{said}");
    }
    let output = run(&["analyze", "Cargo.toml", "--config", path]);
    assert_eq!(code(&output), 5);
    assert_eq!(code(&run(&["analyze", "Cargo.toml", "--fps", "7"])), 5);
    assert_eq!(code(&run(&["analyze", "Cargo.toml", "--policy", "no-such-policy"])), 5);
    let both = program()
        .args(["check-config", path, "--policy", "no-such-policy"])
        .env("INVIGILATOR__DECODE__CHILDREN", "none")
        .output()
        .unwrap();
    let said = text(&both.stderr);
    for mistake in ["decode.childs", "sampling.fps", "INVIGILATOR__DECODE__CHILDREN", "no-such-policy"] {
        assert!(said.contains(mistake), "{mistake} in {said}");
    }
}

#[test]
fn the_environment_overrides_and_names_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, "[sampling]\nbase_fps = 2.0\n").unwrap();
    let hash = |command: &mut Command| {
        let output = command.arg("check-config").output().unwrap();
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        let said = text(&output.stdout);
        said.lines().find(|line| line.starts_with("config hash")).unwrap().to_owned()
    };
    let default = hash(&mut program());
    let by_file = hash(program().env("INVIGILATOR_CONFIG", &path));
    let by_variable = hash(program().env("INVIGILATOR__SAMPLING__BASE_FPS", "2"));
    assert_ne!(default, by_file);
    assert_eq!(by_file, by_variable);
}

#[test]
fn every_file_of_the_configuration_folder_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(code(&run(&["check-config"])), 0);
    assert_eq!(code(&run(&["check-config", "config/default.toml"])), 0);
    let policies: Vec<_> = std::fs::read_dir(root.join("config/policies")).unwrap().collect();
    assert!(!policies.is_empty());
    for policy in policies {
        let path = policy.unwrap().path();
        let output = run(&["check-config", "--policy", path.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    }
    let schema: Value = serde_json::from_slice(&run(&["check-config", "--schema"]).stdout).unwrap();
    assert_eq!(schema["title"], "Invigilator settings");
}

#[test]
fn a_missing_part_of_the_machine_is_6() {
    let without_models = |arguments: &[&str]| {
        program().args(arguments).env("INVIGILATOR__INFER__MODELS_DIR", "/no/models").output().unwrap()
    };
    for arguments in
        [["analyze", "Cargo.toml"], ["models", "list"], ["models", "verify"], ["doctor", "--json"]]
    {
        assert_eq!(code(&without_models(&arguments)), 6, "{arguments:?}");
    }
    let report: Value = serde_json::from_slice(&without_models(&["doctor", "--json"]).stdout).unwrap();
    let failed: Vec<&Value> =
        report["checks"].as_array().unwrap().iter().filter(|check| check["status"] == "fail").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0]["remedy"].as_str().unwrap().contains("make setup"));
}

#[test]
fn models_are_listed_and_verified() {
    assert_eq!(code(&run(&["doctor"])), 0);
    let listed: Value = serde_json::from_slice(&run(&["models", "list", "--json"]).stdout).unwrap();
    let verified = run(&["models", "verify", "--json"]);
    assert_eq!(code(&verified), 0);
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    for (listed, verified) in listed.as_array().unwrap().iter().zip(verified.as_array().unwrap()) {
        assert_eq!(listed["name"], verified["name"]);
        assert_eq!(verified["verified"], true, "{verified}");
        for field in ["licence", "training_data_terms", "task", "bytes"] {
            assert!(!listed[field].is_null(), "{field} of {listed}");
        }
    }
}

#[test]
fn inputs_that_cannot_be_analysed_are_3_or_4() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = garbage(folder.path());
    let none = run(&["analyze", &garbage]);
    assert_eq!(code(&none), 4);
    assert!(text(&none.stderr).contains("garbage.webm: the file is not a video"));

    let report = folder.path().join("report.html");
    let short = clip("bad/mjpeg.avi");
    let some = run(&["analyze", &garbage, &short, "--html", report.to_str().unwrap()]);
    assert_eq!(code(&some), 3);
    let said = text(&some.stdout);
    assert!(said.contains("mjpeg.avi") && said.contains("a human decides"), "{said}");
    assert!(report.exists());
}

#[test]
fn lines_are_cloud_events_and_the_session_is_the_given_one() {
    let output = run(&["analyze", &clip("bad/mjpeg.avi"), "--json", "--session", "t1/e7/s42"]);
    assert_eq!(code(&output), 0);
    let said = text(&output.stdout);
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last["specversion"], "1.0");
    assert_eq!(last["type"], "invigilator.score.v1");
    assert_eq!((&last["subject"], &last["data"]["status"]), (&"t1/e7/s42".into(), &"final".into()));
    assert!(said.lines().all(|line| line.contains(r#""subject":"t1/e7/s42""#)));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let mut child = program()
        .args(["analyze", &clip("bad/mjpeg.avi"), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, "");
}
