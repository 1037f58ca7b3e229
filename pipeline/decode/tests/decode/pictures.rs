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
    let square = |ratio: &str| {
        let picture = decoded(&format!("{CORNER},setsar={ratio} -c:v libx264"), "a.mp4");
        (picture.width(), picture.height())
    };
    assert_eq!(square("4/3"), (128, 64));
    assert_eq!(square("1/2"), (96, 128));
    assert_eq!(square("26/25"), (96, 64));
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
