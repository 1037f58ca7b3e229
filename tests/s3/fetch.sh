#!/usr/bin/env bash
# Fetches the S3-compatible server that tests run against: S3Proxy over a folder, as published to Maven.
#
# Responsible for: .cache/s3/s3proxy.jar, exactly that of s3proxy.sha256. Not for: running it, see
# server.rs. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
folder=$(cd ../.. && pwd)/.cache/s3
version=4.1.0

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
is_expected() { (cd "$folder" && sha256sum --check --quiet --strict "$here/s3proxy.sha256" >/dev/null 2>&1); }

mkdir -p "$folder"
if is_expected; then
    say "object store for tests: already fetched"
    exit 0
fi
command -v mvn >/dev/null || fail "mvn is missing; run: make setup-system"

say "fetching the object store for tests (55 MB)"
log=$folder/fetch.log
mvn -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact="org.gaul:s3proxy:$version:jar:jar-with-dependencies" \
    -DoutputDirectory="$folder" -Dmdep.stripVersion=true -Dmdep.stripClassifier=true >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; fail "the jar cannot be fetched; the message above says why"; }
is_expected || fail "the fetched jar is not that of tests/s3/s3proxy.sha256"
say "object store for tests: $(du -h "$folder/s3proxy.jar" | cut -f1)"
