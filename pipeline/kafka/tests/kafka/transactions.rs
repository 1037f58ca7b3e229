//! Promise: records and the offsets they were computed from become visible together or not at all.

use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use kafka::{Connection, Record, TransactionError, TransactionalPublisher};

use crate::broker::Broker;
use crate::support::{
    Event, PATIENCE, create_topic, group, join, poll_until, publish, read_all, record, take, unique, values,
};

fn producer(connection: &Connection, id: &str) -> TransactionalPublisher {
    TransactionalPublisher::new(connection, id, Duration::from_secs(30)).unwrap()
}

#[test]
fn results_and_offsets_are_seen_together_or_not_at_all() {
    let connection = Broker::shared().connection("transactions");
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    publish(&connection, (0..4).map(|number| record(&input, 0, "key", number.to_string())));
    let (consumer, _) = join(&connection, &input, &group(&unique("group")));
    let mut producer = producer(&connection, &unique("id"));

    take(&consumer, 2);
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "of 0 and 1")).unwrap();
    let group = consumer.group_metadata().unwrap();
    let places = producer.add_offsets(&[(&input, 0, 2)], &group).and_then(|()| producer.commit()).unwrap();
    assert_eq!(places, [Some(0)]);
    assert_eq!(values(&read_all(&connection, &output, 0)), ["of 0 and 1"]);
    assert_eq!(consumer.committed(&[0]).unwrap(), [(0, 2)]);

    take(&consumer, 2);
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "never seen")).unwrap();
    producer.abort().unwrap();
    consumer.rewind(&[0]).unwrap();
    assert_eq!(consumer.committed(&[0]).unwrap(), [(0, 2)]);

    let again = take(&consumer, 2);
    assert_eq!(values(&again), ["2", "3"]);
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "of 2 and 3")).unwrap();
    producer.send(&record(&output, 0, "key", "and more")).unwrap();
    let places = producer.add_offsets(&[(&input, 0, 4)], &group).and_then(|()| producer.commit()).unwrap();
    let written = read_all(&connection, &output, 0);
    assert_eq!(values(&written), ["of 0 and 1", "of 2 and 3", "and more"]);
    let lie = |record: &Record| Some(record.origin.offset);
    assert_eq!(places, written[1..].iter().map(lie).collect::<Vec<_>>());
    assert_eq!(consumer.committed(&[0]).unwrap(), [(0, 4)]);
}

#[test]
fn committing_does_not_wait_for_a_tick_of_the_library() {
    let connection = Broker::shared().connection("transactions");
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    let (consumer, diary) = join(&connection, &input, &group(&unique("group")));
    poll_until(&consumer, || diary.events() == [Event::Assigned(vec![0])]);
    let group = consumer.group_metadata().unwrap();
    let mut producer = producer(&connection, &unique("id"));
    // On a busy machine most take longer for other reasons; with a tick in it none is ever quicker.
    let began = Instant::now();
    for next in 1.. {
        producer.begin().unwrap();
        for _ in 0..20 {
            producer.send(&record(&output, 0, "key", [7; 500])).unwrap();
        }
        let committing = Instant::now();
        producer.add_offsets(&[(&input, 0, next)], &group).and_then(|()| producer.commit()).unwrap();
        if committing.elapsed() < Duration::from_millis(80) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "none of {next} commits took less than a tick of 100 ms");
    }
}

#[test]
fn whoever_has_read_everything_is_behind_the_end_of_the_last_transaction() {
    let connection = Broker::shared().connection("transactions");
    let topic = create_topic(&connection, 1, &[]);
    let (consumer, _) = join(&connection, &topic, &group(&unique("group")));
    let mut producer = producer(&connection, &unique("id"));
    producer.begin().unwrap();
    producer.send(&record(&topic, 0, "key", "value")).unwrap();
    producer.commit().unwrap();
    assert_eq!(values(&take(&consumer, 1)), ["value"]);
    // A record, and the end of its transaction, which is never handed out.
    poll_until(&consumer, || consumer.positions().unwrap() == [(0, 2)]);
    assert_eq!(consumer.watermarks(0).unwrap(), (0, 2));
}

#[test]
fn a_zombie_with_the_same_id_is_fenced() {
    let connection = Broker::shared().connection("transactions");
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    let (consumer, diary) = join(&connection, &input, &group(&unique("group")));
    poll_until(&consumer, || diary.events() == [Event::Assigned(vec![0])]);
    let group = consumer.group_metadata().unwrap();
    let id = unique("id");

    let mut zombie = producer(&connection, &id);
    zombie.begin().unwrap();
    zombie.send(&record(&output, 0, "key", "of a zombie")).unwrap();
    let mut successor = producer(&connection, &id);
    let error = zombie.add_offsets(&[(&input, 0, 1)], &group).and_then(|()| zombie.commit()).unwrap_err();
    let TransactionError::Fatal(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(matches!(zombie.begin(), Err(TransactionError::Fatal(_))), "it stays fenced");

    successor.begin().unwrap();
    successor.send(&record(&output, 0, "key", "of its successor")).unwrap();
    successor.add_offsets(&[(&input, 0, 1)], &group).and_then(|()| successor.commit()).unwrap();
    assert_eq!(values(&read_all(&connection, &output, 0)), ["of its successor"]);
}

#[test]
fn a_member_that_was_replaced_cannot_commit() {
    let connection = Broker::shared().connection("transactions");
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    publish(&connection, [record(&input, 0, "key", "0")]);
    let quick = Duration::from_secs(1);
    let settings =
        kafka::GroupSettings { session_timeout: quick, max_poll_interval: quick, ..group(&unique("group")) };
    let (slow, _) = join(&connection, &input, &settings);
    take(&slow, 1);
    let stale = slow.group_metadata().unwrap();
    let mut producer = producer(&connection, &unique("id"));
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "twice?")).unwrap();

    // Another member gets the partition while this one does not poll.
    let (other, _) = join(&connection, &input, &settings);
    take(&other, 1);
    let error = producer.add_offsets(&[(&input, 0, 1)], &stale).and_then(|()| producer.commit()).unwrap_err();
    assert!(matches!(error, TransactionError::Abort(_)), "{error}");
    producer.abort().unwrap();
    assert_eq!(values(&read_all(&connection, &output, 0)), [""; 0]);
    assert_eq!(other.committed(&[0]).unwrap(), []);
}

#[test]
fn a_broker_that_dies_within_a_transaction_is_waited_for() {
    let mut broker = Broker::start();
    let connection = broker.connection("transactions");
    let input = create_topic(&connection, 1, &[]);
    let output = create_topic(&connection, 1, &[]);
    let (consumer, diary) = join(&connection, &input, &group(&unique("group")));
    poll_until(&consumer, || diary.events() == [Event::Assigned(vec![0])]);
    let group = consumer.group_metadata().unwrap();
    let mut producer = TransactionalPublisher::new(&connection, "id", PATIENCE).unwrap();
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "once")).unwrap();
    broker.kill();
    let committed = std::thread::scope(|scope| {
        let committing =
            scope.spawn(|| producer.add_offsets(&[(&input, 0, 1)], &group).and_then(|()| producer.commit()));
        broker.restart();
        committing.join().unwrap()
    });
    match committed {
        Ok(_) => assert_eq!(values(&read_all(&connection, &output, 0)), ["once"]),
        Err(TransactionError::Abort(_)) => {
            producer.abort().unwrap();
            assert_eq!(values(&read_all(&connection, &output, 0)), [""; 0]);
        }
        Err(error) => panic!("{error}"),
    }
    producer.begin().unwrap();
    producer.send(&record(&output, 0, "key", "again")).unwrap();
    producer.commit().unwrap();
}
