"""Reads records with the CloudEvents SDK and prints each event as a line of JSON.

Usage: readback.py BROKERS ISOLATION COUNT TOPIC...
"""

import json
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

brokers, isolation, count, *topics = sys.argv[1:]
consumer = Consumer(
    {"bootstrap.servers": brokers, "group.id": "readback", "isolation.level": isolation}
)
consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])
read = 0
while read < int(count):
    record = consumer.poll(1)
    if record is None:
        continue
    if record.error():
        raise KafkaException(record.error())
    message = KafkaMessage(dict(record.headers()), record.key(), record.value())
    event = from_binary(message, JSONFormat())
    attributes = dict(event.get_attributes())
    if "time" in attributes:
        attributes["time"] = attributes["time"].isoformat()
    data = event.get_data()
    data = {"hex": data.hex()} if isinstance(data, bytes) else data
    print(json.dumps({"topic": record.topic(), "attributes": attributes, "data": data}))
    read += 1
consumer.close()
