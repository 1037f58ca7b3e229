//! What cannot be decoded is refused with a typed reason, and the child is none the worse for it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use decode::{DecodeError, SamplingPlan};
use domain::error::ErrorKind;
use domain::time::{Interval, MediaMs, Millis};

use crate::children::{Observed, most_memory};
use crate::support::*;

/// The reason for refusing some bytes.
fn reason_for(bytes: &[u8]) -> &'static str {
    let folder = folder();
    let path = folder.path().join("input");
    std::fs::write(&path, bytes).unwrap();
    decode(&path).reason()
}

fn made(folder: &tempfile::TempDir, name: &str, arguments: &str) -> PathBuf {
    let path = folder.path().join(name);
    ffmpeg(arguments, &path);
    path
}

#[test]
fn what_is_no_video() {
    assert_eq!(reason_for(b""), "empty");
    assert_eq!(reason_for(b"Dear invigilator,\nmy camera ate my homework.\n"), "not_media");
    assert_eq!(reason_for(&[0; 10_000]), "not_media");
    let noise: Vec<u8> =
        (0u32..50_000).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(reason_for(&noise), "not_media");
    // The beginning of a still picture, which is a known kind of file.
    assert_eq!(reason_for(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "damaged");
}

#[test]
fn sound_alone() {
    let folder = folder();
    for name in ["a.webm", "a.mp4", "a.m4a", "a.mp3", "a.wav"] {
        let outcome = decode(&made(&folder, name, "-f lavfi -i sine=duration=1"));
        assert_eq!(outcome.reason(), "no_video", "{name}: {:?}", outcome.result);
    }
}

#[test]
fn codecs_and_containers_that_are_not_ours() {
    let folder = folder();
    let video = "-f lavfi -i testsrc2=s=64x48:d=1";
    let outcome = decode(&made(&folder, "a.mkv", &format!("{video} -c:v ffv1")));
    assert!(
        matches!(&outcome.result, Err(DecodeError::UnsupportedCodec { codec }) if codec == "ffv"),
        "{outcome:?}"
    );
    let outcome = decode(&made(&folder, "a.flv", &format!("{video} -c:v flv")));
    assert_eq!(outcome.reason(), "unsupported_container");
}

#[test]
fn cut_off_before_the_first_picture() {
    let folder = folder();
    // The index of an MP4 file comes last.
    let path = made(&folder, "a.mp4", "-f lavfi -i testsrc2=s=64x48:d=1 -c:v libx264");
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(reason_for(&bytes[..bytes.len() / 2]), "damaged");
    let path = made(&folder, "a.webm", "-f lavfi -i testsrc2=s=64x48:d=1 -c:v libvpx");
    let bytes = std::fs::read(&path).unwrap();
    assert!(["damaged", "no_pictures"].contains(&reason_for(&bytes[..200])));
}

#[test]
fn no_duration() {
    let folder = folder();
    let video = "-f lavfi -i testsrc2=s=64x48:r=15";
    let empty = decode(&made(&folder, "empty.mp4", &format!("{video} -t 0 -c:v libx264")));
    assert_eq!(empty.reason(), "zero_duration");
    // One picture, and nothing that says how long it lasts.
    let single = made(&folder, "single.webm", &format!("{video} -frames:v 1 -c:v libvpx -f webm -live 1"));
    let mut bytes = std::fs::read(&single).unwrap();
    // DefaultDuration becomes padding of the same length.
    let at = bytes.windows(4).position(|window| window == [0x23, 0xe3, 0x83, 0x84]).unwrap();
    bytes[at..at + 2].copy_from_slice(&[0xec, 0x86]);
    std::fs::write(&single, bytes).unwrap();
    assert_eq!(decode(&single).reason(), "zero_duration");
}

#[test]
fn a_single_picture_is_no_video() {
    let folder = folder();
    let video = "-f lavfi -i testsrc2=s=64x48:r=10";
    for (name, options) in [
        ("a.mp4", "-frames:v 1 -c:v libx264"),
        ("slow.mp4", "-vf fps=1/20 -frames:v 1 -c:v libx264"),
        ("a.webm", "-frames:v 1 -c:v libvpx"),
        ("a.mkv", "-frames:v 1 -c:v mjpeg -pix_fmt yuvj420p"),
        ("a.gif", "-frames:v 1"),
        ("a.png", "-frames:v 1"),
        ("a.jpg", "-frames:v 1"),
    ] {
        let outcome = decode(&made(&folder, name, &format!("{video} {options}")));
        assert_eq!(outcome.reason(), "zero_duration", "{name}: {outcome:?}");
        assert!(outcome.numbers().is_empty(), "no instant was answered");
    }
    // Two are: a tenth of a second, and one instant.
    let two = decode(&made(&folder, "two.mp4", &format!("{video} -frames:v 2 -c:v libx264")));
    assert_eq!(two.numbers().len(), 1, "{two:?}");
    // A part of a longer session may well have one picture only.
    let plan = SamplingPlan::every(Millis(500)).within(Interval::new(MediaMs(0), MediaMs(1000)));
    for name in ["a.webm", "a.png", "a.jpg"] {
        let part = decode_with(&pool(), &folder.path().join(name), &plan);
        assert_eq!(part.numbers().len(), 2, "{name}: {part:?}");
        assert_eq!((part.picture().width(), part.picture().height()), (64, 48), "{name}");
    }
}

#[test]
fn cut_off_after_the_first_picture() {
    let folder = folder();
    let video = "-f lavfi -i testsrc2=s=64x48:r=10:d=2";
    let bytes = std::fs::read(made(&folder, "a.webm", &format!("{video} -c:v libvpx -b:v 50k"))).unwrap();
    // In the second block of the first cluster.
    let blocks: Vec<usize> =
        (0..bytes.len() - 4).filter(|at| bytes[*at] == 0xa3 && bytes[at + 3..at + 5] == [0x81, 0]).collect();
    assert_eq!(reason_for(&bytes[..blocks[1] + 10]), "damaged");
}

#[test]
fn too_large_is_refused_before_it_is_decoded() {
    let folder = folder();
    let source = "-f lavfi -i color=gray:s=7680x4320:r=15 -frames:v 2";
    for (name, codec) in
        [("a.mp4", "-c:v libx264 -preset ultrafast"), ("a.ts", "-c:v libx264 -preset ultrafast")]
    {
        let path = made(&folder, name, &format!("{source} {codec}"));
        let child = Observed::new(settings());
        let outcome = decode_with(&child.pool, &path, &SamplingPlan::every(Millis(500)));
        assert!(
            matches!(outcome.result, Err(DecodeError::TooLarge { width: 7680, height: 4320 })),
            "{name}: {outcome:?}"
        );
        let memory = most_memory(child.id()).unwrap();
        assert!(memory < 200 << 20, "{name} took {memory} bytes");
    }
}

#[test]
fn a_container_that_lies_about_the_size_is_found_out() {
    let folder = folder();
    let source = "-f lavfi -i color=gray:s=4800x2400:r=15 -frames:v 2";
    let path = made(&folder, "a.webm", &format!("{source} -c:v libvpx -deadline realtime -cpu-used 16"));
    let mut bytes = std::fs::read(&path).unwrap();
    // PixelWidth and PixelHeight become 640 and 480.
    for (stated, lie) in [([0xb0, 0x82, 0x12, 0xc0], [0x02, 0x80]), ([0xba, 0x82, 0x09, 0x60], [0x01, 0xe0])]
    {
        let at = bytes.windows(4).position(|window| window == stated).unwrap();
        bytes[at + 2..at + 4].copy_from_slice(&lie);
    }
    std::fs::write(&path, bytes).unwrap();
    let outcome = decode(&path);
    assert!(
        matches!(outcome.result, Err(DecodeError::TooLarge { width: 4800, height: 2400 })),
        "{outcome:?}"
    );
}

#[test]
fn too_long() {
    let folder = folder();
    let path = recording(&folder, 30);
    let mut settings = settings();
    settings.max_media = Millis(1500);
    let outcome = decode_with(&decode::DecoderPool::new(settings), &path, &SamplingPlan::every(Millis(500)));
    assert!(matches!(outcome.result, Err(DecodeError::TooLong { duration: Millis(2000) })), "{outcome:?}");
}

#[test]
fn a_pipe_cannot_be_read_at_any_place() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let media = File::from(OwnedFd::from(reader));
    let error = pool()
        .decode(&media, &SamplingPlan::every(Millis(500)), &mut |_| std::ops::ControlFlow::Continue(()))
        .unwrap_err();
    assert_eq!((error.reason(), error.kind()), ("io", ErrorKind::Transient));
}

#[test]
fn one_child_takes_one_refusal_after_the_other() {
    let folder = folder();
    let good = recording(&folder, 15);
    let bad = folder.path().join("bad");
    std::fs::write(&bad, b"nothing").unwrap();
    let child = Observed::new(settings());
    let plan = SamplingPlan::every(Millis(500));
    for _ in 0..3 {
        assert_eq!(decode_with(&child.pool, &bad, &plan).reason(), "not_media");
        assert_eq!(decode_with(&child.pool, &good, &plan).numbers().len(), 2);
    }
    assert_eq!(child.ids().len(), 1);
}
