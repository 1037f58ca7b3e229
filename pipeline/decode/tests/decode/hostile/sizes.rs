//! Giant pictures, wherever a file says how large it is: refused before there is memory for them.

use super::make::*;
use super::*;

/// Costs no memory to speak of: it is refused before anything is reserved.
fn is_refused(name: &str, bytes: &[u8], reasons: &[&str]) {
    let cost = cost(name, bytes, &segment());
    assert!(reasons.contains(&cost.outcome.reason()), "{name}: {:?}", cost.outcome.result);
    assert!(cost.memory < IDLE, "{name}: {} bytes", cost.memory);
    assert_eq!(cost.deaths, 0, "{name}");
}

/// Frames of a small VP8 recording, each in its own.
fn vp8_frames() -> Vec<Vec<u8>> {
    let folder = folder();
    let path = folder.path().join("a.ivf");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:r=10:d=1 -c:v libvpx -b:v 300k -g 5", &path);
    let file = std::fs::read(path).unwrap();
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes(*head.first_chunk().unwrap()) as usize;
        frames.push(behind[..length].to_vec());
        rest = &behind[length..];
    }
    frames
}

fn vp8(track: &Track<'_>, frames: &[Vec<u8>]) -> Vec<u8> {
    let is_key = |frame: &[u8]| frame[0] & 1 == 0;
    let blocks: Vec<_> =
        (0..).zip(frames).map(|(index, frame)| block(index * 100, is_key(frame), frame)).collect();
    [matroska(track, &[]), cluster(0, &blocks)].concat()
}

#[test]
fn in_a_matroska_header() {
    let frames = vp8_frames();
    for (width, height) in [(65_535, 65_535), (1 << 31, 1 << 31), (u64::MAX, u64::MAX), (5000, 64)] {
        let bytes = vp8(&Track { width, height, ..Track::vp8() }, &frames);
        is_refused(&format!("{width}x{height}"), &bytes, &["too_large"]);
    }
}

#[test]
fn in_the_header_of_a_vp8_frame() {
    let frames = vp8_frames();
    let whole = cost("small", &vp8(&Track::vp8(), &frames), &segment());
    assert_eq!(whole.outcome.numbers().len(), 4);
    // In the first keyframe, and in the second: the picture grows in the middle.
    for large in [0, 5] {
        let mut frames = frames.clone();
        frames[large][6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        is_refused(&format!("frame {large}"), &vp8(&Track::vp8(), &frames), &["too_large"]);
    }
}

#[test]
fn in_the_header_of_a_vp9_frame() {
    let folder = folder();
    let path = folder.path().join("a.webm");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:r=10:d=1 -c:v libvpx-vp9 -deadline realtime -g 5", &path);
    let good = std::fs::read(path).unwrap();
    let keys: Vec<_> = (0..good.len() - 3).filter(|at| good[*at..*at + 3] == [0x49, 0x83, 0x42]).collect();
    for side in [5000_u16, 16_384, 65_535] {
        for key in [keys[0], keys[1]] {
            let mut bytes = good.clone();
            // Behind the start code come four bits, then twice sixteen bits of size.
            let [high, low] = side.to_be_bytes();
            bytes[key + 3] = bytes[key + 3] & 0xf0 | high >> 4;
            bytes[key + 4] = high << 4 | low >> 4;
            bytes[key + 5] = low << 4 | high >> 4;
            bytes[key + 6] = high << 4 | low >> 4;
            bytes[key + 7] = low << 4 | bytes[key + 7] & 0xf;
            is_refused(&format!("vp9 of {side}"), &bytes, &["too_large", "no_pictures"]);
        }
    }
}

#[test]
fn in_the_parameters_of_h264() {
    is_refused("large", &h264((512, 512), (0, 0)), &["too_large"]);
    is_refused("as wide as can be", &h264((4096, 1), (0, 0)), &["too_large"]);
    is_refused("giant", &h264((1 << 16, 1 << 16), (0, 0)), &["too_large"]);
    is_refused("beyond numbers", &h264((1 << 31, 1 << 31), (0, 0)), &["too_large", "no_pictures"]);
    is_refused("cropped to nothing", &h264((40, 30), (320, 240)), &["no_pictures"]);
    is_refused("cropped beyond", &h264((40, 30), (1 << 30, 1 << 30)), &["too_large", "no_pictures"]);
    // Shown is 640x480 of it: only the decoder knows better, and it has the memory that it may have.
    for side in [512, 1000, 1024] {
        let crop = ((side * 16 - 640) / 2, (side * 16 - 480) / 2);
        cost(&format!("{side} macroblocks cropped"), &h264((side, side), crop), &segment());
    }
}

#[test]
fn in_the_boxes_of_mp4_and_the_chunks_of_avi() {
    let folder = folder();
    let source = "-f lavfi -i testsrc2=s=96x64:r=10:d=1";
    let path = folder.path().join("a.mp4");
    ffmpeg(&format!("{source} -c:v libx264"), &path);
    let mut bytes = std::fs::read(&path).unwrap();
    let entry = place(&bytes, b"avc1\0\0\0\0\0\0\0\x01") + 4;
    bytes[entry + 24..entry + 28].fill(0xff);
    is_refused("mp4", &bytes, &["too_large"]);
    let path = folder.path().join("a.avi");
    ffmpeg(&format!("{source} -c:v mpeg4"), &path);
    let good = std::fs::read(&path).unwrap();
    for side in [65_535_u32, 0x7fff_ffff, u32::MAX] {
        let mut bytes = good.clone();
        let format = place(&bytes, b"strf") + 12;
        bytes[format..format + 4].copy_from_slice(&side.to_le_bytes());
        bytes[format + 4..format + 8].copy_from_slice(&side.to_le_bytes());
        is_refused(&format!("avi of {side}"), &bytes, &["too_large"]);
    }
}

#[test]
fn in_still_pictures() {
    for (width, height) in [(65_535, 65_535), (0x7fff_ffff, 0x7fff_ffff), (5000, 64)] {
        let bytes = png(width, height, &[], &deflated_zeros(1));
        is_refused(&format!("png of {width}x{height}"), &bytes, &["too_large", "damaged"]);
    }
    let folder = folder();
    let path = folder.path().join("a.jpg");
    ffmpeg("-f lavfi -i testsrc2=s=96x64 -frames:v 1", &path);
    let mut bytes = std::fs::read(&path).unwrap();
    let frame = place(&bytes, &[0xff, 0xc0]);
    bytes[frame + 5..frame + 9].fill(0xff);
    is_refused("jpeg", &bytes, &["too_large"]);
}

#[test]
fn in_a_gif() {
    let folder = folder();
    let path = folder.path().join("a.gif");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:r=10:d=1", &path);
    let good = std::fs::read(&path).unwrap();
    let mut bytes = good.clone();
    bytes[6..10].fill(0xff);
    is_refused("gif", &bytes, &["too_large"]);
    // A small canvas, on which a giant frame is to be painted.
    let mut bytes = good.clone();
    let frame = place(&bytes, &[0x2c, 0, 0, 0, 0, 96, 0, 64, 0]);
    bytes[frame + 5..frame + 9].fill(0xff);
    is_refused("frame of a gif", &bytes, &["no_pictures", "damaged"]);
}
