# shellcheck shell=bash
# A broker and a gateway (release build) for a load, on this machine. For gateway.sh, dashboard.sh and load.sh, which
# source it; `open_door` starts the gateway, when what has to run before does. Everything ends with the shell.
program=target/release/invigilator
address=127.0.0.1:18443
folder=$(mktemp -d --suffix -invigilator-door)
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT
ulimit -n "$(ulimit -Hn)"

openssl rand -hex 32 >"$folder/key"
chmod 600 "$folder/key"
export INVIGILATOR__GATEWAY__KEY_FILE=$folder/key INVIGILATOR__GATEWAY__STORE=$folder/store
export INVIGILATOR__KAFKA__BROKERS=127.0.0.1:19092 INVIGILATOR__TELEMETRY__LISTEN=127.0.0.1:0

tests/kafka/serve.sh 19092 >"$folder/broker.log" 2>&1 &
until "$program" topics create --partitions 4 --replication 1 >"$folder/topics.log" 2>&1; do sleep 1; done

open_door() {
    "$program" gateway --listen "$address" 2>"$folder/gateway.log" &
    # shellcheck disable=SC2034  # for whoever sources this
    gateway=$!
    until grep -q 'gateway started' "$folder/gateway.log"; do sleep 0.2; done
}
token() { "$program" gateway token --tenant t1 --role "$1"; }
