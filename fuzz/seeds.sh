#!/usr/bin/env bash
# Makes the inputs that fuzzing begins with: a second of sample clips, made small, in every format.
# Nothing is made again that is there.
set -euo pipefail
cd "$(dirname "$0")"
clips=../tests/media/clips
run_ffmpeg=(ffmpeg -v error -nostdin -y -threads 1)

# small NAME ARGUMENTS...: NAME, in the format that its ending says.
small() {
    local name=$1
    shift
    "${run_ffmpeg[@]}" -i "$clips/c05_second_person_vp8.webm" -t 1 -an -vf scale=64:48,fps=10 \
        -fflags +bitexact -g 5 "$@" "$made/$name"
}

# seed TARGET PREFIX FILE...: the target reads its decisions from the prefix and the file behind it.
seed() {
    local target=$1 prefix=$2 file
    shift 2
    mkdir -p "corpus/$target"
    for file in "$@"; do
        { printf '%b' "$prefix" && cat "$file"; } >"corpus/$target/seed_$(basename "$file")"
    done
}

if [[ -e corpus/made ]]; then exit; fi
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
h264=(-c:v libx264 -crf 35)
small vp8.webm -c:v libvpx -b:v 100k
small live.webm -c:v libvpx -b:v 100k -f webm -live 1
small vp9.webm -c:v libvpx-vp9 -b:v 100k -deadline realtime -cpu-used 8
small av1.webm -c:v libaom-av1 -cpu-used 8 -usage realtime -crf 50
small h264.mkv "${h264[@]}" -bf 2
small h264.mp4 "${h264[@]}" -bf 2
small index_first.mp4 "${h264[@]}" -movflags faststart
small fragmented.mp4 "${h264[@]}" -movflags frag_keyframe+empty_moov
small hevc.mp4 -c:v libx265 -crf 35 -x265-params log-level=none
videos=("$made"/*)
seed container_file '\x01\xf4' "${videos[@]}"
seed container_stream '\x02\xbc' "${videos[@]}"
seed container_live '\x02\xbc\x01\xf4\x00\x02\x00\x01' "${videos[@]}"
seed head '\x02\xbc' "${videos[@]}"
small pictures.gif
small picture.png -frames:v 1
small picture.jpg -frames:v 1
seed picture '\x08' "$made"/picture*
cat >"$made/messages" <<'MESSAGES'
{"Started":{"container":"matroska","codec":"vp8","width":2,"height":2,"duration":null,"estimate":5000}}
{"Picture":{"instant":0,"shown":{"slot":0,"at":0,"width":2,"height":2,"bt709":false,"full_range":true}}}
{"Same":{"instant":500}}
{"Gap":{"instant":1000}}
{"Progress":{"reached":1400}}
{"Picture":{"instant":1500,"shown":{"slot":1,"at":1500,"width":128,"height":96,"bt709":true,"full_range":false}}}
{"Done":{"ending":"Complete","last":1500,"end":1600,"frames_decoded":2,"frames_skipped":1}}
{"Failed":{"TooLarge":{"width":9000,"height":9000}}}
{"Ready":{"landlock":true,"seccomp":true,"limits":true}}
MESSAGES
seed intake '\x02' "$made/messages"
seed policy '' ../config/policies/*.toml
touch corpus/made
