#!/usr/bin/env bash
# How long scores take and how much memory live sessions take: sessions publish in real time, each beginning a
# little after the one before, while one worker works them off.
#
#   benches/live.sh [SESSIONS [CLIP [THREADS]]]      by default 100 c02_calm_h264.mp4 2
#
# Prints, from the worker's own metrics, which share of segments was in a committed score how soon after it had
# arrived at the broker, the processor time and the most memory of the worker with its decoders. Nothing else
# should run meanwhile; broker and publishers take part of the same machine, as they would not in production.
set -euo pipefail
cd "$(dirname "$0")/.."
sessions=${1:-100}
clip=tests/media/clips/${2:-c02_calm_h264.mp4}
threads=${3:-2}
port=29192
brokers=127.0.0.1:$port
telemetry=127.0.0.1:29195
out=target/bench
product=target/release/invigilator

say() { printf 'live: %s\n' "$*" >&2; }
metrics() { curl --silent --fail "http://$telemetry/metrics"; }

# wait_for COMMAND...: until it succeeds, for a minute.
wait_for() {
    for _ in {1..600}; do
        if "$@" &>/dev/null; then return; fi
        sleep 0.1
    done
    say "gave up waiting for: $*"
    exit 1
}

has_partitions() { metrics | grep -q '^invigilator_partitions{role="score"} 4'; }
final_scores() { metrics | awk '/^invigilator_scores_total\{status="final"\}/ { print $2 }'; }
is_done() { (($(final_scores) >= sessions)); }

# memory_and_time PID: of a process and its children, the most MiB resident and seconds of processor time.
memory_and_time() {
    local pids ticks
    pids="$1 $(pgrep --parent "$1" | tr '\n' ' ')"
    ticks=$(getconf CLK_TCK)
    for pid in $pids; do
        awk '/^VmHWM/ { printf "%d ", $2 }' "/proc/$pid/status"
        sed 's/.*) //' "/proc/$pid/stat" | awk -v ticks="$ticks" '{ print ($12 + $13) / ticks }'
    done | awk '{ memory += $1; time += $2 } END { printf "%d %.2f\n", memory / 1024, time }'
}

mkdir -p "$out"
tests/kafka/serve.sh "$port" >"$out/broker.log" 2>&1 &
started=($!)
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null || true' EXIT
wait_for "$product" topics create --partitions 4 --replication 1 --brokers "$brokers"
INVIGILATOR__TELEMETRY__LISTEN=$telemetry INVIGILATOR__DECODE__CHILDREN=$threads \
    "$product" worker --brokers "$brokers" --threads "$threads" >"$out/worker.log" 2>&1 &
worker=$!
started+=("$worker")
wait_for has_partitions
read -r _ before < <(memory_and_time "$worker")

say "$sessions sessions of $clip"
pause=$(awk -v n="$sessions" 'BEGIN { print 2 / n }')
publishers=()
for ((number = 1; number <= sessions; number++)); do
    "$product" publish "$clip" --session "bench/live/s$number" --realtime --no-progress --brokers "$brokers" \
        >"$out/publish.log" 2>&1 &
    publishers+=($!)
    sleep "$pause"
done
wait "${publishers[@]}"
wait_for is_done

read -r memory after < <(memory_and_time "$worker")
segments=$(metrics | awk '/^invigilator_stage_items_total/ && /stage="look"/ && /outcome="ok"/ { print $2 }')
echo "$sessions sessions at once, $segments segments, $threads threads"
awk -v from="$before" -v to="$after" -v segments="$segments" \
    'BEGIN { printf "processor time          %.1f ms per second of video\n", (to - from) * 1000 / (segments * 2) }'
echo "most memory             $memory MiB"
echo "in a score within"
metrics | sed -n 's/^invigilator_score_delay_seconds_bucket{le="\(.*\)"} \(.*\)/\1 \2/p' |
    awk -v all="$(metrics | awk '/^invigilator_score_delay_seconds_count/ { print $2 }')" \
        '$1 != "+Inf" && $1 <= 5 { printf "%6s s %15.1f %%\n", $1, $2 * 100 / all }'
