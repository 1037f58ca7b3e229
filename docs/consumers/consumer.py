"""Prints a line for each incident and score. Usage: consumer.py BROKERS GROUP [LINES]"""
import sys
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, KafkaException

def incident(it):
    return f"{it['session']} incident {it['type']} {it['state']} {it['severity']}: {it['reason']['text']}"

def score(it):
    integrity = "grey" if it["integrity"] is None else f"{it['integrity']} {it['band']}"
    reasons = [f"{each['type']} -{each['applied_milli'] / 1000:g}" for each in it["contributions"]]
    return f"{it['session']} score {it['status']} {integrity}: {', '.join(reasons) or 'nothing found'}"

KINDS = {"invigilator.incident.v1": incident, "invigilator.score.v1": score}
brokers, group, lines = [*sys.argv[1:], "-1"][:3]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest",
                     "isolation.level": "read_committed"})
consumer.subscribe(["exam.incidents", "exam.scores"])
left = int(lines)
while left != 0:
    record = consumer.poll(1)
    if record is not None and record.error():
        raise KafkaException(record.error())
    if record is not None and record.value() is not None:
        event = from_binary(KafkaMessage(dict(record.headers()), record.key(), record.value()), JSONFormat())
        if event.get_type() in KINDS:
            print(KINDS[event.get_type()](event.get_data()), flush=True)
            left -= 1
consumer.close()
