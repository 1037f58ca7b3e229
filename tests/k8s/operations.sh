# shellcheck shell=bash
# The commands of docs/operations.md work as they are written there: every block marked `sh` is run, in order, in a
# copy of the manifests, against the control plane and a broker. (Of that there is one, so topics have one copy.)
# Sourced by cluster.sh.

folder=${folder:?} bin=${bin:?}
program=$PWD/${INVIGILATOR:-target/debug/invigilator}

daemon broker tests/kafka/serve.sh 9092
eventually 60 "the broker answers" "$program" topics create --partitions 1 --replication 1 --dry-run
copy=$folder/copy
mkdir -p "$copy/bin"
cp -r k8s config models "$copy/" 2>/dev/null || true
ln -s "$program" "$copy/bin/invigilator"
ln -s "$bin/kubectl" "$bin/kustomize" "$copy/bin/"
printf '[kafka]\nbrokers = "127.0.0.1:9092"\n' >"$copy/operator.toml"

# Blocks within lists are indented.
awk '/^ *```sh$/ {indent = index($0, "`"); print "echo \"--- line " NR "\""; next}
     /^ *```$/ {indent = 0; next}
     indent {print substr($0, indent)}' docs/operations.md |
    sed 's/--replication 3/--replication 1/' >"$copy/commands.sh"
blocks=$(grep -c '^echo "---' "$copy/commands.sh")
(cd "$copy" && PATH=$copy/bin:$PATH bash -euo pipefail commands.sh) >"$folder/commands.log" 2>&1 || {
    tail -n 12 "$folder/commands.log" >&2
    fail "a command of docs/operations.md"
}
[[ $(kubectl get namespace invigilator2 -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}') == restricted ]] ||
    fail "the second generation is not confined"
kubectl -n invigilator2 rollout status statefulset/score --timeout 120s >/dev/null || fail "the second generation is not up"
say "docs/operations.md: $blocks blocks of commands work as written"

"$bin/kustomize" build k8s/overlays/staging >"$folder/staging.yaml"
java -cp "$PWD/.cache/kafka/lib/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=error kafka.admin.ConfigCommand \
    --bootstrap-server 127.0.0.1:9092 --entity-type topics --describe 2>"$folder/describe.log" |
    .cache/k8s/venv/bin/python tests/k8s/topics.py "$folder/staging.yaml" exam ||
    fail "topics of components/strimzi are not those that the program makes"
say "topics of components/strimzi are those that the program makes"
echo "$((blocks + 1)) passed, 0 failed"
