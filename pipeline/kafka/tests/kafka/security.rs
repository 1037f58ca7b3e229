//! Promise: with TLS and SASL on, whoever is known gets in, nobody else does, and nobody is told a secret.

use std::time::Duration;

use domain::error::ErrorKind;
use kafka::{Admin, Connection, KafkaError, TransactionalPublisher};

use crate::broker::secured::{OPERATOR, STRANGER, Secured};
use crate::support::{create_topic, group, join, publish, read_all, record, take, unique, values};

const SOON: Duration = Duration::from_secs(10);

fn known(user: &str) -> Connection {
    Secured::shared().connection(user, &Secured::password(user))
}

fn refusal(connection: &Connection) -> KafkaError {
    Admin::new(connection, SOON).unwrap().brokers().unwrap_err()
}

#[test]
fn whoever_is_known_writes_reads_and_commits_in_transactions() {
    let connection = known(OPERATOR);
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    publish(&connection, [record(&input, 0, "key", "in")]);
    let (consumer, _) = join(&connection, &input, &group(&unique("group")));
    assert_eq!(values(&take(&consumer, 1)), ["in"]);
    let mut producer =
        TransactionalPublisher::new(&connection, &unique("id"), Duration::from_secs(30)).unwrap();
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "out")).unwrap();
    producer
        .add_offsets(&[(&input, 0, 1)], &consumer.group_metadata().unwrap())
        .and_then(|()| producer.commit())
        .unwrap();
    assert_eq!(values(&read_all(&connection, &output, 0)), ["out"]);
    assert_eq!(consumer.committed(&[0]).unwrap(), [(0, 1)]);
}

#[test]
fn a_wrong_password_is_fatal_and_not_told() {
    let error = refusal(&Secured::shared().connection(OPERATOR, "hunter2"));
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Fatal, "not_authorized"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
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
