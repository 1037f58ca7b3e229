#!/usr/bin/env bash
# Installs the learning platform that tests run: edx-proctoring and what it imports.
#
# Responsible for: .cache/edx, in the versions of requirements.txt. Not for: Python itself, see `make setup-system`.
# A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")"
cache=$(cd ../../.. && pwd)/.cache/edx

say() { printf 'setup: %s\n' "$*" >&2; }

expected=$(sha256sum <requirements.txt; python3 --version)
if [[ -f $cache/installed && $(<"$cache/installed") == "$expected" ]]; then
    say "edx: already installed"
    exit
fi
say "installing edx"
rm -rf "$cache"
python3 -m venv "$cache"
"$cache/bin/python" -m pip install --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --requirement requirements.txt >"$cache/install.log" 2>&1 ||
    { tail -n 20 "$cache/install.log" >&2; say "edx cannot be installed; see above"; exit 1; }
printf '%s\n' "$expected" >"$cache/installed"
