# shellcheck shell=bash
# How KEDA's own operator scales observers: by the lag of the group of a real worker on a real broker, up and down
# again, by the delay that Prometheus has from it, and by the floor of a timetable. Pods only pretend; one process works for all of them. Sourced by cluster.sh.

folder=${folder:?} bin=${bin:?} address=${address:?}
program=$PWD/${INVIGILATOR:-target/debug/invigilator}
namespace=invigilator
passed=0
pass() { passed=$((passed + 1)); say "$*"; }

# ---- A broker, Prometheus, KEDA ------------------------------------------------------------------
daemon broker tests/kafka/serve.sh 9092
eventually 60 "the broker answers" "$program" topics create --partitions 16 --replication 1

cat >"$folder/prometheus.yaml" <<YAML
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: invigilator
    static_configs: [{targets: ["127.0.0.1:9464"], labels: {namespace: $namespace}}]
YAML
daemon prometheus .cache/prometheus/bin/prometheus --config.file "$folder/prometheus.yaml" \
    --storage.tsdb.path "$folder/prometheus" --web.listen-address 127.0.0.1:9090

mkdir "$folder/keda"
cp "$folder/ca.crt" "$folder/keda/ca.crt"
cp "$folder/server.crt" "$folder/keda/tls.crt"
cp "$folder/server.key" "$folder/keda/tls.key"
export KEDA_CLUSTER_OBJECT_NAMESPACE=keda POD_NAMESPACE=keda WATCH_NAMESPACE=''
kubectl create namespace keda >/dev/null
daemon keda-operator "$bin/keda-operator" --cert-dir "$folder/keda" --enable-webhook-patching=false \
    --enable-apiservice-patching=false
daemon keda-adapter "$bin/keda-adapter" --secure-port 6444 --port 8090 --cert-dir "$folder/keda" \
    --tls-cert-file "$folder/keda/tls.crt" --tls-private-key-file "$folder/keda/tls.key" \
    --client-ca-file "$folder/ca.crt" --metrics-service-address 127.0.0.1:9666 \
    --lister-kubeconfig "$KUBECONFIG" --authentication-kubeconfig "$KUBECONFIG" \
    --authorization-kubeconfig "$KUBECONFIG"
kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {ports: [{name: https, port: 443, targetPort: 6444}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: keda-metrics-apiserver
  namespace: keda
  labels: {kubernetes.io/service-name: keda-metrics-apiserver}
addressType: IPv4
ports: [{name: https, port: 6444}]
endpoints: [{addresses: [$address], conditions: {ready: true}}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $(base64 -w0 "$folder/ca.crt")
  service: {name: keda-metrics-apiserver, namespace: keda}
YAML
kubectl wait --for condition=Available apiservice v1beta1.external.metrics.k8s.io --timeout 90s >/dev/null ||
    fail "KEDA's metrics are not there"
pass "KEDA's operator and adapter are up"

# ---- Backlog -------------------------------------------------------------------------------------
export INVIGILATOR__TELEMETRY__LISTEN=127.0.0.1:9464
metric() { # NAME-AND-LABELS: its value
    exec 3<>/dev/tcp/127.0.0.1/9464 || return 1
    printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
    sed -n "s/^invigilator_$1 //p" <&3
    exec 3>&-
}
worker() {
    daemon worker "$program" worker --role observe --brokers 127.0.0.1:9092
    worker=$!
}
publish() { "$program" publish tests/media/clips/c01_calm_vp8.webm --no-progress --brokers 127.0.0.1:9092 "$@" >/dev/null; }
observed() { (($(metric 'stage_items_total{outcome="ok",stage="publish"}') >= $1)); }
caught_up() { [[ $(metric 'consumer_lag_records{role="observe"}') == 0 ]]; }

# Once, so that the group has a place in the log.
publish
worker
eventually 120 "a clip is observed" observed 1
eventually 60 "the worker has caught up" caught_up
kill "$worker"
wait "$worker" || fail "the worker did not end in order"

"$bin/kustomize" build tests/k8s/scaling | kubectl apply --server-side --warnings-as-errors --validate=strict -f - >/dev/null
kubectl -n $namespace wait --for condition=Ready scaledobject observe --timeout 60s >/dev/null ||
    fail "the ScaledObject does not become ready"
replicas() { [[ $(kubectl -n $namespace get deployment observe -o jsonpath='{.status.readyReplicas}') == "$1" ]]; }
eventually 60 "without a backlog there are 2 observers" replicas 2
pass "without a backlog there are as few observers as there may be"

publish --loop 25
begun=$SECONDS
eventually 120 "the backlog wants 8 observers" replicas 8
pass "a backlog takes them from 2 to 8 within $((SECONDS - begun)) s"
worker
begun=$SECONDS
eventually 400 "the worker has caught up" caught_up
eventually 120 "they go when the backlog is gone" replicas 2
pass "and they go again when it is worked off, within $((SECONDS - begun)) s"

# ---- Delay ---------------------------------------------------------------------------------------
# The same without a lag that counts: the worker is behind, and its own metric says by how much.
kubectl -n $namespace patch scaledobject observe --type json \
    --patch '[{"op": "replace", "path": "/spec/triggers/0/metadata/lagThreshold", "value": "100000"}]' >/dev/null
more() { (($(kubectl -n $namespace get deployment observe -o jsonpath='{.status.readyReplicas}') >= $1)); }
publish --loop 25
begun=$SECONDS
eventually 120 "a delay wants 4 observers or more" more 4
pass "a delay takes them from 2 to 4 or more within $((SECONDS - begun)) s"
eventually 400 "the worker has caught up" caught_up
eventually 120 "they go when nothing is late" replicas 2
pass "and they go again"

# ---- Floor ---------------------------------------------------------------------------------------
at() { date --utc --date "$1" +%Y-%m-%dT%H:%M:%SZ; }
printf 'exam,begins,ends,sessions\nnow,%s,%s,800\n' "$(at '5 minutes ago')" "$(at '30 minutes')" >"$folder/exams.csv"
"$program" plan --timetable "$folder/exams.csv" --emit keda >"$folder/exams.yaml"
wanted=$(sed -n 's/.*desiredReplicas: "\(.*\)"/\1/p' "$folder/exams.yaml")
kubectl -n $namespace patch scaledobject observe --type json --patch-file "$folder/exams.yaml" >/dev/null
eventually 90 "an exam wants $wanted observers" replicas "$wanted"
pass "the timetable of an exam keeps $wanted observers, without a backlog"
echo "$passed passed, 0 failed"
