#!/usr/bin/env bash
# How soon an incident is on the dashboards: a broker, a gateway, a worker (release build), browsers in real time.
#
#   benches/dashboard.sh [SESSIONS [RECORDING]]      by default 20 c05_second_person_vp8.webm
#
# Prints the time from the moment at which an incident had lasted as long as its policy asks for, in front of the camera,
# to its event at a dashboard: the second that the browser gathers, the upload, the rest of the segment, all stages; and
# the same without the second that the browser gathers.
set -euo pipefail
cd "$(dirname "$0")/.."
sessions=${1:-20} recording=tests/media/clips/${2:-c05_second_person_vp8.webm}
source benches/door.sh
"$program" worker 2>"$folder/worker.log" &
open_door
until (($(grep -c 'partitions assigned' "$folder/worker.log") >= 3)); do sleep 0.2; done
python3 benches/dashboard.py "$address" "$(token service)" "$(token proctor)" "$recording" \
    config/policies/standard.toml "$sessions"
