#!/usr/bin/env bash
# Assembles what the image's stages are copied from, with a description of it:
#
#     assemble.sh PROGRAM FOLDER [libav]
#
# FOLDER/root-of-image is the whole; FOLDER/root-of-libav what FFmpeg's decoders add. Responsible for what the
# Dockerfile and build.sh have in common.
set -euo pipefail
here=$(dirname "$0")
program=$1
folder=$2
roots=("$folder/root-of-image")
sbom() { # ROOT, of all roots so far
    mkdir -p "$1/usr/share/sbom"
    "$here/sbom.py" "${roots[@]}" >"$1/usr/share/sbom/invigilator.spdx.json"
}

# Names of functions stay, for back traces; lines of code are 100 MB.
mkdir -p "$folder"
strip --strip-debug -o "$folder/invigilator" "$program"
"$here/rootfs.py" "$folder/invigilator" "${roots[0]}"
sbom "${roots[0]}"
if [[ ${3:-} == libav ]]; then
    roots+=("$folder/root-of-libav")
    "$here/rootfs.py" "$folder/invigilator" "${roots[1]}" libav "${roots[0]}"
    sbom "${roots[1]}"
fi
