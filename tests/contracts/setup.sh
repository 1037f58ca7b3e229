#!/usr/bin/env bash
# Installs what the tests of contracts run: the AsyncAPI parser, what makes up requests, and what docs/consumers need.
#
# Responsible for: .cache/contracts/{parser,requests,consumers,venv}, in the versions of the lock files. Not for:
# node, npm and Python themselves, see `make setup-system`. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
consumers=$root/docs/consumers
cache=$root/.cache/contracts

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

install() { # NAME LOCK COMMAND...: unless NAME was installed from this very LOCK, with these versions
    local name=$1 lock=$2 expected
    shift 2
    expected=$(sha256sum <"$lock"; node --version; python3 --version)
    if [[ -f $cache/$name/installed && $(<"$cache/$name/installed") == "$expected" ]]; then
        say "$name: already installed"
        return
    fi
    say "installing $name"
    rm -rf "${cache:?}/$name"
    mkdir -p "$cache/$name"
    "$@" >"$cache/$name.log" 2>&1 || { tail -n 20 "$cache/$name.log" >&2; fail "$name cannot be installed; see above"; }
    printf '%s\n' "$expected" >"$cache/$name/installed"
}

# Packages' own scripts stay off: they report to their makers, and nothing needs them.
npm_ci() { # NAME FOLDER: the packages of FOLDER's lock file
    cp "$2/package.json" "$2/package-lock.json" "$cache/$1/"
    npm ci --prefix "$cache/$1" --ignore-scripts --no-audit --no-fund
}
pip_install() { # NAME REQUIREMENTS
    python3 -m venv "$cache/$1"
    "$cache/$1/bin/python" -m pip install --disable-pip-version-check --no-deps --only-binary :all: --requirement "$2"
}

for tool in node npm python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run: make setup-system"
done
install parser package-lock.json npm_ci parser .
install consumers "$consumers/package-lock.json" npm_ci consumers "$consumers"
install venv "$consumers/requirements.txt" pip_install venv "$consumers/requirements.txt"
install requests requirements.txt pip_install requests requirements.txt
