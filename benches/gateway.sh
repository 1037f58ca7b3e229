#!/usr/bin/env bash
# How many uploads and listeners a gateway bears: a broker, a gateway (release build), load.
#
#   benches/gateway.sh [UPLOADS [LISTENERS]]      by default 300 and 5000
#
# All of it on this machine, the load beside what is measured. Not for: accuracy, or what becomes of the video.
set -euo pipefail
cd "$(dirname "$0")/.."
uploads=${1:-300} listeners=${2:-5000}
program=target/release/invigilator
folder=$(mktemp -d --suffix -invigilator-gateway)
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT
ulimit -n "$(ulimit -Hn)"

openssl rand -hex 32 >"$folder/key"
chmod 600 "$folder/key"
export INVIGILATOR__GATEWAY__KEY_FILE=$folder/key INVIGILATOR__GATEWAY__STORE=$folder/store
export INVIGILATOR__KAFKA__BROKERS=127.0.0.1:19092 INVIGILATOR__TELEMETRY__LISTEN=127.0.0.1:0
# One token stands for all proctors.
export INVIGILATOR__GATEWAY__REQUESTS_PER_S=100000

tests/kafka/serve.sh 19092 >"$folder/broker.log" 2>&1 &
until "$program" topics create --partitions 4 --replication 1 >"$folder/topics.log" 2>&1; do sleep 1; done
"$program" gateway --listen 127.0.0.1:18443 2>"$folder/gateway.log" &
gateway=$!
until grep -q 'gateway started' "$folder/gateway.log"; do sleep 0.2; done
token() { "$program" gateway token --tenant t1 --role "$1"; }
python3 benches/gateway.py 127.0.0.1:18443 "$gateway" "$(token service)" "$(token proctor)" "$uploads" "$listeners"
