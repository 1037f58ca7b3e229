//! Promise: reading to the end ends, and leaves nothing out that was or will be committed before it.

use std::time::{Duration, Instant};

use kafka::{Connection, KafkaError, PartitionReader, Record, Start, TransactionalPublisher};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::broker::Broker;
use crate::support::{
    Event, PATIENCE, create_topic, group, join, poll_until, publish, read_all, record, unique, values,
};

/// Reads a partition to its end; the records and the offset to go on from.
fn read(connection: &Connection, topic: &str, start: Start) -> (Vec<Record>, i64) {
    let reader = PartitionReader::new(connection, 8 << 20).unwrap();
    let mut records = Vec::new();
    let next = reader.read_to_end(topic, 0, start, PATIENCE, &mut |record| records.push(record)).unwrap();
    (records, next)
}

fn producer(connection: &Connection) -> TransactionalPublisher {
    TransactionalPublisher::new(connection, &unique("id"), Duration::from_secs(30)).unwrap()
}

/// Waits until a record has arrived at an offset, committed or not.
fn wait_until_arrived(connection: &Connection, topic: &str, offset: i64) {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &connection.brokers)
        .set("isolation.level", "read_uncommitted")
        .create()
        .unwrap();
    let began = Instant::now();
    while client.fetch_watermarks(topic, 0, PATIENCE).unwrap().1 <= offset {
        assert!(began.elapsed() < PATIENCE, "it did not arrive");
    }
}

#[test]
fn a_tail_of_control_records_is_an_end() {
    let connection = Broker::shared().connection("reader");
    let topic = create_topic(&connection, 1, &[]);
    assert_eq!(read(&connection, &topic, Start::Beginning), (Vec::new(), 0), "nothing at all");

    publish(&connection, (0..3).map(|number| record(&topic, 0, "key", number.to_string())));
    let mut producer = producer(&connection);
    for offset in [3, 5] {
        producer.begin().unwrap();
        producer.send(&record(&topic, 0, "key", "aborted")).unwrap();
        wait_until_arrived(&connection, &topic, offset);
        producer.abort().unwrap();
    }
    let (records, next) = read(&connection, &topic, Start::Offset(1));
    assert_eq!(values(&records), ["1", "2"]);
    assert!(next > 5, "after two records and at least one marker more: {next}");
    assert_eq!(read(&connection, &topic, Start::Offset(next)).0, []);
}

#[test]
fn an_open_transaction_is_waited_for() {
    let connection = Broker::shared().connection("reader");
    let topic = create_topic(&connection, 1, &[]);
    let (consumer, diary) = join(&connection, &topic, &group(&unique("group")));
    poll_until(&consumer, || diary.events() == [Event::Assigned(vec![0])]);
    let mut producer = producer(&connection);
    producer.begin().unwrap();
    producer.send(&record(&topic, 0, "key", "committed later")).unwrap();
    let patience = Duration::from_millis(200);
    wait_until_arrived(&connection, &topic, 0);
    let reader = PartitionReader::new(&connection, 8 << 20).unwrap();
    let mut too_early = |record: Record| panic!("{record:?}");
    let late = reader.read_to_end(&topic, 0, Start::Beginning, patience, &mut too_early).unwrap_err();
    assert_eq!(late, KafkaError::TimedOut { action: "read a partition to its end", after: patience });

    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_all(&connection, &topic, 0));
        producer.commit().unwrap();
        assert_eq!(values(&reading.join().unwrap()), ["committed later"]);
    });
}

#[test]
fn a_compacted_partition_ends() {
    const KEYS: usize = 5;
    let connection = Broker::shared().connection("reader");
    let configs =
        [("cleanup.policy", "compact"), ("segment.bytes", "1048576"), ("min.cleanable.dirty.ratio", "0.01")];
    let topic = create_topic(&connection, 1, &configs);
    let large = |number: usize| {
        record(
            &topic,
            0,
            &(number % KEYS).to_string(),
            [number.to_string().as_bytes(), &[b' '; 100_000]].concat(),
        )
    };
    publish(&connection, (0..40).map(large));
    let began = Instant::now();
    let records = loop {
        assert!(began.elapsed() < PATIENCE, "nothing was compacted");
        let (records, next) = read(&connection, &topic, Start::Beginning);
        assert_eq!(next, 40);
        if records.len() < 40 {
            break records;
        }
    };
    let last: Vec<String> = values(&records[records.len() - KEYS..]);
    let last: Vec<&str> = last.iter().map(|value| value.trim()).collect();
    assert_eq!(last, ["35", "36", "37", "38", "39"], "the last of each key is left");
}

#[test]
fn partitions_are_followed_from_where_they_are_told() {
    let connection = Broker::shared().connection("reader");
    let topic = create_topic(&connection, 3, &[]);
    publish(&connection, (0..9).map(|number| record(&topic, number % 3, "key", number.to_string())));
    let reader = PartitionReader::new(&connection, 8 << 20).unwrap();
    let take = |count: usize| {
        let began = Instant::now();
        let mut records = Vec::new();
        while records.len() < count {
            assert!(began.elapsed() < PATIENCE, "{records:?}");
            records.extend(reader.poll(Duration::from_millis(100)).unwrap());
        }
        let mut values = values(&records);
        values.sort();
        values
    };
    reader.assign(&[(&topic, 0, Start::Beginning)]).unwrap();
    assert_eq!(take(3), ["0", "3", "6"]);
    reader.assign(&[(&topic, 1, Start::Offset(2))]).unwrap();
    assert_eq!(take(1), ["7"], "those that are read already are not read again");

    reader.unassign(&[(&topic, 0)]).unwrap();
    publish(&connection, (10..13).map(|number| record(&topic, number % 3, "key", number.to_string())));
    assert_eq!(take(1), ["10"], "only the second is read now");
    reader.assign(&[(&topic, 0, Start::Offset(3)), (&topic, 2, Start::Offset(3))]).unwrap();
    assert_eq!(take(2), ["11", "12"]);
    assert!(reader.assign(&[(&topic, 0, Start::Beginning)]).is_err(), "it is read already");
}

#[test]
fn from_the_end_on_means_nothing_that_was_there() {
    let connection = Broker::shared().connection("reader");
    let topic = create_topic(&connection, 1, &[]);
    publish(&connection, [record(&topic, 0, "key", "before")]);
    let reader = PartitionReader::new(&connection, 8 << 20).unwrap();
    reader.assign(&[(&topic, 0, Start::End)]).unwrap();
    let began = Instant::now();
    // Where the end was is asked in the background: what is written at once may not be seen.
    let first = loop {
        assert!(began.elapsed() < PATIENCE, "nothing came");
        publish(&connection, [record(&topic, 0, "key", "after")]);
        if let Some(record) = reader.poll(Duration::from_millis(100)).unwrap() {
            break record;
        }
    };
    assert_eq!(values(&[first]), ["after"]);
}

#[test]
fn a_time_leads_to_the_first_record_that_was_taken_then_or_later() {
    let connection = Broker::shared().connection("reader");
    let topic = create_topic(&connection, 1, &[]);
    publish(&connection, (0..5).map(|number| record(&topic, 0, "key", number.to_string())));
    let records = read_all(&connection, &topic, 0);
    let reader = PartitionReader::new(&connection, 8 << 20).unwrap();
    let since = |at_ms| reader.since(&topic, 0, at_ms, PATIENCE).unwrap();
    for record in &records {
        let at = record.timestamp_ms.unwrap();
        let first = records.iter().find(|other| other.timestamp_ms.unwrap() >= at).unwrap();
        assert_eq!(since(at), Start::Offset(first.origin.offset));
    }
    assert_eq!(since(0), Start::Offset(0));
    let last = records.last().unwrap().timestamp_ms.unwrap();
    assert_eq!(since(last + 3_600_000), Start::Offset(5), "nothing is that late");
}
