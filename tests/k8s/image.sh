#!/usr/bin/env bash
# Builds the image twice and tries it: in a sandbox, as a user without rights, on a root that cannot be written.
#
#     image.sh PROGRAM
#
# Responsible for: what only the image can get wrong. That it is the same when it is built again, no larger than
# promised, and that what is in it suffices: it sees in clips what PROGRAM sees outside, and works from a broker.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/image
clips=$PWD/tests/media/clips
# Unpacked, models included.
most_mib=350
work=$(mktemp -d)
started=()
finish() {
    local id
    for id in "${started[@]}"; do
        kill "$id" 2>/dev/null || continue
        # Whoever ended by a signal says so, which is no failure here.
        wait "$id" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

say() { printf 'image: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
for tool in umoci bwrap curl; do command -v $tool >/dev/null || fail "$tool is missing; run: make setup-image"; done
digest() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$cache/oci/index.json"; }

k8s/image/build.sh "$program"
first=$(digest)
k8s/image/build.sh "$program"
[[ $(digest) == "$first" ]] || fail "built again it is another image"

umoci unpack --rootless --image "$cache/oci:invigilator" "$work/bundle" >/dev/null 2>&1
root=$work/bundle/rootfs
(($(du -sm "$root" | cut -f1) <= most_mib)) || fail "it is larger than $most_mib MiB"
[[ -z $(find "$root" -perm /6000) ]] || fail "something in it is set-uid"
[[ ! -e $root/bin/sh && ! -e $root/usr/bin/sh ]] || fail "there is a shell in it"
python3 - "$work/bundle/config.json" "$root/usr/share/sbom/invigilator.spdx.json" <<'PYTHON' || fail "it is not described as it should be"
import json, sys
process = json.load(open(sys.argv[1]))["process"]
assert process["user"]["uid"] == 65532, process["user"]
assert process["args"] == ["/opt/invigilator/bin/invigilator", "worker"], process["args"]
names = {entry["name"] for entry in json.load(open(sys.argv[2]))["packages"]}
assert {"libvpx7", "libopenh264-7", "libc6", "rdkafka-sys", "onnxruntime", "blazeface_back"} <= names, names
PYTHON

mkdir "$work/etc"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/etc/key"
inside() { # runs the program of the image
    bwrap --ro-bind "$root" / --unshare-all --share-net --die-with-parent --cap-drop ALL \
        --uid 65532 --gid 65532 --clearenv \
        --setenv PATH /usr/bin --setenv GST_REGISTRY /tmp/gstreamer.registry \
        --setenv INVIGILATOR__DECODE__REQUIRE '["landlock", "seccomp", "limits"]' \
        --setenv INVIGILATOR__KAFKA__BROKERS "127.0.0.1:${port:-9092}" \
        --setenv INVIGILATOR__TELEMETRY__LISTEN "127.0.0.1:${telemetry:-9464}" \
        --setenv INVIGILATOR__GATEWAY__LISTEN 127.0.0.1:0 --setenv INVIGILATOR__GATEWAY__STORE /tmp/store \
        --setenv INVIGILATOR__GATEWAY__KEY_FILE /etc/invigilator/key --ro-bind "$work/etc" /etc/invigilator \
        --proc /proc --dev /dev --tmpfs /tmp --ro-bind "$clips" /var/lib/invigilator \
        --chdir /opt/invigilator /opt/invigilator/bin/invigilator "$@"
}

inside doctor >"$work/doctor" || { cat "$work/doctor" >&2; fail "something that it needs is missing"; }
# H.264 comes from another decoder there, and has to give the same.
names=(c05_second_person_vp8.webm c02_calm_h264.mp4)
inside analyze --json "${names[@]/#//var/lib/invigilator/}" >"$work/inside" || fail "it does not analyse clips"
"$program" analyze --json "${names[@]/#/$clips/}" >"$work/outside"
python3 - "$work/inside" "$work/outside" <<'PYTHON' || fail "it sees other things than the program outside"
import json, sys
def findings(path):
    for line in open(path):
        entry = json.loads(line)
        # Who saw it and where the file lay differs.
        entry.get("data", entry).pop("run", None)
        yield json.dumps(entry, sort_keys=True)
inside, outside = (list(findings(path)) for path in sys.argv[1:])
assert len(inside) > 2
for one, other in zip(inside, outside, strict=True):
    assert one == other, f"{one}\n{other}"
PYTHON

# A broker of this machine: ports that nobody has, two beside each other for the broker.
read -r port telemetry other < <(python3 - <<'PYTHON'
import socket
def free(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return None
        return one.getsockname()[1]
print(next(port for port in iter(lambda: free(0), None) if port < 65534 and free(port + 1)), free(0), free(0))
PYTHON
)
tests/kafka/serve.sh "$port" >"$work/broker" 2>&1 &
started+=($!)
until "$program" topics create --partitions 2 --replication 1 --brokers "127.0.0.1:$port" >"$work/topics" 2>&1; do
    kill -0 "${started[0]}" 2>/dev/null || { cat "$work/broker" >&2; fail "the broker ended"; }
done
inside worker >"$work/worker" 2>&1 &
started+=($!)
telemetry=$other inside gateway >"$work/gateway" 2>&1 &
started+=($!)
ask() { # PORT PATH [FILE]
    curl --silent --fail --output "${3:-/dev/null}" --retry 60 --retry-delay 1 --retry-all-errors "http://127.0.0.1:$1/$2"
}
ask "$telemetry" readyz || { cat "$work/worker" >&2; fail "a worker does not become ready"; }
ask "$other" readyz || { cat "$work/gateway" >&2; fail "a gateway does not become ready"; }
"$program" publish --no-progress --brokers "127.0.0.1:$port" "$clips/${names[0]}" >/dev/null
for _ in {1..60}; do
    ask "$telemetry" metrics "$work/metrics"
    grep -q '^invigilator_scores_total{status="final"} 1' "$work/metrics" && break
    sleep 1
done
grep -q '^invigilator_scores_total{status="final"} 1' "$work/metrics" || { cat "$work/worker" >&2; fail "it does not score what is published"; }
say "$first: built twice, analyses, becomes ready and scores, as user 65532 on a root that cannot be written"
