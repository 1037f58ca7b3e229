//! Brokers that keep copies of each other's records: three live through the loss of one.

use std::time::{Duration, Instant};

use kafka::{Admin, Connection};

use super::ASK;
use super::node::{Node, QUICK, copies};

/// How long copies may take to catch up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Least memory that a node runs well with.
const HEAP: &str = "192m";

/// Running brokers. Topics have as many copies as there are nodes, of which one may be missing.
pub struct Cluster {
    nodes: Vec<Node>,
    admin: Admin,
}

impl Cluster {
    /// Starts so many empty brokers at once, and waits until they know each other.
    pub fn start(nodes: usize) -> Self {
        let nodes: Vec<Node> = (1..=nodes).map(Node::new).collect();
        let admin = Admin::new(&Connection::new(bootstrap(&nodes), "waiting"), ASK).unwrap();
        let mut cluster = Self { nodes, admin };
        (0..cluster.nodes.len()).for_each(|node| cluster.launch(node));
        (0..cluster.nodes.len()).for_each(|node| cluster.wait_for(node));
        cluster
    }

    /// Where clients find it: all brokers.
    pub fn bootstrap(&self) -> String {
        bootstrap(&self.nodes)
    }

    /// How clients reach it.
    pub fn connection(&self, client_id: &str) -> Connection {
        Connection::new(self.bootstrap(), client_id)
    }

    /// Kills a broker at once, as a crash would (SIGKILL); its data stay. The first one is 0.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a broker again, with its data, and waits until others know it.
    pub fn restart(&mut self, node: usize) {
        self.launch(node);
        self.wait_for(node);
    }

    /// Waits until all copies of all partitions of some topics are complete: only then the next broker
    /// may die.
    pub fn wait_in_sync(&self, topics: &[String]) {
        let copies = i32::try_from(self.nodes.len()).unwrap();
        let asked = Instant::now();
        let are_complete = || {
            let found = self.admin.describe(topics).unwrap_or_default();
            found.len() == topics.len() && found.values().all(|topic| topic.in_sync == copies)
        };
        while !are_complete() {
            assert!(asked.elapsed() < PATIENCE, "{topics:?} are not in sync");
        }
    }

    fn launch(&mut self, node: usize) {
        let settings = settings(&self.nodes, node);
        self.nodes[node].launch(&settings, HEAP);
    }

    fn wait_for(&mut self, node: usize) {
        let (node, admin) = (&mut self.nodes[node], &self.admin);
        let address = node.address();
        node.wait_until(|| admin.brokers().is_ok_and(|brokers| brokers.contains(&address)));
    }
}

fn bootstrap(nodes: &[Node]) -> String {
    nodes.iter().map(Node::address).collect::<Vec<_>>().join(",")
}

fn settings(nodes: &[Node], index: usize) -> String {
    let node = &nodes[index];
    let voters: Vec<String> = nodes.iter().map(Node::voter).collect();
    let (client, controller) = (node.client_port.number, node.controller_port.number);
    format!(
        "{QUICK}{}node.id={}
controller.quorum.voters={}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
replica.lag.time.max.ms=5000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
log.dirs={}
",
        copies(nodes.len(), nodes.len().saturating_sub(1).max(1)),
        index + 1,
        voters.join(","),
        node.data().display()
    )
}
