#!/usr/bin/env bash
# Checks rules, alerts, routes and dashboards with the tools of Prometheus, and that alerts, their tests and their
# runbooks belong together.
#
# Responsible for: what needs no program of ours. Not for: whether metrics exist and runbooks' commands are real, see
# tests/monitoring.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/.cache/prometheus/bin
component=k8s/components/monitoring
tests=k8s/monitoring/tests
routes=k8s/monitoring/alertmanager.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

say() { printf 'monitoring: %s\n' "$*" >&2; }
fail() { say "$*"; failures=$((failures + 1)); }
# Runs a command; shows what it says if it fails.
try() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }

[[ -x $tools/promtool ]] || { say "promtool is missing; run: make setup-monitoring"; exit 1; }

# A PrometheusRule holds a file of rules as its `spec`, which is its last part.
mkdir "$work/rules"
for rules in slo causes; do
    sed -e '1,/^spec:/d' -e 's/^  //' "$component/$rules.yaml" >"$work/rules/$rules.yaml"
    try "$tools/promtool" check rules --lint=all --lint-fatal "$work/rules/$rules.yaml" ||
        fail "$component/$rules.yaml holds rules that are none"
    cp "$tests/$rules.yaml" "$work/"
    (cd "$work" && try "$tools/promtool" test rules "$rules.yaml") || fail "$tests/$rules.yaml fails"
done

if try python3 tests/k8s/expressions.py; then
    cp "$work/log" "$work/queries.yaml"
    try "$tools/promtool" check rules --lint=none "$work/queries.yaml" || fail "a dashboard or a runbook has a wrong query"
    queries=$(grep -c '"expr"' "$work/queries.yaml")
else
    fail "a dashboard is wrong"
fi

# Every alert has a page, tests in which it fires and in which it does not, and a place where it goes.
mapfile -t alerts < <(sed -n 's/^ *- alert: //p' "$work"/rules/*.yaml | sort -u)
tested() { # what is expected of an alert in any test: "fires" or "silent"
    # An expectation is on one line with the alert's name, or on the next.
    grep -h -A1 "alertname: $1\b" "$tests"/*.yaml | grep -q "$2"
}
for alert in "${alerts[@]}"; do
    page=docs/runbooks/$alert.md
    [[ -f $page ]] || fail "$alert has no runbook: $page is missing"
    grep -q "runbook_url: .*/$alert.md" "$component"/*.yaml || fail "$alert does not name its runbook"
    tested "$alert" 'exp_alerts:$' || fail "no test in which $alert fires"
    tested "$alert" 'exp_alerts: \[\]' || fail "no test in which $alert does not fire"
done
for page in docs/runbooks/Invigilator*.md; do
    name=$(basename "$page" .md)
    [[ " ${alerts[*]} " == *" $name "* ]] || fail "$page is of no alert"
    grep -q "($name.md)" docs/runbooks/README.md || fail "docs/runbooks/README.md does not list $name"
done

try "$tools/amtool" check-config "$routes" || fail "$routes is no configuration of Alertmanager"
goes() { # RECEIVER LABEL=VALUE...
    local receiver=$1
    shift
    try "$tools/amtool" config routes test --config.file="$routes" --verify.receivers="$receiver" "$@" ||
        fail "$* does not go to $receiver"
}
goes pages severity=page namespace=exams
goes tickets severity=ticket namespace=exams
goes tickets severity=page namespace=exams-staging
goes tickets namespace=exams

((failures == 0)) || { say "$failures failures"; exit 1; }
say "${#alerts[@]} alerts with tests and runbooks, $queries queries of dashboards and runbooks"
