#!/usr/bin/env bash
# Installs what the tests of the pages run: a driver of browsers, and the checker of accessibility.
#
# Responsible for: .cache/browser, in the versions of the lock file. Not for: node, npm and the browser
# itself, see `make setup-system`. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
cache=$root/.cache/browser

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

for tool in node npm chromium; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run: make setup-system"
done
expected=$(sha256sum <package-lock.json; node --version)
if [[ -f $cache/installed && $(<"$cache/installed") == "$expected" ]]; then
    say "browser: already installed"
    exit
fi
say "installing browser"
rm -rf "$cache"
mkdir -p "$cache"
cp package.json package-lock.json "$cache/"
# Packages' own scripts stay off: they would fetch browsers, and the system's is used.
(cd "$cache" && npm ci --ignore-scripts --no-audit --no-fund) >"$cache.log" 2>&1 ||
    { tail -n 20 "$cache.log" >&2; fail "browser cannot be installed; see above"; }
printf '%s\n' "$expected" >"$cache/installed"
