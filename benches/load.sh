#!/usr/bin/env bash
# How many questions of dashboards a gateway answers: a broker, a gateway (release build), `wrk` (apt-get install wrk).
#
#   benches/load.sh [SESSIONS [CONNECTIONS [SECONDS]]]      by default 2000, 64 and 10 for each question
#
# All of it on this machine, the load beside what is measured. Not for: uploads and events, see gateway.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
sessions=${1:-2000} connections=${2:-64} seconds=${3:-10}
command -v wrk >/dev/null || { echo "load: wrk is missing: apt-get install wrk" >&2; exit 1; }
source benches/door.sh
# One token stands for all proctors.
export INVIGILATOR__GATEWAY__REQUESTS_PER_S=1000000
open_door
# Numbered behind the `#`, which is not sent: one session each.
curl -sSf -o "$folder/session.json" -H "authorization: Bearer $(token service)" -H 'content-type: application/json' \
    -d '{"exam":"load"}' "http://$address/v1/sessions#[1-$sessions]"
session=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <"$folder/session.json")
proctor=$(token proctor)
paths=('/v1/sessions?exam=load' '/v1/exams' "/v1/sessions/$session" "/v1/sessions/$session/timeline" '/')
for path in "${paths[@]}"; do
    curl -sSf -o "$folder/answer" -H "authorization: Bearer $proctor" "http://$address$path"
    printf '%-28s %7s bytes  ' "${path/$session/ID}" "$(stat -c %s "$folder/answer")"
    wrk --threads 1 --connections "$connections" --duration "${seconds}s" --latency \
        --header "authorization: Bearer $proctor" --script benches/load.lua "http://$address$path" | tail -n 1
done
