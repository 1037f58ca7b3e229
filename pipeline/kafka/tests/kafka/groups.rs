//! Promise: no record is skipped, whoever comes and goes; and a group that brokers overtook is told.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use domain::delivery::OffsetLedger;
use kafka::{Assignment, Connection, GroupConsumer, GroupProgress, GroupProtocol, GroupSettings, KafkaError};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::support::{
    Event, Journal, PATIENCE, create_topic, group, join, poll_until, publish, read_all, record, take, unique,
    values,
};

/// A member that keeps a ledger, works on a few records at once and finishes them last first.
struct Worker {
    ledger: Mutex<OffsetLedger>,
    journal: Arc<Journal>,
    worked: AtomicUsize,
    stop: AtomicBool,
}

impl Worker {
    fn new(journal: &Arc<Journal>) -> Arc<Self> {
        Arc::new(Self {
            ledger: Mutex::default(),
            journal: Arc::clone(journal),
            worked: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        })
    }

    fn run(self: &Arc<Self>, connection: &Connection, topic: &str, settings: &GroupSettings) {
        let consumer = GroupConsumer::new(connection, topic, settings, self.clone()).unwrap();
        let mut leases = Vec::new();
        let mut failed_commits = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let record = consumer.poll(Duration::from_millis(20)).unwrap();
            let is_idle = record.is_none();
            if let Some(record) = record {
                let lease = self.ledger.lock().unwrap().begin(record.origin.partition, record.origin.offset);
                leases.push(lease.expect("only what is assigned is read, and once"));
            }
            if is_idle || leases.len() == 7 {
                for lease in leases.drain(..).rev() {
                    let mut ledger = self.ledger.lock().unwrap();
                    if ledger.is_current(&lease) {
                        self.journal.note(lease.partition(), lease.offset());
                        self.worked.fetch_add(1, Ordering::Relaxed);
                        assert!(ledger.done(&lease));
                    }
                }
                let mut ledger = self.ledger.lock().unwrap();
                if consumer.failed_commits() > failed_commits {
                    failed_commits = consumer.failed_commits();
                    ledger.offer_again();
                }
                let offsets = ledger.take_committable();
                self.check(&offsets);
                consumer.commit(&offsets).unwrap();
            }
        }
        consumer.close();
    }

    fn check(&self, offsets: &[(i32, i64)]) {
        for (partition, next) in offsets {
            assert!(self.journal.covers(*partition, *next), "{partition}: {next} is past a hole");
        }
    }
}

/// Stops a worker, also when a test fails.
struct StopWhenDone<'a>(&'a Worker);

impl Drop for StopWhenDone<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Assignment for Worker {
    fn assigned(&self, partitions: &[i32]) {
        let mut ledger = self.ledger.lock().unwrap();
        partitions.iter().for_each(|partition| ledger.assign(*partition));
    }

    fn revoked(&self, partitions: &[i32]) -> Vec<(i32, i64)> {
        let mut ledger = self.ledger.lock().unwrap();
        let offsets: Vec<_> = partitions
            .iter()
            .filter_map(|partition| Some((*partition, ledger.revoke(*partition)?)))
            .collect();
        self.check(&offsets);
        offsets
    }

    fn lost(&self, partitions: &[i32]) {
        self.revoked(partitions);
    }

    fn overtaken(&self, partition: i32, expected: i64, earliest: i64) {
        panic!("{partition}: {expected} is gone, {earliest} is left");
    }
}

#[test]
fn every_record_is_worked_on_while_members_come_and_go() {
    members_come_and_go(GroupProtocol::Classic);
}

#[test]
fn every_record_is_worked_on_while_brokers_share_partitions_out() {
    members_come_and_go(GroupProtocol::Consumer);
}

fn members_come_and_go(protocol: GroupProtocol) {
    const PARTITIONS: i32 = 6;
    const PART: usize = 1_200;
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, PARTITIONS, &[]);
    let settings = GroupSettings { protocol, ..group(&unique("group")) };
    let publish_part = |part: usize| {
        let records = (part * PART..(part + 1) * PART)
            .map(|number| record(&topic, (number % PARTITIONS as usize) as i32, "key", number.to_string()));
        publish(&connection, records);
    };
    let journal = Arc::new(Journal::default());
    let (first, second) = (Worker::new(&journal), Worker::new(&journal));
    std::thread::scope(|scope| {
        let _stop = [StopWhenDone(&first), StopWhenDone(&second)];
        publish_part(0);
        let running = scope.spawn(|| first.run(&connection, &topic, &settings));
        journal.wait_for(PART / 2);
        scope.spawn(|| second.run(&connection, &topic, &settings));
        // The second gets work only by a rebalance, and that while the first has some.
        let began = Instant::now();
        for part in 1.. {
            publish_part(part);
            journal.wait_for((part + 1) * PART);
            if second.worked.load(Ordering::Relaxed) > 0 {
                first.stop.store(true, Ordering::Relaxed);
                running.join().unwrap();
                publish_part(part + 1);
                journal.wait_for((part + 2) * PART);
                break;
            }
            assert!(began.elapsed() < PATIENCE, "the second member got nothing");
        }
    });

    let (reader, _) = join(&connection, &topic, &settings);
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let committed: BTreeMap<i32, i64> = reader.committed(&partitions).unwrap().into_iter().collect();
    for partition in partitions {
        assert_eq!(committed[&partition], reader.watermarks(partition).unwrap().1, "all of {partition}");
    }
}

#[test]
fn paused_partitions_hold_while_others_flow() {
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, 2, &[]);
    let numbers = |partition: i32, from: usize| {
        let topic = topic.clone();
        (from..from + 50).map(move |number| record(&topic, partition, "key", format!("{partition}:{number}")))
    };
    publish(&connection, numbers(0, 0).chain(numbers(1, 0)));
    let settings = kafka::GroupSettings { start_paused: true, ..group(&unique("group")) };
    let (consumer, diary) = join(&connection, &topic, &settings);
    poll_until(&consumer, || diary.events() == [Event::Assigned(vec![0, 1])]);

    // Both begin paused; one is let go.
    consumer.resume(&[1]).unwrap();
    let read = take(&consumer, 20);
    assert!(read.iter().all(|record| record.origin.partition == 1));

    // That one is stopped in the middle, with records in the buffer, and the other let go.
    consumer.pause(&[1]).unwrap();
    consumer.resume(&[0]).unwrap();
    let other = take(&consumer, 50);
    assert!(other.iter().all(|record| record.origin.partition == 0));
    publish(&connection, numbers(0, 50));
    assert!(take(&consumer, 50).iter().all(|record| record.origin.partition == 0));

    // It goes on where it was, without a record lost or repeated.
    consumer.resume(&[1]).unwrap();
    let rest = take(&consumer, 30);
    let expected: Vec<String> = (0..50).map(|number| format!("1:{number}")).collect();
    assert_eq!(values(&[read, rest].concat()), expected);
}

#[test]
fn a_new_group_begins_at_the_start_and_a_known_one_where_it_was() {
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, 1, &[]);
    publish(&connection, (0..10).map(|number| record(&topic, 0, "key", number.to_string())));
    let settings = group(&unique("group"));
    let (consumer, _) = join(&connection, &topic, &settings);
    assert_eq!(consumer.lag().unwrap(), [], "nothing is assigned yet");
    assert_eq!(take(&consumer, 3)[0].origin.offset, 0);
    consumer.commit_sync(&[(0, 3)]).unwrap();
    assert_eq!(consumer.lag().unwrap()[0].offsets, 7);
    consumer.close();

    let (consumer, diary) = join(&connection, &topic, &settings);
    assert_eq!(take(&consumer, 1)[0].origin.offset, 3);
    take(&consumer, 4);
    consumer.rewind(&[0]).unwrap();
    assert_eq!(take(&consumer, 1)[0].origin.offset, 3, "back to what is committed");
    assert_eq!(diary.events(), [Event::Assigned(vec![0])]);
}

#[test]
fn a_group_that_was_overtaken_is_told_and_goes_on() {
    let connection = Broker::shared().connection("groups");
    let limits = [("segment.bytes", "1048576"), ("retention.bytes", "1048576")];
    let topic = create_topic(&connection, 1, &limits);
    let large = |count: usize| (0..count).map(|_| record(&topic, 0, "key", vec![7; 200_000]));
    publish(&connection, large(2));
    let settings = group(&unique("group"));
    let (consumer, _) = join(&connection, &topic, &settings);
    take(&consumer, 1);
    consumer.commit_sync(&[(0, 1)]).unwrap();
    consumer.close();

    publish(&connection, large(20));
    let (consumer, diary) =
        join(&connection, &topic, &kafka::GroupSettings { start_paused: true, ..settings });
    let began = Instant::now();
    let start = loop {
        assert!(began.elapsed() < PATIENCE, "nothing was deleted");
        let (start, _) = consumer.watermarks(0).unwrap();
        if start > 1 {
            break start;
        }
    };
    poll_until(&consumer, || consumer.assigned() == [0]);
    consumer.resume(&[0]).unwrap();
    let first = take(&consumer, 1)[0].origin.offset;
    assert!(first >= start);
    let told = diary.events().into_iter().find(|event| matches!(event, Event::Overtaken { .. }));
    let Some(Event::Overtaken { partition: 0, expected: 1, earliest }) = told else { panic!("{told:?}") };
    assert!(start <= earliest && earliest <= first);
}

#[test]
fn a_group_that_was_overtaken_is_told_also_when_nothing_is_left_and_only_once() {
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, 2, &[]);
    publish(&connection, (0..5).map(|number| record(&topic, 0, "key", number.to_string())));
    let settings = group(&unique("group"));
    let (consumer, _) = join(&connection, &topic, &settings);
    take(&consumer, 2);
    consumer.commit_sync(&[(0, 2), (1, 0)]).unwrap();
    consumer.close();
    delete_records(&connection, &topic, 0, 5);

    let overtaken = Event::Overtaken { partition: 0, expected: 2, earliest: 5 };
    let (consumer, diary) = join(&connection, &topic, &settings);
    poll_until(&consumer, || diary.events().contains(&overtaken));
    publish(&connection, [record(&topic, 0, "key", "5")]);
    assert_eq!(values(&take(&consumer, 1)), ["5"]);
    assert_eq!(consumer.lag().unwrap()[0].offsets, 1, "what was deleted is not waited for");
    consumer.close();

    let (consumer, diary) = join(&connection, &topic, &settings);
    assert_eq!(values(&take(&consumer, 1)), ["5"]);
    assert_eq!(diary.events(), [Event::Assigned(vec![0, 1])]);
}

/// Deletes the records of a partition before an offset, as retention would.
fn delete_records(connection: &Connection, topic: &str, partition: i32, before: i64) {
    let admin: AdminClient<_> =
        ClientConfig::new().set("bootstrap.servers", &connection.brokers).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(topic, partition, Offset::Offset(before)).unwrap();
    let options = AdminOptions::new();
    let mut deleting = pin!(admin.delete_records(&offsets, &options));
    let mut context = Context::from_waker(Waker::noop());
    let deleted = loop {
        match deleting.as_mut().poll(&mut context) {
            Poll::Ready(deleted) => break deleted.unwrap(),
            Poll::Pending => std::thread::yield_now(),
        }
    };
    deleted.elements()[0].error().unwrap();
}

#[test]
fn a_member_that_does_not_poll_loses_its_partitions() {
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, 1, &[]);
    publish(&connection, [record(&topic, 0, "key", "value")]);
    let quick = Duration::from_secs(1);
    let settings =
        kafka::GroupSettings { session_timeout: quick, max_poll_interval: quick, ..group(&unique("group")) };
    let (sleeper, diary) = join(&connection, &topic, &settings);
    take(&sleeper, 1);

    // While the first one works too long, another one takes over.
    let (other, _) = join(&connection, &topic, &settings);
    assert_eq!(take(&other, 1)[0].origin.offset, 0);
    assert!(sleeper.commit_sync(&[(0, 1)]).is_err(), "it is not its partition any more");
    let began = Instant::now();
    while !diary.events().contains(&Event::Lost(vec![0])) {
        assert!(began.elapsed() < PATIENCE, "{:?}", diary.events());
        // That it was too slow comes as an error first; polling goes on.
        let _ = sleeper.poll(Duration::from_millis(50));
    }
    assert!(!diary.events().contains(&Event::Revoked(vec![0])));
}

#[test]
fn a_group_without_members_goes_on_where_it_is_told_to() {
    let connection = Broker::shared().connection("move");
    let topic = create_topic(&connection, 2, &[("message.timestamp.type", "LogAppendTime")]);
    publish(&connection, (0..3).map(|number| record(&topic, 0, "k", number.to_string())));
    let taken = read_all(&connection, &topic, 0);
    let progress = GroupProgress::new(&connection, &unique("moved")).unwrap();
    let at = |at_ms| progress.move_to(&topic, 2, at_ms).unwrap();
    assert_eq!(at(0), [(0, 0), (1, 0)]);
    let last = taken[2].timestamp_ms.unwrap();
    assert!(at(last)[0].1 <= 2, "what came in the same millisecond is read again");
    assert_eq!(at(last + 1), [(0, 3), (1, 0)], "nothing is that late");
    assert_eq!(progress.of(&topic, 0).unwrap().next, 3);
}

#[test]
fn a_group_with_members_is_left_alone() {
    let connection = Broker::shared().connection("stay");
    let topic = create_topic(&connection, 1, &[]);
    publish(&connection, [record(&topic, 0, "k", "v")]);
    let settings = group(&unique("stays"));
    let member = join(&connection, &topic, &settings);
    assert_eq!(take(&member.0, 1).len(), 1);
    let progress = GroupProgress::new(&connection, &settings.group_id).unwrap();
    let refused = progress.move_to(&topic, 1, 0).unwrap_err();
    assert!(matches!(refused, KafkaError::Refused { .. }), "{refused}");
}

#[test]
fn a_member_that_is_behind_gets_on_with_all_its_partitions() {
    const PARTITIONS: i32 = 12;
    const EACH: usize = 600;
    let connection = Broker::shared().connection("groups");
    let topic = create_topic(&connection, PARTITIONS, &[]);
    let value = vec![b'x'; 7_000];
    for partition in 0..PARTITIONS {
        publish(&connection, (0..EACH).map(|_| record(&topic, partition, "key", value.clone())));
    }
    let settings = GroupSettings { buffer_bytes: 16 << 20, ..group(&unique("group")) };
    let (consumer, _diary) = join(&connection, &topic, &settings);
    let mut taken = BTreeMap::<i32, usize>::new();
    let half = PARTITIONS as usize * EACH / 2;
    while taken.values().sum::<usize>() < half {
        for record in take(&consumer, 1) {
            *taken.entry(record.origin.partition).or_default() += 1;
            // Work, which takes longer than fetching.
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(1) {
                std::hint::spin_loop();
            }
        }
    }
    // Not evenly: these batches are larger than a share. But nobody waits until others are done.
    let least = (0..PARTITIONS).map(|partition| taken.get(&partition).copied().unwrap_or_default()).min();
    assert!(least.unwrap() >= EACH / 10, "{taken:?}");
}
