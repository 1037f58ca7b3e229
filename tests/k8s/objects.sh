# shellcheck shell=bash
# What a control plane makes of the manifests: every object accepted without a warning, pods that come up where they
# should, mistakes refused, evictions within the budgets, a zone that is drained. Sourced by cluster.sh.

folder=${folder:?} bin=${bin:?}
namespace=invigilator
apply() { kubectl apply --server-side --warnings-as-errors --validate=strict "$@"; }
refused() { # WHAT TEXT: applying standard input fails, and says so
    local what=$1 text=$2
    if apply -f - >"$folder/refused.log" 2>&1; then fail "$what was accepted"; fi
    grep -q "$text" "$folder/refused.log" || { cat "$folder/refused.log" >&2; fail "$what was refused for another reason"; }
    say "refused: $what"
}
passed=0
pass() { passed=$((passed + 1)); say "$*"; }

"$bin/kustomize" build k8s/overlays/prod >"$folder/prod.yaml"
apply -f "$folder/prod.yaml" >/dev/null
pass "prod: $(grep -c '^kind:' "$folder/prod.yaml") objects accepted, no warnings"
for path in k8s/overlays/{dev,staging} tests/k8s/variants/*; do
    overlay=$(basename "$path")
    "$bin/kustomize" build "$path" >"$folder/$overlay.yaml"
    apply --dry-run=server --force-conflicts -f "$folder/$overlay.yaml" >/dev/null
    pass "$overlay: $(grep -c '^kind:' "$folder/$overlay.yaml") objects accepted, no warnings"
done

# ---- Rollout -------------------------------------------------------------------------------------
# Nothing scales observers here; three are enough to look at.
kubectl -n $namespace scale deployment observe --replicas 3 >/dev/null
ready() {
    local workload
    for workload in statefulset/cut statefulset/score deployment/observe deployment/gateway; do
        kubectl -n $namespace rollout status "$workload" --timeout 120s >/dev/null || return 1
    done
}
ready || { kubectl -n $namespace get pods,events >&2; fail "pods do not come up"; }
gateways() { [[ $(kubectl -n $namespace get deployment gateway -o jsonpath='{.status.readyReplicas}') == 3 ]]; }
eventually 60 "three gateways" gateways
pass "all pods are up, which Pod Security lets in"

zones() { # ROLE: the zones that its pods are in
    kubectl -n $namespace get pods -l "app.kubernetes.io/name=$1" --field-selector status.phase=Running \
        -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | cut -c1 | sort -u | tr -d '\n'
}
for role in cut score observe; do
    [[ $(zones $role) == abc ]] || fail "$role is in zones $(zones $role)"
done
pools=$(kubectl -n $namespace get pods -l app.kubernetes.io/name=observe \
    -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | cut -c2 | sort -u | tr -d '\n')
[[ $pools =~ ^3?4?$ ]] || fail "observers are on nodes $pools"
pass "every role is in three zones, observers are on their own nodes"

# ---- Negative controls ---------------------------------------------------------------------------
refused "a pod as root" "restricted" <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: rootful, namespace: invigilator}
spec:
  selector: {matchLabels: {app: rootful}}
  template:
    metadata: {labels: {app: rootful}}
    spec:
      containers:
        - {name: c, image: x, securityContext: {runAsUser: 0}}
YAML
refused "a misspelt key" spec.replica <<'YAML'
apiVersion: apps/v1
kind: Deployment
metadata: {name: typo, namespace: invigilator}
spec:
  replica: 2
  selector: {matchLabels: {app: typo}}
  template: {metadata: {labels: {app: typo}}, spec: {containers: []}}
YAML
refused "a key that KEDA does not know" spec.cooldownPeriods <<'YAML'
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: typo, namespace: invigilator}
spec: {scaleTargetRef: {name: observe}, cooldownPeriods: 3, triggers: []}
YAML
refused "a key that Strimzi does not know" spec.partition <<'YAML'
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata: {name: typo, namespace: invigilator}
spec: {partition: 3}
YAML
refused "a service that would be open to the world" "exceeded quota" <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: open, namespace: invigilator}
spec: {type: LoadBalancer, selector: {app: open}, ports: [{port: 80}]}
YAML
pass "mistakes are refused"

# ---- Evictions -----------------------------------------------------------------------------------
evict() { # POD: the status of the answer
    kubectl create --raw "/api/v1/namespaces/$namespace/pods/$1/eviction" -f - 2>&1 <<JSON || true
{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "$1", "namespace": "$namespace"}}
JSON
}
budget() { [[ $(kubectl -n $namespace get pdb score -o jsonpath='{.status.disruptionsAllowed}') == "$1" ]]; }
eventually 30 "score may lose a pod" budget 1
# What was evicted finds no node: it stays away, as where there is no room.
kubectl cordon a1 a2 b1 b2 c1 c2 >/dev/null
[[ $(evict score-0) == *'"status":"Success"'* ]] || fail "the first eviction was refused"
eventually 30 "score may lose no other pod" budget 0
[[ $(evict score-1) == *"disruption budget"* ]] || fail "the second eviction was not refused"
kubectl uncordon a1 a2 b1 b2 c1 c2 >/dev/null
eventually 60 "score may lose a pod again" budget 1
pass "a budget lets one pod go, and no second one while it is away"

# ---- A zone is drained ---------------------------------------------------------------------------
kubectl drain --selector topology.kubernetes.io/zone=a --delete-emptydir-data --timeout 120s \
    >"$folder/drain.log" 2>&1 || { tail "$folder/drain.log" >&2; fail "zone a cannot be drained"; }
ready || { kubectl -n $namespace get pods -o wide >&2; fail "pods of the drained zone find no place"; }
eventually 60 "three gateways" gateways
for role in cut score observe gateway; do
    [[ $(zones $role) == bc ]] || fail "without zone a, $role is in zones $(zones $role)"
done
pass "a zone is drained, and everything is up in the others"
echo "$passed passed, 0 failed"
