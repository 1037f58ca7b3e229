//! Promise: the embedded broker carries records from a producer to a group.

use domain::messages::{Marker, MarkerKind};
use domain::time::{MediaMs, Millis};
use kafka::wire::{self, Event};
use kafka::{Connection, EmbeddedBroker, Outgoing, Topics};

use crate::support::{group, join, publish, take};

#[test]
fn messages_go_through_the_embedded_broker() {
    let broker = EmbeddedBroker::start().unwrap();
    let topics = Topics::default();
    broker.create_topics(&topics.specs(2, 1)).unwrap();
    let connection = Connection::new(broker.brokers(), "embedded");
    let marker = |silent| Marker {
        session: "t1/e7/s42".parse().unwrap(),
        kind: MarkerKind::Idle,
        media_ms: MediaMs(1_000),
        silent_ms: Millis(silent),
    };
    let event = Event {
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ..Event::from_source("/test")
    };
    publish(
        &connection,
        (0..3).map(|silent| Outgoing::message(topics.observations(), event, &marker(silent))),
    );

    let (consumer, _) = join(&connection, &topics.observations(), &group("group"));
    let records = take(&consumer, 3);
    for (silent, record) in (0..).zip(&records) {
        assert_eq!(wire::decode::<Marker>(record), Ok(marker(silent)));
        assert_eq!(wire::traceparent(record), event.traceparent);
    }
    let next = (records[2].origin.partition, records[2].origin.offset + 1);
    consumer.commit_sync(&[next]).unwrap();
    assert_eq!(consumer.committed(&[next.0]).unwrap(), [next]);
}
