#!/usr/bin/env bash
# A wave of simulated candidates through a broker of its own and the score role, as `invigilator bench wave --help`
# tells.
#
#   benches/wave.sh [ARGUMENT...]      by default 50,000 sessions within five minutes, an observation every 10 s
#
# Writes target/bench/wave.json and wave.svg. Nothing else should run meanwhile. About ten minutes, and some 10 GB of
# disk that are free again afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."
port=29096
out=target/bench
program=${INVIGILATOR:-target/release/invigilator}

mkdir -p "$out"
tests/kafka/serve.sh "$port" >"$out/wave-broker.log" 2>&1 &
broker=$!
trap 'kill "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true' EXIT
# The broker is the script's child.
java=""
for _ in {1..100}; do
    java=$(pgrep -P "$broker" -x java) && break
    sleep 0.1
done
[[ $# -gt 0 ]] || set -- --segment 10s
"$program" bench wave --brokers "127.0.0.1:$port" ${java:+--broker-pid "$java"} \
    --json "$out/wave.json" --svg "$out/wave.svg" "$@"
