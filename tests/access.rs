//! Promise: a process works with exactly the rights that `topics acls` prints for it, says so when they are
//! missing, and ends when one is taken away.
//!
//! Real binary, real Apache Kafka with TLS, users and an authorizer.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use kafka::GroupProgress;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use domain::messages::UploadEvent;

use crate::broker::secured::{CUT, GATEWAY, OBSERVE, PUBLISH, SCORE, Secured};
use crate::cut::{Browser, Door};
use crate::exam::{Exam, PARTITIONS, clip, text};
use crate::gateway::ask;
use crate::subscribers::Results;
use crate::subscribers::receiver::Receiver;

/// Topics of its own on the broker that lets in only whom it knows.
struct Gate {
    prefix: String,
    /// Sees everything.
    exam: Exam,
    folder: TempDir,
}

impl Gate {
    fn new(prefix: &str) -> Self {
        let exam = Exam::on(&Secured::shared().connection_inside(prefix).brokers, prefix);
        exam.create_topics();
        Self { prefix: prefix.to_owned(), exam, folder: TempDir::new().unwrap() }
    }

    /// A command of the program for somebody.
    fn program(&self, properties: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_invigilator"));
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("INVIGILATOR_CONFIG")
            .env("INVIGILATOR__KAFKA__TOPIC_PREFIX", &self.prefix)
            .env("INVIGILATOR__KAFKA__GROUP_PREFIX", &self.prefix)
            .env("INVIGILATOR__KAFKA__BROKERS", Secured::shared().bootstrap())
            .env("INVIGILATOR__KAFKA__CLIENT_PROPERTIES", properties)
            .env("INVIGILATOR__TELEMETRY__LISTEN", "");
        command
    }

    /// A file of client properties for a user, whose password is in a file of its own.
    fn by_password(&self, user: &str) -> PathBuf {
        let password = self.file(&format!("{user}.password"), &Secured::password(user));
        let how = format!(
            "sasl.mechanism=SCRAM-SHA-512\nsasl.username={user}\nsasl.password.file={}",
            password.display()
        );
        self.properties(user, &how)
    }

    /// The same for somebody with a token.
    fn by_token(&self, token: &str) -> PathBuf {
        let token = self.file("token", token);
        let how = format!("sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.file={}", token.display());
        self.properties("by-token", &how)
    }

    fn properties(&self, name: &str, how: &str) -> PathBuf {
        let ca = Secured::shared().ca();
        let text = format!("security.protocol=SASL_SSL\nssl.ca.location={}\n{how}\n", ca.display());
        self.file(name, &text)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// The rights of a role, as the program prints them.
    fn rights(&self, principal: &str, role: &str) -> Vec<String> {
        let principal = format!("User:{principal}");
        let arguments = ["topics", "acls", "--role", role, "--principal", &principal];
        let printed = self.program(Path::new(""), &arguments).output().unwrap();
        assert!(printed.status.success(), "{}", said(&printed));
        String::from_utf8(printed.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Gives somebody the rights of a role.
    fn allow(&self, principal: &str, role: &str) {
        let rights = self.rights(principal, role);
        let commands: Vec<Child> = rights.iter().map(|right| Secured::shared().acls(right)).collect();
        commands.into_iter().for_each(succeed);
    }

    /// Takes one of those rights away again: the one on this resource.
    fn take_away(&self, principal: &str, role: &str, resource: &str) {
        succeed(Secured::shared().take_acls_away(&self.right(principal, role, resource)));
    }

    /// Gives it back.
    fn give(&self, principal: &str, role: &str, resource: &str) {
        succeed(Secured::shared().acls(&self.right(principal, role, resource)));
    }

    fn right(&self, principal: &str, role: &str, resource: &str) -> String {
        let ending = format!(" {resource}");
        let mut rights = self.rights(principal, role).into_iter();
        rights.find(|right| right.ends_with(&ending)).expect("it has that right")
    }

    /// Publishes a clip as a session of its own.
    fn publish(&self, properties: &Path, session: &str) -> Output {
        let clip = clip("c16_opus_vp8.webm");
        let arguments = ["publish", "--no-progress", "--session", session, clip.to_str().unwrap()];
        self.program(properties, &arguments).output().unwrap()
    }

    /// A worker with one role, for somebody.
    fn worker(&self, properties: &Path, role: &str) -> Worker {
        self.start(self.program(properties, &["worker", "--role", role]))
    }

    fn start(&self, mut command: Command) -> Worker {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Worker { child, log, said: String::new() }
    }
}

/// A worker, and what it has said.
struct Worker {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Worker {
    /// Waits until it says something; the whole line.
    fn wait_until_it_says(&mut self, what: &str) -> String {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the worker ended: {}", self.said);
            self.said.push_str(&line);
        }
        line
    }

    /// Asks it to end.
    fn terminate(self) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.end()
    }

    /// Waits until it has ended: how, and what it has said.
    fn end(mut self) -> (ExitStatus, String) {
        self.log.read_to_string(&mut self.said).unwrap();
        (self.child.wait().unwrap(), std::mem::take(&mut self.said))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn succeed(command: Child) {
    let output = command.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// It ends by itself, and says what it is not allowed to use.
fn assert_refused(worker: Worker, name: &str) {
    let (status, said) = worker.end();
    assert_eq!(status.code(), Some(7), "{said}");
    let names = |line: &str| line.contains(name) && line.contains("uthorization failed");
    assert!(said.lines().any(names), "{name} is not named in {said}");
}

#[test]
fn rights_as_printed_are_enough_and_none_can_be_missing() {
    let gate = Gate::new("access");
    let [publisher, observer, scorer] = [PUBLISH, OBSERVE, SCORE].map(|user| gate.by_password(user));

    // Without them nothing begins.
    let refused = gate.publish(&publisher, "t/e/none");
    assert_eq!(refused.status.code(), Some(7), "{}", said(&refused));
    for (properties, role) in [(&observer, "observe"), (&scorer, "score")] {
        let (status, said) = gate.worker(properties, role).end();
        assert_eq!(status.code(), Some(7), "{said}");
    }

    // With them everything is done.
    gate.allow(PUBLISH, "publish");
    gate.allow(OBSERVE, "observe");
    gate.allow(SCORE, "score");
    let mut score = gate.worker(&scorer, "score");
    score.wait_until_it_says("partitions assigned");
    let published = gate.publish(&publisher, "t/e/first");
    assert_eq!(published.status.code(), Some(0), "{}", said(&published));
    assert!(!said(&published).contains(&Secured::password(PUBLISH)));
    let mut observe = gate.worker(&observer, "observe");
    observe.wait_until_it_says("partitions assigned");
    gate.exam.final_scores(1);
    let (status, said_by_observe) = observe.terminate();
    assert_eq!(status.code(), Some(0), "{said_by_observe}");
    let segments = gate.exam.topics.segments();
    let progress = GroupProgress::new(&gate.exam.connection, "access-observe").unwrap();
    for partition in 0..PARTITIONS {
        let progress = progress.of(&segments, partition).unwrap();
        assert_eq!(progress.next, progress.end, "what was observed is committed");
    }

    // Whoever needs one that is taken away ends, and says which. What a score is written to is needed as soon
    // as there is something to score.
    gate.take_away(SCORE, "score", "--topic access.scores");
    let mut observe = gate.worker(&observer, "observe");
    observe.wait_until_it_says("partitions assigned");
    assert!(gate.publish(&publisher, "t/e/second").status.success());
    assert_refused(score, "access.scores");
    gate.take_away(OBSERVE, "observe", "--topic access.segments");
    assert_refused(observe, "access.segments");

    gate.give(OBSERVE, "observe", "--topic access.segments");
    let mut observe = gate.worker(&observer, "observe");
    observe.wait_until_it_says("partitions assigned");
    gate.take_away(OBSERVE, "observe", "--topic access.observations");
    assert!(gate.publish(&publisher, "t/e/third").status.success());
    assert_refused(observe, "access.observations");

    gate.give(OBSERVE, "observe", "--topic access.observations");
    let mut observe = gate.worker(&observer, "observe");
    observe.wait_until_it_says("partitions assigned");
    gate.take_away(OBSERVE, "observe", "--group access-observe");
    assert_refused(observe, "access-observe");

    // Nobody observes any more: whether that session is over is asked of the group that does.
    gate.give(SCORE, "score", "--topic access.scores");
    let impatient = || {
        let mut command = gate.program(&scorer, &["worker", "--role", "score"]);
        command.env("INVIGILATOR__WORKER__IDLE_AFTER_END_MS", "1000");
        gate.start(command)
    };
    let mut score = impatient();
    score.wait_until_it_says("partitions assigned");
    gate.take_away(SCORE, "score", "--group access-observe");
    assert!(gate.publish(&publisher, "t/e/fourth").status.success());
    assert_refused(score, "access-observe");
    // One that never had that right cannot even find out which broker to ask.
    assert_refused(impatient(), "access-observe");
}

#[test]
fn a_gateway_works_with_the_rights_that_are_printed_for_it() {
    let gate = Gate::new("gated");
    let properties = gate.by_password(GATEWAY);
    let key = gate.file("key", &"k".repeat(32));
    let receiver = Receiver::glad();
    gate.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let webhook = "[[webhook]]\nname = \"hooks\"\ntenant = \"t\"\nsecret_file = \"secret\"\n";
    let subscribers = gate.file("subscribers.toml", &format!("{webhook}url = \"{}\"", receiver.url("/")));
    let with_key = |arguments: &[&str]| {
        let mut command = gate.program(&properties, arguments);
        command
            .env("INVIGILATOR__GATEWAY__KEY_FILE", &key)
            .env("INVIGILATOR__GATEWAY__SUBSCRIBERS", &subscribers)
            .env("INVIGILATOR__GATEWAY__STORE", gate.folder.path().join("store"));
        command
    };
    let (status, said) = gate.start(with_key(&["gateway", "--listen", "127.0.0.1:0"])).end();
    assert_eq!(status.code(), Some(7), "{said}");

    gate.allow(GATEWAY, "gateway");
    let mut gateway = gate.start(with_key(&["gateway", "--listen", "127.0.0.1:0"]));
    let line: serde_json::Value =
        serde_json::from_str(&gateway.wait_until_it_says("gateway started")).unwrap();
    let address = text(&line["address"]);
    let token = |role: &str| {
        let printed = with_key(&["gateway", "token", "--role", role, "--tenant", "t"]).output().unwrap();
        String::from_utf8(printed.stdout).unwrap().trim().to_owned()
    };
    let body = br#"{"exam": "e", "name": "s"}"#;
    let created = ask(&address, "POST", "/v1/sessions", &token("service"), "application/json", body).unwrap();
    assert_eq!(created.0, 201, "{}", created.1);
    let created: serde_json::Value = serde_json::from_str(&created.1).unwrap();
    let upload = text(&created["upload"]["token"]);
    let put = || ask(&address, "PUT", "/v1/sessions/t:e:s/chunks/0", &upload, "video/webm", b"x");
    assert_eq!(put().unwrap().0, 204);
    let proctor = token("proctor");
    let begun = std::time::Instant::now();
    while ask(&address, "GET", "/v1/sessions/t:e:s", &proctor, "", b"").unwrap().0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(60), "what was written is not read");
        std::thread::sleep(Duration::from_millis(50));
    }
    Results::of(&gate.exam).score("t/e/s", 1);
    receiver.wait_for(1);
    gate.take_away(GATEWAY, "gateway", "--topic gated.chunks");
    // It may end before it answers.
    let refused = put().map_or(503, |(status, _)| status);
    assert_eq!(refused, 503);
    assert!(!gateway.said.contains(&upload), "no token is in the log");
    assert_refused(gateway, "gated.chunks");
}

#[test]
fn a_cutter_works_with_the_rights_as_printed() {
    let gate = Gate::new("access-cut");
    let cutter = gate.by_password(CUT);
    let (status, said) = gate.worker(&cutter, "cut").end();
    assert_eq!(status.code(), Some(7), "{said}");
    gate.allow(CUT, "cut");
    let mut cut = gate.worker(&cutter, "cut");
    cut.wait_until_it_says("partitions assigned");
    let door = Door::to(Exam::on(&gate.exam.connection.brokers, "access-cut"));
    let upload = |name: &str| {
        let mut browser = Browser::of(name);
        door.upload(&mut browser);
        door.fact(&browser.fact(UploadEvent::Ended));
        door.settle();
    };
    upload("c16_opus_vp8.webm");
    assert_eq!(door.ends(1).len(), 1);
    gate.take_away(CUT, "cut", "--topic access-cut.segments");
    upload("c04_leaves_fmp4.mp4");
    assert_refused(cut, "access-cut.segments");
}

#[test]
fn whoever_is_known_by_a_token_in_a_file_works_with_its_rights_and_nobody_is_told_the_token() {
    /// As Kubernetes names service accounts.
    const ACCOUNT: &str = "system:serviceaccount:exam:publish";
    const LONG: Duration = Duration::from_secs(600);
    let gate = Gate::new("token");
    let [genuine, foreign, expired] = [
        Secured::shared().issuer.token(ACCOUNT, LONG),
        Secured::shared().other_issuer().token(ACCOUNT, LONG),
        Secured::shared().issuer.token(ACCOUNT, Duration::ZERO),
    ];
    // Everything that is ever logged, also about connecting.
    let everything_said = |token: &str| {
        let mut command = gate.program(&gate.by_token(token), &["worker", "--role", "score"]);
        command.env("INVIGILATOR__TELEMETRY__LOG_LEVEL", "trace");
        let (status, said) = gate.start(command).end();
        assert_eq!(status.code(), Some(7), "{said}");
        // The claims are no secret, the signature is.
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert!(!said.contains(signature), "{said}");
        said
    };
    let said_of_foreign = everything_said(&foreign);
    assert!(said_of_foreign.contains("Authentication"), "{said_of_foreign}");
    let said_of_expired = everything_said(&expired);
    assert!(said_of_expired.contains("expired"), "{said_of_expired}");
    let said_of_genuine = everything_said(&genuine);
    assert!(!said_of_genuine.contains("Authentication"), "{said_of_genuine}");

    let properties = gate.by_token(&genuine);
    let refused = gate.publish(&properties, "t/e/none");
    assert_eq!(refused.status.code(), Some(7), "{}", said(&refused));
    gate.allow(ACCOUNT, "publish");
    let published = gate.publish(&properties, "t/e/first");
    assert_eq!(published.status.code(), Some(0), "{}", said(&published));
}
