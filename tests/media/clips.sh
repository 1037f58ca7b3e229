# shellcheck shell=bash disable=SC2034,SC2154
# The recordings, one function each; labels.csv says second by second what they show.
#
# Sourced by build.sh after scenes.sh. A stretch that should be noticed lasts at least twice the
# time after which it is.

bitexact=(-fflags +bitexact -flags:v +bitexact)
vp8=(-an -c:v libvpx -deadline realtime -cpu-used 8 -threads 1 -b:v 400k -maxrate 400k -bufsize 400k -g 30 -pix_fmt yuv420p)
vp9=(-an -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -threads 1 -b:v 400k -g 30 -pix_fmt yuv420p)
h264=(-an -c:v libx264 -preset veryfast -threads 1 -b:v 400k -g 30 -pix_fmt yuv420p)
hevc=(-an -c:v libx265 -preset ultrafast -x265-params "log-level=none:pools=none:frame-threads=1" -b:v 400k -g 30 -pix_fmt yuv420p -tag:v hvc1)
# As a browser records: unknown sizes, no duration, no index.
live_webm=(-f webm -live 1 -cluster_time_limit 5000)
fragmented=(-f mp4 -movflags +frag_keyframe+empty_moov+default_base_moof)

# sequence SCENE FROM TO ...: input options and a filter that plays parts one after the other.
# Sets `inputs` and `joined`; the result is labelled [v].
sequence() {
    local part=0 parts="" labels=""
    inputs=()
    while (($# > 0)); do
        inputs+=(-i "$materials/$1.mp4")
        parts+="[$part:v]trim=$2:$3,setpts=PTS-STARTPTS,setsar=1[part$part];"
        labels+="[part$part]"
        part=$((part + 1))
        shift 3
    done
    joined="$parts${labels}concat=n=$part:v=1:a=0[v]"
}

# record FILE OPTION...: encodes what `sequence` described.
record() {
    local file=$1
    shift
    "${run_ffmpeg[@]}" "${inputs[@]}" -filter_complex "$joined" -map "[v]" "$@" \
        "${bitexact[@]}" "$output/$file"
}

c01_calm_vp8() {
    sequence p1 0 64
    record c01_calm_vp8.webm "${vp8[@]}" "${live_webm[@]}"
}

c02_calm_h264() {
    sequence p2 0 62
    record c02_calm_h264.mp4 "${h264[@]}" -profile:v baseline -movflags +faststart
}

c03_leaves_vp8() {
    sequence p1 0 15 desk 0 24 p1 16 31
    record c03_leaves_vp8.webm "${vp8[@]}" "${live_webm[@]}"
}

c04_leaves_fmp4() {
    sequence p2 0 15 desk 0 24 p2 16 31
    record c04_leaves_fmp4.mp4 "${h264[@]}" -profile:v baseline "${fragmented[@]}"
}

# second_person FROM TO: somebody leans in from the right, one second on the way in and out.
second_person() {
    local from=$1 to=$2
    inputs=(-i "$materials/p1.mp4" -loop 1 -r "$rate" -i "$materials/230501201_1.jpg")
    joined="[1:v]crop=420:560:100:100,scale=210:280,format=yuva420p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='255*lte(pow((X-105)/104,2)+pow((Y-140)/139,2),1)',trim=end_frame=1,loop=-1:1,fps=$rate,setpts=N/$rate/TB[face];"
    joined+="[0:v][face]overlay=x='if(between(t,$from,$to),420+6*sin(t*1.7)+max(0,($from+1-t)*220)+max(0,(t-$to+1)*220),900)':y='110+5*sin(t)',${sensor}[v]"
}

c05_second_person_vp8() {
    second_person 12 32
    record c05_second_person_vp8.webm -t 44 "${vp8[@]}" "${live_webm[@]}"
}

c06_second_person_ts() {
    second_person 15 27
    record c06_second_person_h264.ts -t 40 "${h264[@]}" -profile:v main -f mpegts
}

c07_two_faces_vp9() {
    inputs=(-i "$materials/p3.mp4" -i "$materials/p5.mp4")
    joined="[0]crop=320:480[a];[1]crop=320:480[b];[a][b]hstack,setsar=1[v]"
    record c07_two_faces_vp9.webm -t 20 "${vp9[@]}"
}

c08_covered_vp8() {
    sequence p2 0 15 covered 0 14 p2 16 31
    record c08_covered_vp8.webm "${vp8[@]}" "${live_webm[@]}"
}

# The lamp goes out: a hundredth of the light, and the camera's noise.
c09_dark_h264() {
    inputs=(-i "$materials/p5.mp4")
    joined="[0:v]lutyuv=y='if(lt(val,16),16,16+(val-16)*0.02)':u=128:v=128:enable='between(t,20,54)',noise=alls=6:allf=t:enable='between(t,20,54)'[v]"
    record c09_dark_h264.mp4 -t 64 "${h264[@]}" -profile:v main -movflags +faststart
}

# Dim but usable: a quarter of the light reaches the sensor.
c10_dim_vp8() {
    inputs=(-i "$materials/p5.mp4")
    joined="[0:v]lutyuv=y='16+(val-16)*0.4',noise=alls=8:allf=t[v]"
    record c10_dim_vp8.webm -t 32 "${vp8[@]}" "${live_webm[@]}"
}

c11_frozen_vp8() {
    inputs=(-i "$materials/p4.mp4")
    joined="[0:v]loop=loop=$((24 * rate)):size=1:start=$((20 * rate)),setpts=N/$rate/TB[v]"
    record c11_frozen_vp8.webm -t 60 "${vp8[@]}" "${live_webm[@]}"
}

# Half a minute that is played again: a recording in place of a camera.
c12_replayed_vp8() {
    sequence p2 0 32 p2 0 32
    record c12_replayed_vp8.webm "${vp8[@]}" "${live_webm[@]}"
}

# The bearded man's head is turned aside; mirrored, it is turned as far to the other side.
c13_looks_aside_vp8() {
    inputs=(-i "$materials/p4.mp4")
    joined="[0:v]split[a][b];[b]hflip[m];[a][m]overlay=enable='between(t,28,48)'[v]"
    record c13_looks_aside_vp8.webm -t 60 "${vp8[@]}" "${live_webm[@]}"
}

c14_people_walking_vp8() {
    inputs=(-i "$materials/vtest.avi")
    joined="[0:v]fps=$rate,scale=640:480,setsar=1[v]"
    record c14_people_walking_vp8.webm -t 30 "${vp8[@]}" "${live_webm[@]}"
}

c15_empty_h264() {
    sequence desk 0 30
    record c15_empty_h264.mp4 "${h264[@]}" -profile:v baseline -movflags +faststart
}

c16_opus_vp8() {
    sequence p1 0 30
    inputs+=(-f lavfi -i "anoisesrc=amplitude=0.01:color=pink:sample_rate=48000:seed=1")
    "${run_ffmpeg[@]}" "${inputs[@]}" -filter_complex "$joined" -map "[v]" -map 1:a -t 30 \
        "${vp8[@]:1}" -c:a libopus -b:a 24k "${live_webm[@]}" "${bitexact[@]}" \
        "$output/c16_opus_vp8.webm"
}

# A phone held upright: the pixels lie on their side, only the metadata says so.
c17_rotated_h264() {
    inputs=(-i "$materials/p4.mp4")
    joined="[0:v]transpose=clock[v]"
    record c17_lying.mp4 -t 30 "${h264[@]}"
    "${run_ffmpeg[@]}" -i "$output/c17_lying.mp4" -c copy -metadata:s:v rotate=90 \
        "${bitexact[@]}" "$output/c17_rotated_h264.mp4"
    rm "$output/c17_lying.mp4"
}

# As browsers do in calm scenes: three frames a second from 15 s to 45 s, one in 3 s from 30 s on.
c18_variable_rate_vp8() {
    inputs=(-i "$materials/p1.mp4")
    joined="[0:v]select='if(between(t,30,45),not(mod(n,45)),if(between(t,15,30),not(mod(n,5)),1))'[v]"
    record c18_variable_rate_vp8.webm -t 60 -fps_mode vfr "${vp8[@]}" "${live_webm[@]}"
}

c19_1080p_h264() {
    inputs=(-i "$materials/p3.mp4")
    joined="[0:v]scale=1920:1080:force_original_aspect_ratio=increase,crop=1920:1080,setsar=1[v]"
    record c19_1080p_h264.mkv -t 30 "${h264[@]}" -profile:v high -b:v 2M
}

c20_calm_hevc() {
    sequence p3 0 30
    record c20_calm_hevc.mp4 "${hevc[@]}" -movflags +faststart
}

# The network was away: nothing between 20 s and 28 s, and the clock went on.
c21_gap_vp8() {
    inputs=(-i "$materials/p1.mp4")
    joined="[0:v]setpts='PTS+gte(T,20)*8/TB'[v]"
    record c21_gap_vp8.webm -t 48 -fps_mode vfr "${vp8[@]}" "${live_webm[@]}"
}

recordings=(
    c01_calm_vp8 c02_calm_h264 c03_leaves_vp8 c04_leaves_fmp4 c05_second_person_vp8
    c06_second_person_ts c07_two_faces_vp9 c08_covered_vp8 c09_dark_h264 c10_dim_vp8
    c11_frozen_vp8 c12_replayed_vp8 c13_looks_aside_vp8 c14_people_walking_vp8 c15_empty_h264
    c16_opus_vp8 c17_rotated_h264 c18_variable_rate_vp8 c19_1080p_h264 c20_calm_hevc c21_gap_vp8
)
