//! Promise: every record that was accepted is delivered once, or its receipt says why not.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use domain::error::ErrorKind;
use kafka::{Connection, KafkaError, Publisher, PublisherSettings};

use crate::broker::Broker;
use crate::support::{PATIENCE, create_topic, read_all, record, values};

/// What became of records.
type Results = mpsc::Receiver<(usize, Result<(), KafkaError>)>;

/// A publisher, and what becomes of its records.
fn publisher(connection: &Connection, settings: PublisherSettings) -> (Publisher<usize>, Results) {
    let (delivered, results) = mpsc::channel();
    let publisher = Publisher::new(connection, settings, move |receipt, result| {
        delivered.send((receipt, result)).unwrap();
    })
    .unwrap();
    (publisher, results)
}

#[test]
fn a_broker_that_dies_loses_and_doubles_nothing() {
    const RECORDS: usize = 6_000;
    let mut broker = Broker::start();
    let connection = broker.connection("publisher");
    let topic = create_topic(&connection, 1, &[]);
    // A small budget, so that sending is still going on when the broker dies.
    let settings = PublisherSettings { buffer_bytes: 256 << 10, ..PublisherSettings::default() };
    let (publisher, results) = publisher(&connection, settings);
    std::thread::scope(|scope| {
        let (publisher, topic) = (&publisher, &topic);
        scope.spawn(move || {
            for number in 0..RECORDS {
                publisher.send(record(topic, 0, "key", number.to_string()), number).unwrap();
            }
        });
        let mut safe = BTreeSet::new();
        let mut wait_for = |count: usize| {
            while safe.len() < count {
                let (receipt, result) = results.recv_timeout(PATIENCE).unwrap();
                assert_eq!(result, Ok(()), "{receipt}");
                assert!(safe.insert(receipt), "{receipt} came back twice");
            }
        };
        wait_for(RECORDS / 3);
        broker.kill();
        broker.restart();
        wait_for(RECORDS);
    });
    publisher.flush(Duration::ZERO).unwrap();
    let expected: Vec<String> = (0..RECORDS).map(|number| number.to_string()).collect();
    assert_eq!(values(&read_all(&connection, &topic, 0)), expected, "once each, and in order");
}

#[test]
fn what_is_too_large_is_poison_wherever_it_is_found() {
    let connection = Broker::shared().connection("publisher");
    let topic = create_topic(&connection, 1, &[("max.message.bytes", "50000")]);
    let settings = PublisherSettings { message_max_bytes: 100_000, ..PublisherSettings::default() };
    let (publisher, results) = publisher(&connection, settings);

    let refused = publisher.send(record(&topic, 0, "k", vec![0; 100_000]), 7).unwrap_err();
    assert_eq!(refused.receipt, 7);
    assert_eq!(refused.error, KafkaError::TooLarge { bytes: 100_001, limit: 100_000 });
    assert_eq!(refused.error.kind(), ErrorKind::Poison);

    // The topic's own limit is known to the broker alone.
    publisher.send(record(&topic, 0, "k", vec![0; 60_000]), 8).unwrap();
    let (receipt, result) = results.recv_timeout(PATIENCE).unwrap();
    let error = result.unwrap_err();
    assert_eq!((receipt, error.kind(), error.reason()), (8, ErrorKind::Poison, "too_large"));
}

#[test]
fn what_cannot_be_delivered_comes_back_and_lets_senders_go() {
    // Nobody listens there.
    let connection = Connection::new("127.0.0.1:1", "publisher");
    let settings = PublisherSettings { buffer_bytes: 10_000, ..PublisherSettings::default() };
    let (publisher, results) = publisher(&connection, settings);
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            let sent = (0..).map(|number| publisher.send(record("t", 0, "k", vec![0; 4_000]), number));
            sent.take_while(Result::is_ok).count()
        });
        while publisher.in_flight() < 2 {
            std::thread::yield_now();
        }
        assert!(publisher.flush(Duration::from_millis(10)).is_err(), "they are on their way");
        publisher.close();
        let accepted = blocked.join().unwrap();
        assert_eq!(accepted, 2, "more than the budget was accepted");
        for _ in 0..accepted {
            let (_, result) = results.recv_timeout(PATIENCE).unwrap();
            assert_eq!(result.unwrap_err().reason(), "closed");
        }
    });
    let refused = publisher.send(record("t", 0, "k", "v"), 0).unwrap_err();
    assert_eq!(refused.error.kind(), ErrorKind::Transient);
}
