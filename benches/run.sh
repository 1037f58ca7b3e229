#!/usr/bin/env bash
# `make bench`: sessions per core on the sample clips, VP8 and H.264, calm and with incidents; and of calm ones
# once more, looked at keyframes only (adaptive.calm_after_ms).
#
#   benches/run.sh [ROUNDS]
#
# Starts a broker of its own and the worker in Python beside ours (benches/baseline). Writes
# target/bench/NAME.json and NAME.svg. Nothing else should run meanwhile. About four minutes a round.
#
# `invigilator plan` takes its figures from benches/figures/CODEC.json, which are target/bench/mixed-CODEC.json of
# such a run, copied by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
port=29092
out=target/bench
python=.cache/baseline/bin/python
clips=tests/media/clips

say() { printf 'bench: %s\n' "$*" >&2; }

if [[ ! -x $python ]] || ! "$python" -c 'import cv2, numpy, onnxruntime' 2>/dev/null; then
    say "fetching what the worker in Python needs (120 MB)"
    rm -rf .cache/baseline
    python3 -m venv .cache/baseline
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement benches/baseline/requirements.txt
fi
mkdir -p "$out"
tests/kafka/serve.sh "$port" >"$out/broker.log" 2>&1 &
broker=$!
trap 'kill "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true' EXIT

# bench NAME COPIES CLIP...
bench() {
    local name=$1 copies=$2
    shift 2
    say "$name"
    target/release/invigilator bench "${@/#/$clips/}" --brokers "127.0.0.1:$port" --copies "$copies" \
        --rounds "$rounds" ${python:+--python "$python"} --json "$out/$name.json" --svg "$out/$name.svg"
}

bench calm-vp8 6 c01_calm_vp8.webm
bench calm-h264 6 c02_calm_h264.mp4
bench mixed-vp8 2 c01_calm_vp8.webm c16_opus_vp8.webm c03_leaves_vp8.webm c05_second_person_vp8.webm \
    c10_dim_vp8.webm c13_looks_aside_vp8.webm
bench mixed-h264 2 c02_calm_h264.mp4 c04_leaves_fmp4.mp4 c17_rotated_h264.mp4 c09_dark_h264.mp4
# So many sessions that a worker has little of each in hand, as when they are live.
export INVIGILATOR__ADAPTIVE__CALM_AFTER_MS=1000
python=
bench keyframes-vp8 48 c01_calm_vp8.webm
bench keyframes-h264 48 c02_calm_h264.mp4
