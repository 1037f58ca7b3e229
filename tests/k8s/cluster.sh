#!/usr/bin/env bash
# Applies the manifests to a real control plane and tries what operators will meet: `make test-cluster`.
#
#   tests/k8s/cluster.sh [objects] [operations] [scaling]      by default all
#
# Responsible for: its namespaces, and which parts run. In them: objects.sh, operations.sh, scaling.sh. Needs Go once (setup.sh), and
# a kernel that lets users have namespaces.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1:-} != within ]]; then
    for tool in ip openssl unshare java; do
        command -v $tool >/dev/null || { echo "test-cluster: $tool is missing (Debian: iproute2, openssl, util-linux, default-jre-headless)" >&2; exit 1; }
    done
    tests/k8s/setup.sh checks
    tests/k8s/setup.sh cluster
    tests/k8s/prometheus.sh
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    [[ $# -gt 0 ]] || set -- objects operations scaling
    for part; do
        # With the namespace of processes everything ends that was started in it.
        unshare --user --map-root-user --net --pid --fork --kill-child --mount-proc \
            "$0" within "$folder/$part" "$part" || {
            mkdir -p target/k8s && cp "$folder/$part"/*.log target/k8s/ 2>/dev/null
            echo "test-cluster: $part failed; logs are in target/k8s" >&2
            exit 1
        }
    done
    exit 0
fi

# The first process of a namespace hears no signal that it does not ask for.
trap 'exit 130' INT TERM
folder=$2
mkdir -p "$folder"
# shellcheck source=tests/k8s/control-plane.sh
source tests/k8s/control-plane.sh
start_control_plane
# shellcheck source=/dev/null
source "tests/k8s/$3.sh"
