//! Promise: what is written is what is read, whatever bytes somebody put into it.

// Writes what no safe interface of the client library lets through.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr;
use std::time::Duration;

use kafka::{Headers, Outgoing};
use rdkafka::ClientConfig;
use rdkafka::bindings;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::RDKafkaRespErr;

use crate::broker::Broker;
use crate::support::{create_topic, group, join, publish, read_all, record, take, unique};

#[test]
fn key_value_and_headers_arrive_as_they_were() {
    let connection = Broker::shared().connection("records");
    let topic = create_topic(&connection, 1, &[]);
    let mut sent = record(&topic, 0, "t1/e7/s42", [0u8, 255, 10]);
    sent.headers.push("ce_id", "1");
    sent.headers.push("bytes", [0u8, 255]);
    sent.headers.push("ce_id", "2");
    sent.headers.push("empty", "");
    let tombstone = Outgoing { value: None, headers: Headers::new(), ..sent.clone() };
    let empty = Outgoing { value: Some(Vec::new()), key: Vec::new(), ..tombstone.clone() };
    publish(&connection, [sent.clone(), tombstone.clone(), empty.clone()]);

    let (consumer, _) = join(&connection, &topic, &group(&unique("group")));
    let read = take(&consumer, 3);
    for (offset, (read, sent)) in read.iter().zip([&sent, &tombstone, &empty]).enumerate() {
        assert_eq!(read.origin.topic, topic);
        assert_eq!((read.origin.partition, read.origin.offset), (0, offset as i64));
        assert_eq!(
            (&read.key, &read.value, &read.headers),
            (&sent.key, &sent.value, &sent.headers),
            "record {offset}"
        );
        assert!(read.timestamp_ms.unwrap() > 0);
    }
}

#[test]
fn keys_go_to_the_partitions_that_java_clients_choose() {
    let connection = Broker::shared().connection("records");
    let topic = create_topic(&connection, 12, &[]);
    // What org.apache.kafka.common.utils.Utils.murmur2 makes of them.
    let expected = [("t1/e7/s42", 7), ("t1/e7/s43", 11), ("t2/e1/s1", 2)];
    let keyed = expected.map(|(key, _)| Outgoing { partition: None, ..record(&topic, 0, key, key) });
    publish(&connection, keyed);
    for (key, partition) in expected {
        let read = read_all(&connection, &topic, partition);
        assert!(read.iter().any(|record| record.key == key.as_bytes()), "{key} is not in {partition}");
    }
}

#[test]
fn a_header_name_that_is_no_text_does_no_harm() {
    let broker = Broker::shared();
    let connection = broker.connection("records");
    let topic = create_topic(&connection, 1, &[]);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().unwrap();
    let topic_name = CString::new(topic.as_str()).unwrap();
    // SAFETY: all pointers are valid for the calls; the producer takes the headers over.
    unsafe {
        let headers = bindings::rd_kafka_headers_new(2);
        let add = |name: &[u8], value: &[u8]| {
            let added = bindings::rd_kafka_header_add(
                headers,
                name.as_ptr().cast(),
                name.len() as isize,
                value.as_ptr().cast(),
                value.len() as isize,
            );
            assert_eq!(added, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
        };
        add(&[0xff, 0xfe, b'x'], b"1");
        add(b"good", b"2");
        let sent = bindings::rd_kafka_producev(
            producer.client().native_ptr(),
            bindings::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic_name.as_ptr(),
            bindings::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            bindings::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            ptr::null_mut::<u8>(),
        );
        assert_eq!(sent, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    producer.flush(Duration::from_secs(60)).unwrap();

    let read = read_all(&connection, &topic, 0);
    assert_eq!(read[0].headers.len(), 2);
    assert_eq!(read[0].headers.get("good"), Some(b"2".as_slice()));
}
