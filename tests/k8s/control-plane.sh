# shellcheck shell=bash
# A real control plane without a machine to run pods on: etcd, API server, controllers and scheduler, and nodes that
# only say that they run what they are given (kwok).
#
# To be sourced, within a network namespace of its own: ports are fixed, and 10.77.0.1 is this machine. Responsible
# for: starting it, `kubectl`, waiting. Not for: what is tried on it; its end, which is that of the namespace.

folder=${folder:?}
bin=$PWD/.cache/k8s/bin
address=10.77.0.1
export KUBECONFIG=$folder/admin.kubeconfig

say() { printf 'test-cluster: %s\n' "$*"; }
fail() { printf 'test-cluster: FAILED: %s\n' "$*" >&2; exit 1; }

kubectl() { "$bin/kubectl" "$@"; }

daemon() { # NAME COMMAND...: in the background, with a log of its own
    local name=$1
    shift
    "$@" >"$folder/$name.log" 2>&1 &
}

eventually() { # SECONDS WHAT COMMAND...: tries again until it succeeds
    local seconds=$1 what=$2 begun=$SECONDS
    shift 2
    until "$@" >"$folder/eventually.log" 2>&1; do
        ((SECONDS - begun < seconds)) || { tail -n 5 "$folder/eventually.log" >&2; fail "not within $seconds s: $what"; }
        sleep 0.5
    done
}

certificate() { # NAME SUBJECT [SAN]: signed by ca.crt
    {
        openssl req -newkey rsa:2048 -nodes -keyout "$folder/$1.key" -subj "$2" -out "$folder/$1.csr"
        openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -days 1 \
            -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\n%s' "${3:+subjectAltName=$3}") \
            -out "$folder/$1.crt"
    } 2>>"$folder/openssl.log" || fail "no certificate for $1; see openssl.log"
}

certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/ca.key" -subj /CN=test-ca -days 1 \
        -out "$folder/ca.crt" 2>>"$folder/openssl.log" || fail "no authority; see openssl.log"
    certificate server /CN=kube-apiserver \
        "IP:127.0.0.1,IP:$address,DNS:localhost,DNS:keda-operator.keda.svc,DNS:keda-metrics-apiserver.keda.svc"
    certificate admin /O=system:masters/CN=admin
    certificate front-proxy /CN=front-proxy
    openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null
    cat >"$KUBECONFIG" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $folder/ca.crt}}]
users: [{name: admin, user: {client-certificate: $folder/admin.crt, client-key: $folder/admin.key}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
CONFIG
}

# Three zones, each with two nodes for everything and two for observers.
nodes() {
    local zone number pool taints
    for zone in a b c; do
        for number in 1 2 3 4; do
            pool=general taints='[]'
            if ((number > 2)); then
                pool=observe taints='[{key: invigilator/pool, value: observe, effect: NoSchedule}]'
            fi
            cat <<NODE
---
apiVersion: v1
kind: Node
metadata:
  name: $zone$number
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: $zone$number, topology.kubernetes.io/zone: $zone, invigilator/pool: $pool}
spec: {taints: $taints}
status:
  allocatable: {cpu: "32", memory: 128Gi, pods: "110", ephemeral-storage: 500Gi}
  capacity: {cpu: "32", memory: 128Gi, pods: "110", ephemeral-storage: 500Gi}
NODE
        done
    done
}

start_control_plane() {
    ip link set lo up
    ip address add "$address/32" dev lo
    certificates
    daemon etcd "$bin/etcd" --data-dir "$folder/etcd" --unsafe-no-fsync
    daemon apiserver "$bin/kube-apiserver" --etcd-servers http://127.0.0.1:2379 --secure-port 6443 \
        --advertise-address "$address" --endpoint-reconciler-type none --authorization-mode Node,RBAC \
        --service-cluster-ip-range 10.96.0.0/16 --client-ca-file "$folder/ca.crt" \
        --tls-cert-file "$folder/server.crt" --tls-private-key-file "$folder/server.key" \
        --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$folder/accounts.key" \
        --service-account-signing-key-file "$folder/accounts.key" \
        --requestheader-client-ca-file "$folder/ca.crt" --requestheader-allowed-names front-proxy \
        --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
        --requestheader-extra-headers-prefix X-Remote-Extra- --enable-aggregator-routing \
        --proxy-client-cert-file "$folder/front-proxy.crt" --proxy-client-key-file "$folder/front-proxy.key"
    eventually 120 "the API server is ready" kubectl get --raw /readyz
    # Autoscalers look every two seconds instead of every fifteen.
    daemon controllers "$bin/kube-controller-manager" --kubeconfig "$KUBECONFIG" --leader-elect=false \
        --service-account-private-key-file "$folder/accounts.key" --root-ca-file "$folder/ca.crt" \
        --horizontal-pod-autoscaler-sync-period 2s --secure-port 0
    daemon scheduler "$bin/kube-scheduler" --kubeconfig "$KUBECONFIG" --leader-elect=false --secure-port 0
    # Without leases nodes count as lost after 40 seconds.
    daemon kwok "$bin/kwok" --kubeconfig "$KUBECONFIG" --manage-all-nodes --node-lease-duration-seconds 40 \
        --cidr 10.244.0.0/16
    kubectl apply --server-side -f .cache/k8s/crds >/dev/null
    eventually 120 "kinds of operators are known" kubectl wait --for condition=Established crd --all --timeout 10s
    nodes | kubectl apply -f - >/dev/null
    eventually 120 "nodes are ready" kubectl wait --for condition=Ready node --all --timeout 10s
    eventually 60 "pods may be made" kubectl get serviceaccount default
    say "control plane is up after $SECONDS s"
}
