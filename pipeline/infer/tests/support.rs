//! Models, pictures and ways to change them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use domain::picture::{ColourMatrix, ColourRange, Picture};
use domain::ports::{Attention, Look, Sight, Vision as _};
use infer::{Vision, VisionSettings};
use yuv::{YuvChromaSubsampling, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

pub const SIZE: (u32, u32) = (640, 480);

pub fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

pub fn clips() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/media/clips")
}

/// Persons are looked for in full precision: what 8 bits see depends on the processor (`src/golden.rs`
/// compares the two).
pub fn settings(threads: usize) -> VisionSettings {
    VisionSettings { threads, person_model: "nanodet_g".to_owned(), ..VisionSettings::new(models()) }
}

/// One vision for all tests that do not care about settings.
pub fn vision() -> &'static Vision {
    static VISION: OnceLock<Vision> = OnceLock::new();
    VISION.get_or_init(|| Vision::new(&settings(2)).unwrap_or_else(|error| panic!("{error}")))
}

/// What every model sees in a picture that it looks at closely.
pub fn look(picture: Picture) -> Sight {
    // No picture has so many faces: a glance is never enough.
    let close = Look { attention: Attention::Unless { faces: usize::MAX }, ..thorough(picture) };
    vision().look(&[vec![close]]).remove(0).remove(0).unwrap()
}

/// A picture in which everything is looked for.
pub fn thorough(picture: Picture) -> Look {
    Look { picture: Arc::new(picture), attention: Attention::Thorough }
}

/// A picture in which only what gives reason to is looked for.
pub fn brief(picture: Picture) -> Look {
    Look { attention: Attention::Unless { faces: 1 }, ..thorough(picture) }
}

/// Bytes of a 640 x 480 golden picture, packed RGB.
pub fn golden(name: &str) -> Vec<u8> {
    let path = clips().join(format!("golden/{name}.rgb"));
    std::fs::read(&path).unwrap_or_else(|_| panic!("{} is missing: run `make setup`", path.display()))
}

/// A packed RGB picture as a decoder would hand it over.
pub fn picture(rgb: &[u8], (width, height): (u32, u32)) -> Picture {
    let mut planes = YuvPlanarImageMut::<u8>::alloc(width, height, YuvChromaSubsampling::Yuv420);
    yuv::rgb_to_yuv420(
        &mut planes,
        rgb,
        width * 3,
        YuvRange::Full,
        YuvStandardMatrix::Bt601,
        yuv::YuvConversionMode::Balanced,
    )
    .unwrap();
    let bytes = [planes.y_plane.borrow(), planes.u_plane.borrow(), planes.v_plane.borrow()].concat();
    Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap()
}

/// The first frame of a sample clip, packed RGB.
pub fn first_frame(clip: &str) -> Vec<u8> {
    let path = clips().join(clip);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    let arguments = ["-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"];
    let output = Command::new("ffmpeg").arg("-v").arg("error").arg("-i").arg(path).args(arguments).output();
    output.expect("no ffmpeg: run `make setup`").stdout
}

/// The picture with left and right swapped.
pub fn mirrored(rgb: &[u8], width: u32) -> Vec<u8> {
    let rows = rgb.chunks_exact(width as usize * 3);
    rows.flat_map(|row| row.chunks_exact(3).rev().flatten().copied()).collect()
}

/// The picture under `factor` of the light, with the noise of a sensor.
pub fn darkened(rgb: &[u8], factor: f32) -> Vec<u8> {
    let gain = factor.powf(1.0 / 2.2);
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32 / 255.0 * 6.0 - 3.0
    };
    rgb.iter().map(|&value| (f32::from(value) * gain + noise()).clamp(0.0, 255.0) as u8).collect()
}

/// A part of a picture pasted on a grey one of the golden size.
pub fn pasted(rgb: &[u8], part: (u32, u32, u32, u32), at: (u32, u32)) -> Vec<u8> {
    let (width, height) = SIZE;
    let (left, top, part_width, part_height) = part;
    let mut canvas = vec![120; (width * height * 3) as usize];
    for row in 0..part_height.min(height - at.1) {
        let columns = part_width.min(width - at.0);
        let from = (((top + row) * width + left) * 3) as usize;
        let to = (((at.1 + row) * width + at.0) * 3) as usize;
        let bytes = (columns * 3) as usize;
        canvas[to..to + bytes].copy_from_slice(&rgb[from..from + bytes]);
    }
    canvas
}
