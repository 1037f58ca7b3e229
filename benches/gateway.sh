#!/usr/bin/env bash
# How many uploads and listeners a gateway bears: a broker, a gateway (release build), load.
#
#   benches/gateway.sh [UPLOADS [LISTENERS]]      by default 300 and 5000
#
# All of it on this machine, the load beside what is measured. Not for: accuracy, or what becomes of the video.
set -euo pipefail
cd "$(dirname "$0")/.."
uploads=${1:-300} listeners=${2:-5000}
source benches/door.sh
# One token stands for all proctors.
export INVIGILATOR__GATEWAY__REQUESTS_PER_S=100000
open_door
python3 benches/gateway.py "$address" "$gateway" "$(token service)" "$(token proctor)" "$uploads" "$listeners"
