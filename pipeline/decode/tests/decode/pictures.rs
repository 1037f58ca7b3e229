//! Pictures are upright, complete, of the right shape, and say how to read their colours.

use std::path::Path;

use domain::picture::{ColourMatrix, ColourRange, Picture};

use crate::support::*;

/// A black picture, 96x64, with a white corner: top left.
const CORNER: &str = "-f lavfi -i color=black:s=96x64:d=1:r=15,drawbox=w=32:h=32:color=white:t=fill";

fn decoded(arguments: &str, name: &str) -> Picture {
    let folder = folder();
    let path = folder.path().join(name);
    ffmpeg(arguments, &path);
    decode(&path).picture().clone()
}

/// Luma near the corners: top left, top right, bottom left, bottom right.
fn corners(picture: &Picture) -> [bool; 4] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let is_white = |x: usize, y: usize| picture.y()[y * width + x] > 128;
    [is_white(8, 8), is_white(width - 8, 8), is_white(8, height - 8), is_white(width - 8, height - 8)]
}

/// The first picture of a file as ffmpeg shows it, in I420.
fn raw_by_ffmpeg(path: &Path) -> Vec<u8> {
    let raw = path.with_extension("raw");
    ffmpeg(&format!("-i {} -frames:v 1 -f rawvideo -pix_fmt yuv420p", path.display()), &raw);
    std::fs::read(&raw).unwrap()
}

fn corners_by_ffmpeg(path: &Path, width: u32, height: u32) -> [bool; 4] {
    let bytes = raw_by_ffmpeg(path);
    corners(&Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Limited, bytes).unwrap())
}

#[test]
fn rotation_is_applied() {
    let folder = folder();
    let lying = folder.path().join("lying.mp4");
    ffmpeg(&format!("{CORNER} -c:v libx264"), &lying);
    let mut seen = Vec::new();
    for (degrees, size) in [(0, (96, 64)), (90, (64, 96)), (180, (96, 64)), (270, (64, 96))] {
        let turned = folder.path().join("turned.mp4");
        ffmpeg(&format!("-i {} -c copy -metadata:s:v rotate={degrees}", lying.display()), &turned);
        let outcome = decode(&turned);
        let picture = outcome.picture();
        assert_eq!((picture.width(), picture.height()), size, "{degrees}");
        let stream = &outcome.decoded().stream;
        assert_eq!((stream.width, stream.height), size, "{degrees}");
        assert_eq!(corners(picture), corners_by_ffmpeg(&turned, size.0, size.1), "{degrees}");
        assert_eq!(corners(picture).iter().filter(|is_white| **is_white).count(), 1);
        seen.push(corners(picture));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4, "every rotation shows the corner somewhere else");
}

#[test]
fn odd_sizes_are_complete_to_the_last_sample() {
    let folder = folder();
    let path = folder.path().join("a.webm");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:d=1:r=15,format=gbrp,scale=97:65 -c:v libvpx -b:v 2M", &path);
    let outcome = decode(&path);
    let picture = outcome.picture();
    assert_eq!((picture.width(), picture.height()), (97, 65));
    assert_eq!([picture.y(), picture.u(), picture.v()].concat(), raw_by_ffmpeg(&path));
}

#[test]
fn oblong_pixels_are_made_square() {
    let folder = folder();
    let square = |ratio: &str, name: &str, codec: &str| {
        let path = folder.path().join(name);
        ffmpeg(&format!("{CORNER},setsar={ratio} {codec}"), &path);
        let outcome = decode(&path);
        let size = (outcome.picture().width(), outcome.picture().height());
        let stream = &outcome.decoded().stream;
        assert_eq!((stream.width, stream.height), size, "{name} {ratio}");
        size
    };
    assert_eq!(square("4/3", "a.mp4", "-c:v libx264"), (128, 64));
    assert_eq!(square("1/2", "a.mp4", "-c:v libx264"), (96, 128));
    assert_eq!(square("26/25", "a.mp4", "-c:v libx264"), (96, 64));
    assert_eq!(square("4/3", "a.webm", "-c:v libvpx"), (128, 64));
}

#[test]
fn the_size_may_change_in_the_middle() {
    let folder = folder();
    let part = |name: &str, source: String, codec: &str| {
        let path = folder.path().join(name);
        ffmpeg(&format!("{source} {codec}"), &path);
        path
    };
    for (container, codec) in [
        ("webm", "-c:v libvpx -b:v 2M"),
        ("webm", "-c:v libvpx-vp9 -b:v 2M -deadline realtime"),
        ("mkv", "-c:v libx264 -crf 5 -profile:v baseline"),
        ("ts", "-c:v libx264 -crf 5 -profile:v baseline"),
    ] {
        // As a browser sends it when the network gets better or worse: one stream, keyframe, new size.
        let small = part(&format!("small.{container}"), numbered(30, "160x120"), codec);
        let large = part(&format!("large.{container}"), numbered(30, "320x240"), codec);
        let list = folder.path().join("list");
        let lines = [&small, &large, &small].map(|path| format!("file '{}'\n", path.display()));
        std::fs::write(&list, lines.concat()).unwrap();
        let joined = folder.path().join(format!("joined.{container}"));
        ffmpeg(&format!("-f concat -safe 0 -i {} -c copy", list.display()), &joined);
        let outcome = decode(&joined);
        let seen: Vec<_> = (outcome.events.iter())
            .filter_map(|event| match event {
                decode::DecodeEvent::Frame(frame) => Some((frame.picture.width(), number(&frame.picture))),
                _ => None,
            })
            .collect();
        let part = |width: u32| (0..4).map(move |half| (width, displayed(half * 500)));
        let expected: Vec<_> = part(160).chain(part(320)).chain(part(160)).collect();
        assert_eq!(seen, expected, "{container} {codec}: {:?}", outcome.result);
    }
}

#[test]
fn colours_are_reported() {
    let picture = |size: &str, options: &str| {
        let input = format!("-f lavfi -i color=0x808080:s={size}:d=0.2:r=15");
        let picture = decoded(&format!("{input} -c:v libx264 -preset ultrafast {options}"), "a.mp4");
        (picture.matrix(), picture.range())
    };
    assert_eq!(picture("64x48", ""), (ColourMatrix::Bt601, ColourRange::Limited));
    assert_eq!(picture("1280x720", ""), (ColourMatrix::Bt709, ColourRange::Limited));
    let stated = "-colorspace bt709 -color_primaries bt709 -color_trc bt709";
    assert_eq!(picture("64x48", stated), (ColourMatrix::Bt709, ColourRange::Limited));
    let full = "-pix_fmt yuvj420p -color_range pc";
    assert_eq!(picture("64x48", full), (ColourMatrix::Bt601, ColourRange::Full));
}
