# shellcheck shell=bash disable=SC2034,SC2154
# The scenes that clips are cut from: who sits before the camera, for how long.
#
# Sourced by build.sh. Only p1 is real video (four seconds, played forwards and backwards);
# p2 to p5 are photographs under a slowly swaying camera.

rate=15
# Sensor noise: no two frames of a real camera are equal to the byte.
sensor="noise=alls=4:allf=t"
run_ffmpeg=(ffmpeg -nostdin -v error -y -threads 1 -filter_threads 1)
# Near-lossless, and fast to decode again.
scene_codec=(-an -c:v libx264 -preset ultrafast -crf 12 -threads 1 -pix_fmt yuv420p -r "$rate")

# sway WIDTH HEIGHT: scales to that size and cuts 640x480 out of it with a slow movement, whose
# periods never meet, so that no stretch repeats.
sway() {
    printf '%s' "scale=$1:$2,crop=640:480:" \
        "x='(iw-640)/2+10*sin(t*0.9)+6*sin(t*0.37+2)+4*sin(t*2.3)':" \
        "y='(ih-480)/2+6*sin(t*0.7+1)+5*sin(t*0.23)',setsar=1"
}

# still NAME PICTURE SECONDS FILTER: a photograph as a scene.
still() {
    "${run_ffmpeg[@]}" -loop 1 -r "$rate" -i "$materials/$2" -vf "$4,$sensor" -t "$3" \
        "${scene_codec[@]}" "$materials/$1.mp4"
}

# A man in a car, talking; the picture is 176x144 and fills 640x480.
p1() {
    "${run_ffmpeg[@]}" -i "$materials/carphone_pristine.mp4" -filter_complex \
        "fps=$rate,scale=704:528:flags=lanczos,setsar=1,split[a][b];[b]reverse[r];[a][r]concat,loop=loop=8:size=120:start=0,setpts=N/$rate/TB,$(sway 704 528),$sensor" \
        -t 66 "${scene_codec[@]}" "$materials/p1.mp4"
}

# An astronaut, facing the camera.
p2() { still p2 astronaut.png 66 "crop=400:300:40:10,$(sway 720 540)"; }

# A smiling man.
p3() { still p3 227943776_1.jpg 32 "crop=434:326:0:40,$(sway 720 540)"; }

# A bearded man whose head is turned a little aside.
p4() { still p4 230501201_1.jpg 62 "crop=584:700:0:60,scale=-2:540,pad=720:540:(ow-iw)/2:0:color=0x6a6a6a,$(sway 720 540)"; }

# A man with glasses.
p5() { still p5 example.jpg 66 "crop=385:560:0:10,scale=-2:540,pad=720:540:(ow-iw)/2:0:color=0x6a6a6a,$(sway 720 540)"; }

# A desk with a cup and nobody.
desk() { still desk coffee.png 32 "crop=533:400,$(sway 680 510)"; }

# A finger on the lens: almost one colour.
covered() {
    "${run_ffmpeg[@]}" -f lavfi -i "color=0x4a2a22:s=640x480:r=$rate" -vf "noise=alls=6:allf=t" -t 16 \
        "${scene_codec[@]}" "$materials/covered.mp4"
}

scenes=(p1 p2 p3 p4 p5 desk covered)
