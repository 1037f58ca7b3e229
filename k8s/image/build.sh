#!/usr/bin/env bash
# Builds the image without an engine and without root, as an OCI layout:
#
#     build.sh PROGRAM [libav]        in .cache/image/oci, or .cache/image/oci-libav
#
# Responsible for: the same as the Dockerfile, of whose stages it builds the last ones. Not for: the program
# (`make build`) and the models (`make setup-models`). The same program, models and packages give the same digest.
set -euo pipefail
program=$(realpath "$1")
target=image${2:+-$2}
cd "$(dirname "$0")/../.."
cache=$PWD/.cache/image
stage=$cache/stage
layout=$cache/oci${2:+-$2}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
# Nothing here needs what needs privileges: no mounts, no namespaces but those of the user.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

say() { printf 'image: %s\n' "$*" >&2; }
for tool in buildah strip; do
    command -v $tool >/dev/null || { say "$tool is missing; run: make setup-image"; exit 1; }
done

# As an ordinary user one is root in a namespace of one's own, so that files belong to root.
unshare=()
if (($(id -u) != 0)); then unshare=(buildah unshare); fi
storage=(--root "$cache/storage" --runroot "$cache/storage-run")
clean() { "${unshare[@]}" rm -rf "$cache/storage" "$cache/storage-run" "$stage"; }
trap clean EXIT
clean

k8s/image/assemble.sh "$program" "$stage" "${2:-}"
cp "$stage"/root-of-"${2:-image}"/usr/share/sbom/invigilator.spdx.json "$layout.spdx.json"
size=$(du -scm "$stage"/root-of-* | tail -n 1 | cut -f1)
rm -rf "$layout"
"${unshare[@]}" buildah "${storage[@]}" bud --quiet --file k8s/image/Dockerfile --target "$target" \
    --build-context "program=$stage" --timestamp "$SOURCE_DATE_EPOCH" --tag invigilator "$stage" >/dev/null
"${unshare[@]}" buildah "${storage[@]}" push --quiet invigilator "oci:$layout:invigilator"
digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["manifests"][0]["digest"])' "$layout/index.json")
say "$digest, $size MiB, in ${layout#"$PWD"/}"
