//! One node of Apache Kafka: a JVM of its own on the loopback interface, its folder and its ports.
//!
//! A node dies with the process that started it, however that ends: a shell beside it waits for the other
//! end of a pipe to close, then kills it and removes its files. Not responsible for: its settings, and
//! when it is ready.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::disk::Disk;
use super::jvm;

/// How long a node may take to answer, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(90);

/// A node that runs, or that can be started with the data that it has.
pub struct Node {
    /// Its settings, its data, its log.
    pub folder: TempDir,
    /// Where clients find it.
    pub client_port: Port,
    /// Where other nodes find its controller.
    pub controller_port: Port,
    /// Further options of its JVM.
    pub options: Vec<String>,
    id: usize,
    /// Where its data are, if not on the disk of the machine.
    pub disk: Option<Disk>,
    process: Option<Child>,
}

impl Node {
    /// A node with empty storage and ports of its own, which does not run yet.
    pub fn new(id: usize) -> Self {
        let cache = cache();
        assert!(cache.join("storage/meta.properties").is_file(), "the broker is missing; run: make setup");
        let folder = tempfile::Builder::new().prefix("invigilator-kafka-").tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::copy(cache.join("storage/bootstrap.checkpoint"), data.join("bootstrap.checkpoint")).unwrap();
        let formatted = fs::read_to_string(cache.join("storage/meta.properties")).unwrap();
        fs::write(data.join("meta.properties"), as_node(&formatted, id)).unwrap();
        let (client_port, controller_port) = (Port::claim(), Port::claim());
        Self { folder, client_port, controller_port, options: Vec::new(), id, disk: None, process: None }
    }

    /// Where clients find it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.client_port.number)
    }

    /// How other nodes find its controller.
    pub fn voter(&self) -> String {
        format!("{}@127.0.0.1:{}", self.id, self.controller_port.number)
    }

    /// Where its data are.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the JVM. `heap` is the most memory that it may take for objects.
    pub fn launch(&mut self, settings: &str, heap: &str) {
        assert!(self.process.is_none(), "it still runs");
        fs::write(self.folder.path().join("server.properties"), settings).unwrap();
        let (heap, jars) = (format!("-Xmx{heap}"), format!("{}/lib/*", cache().display()));
        let mut arguments: Vec<&str> = self.options.iter().map(String::as_str).collect();
        arguments.extend([
            heap.as_str(),
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            &jars,
            "kafka.Kafka",
            "server.properties",
        ]);
        let shell = self.disk.as_ref().map_or_else(|| Command::new("sh"), |disk| disk.command("sh"));
        self.process = Some(jvm::spawn_by(shell, self.folder.path(), "broker.log", &arguments));
    }

    /// Waits until it has ended by itself.
    pub fn wait_until_ended(&mut self) {
        let began = Instant::now();
        while !self.has_ended() {
            assert!(began.elapsed() < PATIENCE, "the broker goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn has_ended(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().unwrap().is_some())
    }

    /// Waits until something is so.
    pub fn wait_until(&mut self, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            if self.has_ended() || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default();
                panic!("the broker did not start:\n{log}");
            }
        }
    }

    /// Kills it at once, as a crash would (SIGKILL); its data stay.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            jvm::kill(&mut process);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The mark on formatted storage, as that of another node: its number, and another name of the folder.
fn as_node(formatted: &str, id: usize) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some(("node.id", _)) => format!("node.id={id}\n"),
        Some(("directory.id", name)) => format!("directory.id={}{id}{}\n", &name[..10], &name[11..]),
        _ => format!("{line}\n"),
    };
    formatted.lines().map(line).collect()
}

/// A port that no other test process takes as long as this lives, running broker or not. It lies below
/// the range from which the system gives ports to outgoing connections: those to a broker that is down
/// could otherwise be given its own.
pub struct Port {
    /// The port.
    pub number: u16,
    _claim: File,
}

impl Port {
    /// The first one that is free.
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

/// Where `make setup` puts the jars.
pub fn cache() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.expect("the workspace has a lock file").join(".cache/kafka")
}

/// What all nodes have in common: they lose touch, rebalance, clean and delete within moments instead of
/// minutes.
pub const QUICK: &str = "process.roles=broker,controller
controller.listener.names=CONTROLLER
auto.create.topics.enable=false
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=500
message.max.bytes=8388608
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
log.initial.task.delay.ms=100
log.retention.check.interval.ms=200
log.cleaner.backoff.ms=100
log.cleaner.dedupe.buffer.size=8388608
";

/// How many copies there are of a node's own topics, and how many of them must be written.
pub fn copies(copies: usize, least: usize) -> String {
    format!(
        "offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={least}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={least}
default.replication.factor={copies}
min.insync.replicas={least}
"
    )
}
