"""Compares the KafkaTopics of an overlay with topics that `invigilator topics create` made.

    topics.py OVERLAY.yaml PREFIX <DESCRIPTION

DESCRIPTION is what Kafka's own tool says of the settings of all topics. `min.insync.replicas` is left out: the
broker of the tests is one, and topics with one copy have none.
"""

import re
import sys
from pathlib import Path

import yaml


def described(text: str, prefix: str) -> dict[str, dict[str, str]]:
    """Settings of each topic that were set for it alone."""
    topics: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if head := re.match(r"Dynamic configs for topic (\S+) are:", line):
            topic = topics.setdefault(head[1], {})
        elif setting := re.match(r"\s+(\S+?)=(\S*) sensitive=", line):
            topic[setting[1]] = setting[2]
    return {name: settings for name, settings in topics.items() if name.startswith(prefix + ".")}


def main() -> int:
    overlay, prefix = Path(sys.argv[1]), sys.argv[2]
    wanted = {
        item["metadata"]["name"]: {key: str(value) for key, value in item["spec"]["config"].items() if key != "min.insync.replicas"}
        for item in yaml.safe_load_all(overlay.read_text())
        if item and item["kind"] == "KafkaTopic"
    }
    made = described(sys.stdin.read(), prefix)
    for name in sorted(wanted.keys() | made.keys()):
        if wanted.get(name) != made.get(name):
            print(f"{name}: the manifest says {wanted.get(name)}, `topics create` {made.get(name)}", file=sys.stderr)
    return 0 if wanted == made and wanted else 1


if __name__ == "__main__":
    sys.exit(main())
