//! Promise: with TLS and SASL on, whoever is known gets in, nobody else does, and nobody is told a secret.

use std::fs;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use kafka::{
    Admin, Connection, GroupConsumer, GroupProgress, KafkaError, PartitionReader, Publisher,
    PublisherSettings, Start, TransactionalPublisher,
};

use crate::broker::secured::{OPERATOR, STRANGER, Secured};
use crate::support::{PATIENCE, create_topic, group, join, publish, read_all, record, take, unique, values};

const SOON: Duration = Duration::from_secs(10);

fn known(user: &str) -> Connection {
    Secured::shared().connection(user, &Secured::password(user))
}

fn refusal(connection: &Connection) -> KafkaError {
    Admin::new(connection, SOON).unwrap().brokers().unwrap_err()
}

#[test]
fn whoever_is_known_writes_reads_and_commits_in_transactions() {
    write_read_and_commit(&known(OPERATOR));
}

#[test]
fn so_does_whoever_has_a_token_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, Secured::shared().issuer.token(OPERATOR, Duration::from_secs(600)) + "\n").unwrap();
    write_read_and_commit(&Secured::shared().connection_by_token(&file));
}

fn write_read_and_commit(connection: &Connection) {
    let input = create_topic(connection, 1, &[]);
    let output = create_topic(connection, 1, &[]);
    publish(connection, [record(&input, 0, "key", "in")]);
    let (consumer, _) = join(connection, &input, &group(&unique("group")));
    assert_eq!(values(&take(&consumer, 1)), ["in"]);
    let mut producer =
        TransactionalPublisher::new(connection, &unique("id"), Duration::from_secs(30)).unwrap();
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "out")).unwrap();
    producer
        .add_offsets(&[(&input, 0, 1)], &consumer.group_metadata().unwrap())
        .and_then(|()| producer.commit())
        .unwrap();
    assert_eq!(values(&read_all(connection, &output, 0)), ["out"]);
    assert_eq!(consumer.committed(&[0]).unwrap(), [(0, 1)]);
}

#[test]
fn a_wrong_password_is_fatal_and_not_told() {
    let error = refusal(&Secured::shared().connection(OPERATOR, "hunter2"));
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_token_of_another_issuer_is_fatal_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let token = Secured::shared().other_issuer().token(OPERATOR, Duration::from_secs(600));
    fs::write(&file, &token).unwrap();
    let error = refusal(&Secured::shared().connection_by_token(&file));
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");
    assert!(!error.to_string().contains(&token), "{error}");
}

/// A client of each kind, and how many records they have written.
struct Clients {
    topic: String,
    admin: Admin,
    publisher: Publisher<()>,
    transactions: TransactionalPublisher,
    consumer: GroupConsumer,
    reader: PartitionReader,
    progress: GroupProgress,
}

impl Clients {
    fn new(connection: &Connection, topic: &str) -> Self {
        let name = unique("group");
        Self {
            topic: topic.to_owned(),
            admin: Admin::new(connection, SOON).unwrap(),
            publisher: Publisher::new(connection, PublisherSettings::default(), |(), result| {
                result.unwrap();
            })
            .unwrap(),
            transactions: TransactionalPublisher::new(connection, &unique("id"), PATIENCE).unwrap(),
            consumer: join(connection, topic, &group(&name)).0,
            reader: PartitionReader::new(connection, 1 << 20).unwrap(),
            progress: GroupProgress::new(connection, &name).unwrap(),
        }
    }

    /// What is done all the time, and what is done for clients that have nothing to do.
    fn write_and_read(&self) {
        self.publisher.send(record(&self.topic, 0, "key", "value"), ()).unwrap();
        self.publisher.flush(SOON).unwrap();
        assert_eq!(take(&self.consumer, 1).len(), 1);
        self.reader.keep_in_touch();
        self.progress.keep_in_touch();
        self.transactions.keep_in_touch();
    }

    /// What is done now and then.
    fn ask(mut self, written: usize) {
        assert_eq!(self.admin.brokers().unwrap().len(), 1);
        assert_eq!(self.admin.describe(std::slice::from_ref(&self.topic)).unwrap().len(), 1);
        assert_eq!(self.progress.of(&self.topic, 0).unwrap().end, written as i64);
        let mut read = 0;
        self.reader.read_to_end(&self.topic, 0, Start::Beginning, SOON, &mut |_| read += 1).unwrap();
        assert_eq!(read, written);
        self.transactions.begin().unwrap();
        self.transactions.send(&record(&self.topic, 0, "key", "value")).unwrap();
        self.transactions.commit().unwrap();
    }
}

#[test]
fn clients_take_up_a_renewed_token_before_the_old_one_expires() {
    /// Time enough for all clients to be made.
    const LIFE: Duration = Duration::from_secs(6);
    let secured = Secured::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let topic = create_topic(&known(OPERATOR), 1, &[]);
    let began = Instant::now();
    fs::write(&file, secured.issuer.token(OPERATOR, LIFE)).unwrap();
    let connection = secured.connection_by_token(&file);
    let clients = Clients::new(&connection, &topic);
    fs::write(&file, secured.issuer.token(OPERATOR, Duration::from_secs(600))).unwrap();
    // The broker cuts off whoever has not come with a new token by then.
    let mut rounds = 0;
    while began.elapsed() < LIFE + Duration::from_secs(1) {
        clients.write_and_read();
        rounds += 1;
    }
    clients.ask(rounds);
}

#[test]
fn a_token_that_nobody_renews_ends_reading_when_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let topic = create_topic(&known(OPERATOR), 1, &[]);
    fs::write(&file, Secured::shared().issuer.token(OPERATOR, Duration::from_secs(4))).unwrap();
    let connection = Secured::shared().connection_by_token(&file);
    let (consumer, _) = join(&connection, &topic, &group(&unique("group")));
    let error = (0..100).find_map(|_| consumer.poll(Duration::from_millis(200)).err()).unwrap();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");
}

#[test]
fn brokers_with_another_certificate_are_not_trusted() {
    let mut connection = known(OPERATOR);
    let other = Secured::shared().other_ca().to_str().unwrap().to_owned();
    connection.properties.insert("ssl.ca.location".to_owned(), other);
    let error = refusal(&connection);
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "certificate"), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn whoever_is_allowed_nothing_sees_and_creates_nothing() {
    let topic = create_topic(&known(OPERATOR), 1, &[]);
    let stranger = Admin::new(&known(STRANGER), SOON).unwrap();
    assert!(stranger.describe(std::slice::from_ref(&topic)).unwrap().is_empty());
    let spec = kafka::TopicSpec { name: unique("topic"), partitions: 1, replication: 1, configs: [].into() };
    let error = stranger.create_topics(&[spec]).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");

    let (consumer, _) = join(&known(STRANGER), &topic, &group(&unique("group")));
    let error = (0..100).find_map(|_| consumer.poll(Duration::from_millis(200)).err()).unwrap();
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");
}
