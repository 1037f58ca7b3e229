#!/usr/bin/env bash
# Checks every overlay, and components that none of them has, without a cluster: they build, all objects are of known
# kinds without a misspelt key (kubeconform), as one should run things (kube-score), and as this program needs them
# (checks.py).
#
#   tests/k8s/check.sh        INVIGILATOR names the program, by default target/debug/invigilator
#
# Responsible for: `make test-k8s`. Not for: whether an API server takes them and what pods do then, see cluster.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${INVIGILATOR:-target/debug/invigilator}

if ! command -v go >/dev/null; then
    echo "test-k8s: skipped: the checks of manifests are built with Go 1.26 or newer, and there is no \`go\`;" >&2
    echo "test-k8s: install it from https://go.dev/dl (Debian 12 has 1.19, which is too old)" >&2
    exit 0
fi
[[ -x $program ]] || { echo "test-k8s: $program is missing; run: cargo build" >&2; exit 1; }
tests/k8s/setup.sh checks
bin=.cache/k8s/bin

# What kube-score finds critical, and why it is not:
exceptions=(
    # Images are named by digest: one that is on the node is the right one, and a registry that is down then keeps
    # no pod from starting.
    --ignore-test container-image-pull-policy
)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for overlay in k8s/overlays/*/ tests/k8s/variants/*/; do
    name=$(basename "$overlay")
    "$bin/kustomize" build "$overlay" >"$folder/$name.yaml"
    "$bin/kubeconform" -strict -schema-location '.cache/k8s/schemas/{{.ResourceKind}}{{.KindSuffix}}.json' \
        "$folder/$name.yaml"
    "$bin/kube-score" score --output-format ci --kubernetes-version v1.36 "${exceptions[@]}" "$folder/$name.yaml" \
        >"$folder/$name.score" || { grep CRITICAL "$folder/$name.score" >&2; exit 1; }
    echo "test-k8s: $name: $(grep -c '^kind:' "$folder/$name.yaml") objects, none critical"
done
.cache/k8s/venv/bin/python tests/k8s/checks.py --program "$program" "$folder"/*.yaml
.cache/k8s/venv/bin/python tests/k8s/checks_test.py --program "$program" "$folder"
