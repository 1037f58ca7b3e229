//! Real brokers for tests: Apache Kafka on the loopback interface, alone ([`Broker`]), three together
//! ([`Cluster`]), or with TLS, users and an authorizer ([`secured`]).
//!
//! Included by path where they are needed; use nothing of the including crate but the crates `base64`,
//! `kafka`, `rustix` and `tempfile`.
//! Several test processes may run brokers at once; none outlives its process.

#![allow(dead_code, unused_imports, reason = "not every test crate uses all of it")]

mod cluster;
mod disk;
pub mod issuer;
pub mod jvm;
mod link;
mod node;
pub mod secured;

use std::net::TcpListener;
use std::sync::OnceLock;
use std::time::Duration;

use kafka::{Admin, Connection};

pub use cluster::Cluster;
use disk::Disk;
pub use link::Link;
pub use node::Port;
use node::{Node, QUICK, copies};

/// How long a broker may take over one question until it is asked again.
const ASK: Duration = Duration::from_millis(500);

/// A running broker, or one that was killed and can be started again with its data.
pub struct Broker {
    node: Node,
    /// Where clients go, if not to the node itself.
    entrance: Option<Port>,
}

impl Broker {
    /// The broker that all tests of this process share; tests that kill theirs start their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts an empty broker and waits until it answers.
    pub fn start() -> Self {
        let mut broker = Self { node: Node::new(1), entrance: None };
        broker.restart();
        broker
    }

    /// Starts an empty broker that clients reach over a link.
    pub fn start_behind_link() -> (Self, Link) {
        let (node, entrance) = (Node::new(1), Port::claim());
        let listener = TcpListener::bind(("127.0.0.1", entrance.number)).unwrap();
        let link = Link::new(listener, node.client_port.number);
        let mut broker = Self { node, entrance: Some(entrance) };
        broker.restart();
        (broker, link)
    }

    /// Starts an empty broker with a small disk.
    ///
    /// # Errors
    /// Why there can be no such disk here.
    pub fn start_on_disk(mib: u32) -> Result<Self, String> {
        let mut node = Node::new(1);
        node.disk = Some(Disk::mount(&node.data(), mib)?);
        let mut broker = Self { node, entrance: None };
        broker.restart();
        Ok(broker)
    }

    /// Fills its disk, and waits until it gives up.
    pub fn fill_disk(&mut self) {
        self.node.disk.as_ref().expect("it has a disk of its own").fill();
        self.node.wait_until_ended();
    }

    /// Makes room on its disk and starts it again.
    pub fn make_room(&mut self) {
        self.node.kill();
        self.node.disk.as_ref().expect("it has a disk of its own").make_room();
        self.restart();
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.entrance.as_ref().unwrap_or(&self.node.client_port).number)
    }

    /// How clients reach it.
    pub fn connection(&self, client_id: &str) -> Connection {
        Connection::new(self.bootstrap(), client_id)
    }

    /// Where it keeps its records.
    pub fn data(&self) -> std::path::PathBuf {
        self.node.data()
    }

    /// Deletes the records of a partition before an offset, as retention would.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let list = format!(
            r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":{partition},"offset":{before}}}]}}"#
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), list).unwrap();
        let output = jvm::tool("org.apache.kafka.tools.DeleteRecordsCommand", &self.bootstrap())
            .arg("--offset-json-file")
            .arg(file.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Kills it at once, as a crash would (SIGKILL); its data stay.
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// Starts it again, with its data, and waits until it answers.
    pub fn restart(&mut self) {
        self.node.launch(&settings(&self.node, &self.bootstrap()), "256m");
        let admin = Admin::new(&self.connection("waiting"), ASK).unwrap();
        let address = self.bootstrap();
        // Before it is ready it answers without naming itself.
        self.node.wait_until(|| admin.brokers().is_ok_and(|brokers| brokers.contains(&address)));
    }
}

fn settings(node: &Node, address: &str) -> String {
    let (client, controller) = (node.client_port.number, node.controller_port.number);
    format!(
        "{QUICK}{}node.id=1
controller.quorum.voters={}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{address}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
",
        copies(1, 1),
        node.voter(),
        node.data().display()
    )
}
