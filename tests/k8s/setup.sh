#!/usr/bin/env bash
# Builds what checks of the manifests run, in the versions named here: from the Go module proxy.
#
#   tests/k8s/setup.sh checks     kustomize, kubeconform, kube-score, and schemas (make test)
#   tests/k8s/setup.sh cluster    a control plane, nodes that only pretend, KEDA (make test-cluster)
#
# Responsible for: .cache/k8s/{bin,venv,crds,schemas}. Not for: Go itself. What is there in the versions named here
# is kept: a second run does nothing. The first one takes 2 minutes for the checks and a quarter of an hour for the
# cluster, on two cores.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
root=$(cd ../.. && pwd)
cache=$root/.cache/k8s
bin=$cache/bin

kubernetes=v1.36.1
etcd=v3.6.8
keda=v2.21.0
kwok=v0.7.0
kustomize=v5.7.1
kubeconform=v0.8.0
kube_score=v1.20.0
schemas=v1.36.0
# Of operators: their modules hold the definitions of their kinds.
external_secrets=v0.16.2
prometheus_operator=v0.85.0

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

build() { # NAME VERSION COMMAND...: unless NAME of this VERSION is there
    local name=$1 version=$2 log=$cache/$1.log
    shift 2
    [[ -x $bin/$name && $(cat "$bin/$name.version" 2>/dev/null) == "$version" ]] && return
    say "building $name $version"
    "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "$name cannot be built; see above"; }
    printf '%s\n' "$version" >"$bin/$name.version"
}
install() { # NAME PACKAGE VERSION
    build "$1" "$3" env GOBIN="$bin" go install -trimpath -ldflags '-s -w' "$2@$3"
}
module() { # NAME VERSION MODULE PACKAGE [LINKER FLAGS]: of a module in tools/, which says why it is there
    build "$1" "$2" go build -C "$here/tools/$3" -trimpath -ldflags "-s -w ${5:-}" -o "$bin/$1" "$4"
}

# A module's folder, fetched if need be.
fetch() { go mod download -json "$1@$2" | sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p'; }

# Definitions of the kinds of operators, as they are applied to a cluster.
crds() {
    local folder
    rm -rf "$cache/crds"
    mkdir -p "$cache/crds"
    folder=$(fetch github.com/kedacore/keda/v2 "$keda")
    cp "$folder"/config/crd/bases/*.yaml "$cache/crds/"
    folder=$(fetch github.com/external-secrets/external-secrets "$external_secrets")
    cp "$folder"/config/crds/bases/external-secrets.io_{externalsecrets,clustersecretstores}.yaml "$cache/crds/"
    folder=$(fetch github.com/prometheus-operator/prometheus-operator "$prometheus_operator")
    cp "$folder"/example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules,alertmanagerconfigs}.yaml \
        "$cache/crds/"
    chmod u+w "$cache"/crds/*
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/strimzi"
    local api=io.strimzi.api.kafka.model
    java -cp "$cache/strimzi/*" io.strimzi.crdgenerator.CrdGenerator --yaml --target-kube 1.25+ \
        "$api.kafka.Kafka=$cache/crds/kafka.yaml" "$api.nodepool.KafkaNodePool=$cache/crds/kafkanodepool.yaml" \
        "$api.topic.KafkaTopic=$cache/crds/kafkatopic.yaml" "$api.user.KafkaUser=$cache/crds/kafkauser.yaml"
}

python() {
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement "$here/requirements.txt"
}

schemas() {
    rm -rf "$cache/schemas"
    python
    crds
    "$cache/venv/bin/python" "$here/schemas.py" \
        "$cache"/venv/lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema/"$schemas"-local-strict \
        "$cache/crds" "$cache/schemas"
}

checks() {
    local stamp
    stamp=$(cat "$here"/{setup.sh,schemas.py,requirements.txt,pom.xml} | sha256sum)
    if [[ $(cat "$cache/schemas/made" 2>/dev/null) != "$stamp" ]]; then
        say "fetching schemas of Kubernetes and of operators"
        schemas >"$cache/schemas.log" 2>&1 || { tail -n 20 "$cache/schemas.log" >&2; fail "there are no schemas; see above"; }
        printf '%s\n' "$stamp" >"$cache/schemas/made"
    fi
    install kustomize sigs.k8s.io/kustomize/kustomize/v5 "$kustomize"
    install kubeconform github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform"
    install kube-score github.com/zegl/kube-score/cmd/kube-score "$kube_score"
}
cluster() {
    local command flags="-X k8s.io/component-base/version.gitVersion=$kubernetes"
    flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
    module etcd "$etcd" etcd go.etcd.io/etcd/server/v3
    for command in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
        module "$command" "$kubernetes" control-plane "k8s.io/kubernetes/cmd/$command" "$flags"
    done
    install kwok sigs.k8s.io/kwok/cmd/kwok "$kwok"
    module keda-operator "$keda" keda github.com/kedacore/keda/v2/cmd/operator
    module keda-adapter "$keda" keda github.com/kedacore/keda/v2/cmd/adapter
}

command -v go >/dev/null || fail "go is missing: Go 1.26 or newer, from https://go.dev/dl (Debian 12 has 1.19)"
mkdir -p "$bin"
export CGO_ENABLED=0 GOFLAGS=-mod=readonly
case ${1:-} in
    checks | cluster) "$1" ;;
    *) fail "which tools: checks or cluster?" ;;
esac
