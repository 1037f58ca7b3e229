# shellcheck shell=bash disable=SC2034,SC2154
# Inputs that must end in a clear error, never in a crash or a hang.
#
# Sourced by build.sh after clips.sh, whose recordings some of them are made from.

# Ends inside the first frame.
bad_truncated_webm() { head -c 1500 "$output/c03_leaves_vp8.webm" >"$output/bad/truncated.webm"; }

# The index of an ordinary MP4 comes last: half of it has none.
bad_truncated_mp4() {
    local whole=$materials/index_last.mp4
    "${run_ffmpeg[@]}" -i "$output/c02_calm_h264.mp4" -c copy -t 10 "${bitexact[@]}" "$whole"
    head -c "$(($(stat -c %s "$whole") / 2))" "$whole" >"$output/bad/truncated.mp4"
}

# Noise over the middle: frames before and after it are whole.
bad_corrupt_middle() {
    local target=$output/bad/corrupt_middle.webm size
    cp "$output/c16_opus_vp8.webm" "$target"
    size=$(stat -c %s "$target")
    noise_bytes 40000 |
        dd of="$target" bs=1 seek="$((size / 2))" conv=notrunc status=none iflag=fullblock
}

bad_empty() { : >"$output/bad/empty.webm"; }

bad_text() { cp "$here/labels.csv" "$output/bad/text.webm"; }

bad_garbage() { noise_bytes 200000 >"$output/bad/garbage.mp4"; }

bad_audio_only() {
    "${run_ffmpeg[@]}" -f lavfi -i "anoisesrc=amplitude=0.01:sample_rate=48000:seed=1" -t 5 \
        -c:a libopus -b:a 24k "${bitexact[@]}" "$output/bad/audio_only.webm"
}

bad_zero_duration() {
    "${run_ffmpeg[@]}" -i "$output/c02_calm_h264.mp4" -frames:v 1 -c copy -bsf:v setts=duration=0 \
        "${bitexact[@]}" "$output/bad/zero_duration.mp4"
}

bad_huge() {
    "${run_ffmpeg[@]}" -f lavfi -i "color=gray:s=7680x4320:r=1" -frames:v 2 -c:v libx264 \
        -preset ultrafast -threads 1 -pix_fmt yuv420p "${bitexact[@]}" "$output/bad/huge_8k.mp4"
}

bad_codec() {
    "${run_ffmpeg[@]}" -i "$output/c02_calm_h264.mp4" -t 3 -an -c:v mjpeg -q:v 8 -threads 1 \
        -pix_fmt yuvj420p "${bitexact[@]}" "$output/bad/mjpeg.avi"
}

# noise_bytes COUNT: the same bytes on every machine.
noise_bytes() { python3 -c "import random, sys; sys.stdout.buffer.write(random.Random(7).randbytes($1))"; }

broken=(
    bad_truncated_webm bad_truncated_mp4 bad_corrupt_middle bad_empty bad_text bad_garbage
    bad_audio_only bad_zero_duration bad_huge bad_codec
)
