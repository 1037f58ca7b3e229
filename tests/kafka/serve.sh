#!/usr/bin/env bash
# Runs one broker in the foreground, on the loopback interface: for benchmarks and for trying things out.
#
#   tests/kafka/serve.sh [PORT]      by default 9092; the controller takes the port after it
#
# Its data are in a folder of their own and gone when it ends. Not for: tests, which start theirs
# themselves (broker.rs).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=$root/.cache/kafka
port=${1:-9092}
[[ -f $cache/storage/meta.properties ]] || { echo "the broker is missing; run: make setup-kafka" >&2; exit 1; }

folder=$(mktemp -d --suffix -invigilator-kafka)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/data"
cp "$cache"/storage/* "$folder/data/"
cat >"$folder/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$folder/data
auto.create.topics.enable=false
message.max.bytes=8388608
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
PROPERTIES
cd "$folder"
java -Xmx512m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$cache/lib/*" kafka.Kafka server.properties &
java=$!
trap 'kill "$java" 2>/dev/null || true; wait "$java" || true; rm -rf "$folder"' EXIT
trap 'exit 0' INT TERM
wait "$java"
