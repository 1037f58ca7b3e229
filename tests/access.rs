//! Promise: a process works with exactly the rights that `topics acls` prints for it, and says so when they
//! are missing.
//!
//! Real binary, real Apache Kafka with TLS, users and an authorizer.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use kafka::{Admin, Topics};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::broker::secured::{PUBLISH, SCORE, Secured};

const PREFIX: &str = "access";

fn program(user: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("INVIGILATOR_CONFIG")
        .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", PREFIX)
        .env("INVIGILATOR__KAFKA__GROUP_PREFIX", PREFIX)
        .env("INVIGILATOR__KAFKA__BROKERS", Secured::shared().bootstrap())
        .env("INVIGILATOR__KAFKA__CLIENT_PROPERTIES", properties(user, folder))
        .env("INVIGILATOR__TELEMETRY__LISTEN", "");
    command
}

/// A file of client properties for a user, whose password is in a file of its own.
fn properties(user: &str, folder: &Path) -> PathBuf {
    let (file, password) = (folder.join(user), folder.join(format!("{user}.password")));
    std::fs::write(&password, Secured::password(user)).unwrap();
    let text = format!(
        "security.protocol=SASL_SSL\nssl.ca.location={}\nsasl.mechanism=SCRAM-SHA-512\n\
         sasl.username={user}\nsasl.password.file={}\n",
        Secured::shared().ca().display(),
        password.display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// Gives a user the rights of a role, as the program prints them.
fn allow(user: &str, role: &str, folder: &Path) {
    let principal = format!("User:{user}");
    let arguments = ["topics", "acls", "--role", role, "--principal", &principal];
    let printed = program(user, folder).args(arguments).output().unwrap();
    assert!(printed.status.success(), "{}", said(&printed));
    let commands: Vec<Child> =
        String::from_utf8(printed.stdout).unwrap().lines().map(|line| Secured::shared().acls(line)).collect();
    for command in commands {
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn rights_as_printed_are_enough_and_without_them_nothing_begins() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let admin = Admin::new(&Secured::shared().connection_inside("access"), Duration::from_secs(60)).unwrap();
    admin.create_topics(&Topics::new(PREFIX).unwrap().specs(1, 1)).unwrap();
    let clip = "tests/media/clips/c16_opus_vp8.webm";
    let publish = || program(PUBLISH, folder).args(["publish", "--no-progress", clip]).output().unwrap();

    let refused = publish();
    assert_eq!(refused.status.code(), Some(7), "{}", said(&refused));
    allow(PUBLISH, "publish", folder);
    let published = publish();
    assert_eq!(published.status.code(), Some(0), "{}", said(&published));
    assert!(!said(&published).contains(&Secured::password(PUBLISH)));

    let score = || program(SCORE, folder).args(["worker", "--role", "score"]).stderr(Stdio::piped()).spawn();
    let refused = score().unwrap().wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(7), "{}", said(&refused));
    allow(SCORE, "score", folder);
    let mut worker = score().unwrap();
    let mut log = BufReader::new(worker.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("partitions assigned") {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the worker ended");
    }
    kill_process(Pid::from_child(&worker), Signal::TERM).unwrap();
    std::io::copy(&mut log, &mut std::io::stderr()).unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(0));
}
