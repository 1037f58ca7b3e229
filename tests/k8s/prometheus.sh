#!/usr/bin/env bash
# Fetches Prometheus, promtool and amtool, as Debian packages them: unpacked, not installed (115 MB in .cache once).
#
# Responsible for: .cache/prometheus/bin. Not for: checks, see monitoring.sh. A second run does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/prometheus

say() { printf 'setup: %s\n' "$*" >&2; }

if [[ -x $cache/bin/promtool && -x $cache/bin/amtool && -x $cache/bin/prometheus ]]; then
    say "tools of Prometheus: already fetched"
    exit 0
fi
if ! command -v apt-get dpkg >/dev/null; then
    say "this is not a Debian-like system; put prometheus, promtool and amtool into .cache/prometheus/bin"
    exit 0
fi
say "fetching the tools of Prometheus (29 MB)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
download() { (cd "$work" && apt-get download -qq prometheus prometheus-alertmanager 2>"$work/log"); }
as_root=()
if (($(id -u) != 0)); then as_root=(sudo); fi
# Where packages are installed already nobody has asked for lists of them yet.
download || { "${as_root[@]}" apt-get -qq update && download; } ||
    { cat "$work/log" >&2; say "the packages cannot be fetched; see above"; exit 1; }
for package in "$work"/*.deb; do dpkg -x "$package" "$work/root"; done
rm -rf "$cache"
mkdir -p "$cache/bin"
mv "$work"/root/usr/bin/{prometheus,promtool,amtool} "$cache/bin"
