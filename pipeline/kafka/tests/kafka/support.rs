//! What the tests have in common: topics of their own, records, members of groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use kafka::{
    Admin, Assignment, Connection, GroupConsumer, GroupSettings, Headers, Outgoing, PartitionReader,
    Publisher, PublisherSettings, Record, Start, TopicSpec,
};

/// Longer than anything takes that works.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A name that no other test uses.
pub fn unique(what: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Creates a topic of its own for a test.
pub fn create_topic(connection: &Connection, partitions: i32, configs: &[(&str, &str)]) -> String {
    let name = unique("topic");
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let spec = TopicSpec { name: name.clone(), partitions, replication: 1, configs };
    Admin::new(connection, PATIENCE).unwrap().create_topics(&[spec]).unwrap();
    name
}

/// A record with a key and a value.
pub fn record(topic: &str, partition: i32, key: &str, value: impl Into<Vec<u8>>) -> Outgoing {
    Outgoing {
        topic: topic.to_owned(),
        partition: Some(partition),
        key: key.as_bytes().to_vec(),
        value: Some(value.into()),
        headers: Headers::new(),
    }
}

/// Writes records and waits until they are safe.
pub fn publish(connection: &Connection, records: impl IntoIterator<Item = Outgoing>) {
    let (delivered, results) = mpsc::channel();
    let publisher = Publisher::new(connection, PublisherSettings::default(), move |(), result| {
        delivered.send(result).unwrap();
    })
    .unwrap();
    for record in records {
        publisher.send(record, ()).unwrap();
    }
    publisher.flush(PATIENCE).unwrap();
    drop(publisher);
    assert!(results.into_iter().all(|result| result.is_ok()));
}

/// Everything in a partition that is committed.
pub fn read_all(connection: &Connection, topic: &str, partition: i32) -> Vec<Record> {
    let reader = PartitionReader::new(connection, 8 << 20).unwrap();
    let mut records = Vec::new();
    reader
        .read_to_end(topic, partition, Start::Beginning, PATIENCE, &mut |record| records.push(record))
        .unwrap();
    records
}

/// The values of records, as text.
pub fn values(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.value.clone().unwrap()).unwrap();
    records.iter().map(text).collect()
}

/// What happened to a member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Assigned(Vec<i32>),
    Revoked(Vec<i32>),
    Lost(Vec<i32>),
    Overtaken { partition: i32, expected: i64, earliest: i64 },
}

/// Writes down what happens to a member of a group.
#[derive(Default)]
pub struct Diary(Mutex<Vec<Event>>);

impl Diary {
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Assignment for Diary {
    fn assigned(&self, partitions: &[i32]) {
        self.note(Event::Assigned(partitions.to_vec()));
    }

    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)> {
        self.note(Event::Revoked(partitions.to_vec()));
        Vec::new()
    }

    fn lost(&self, partitions: &[i32]) {
        self.note(Event::Lost(partitions.to_vec()));
    }

    fn overtaken(&self, partition: i32, expected: i64, earliest: i64) {
        self.note(Event::Overtaken { partition, expected, earliest });
    }
}

/// Settings of a group whose members are missed quickly.
pub fn group(name: &str) -> GroupSettings {
    GroupSettings { session_timeout: Duration::from_secs(6), ..GroupSettings::new(name) }
}

/// Joins a group that writes a diary.
pub fn join(connection: &Connection, topic: &str, settings: &GroupSettings) -> (GroupConsumer, Arc<Diary>) {
    let diary = Arc::new(Diary::default());
    let consumer = GroupConsumer::new(connection, topic, settings, diary.clone()).unwrap();
    (consumer, diary)
}

/// Polls until there are `count` records.
pub fn take(consumer: &GroupConsumer, count: usize) -> Vec<Record> {
    let began = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(began.elapsed() < PATIENCE, "{} of {count} records came", records.len());
        records.extend(consumer.poll(Duration::from_millis(200)).unwrap());
    }
    records
}

/// Polls until a condition holds; no record may come.
pub fn poll_until(consumer: &GroupConsumer, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it did not come about");
        assert_eq!(consumer.poll(Duration::from_millis(50)).unwrap(), None);
    }
}

/// Which records were worked on, by all members together.
#[derive(Default)]
pub struct Journal {
    done: Mutex<Done>,
    changed: Condvar,
}

#[derive(Default)]
struct Done {
    records: BTreeSet<(i32, i64)>,
    /// By partition: everything before it was worked on.
    covered: BTreeMap<i32, i64>,
}

impl Journal {
    pub fn note(&self, partition: i32, offset: i64) {
        let mut done = self.done.lock().unwrap();
        let Done { records, covered } = &mut *done;
        records.insert((partition, offset));
        let next = covered.entry(partition).or_default();
        while records.contains(&(partition, *next)) {
            *next += 1;
        }
        self.changed.notify_all();
    }

    /// Waits until so many different records were worked on.
    pub fn wait_for(&self, count: usize) {
        let is_short = |done: &mut Done| done.records.len() < count;
        let (done, late) =
            self.changed.wait_timeout_while(self.done.lock().unwrap(), PATIENCE, is_short).unwrap();
        let worked_on = done.records.len();
        drop(done);
        assert!(!late.timed_out(), "{worked_on} of {count} records were worked on");
    }

    /// Whether everything before an offset was worked on.
    pub fn covers(&self, partition: i32, next: i64) -> bool {
        self.done.lock().unwrap().covered.get(&partition).copied().unwrap_or_default() >= next
    }
}
