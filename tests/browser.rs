//! Promise: the pages and the client do in a real browser what they promise, against a small gateway
//! (`browser/fake.mjs`) that misbehaves when it is told to. What is promised in detail, each file says.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Browsers run one after another: they need a processor each, and one of them is measured.
static TURN: Mutex<()> = Mutex::new(());

/// Runs the tests of one file, in Node.
fn run(file: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(
        root.join(".cache/browser/installed").is_file(),
        "what drives browsers is missing; run: make setup"
    );
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).arg(root.join("tests/browser").join(file));
    let output = node.output().unwrap_or_else(|error| panic!("node: {error}; run: make setup"));
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pages_are_accessible_in_light_and_dark_wide_and_narrow() {
    run("accessible.test.mjs");
}

#[test]
fn a_proctor_works_by_keyboard_and_hears_of_everything() {
    run("dashboard.test.mjs");
}

#[test]
fn two_thousand_sessions_stay_smooth() {
    run("load.test.mjs");
}

#[test]
fn a_candidate_knows_what_is_recorded_and_how_it_goes() {
    run("candidate.test.mjs");
}

#[test]
fn the_client_brings_every_byte() {
    run("client.test.mjs");
}
