//! Promise: brokers that die one after the other lose and double nothing, and that come back are found.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kafka::{Admin, PartitionReader, Publisher, PublisherSettings, Start, TopicSpec};

use crate::broker::Cluster;
use crate::support::{PATIENCE, create_topic, publish, read_all, record, values};

const BROKERS: usize = 3;
/// Acknowledged while all brokers run, and while one is down.
const AT_LEAST: usize = 500;
/// Far sooner than a client looks by itself who leads.
const SOON: Duration = Duration::from_secs(30);
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn a_rolling_kill_loses_and_doubles_nothing() {
    let mut cluster = Cluster::start(BROKERS);
    let connection = cluster.connection("rolling");
    let topic = "rolling".to_owned();
    let spec = TopicSpec { name: topic.clone(), partitions: 1, replication: 3, configs: [].into() };
    Admin::new(&connection, PATIENCE).unwrap().create_topics(&[spec]).unwrap();

    let (delivered, results) = mpsc::channel();
    let settings = PublisherSettings { buffer_bytes: 256 << 10, ..PublisherSettings::default() };
    let publisher = Publisher::new(&connection, settings, move |number: usize, result| {
        delivered.send((number, result)).unwrap();
    })
    .unwrap();
    let stop = AtomicBool::new(false);
    let mut safe = BTreeSet::new();
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let mut numbers = 0..;
            while !stop.load(Ordering::Relaxed) {
                let number = numbers.next().unwrap();
                publisher.send(record(&topic, 0, "key", number.to_string()), number).unwrap();
            }
            numbers.start
        });
        let _stop = StopWhenDone(&stop);
        let mut wait_for_more = || {
            for _ in 0..AT_LEAST {
                let (number, result) = results.recv_timeout(PATIENCE).unwrap();
                assert_eq!(result, Ok(()), "{number}");
                assert!(safe.insert(number), "{number} came back twice");
            }
        };
        for broker in 0..BROKERS {
            cluster.wait_in_sync(std::slice::from_ref(&topic));
            wait_for_more();
            cluster.kill(broker);
            wait_for_more();
            cluster.restart(broker);
        }
        stop.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        publisher.flush(PATIENCE).unwrap();
        safe.extend(results.try_iter().map(|(number, result)| {
            assert_eq!(result, Ok(()), "{number}");
            number
        }));
        assert_eq!(safe.len(), sent, "each receipt came back");
        let expected: Vec<String> = (0..sent).map(|number| number.to_string()).collect();
        assert_eq!(values(&read_all(&connection, &topic, 0)), expected, "once each, and in order");
    });
}

/// Ends the sending, also when the test fails.
struct StopWhenDone<'a>(&'a AtomicBool);

impl Drop for StopWhenDone<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_partition_without_a_leader_is_read_again_as_soon_as_it_has_one() {
    let mut cluster = Cluster::start(2);
    let connection = cluster.connection("leaderless");
    // One copy each: with its broker goes the leader.
    let topic = create_topic(&connection, 2, &[]);
    publish(&connection, (0..2).map(|partition| record(&topic, partition, "key", partition.to_string())));
    cluster.kill(1);
    let reader = PartitionReader::new(&connection, 8 << 20).unwrap();
    let read = |partition, patience| {
        let mut records = Vec::new();
        reader
            .read_to_end(&topic, partition, Start::Beginning, patience, &mut |record| records.push(record))
            .map(|_| values(&records))
    };
    // Until then the brokers themselves may not know.
    let began = Instant::now();
    let lost = loop {
        assert!(began.elapsed() < PATIENCE, "each partition has a leader");
        if let Some(lost) = (0..2).find(|partition| read(*partition, AT_ONCE).is_err()) {
            break lost;
        }
    };
    cluster.restart(1);
    assert_eq!(read(lost, SOON), Ok(vec![lost.to_string()]));
}
