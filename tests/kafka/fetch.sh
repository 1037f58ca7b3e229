#!/usr/bin/env bash
# Fetches the broker that tests run against: Apache Kafka, as published to Maven.
#
# Responsible for: .cache/kafka/lib, exactly the jars of jars.sha256, and .cache/kafka/storage, the
# empty storage that every broker begins with. Not for: running brokers, see broker.rs. A second run
# does nothing. After a change of pom.xml on purpose: fetch.sh --update writes jars.sha256 anew.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
root=$(cd ../.. && pwd)
lib=$root/.cache/kafka/lib
storage=$root/.cache/kafka/storage
fresh=$root/.cache/kafka/fresh # becomes $lib when everything is there

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

are_expected() { # whether a folder holds the expected jars and nothing else
    [[ -d $1 ]] && (cd "$1" && [[ $(find . -type f | wc -l) -eq $(wc -l <"$here/jars.sha256") ]] &&
        sha256sum --check --quiet --strict "$here/jars.sha256" >/dev/null 2>&1)
}

if [[ ${1:-} != --update && -f $storage/meta.properties ]] && are_expected "$lib"; then
    say "broker for tests: already fetched"
    exit 0
fi
for tool in java mvn; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run: make setup-system"
done

say "fetching the broker for tests (54 MB)"
rm -rf "$fresh" "$storage"
mkdir -p "$fresh"
log=$root/.cache/kafka/fetch.log
mvn -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; fail "the jars cannot be fetched; the message above says why"; }
if [[ ${1:-} == --update ]]; then
    (cd "$fresh" && sha256sum -- *.jar) >jars.sha256
fi
are_expected "$fresh" || fail "the fetched jars are not those of tests/kafka/jars.sha256"
rm -rf "$lib"
mv "$fresh" "$lib"

# Formatting starts a JVM for two seconds; brokers of tests are all alike and take a copy.
format() {
    local settings
    settings=$(mktemp)
    cat >"$settings" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
controller.listener.names=CONTROLLER
log.dirs=$storage.new
SETTINGS
    rm -rf "$storage.new"
    java -cp "$lib/*" kafka.tools.StorageTool format --cluster-id 4L6g3nShT-eMCtK--X86sw \
        --config "$settings" >"$root/.cache/kafka/format.log" 2>&1 ||
        fail "storage cannot be formatted; see .cache/kafka/format.log"
    rm -f "$settings"
    mv "$storage.new" "$storage"
}
format
say "broker for tests: $(find "$lib" -type f | wc -l) jars, $(du -sh "$lib" | cut -f1)"
