//! A real broker for tests: Apache Kafka in a JVM of its own, on the loopback interface.
//!
//! Included by path where it is needed; uses nothing of the including crate but the crate `kafka`.
//! Several test processes may run brokers at once. A broker dies with the process that started it,
//! however that ends: a shell beside it waits for the other end of a pipe to close, then kills it and
//! removes its files.

#![allow(dead_code, reason = "not every test crate uses all of it")]

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use kafka::{Admin, Connection};
use tempfile::TempDir;

/// How long a broker may take to answer, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running broker, or one that was killed and can be started again with its data.
pub struct Broker {
    folder: TempDir,
    client_port: Port,
    controller_port: Port,
    process: Option<Child>,
}

impl Broker {
    /// The broker that all tests of this process share; tests that kill theirs start their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an empty broker and waits until it answers.
    pub fn start() -> Self {
        let cache = cache();
        assert!(cache.join("storage/meta.properties").is_file(), "the broker is missing; run: make setup");
        let folder = tempfile::Builder::new().prefix("invigilator-kafka-").tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        for file in ["meta.properties", "bootstrap.checkpoint"] {
            fs::copy(cache.join("storage").join(file), data.join(file)).unwrap();
        }
        let (client_port, controller_port) = (Port::claim(), Port::claim());
        fs::write(
            folder.path().join("server.properties"),
            settings(client_port.number, controller_port.number, &data),
        )
        .unwrap();
        let mut broker = Self { folder, client_port, controller_port, process: None };
        broker.restart();
        broker
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.client_port.number)
    }

    /// How clients reach it.
    pub fn connection(&self, client_id: &str) -> Connection {
        Connection::new(self.bootstrap(), client_id)
    }

    /// Kills it at once, as a crash would (SIGKILL); its data stay.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stdin.take().expect("it is a pipe").write_all(b"keep\n").unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again, with its data, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        self.process = Some(spawn(self.folder.path()));
        let admin = Admin::new(&self.connection("waiting"), Duration::from_millis(500)).unwrap();
        let began = Instant::now();
        // Before it is ready it answers without naming itself.
        while !admin.brokers().is_ok_and(|brokers| brokers.contains(&self.bootstrap())) {
            let has_ended =
                self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some());
            if has_ended || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default();
                panic!("the broker did not start:\n{log}");
            }
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that no other test process takes as long as this lives, running broker or not. It lies below
/// the range from which the system gives ports to outgoing connections: those to a broker that is down
/// could otherwise be given its own.
pub struct Port {
    /// Its number.
    pub number: u16,
    _claim: File,
}

impl Port {
    /// Takes a free one.
    pub fn claim() -> Self {
        for number in 20_000..30_000 {
            let claim = std::env::temp_dir().join(format!("invigilator-port-{number}.lock"));
            let claim = File::options().create(true).append(true).open(claim).unwrap();
            if claim.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self { number, _claim: claim };
            }
        }
        panic!("no port is free");
    }
}

/// Starts the JVM, and the shell that ends it.
fn spawn(folder: &Path) -> Child {
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        exec 3<&0
        java -Xms256m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
            -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
            -cp "$1/lib/*" kafka.Kafka server.properties </dev/null 3<&- &
        java=$!
        {
            read -r order <&3
            kill -KILL "$java"
            [ "$order" = keep ] || rm -rf "$2" || { sleep 1; rm -rf "$2"; }
        } &
        wait "$java"
    "#;
    let log = File::options().create(true).append(true).open(folder.join("broker.log")).unwrap();
    Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .args([cache().as_path(), folder])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Where `make setup` puts the jars.
fn cache() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.expect("the workspace has a lock file").join(".cache/kafka")
}

/// One node that loses touch, rebalances, cleans and deletes within moments instead of minutes.
fn settings(client_port: u16, controller_port: u16, data: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{client_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=8388608
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
log.initial.task.delay.ms=100
log.retention.check.interval.ms=200
log.cleaner.backoff.ms=100
log.cleaner.dedupe.buffer.size=8388608
",
        data = data.display()
    )
}
