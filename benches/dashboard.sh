#!/usr/bin/env bash
# How soon an incident is on the dashboards: a broker, a gateway, a worker (release build), browsers in real time.
#
#   benches/dashboard.sh [SESSIONS [RECORDING]]      by default 20 c05_second_person_vp8.webm
#
# Prints the time from the moment at which an incident had lasted as long as its policy asks for, in front of the camera,
# to its event at a dashboard: the second that the browser gathers, the upload, the rest of the segment, all stages.
set -euo pipefail
cd "$(dirname "$0")/.."
sessions=${1:-20} recording=tests/media/clips/${2:-c05_second_person_vp8.webm}
program=target/release/invigilator
folder=$(mktemp -d --suffix -invigilator-dashboard)
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT

openssl rand -hex 32 >"$folder/key"
chmod 600 "$folder/key"
export INVIGILATOR__GATEWAY__KEY_FILE=$folder/key INVIGILATOR__GATEWAY__STORE=$folder/store
export INVIGILATOR__KAFKA__BROKERS=127.0.0.1:19092 INVIGILATOR__TELEMETRY__LISTEN=127.0.0.1:0

tests/kafka/serve.sh 19092 >"$folder/broker.log" 2>&1 &
until "$program" topics create --partitions 4 --replication 1 >"$folder/topics.log" 2>&1; do sleep 1; done
"$program" worker 2>"$folder/worker.log" &
"$program" gateway --listen 127.0.0.1:18443 2>"$folder/gateway.log" &
until grep -q 'gateway started' "$folder/gateway.log"; do sleep 0.2; done
until (($(grep -c 'partitions assigned' "$folder/worker.log") >= 3)); do sleep 0.2; done
token() { "$program" gateway token --tenant t1 --role "$1"; }
python3 benches/dashboard.py 127.0.0.1:18443 "$(token service)" "$(token proctor)" "$recording" \
    config/policies/standard.toml "$sessions"
