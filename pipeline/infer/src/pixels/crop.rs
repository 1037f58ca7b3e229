//! A square of a picture, turned so that its content is level, cut out at a model's size; and the way
//! back for what the model found there.

use domain::geometry::Point;
use domain::picture::Picture;

use super::warp::{Grid, Plane, warp};
use super::{Region, Scratch, Size, scale, to_rgb};
use crate::error::InferError;

/// From this many picture pixels per crop pixel on the picture is averaged down before it is
/// sampled; below, bilinear sampling skips no pixel.
const LONGEST_STEP: f32 = 1.5;

/// Values of luma and chroma beyond the picture: black.
const BLACK: (u8, u8) = (0, 128);

/// A turned square; positions and lengths in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crop {
    pub(crate) centre: Point,
    pub(crate) side: f32,
    /// Clockwise in the picture, in radians.
    pub(crate) angle: f32,
    /// Whether left and right are swapped in the crop.
    pub(crate) mirrored: bool,
}

impl Crop {
    /// The direction of the crop's rows and columns in the picture, of length one.
    fn axes(&self) -> (Point, Point) {
        let (sin, cos) = self.angle.sin_cos();
        let across = if self.mirrored { -1.0 } else { 1.0 };
        (Point { x: cos * across, y: sin * across }, Point { x: -sin, y: cos })
    }

    /// Maps a point of the crop, cut at `size`, into the picture.
    pub(crate) fn to_picture(self, point: Point, size: usize) -> Point {
        let factor = self.side / size as f32;
        let (right, down) = ((point.x - size as f32 / 2.0) * factor, (point.y - size as f32 / 2.0) * factor);
        let (across, along) = self.axes();
        Point {
            x: self.centre.x + right * across.x + down * along.x,
            y: self.centre.y + right * across.y + down * along.y,
        }
    }

    /// Writes the crop as `size` x `size` packed RGB; black beyond the picture.
    pub(crate) fn cut(
        &self,
        picture: &Picture,
        size: usize,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), InferError> {
        let step = self.side / size as f32;
        let source = if step > LONGEST_STEP {
            self.scaled_down(picture, step, scratch)?
        } else {
            Some(Source::whole(picture))
        };
        let target = Size::square(size);
        out.resize(target.pixels() * 3, 0);
        let Some(source) = source else {
            out.fill(0);
            return Ok(());
        };
        let planes = match source.scaled {
            true => [&scratch.scaled[0][..], &scratch.scaled[1], &scratch.scaled[2]],
            false => [picture.y(), picture.u(), picture.v()],
        };
        for (index, (pixels, warped)) in planes.into_iter().zip(&mut scratch.warped).enumerate() {
            let (plane, step, size, border) = match index {
                0 => (source.luma, 1.0, target, BLACK.0),
                _ => (source.chroma, 2.0, target.chroma(), BLACK.1),
            };
            let grid = self.grid(plane, step, target.width);
            warp(Plane { pixels, size: plane.size }, grid, size, border, warped);
        }
        to_rgb(&scratch.warped, target, picture, out, size * 3)
    }

    /// Averages the part of the picture under the crop down to about the crop's scale; `None` if the
    /// crop lies outside the picture.
    fn scaled_down(
        &self,
        picture: &Picture,
        step: f32,
        scratch: &mut Scratch,
    ) -> Result<Option<Source>, InferError> {
        // Half the extent of the turned square along either axis, and a pixel of the crop around it.
        let (sin, cos) = self.angle.sin_cos();
        let reach = self.side / 2.0 * (sin.abs() + cos.abs()) + step;
        let Point { x, y } = self.centre;
        let Some(region) = Region::around(x - reach, y - reach, x + reach, y + reach, Size::of(picture))
        else {
            return Ok(None);
        };
        let shrunk = |length: usize| ((length as f32 / step).round() as usize).max(1);
        let size = Size::new(shrunk(region.size.width), shrunk(region.size.height));
        scale(&mut scratch.resizer, picture, region, size, &mut scratch.scaled)?;
        Ok(Some(Source::part(region, size)))
    }

    /// Where the crop's samples lie in a plane; `step` is the distance of samples in crop pixels.
    fn grid(&self, plane: PlaneInPicture, step: f32, size: usize) -> Grid {
        let first = self.to_picture(Point { x: step / 2.0, y: step / 2.0 }, size);
        let length = self.side / size as f32 * step;
        let (across, along) = self.axes();
        let (width, height) = plane.pixel;
        Grid {
            start: ((first.x - plane.start.0) / width, (first.y - plane.start.1) / height),
            right: (across.x * length / width, across.y * length / height),
            down: (along.x * length / width, along.y * length / height),
        }
    }
}

/// Which planes are sampled, and how they lie in the picture.
#[derive(Debug, Clone, Copy)]
struct Source {
    scaled: bool,
    luma: PlaneInPicture,
    chroma: PlaneInPicture,
}

/// Where a plane starts and how large its pixels are, in pixels of the picture.
#[derive(Debug, Clone, Copy)]
struct PlaneInPicture {
    size: Size,
    start: (f32, f32),
    pixel: (f32, f32),
}

impl Source {
    fn whole(picture: &Picture) -> Self {
        let size = Size::of(picture);
        let luma = PlaneInPicture { size, start: (0.0, 0.0), pixel: (1.0, 1.0) };
        let chroma = PlaneInPicture { size: size.chroma(), start: (0.0, 0.0), pixel: (2.0, 2.0) };
        Self { scaled: false, luma, chroma }
    }

    fn part(region: Region, size: Size) -> Self {
        let start = (region.x as f32, region.y as f32);
        let pixel = |from: Size, to: Size, unit: f32| {
            let (width, height) = (from.width as f32 * unit, from.height as f32 * unit);
            (width / to.width as f32, height / to.height as f32)
        };
        let luma = PlaneInPicture { size, start, pixel: pixel(region.size, size, 1.0) };
        let pixel = pixel(region.size.chroma(), size.chroma(), 2.0);
        Self { scaled: true, luma, chroma: PlaneInPicture { size: size.chroma(), start, pixel } }
    }
}

#[cfg(test)]
mod tests {
    use domain::picture::{ColourMatrix, ColourRange};

    use super::*;

    /// Luma that falls off from a point, on black; a smooth bump of about `radius` pixels.
    fn bump(width: usize, height: usize, x: f32, y: f32, radius: f32) -> Picture {
        let value = |index: usize| {
            let dx = (index % width) as f32 + 0.5 - x;
            let dy = (index / width) as f32 + 0.5 - y;
            (255.0 * (-(dx * dx + dy * dy) / (radius * radius)).exp()) as u8
        };
        let mut bytes: Vec<u8> = (0..width * height).map(value).collect();
        bytes.resize(Picture::bytes_needed(width as u32, height as u32), 128);
        Picture::new(width as u32, height as u32, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap()
    }

    fn bright_centre(rgb: &[u8], width: usize) -> Point {
        let (mut x, mut y, mut weight) = (0.0, 0.0, 0.0);
        for (index, pixel) in rgb.chunks_exact(3).enumerate() {
            let bright = f32::from(pixel[1]);
            x += bright * ((index % width) as f32 + 0.5);
            y += bright * ((index / width) as f32 + 0.5);
            weight += bright;
        }
        Point { x: x / weight, y: y / weight }
    }

    #[test]
    fn a_point_is_found_back_at_any_scale_turn_and_mirroring() {
        let picture = bump(641, 479, 300.0, 200.0, 9.0);
        for side in [60.0, 150.0, 280.0, 390.0, 700.0] {
            for angle in [0.0, 0.4, -1.1] {
                for mirrored in [false, true] {
                    let crop = Crop { centre: Point { x: 310.0, y: 190.0 }, side, angle, mirrored };
                    let mut out = Vec::new();
                    crop.cut(&picture, 192, &mut Scratch::default(), &mut out).unwrap();
                    let found = crop.to_picture(bright_centre(&out, 192), 192);
                    let error = (found.x - 300.0).hypot(found.y - 200.0);
                    assert!(error < 0.35, "{crop:?} {found:?} {error}");
                }
            }
        }
    }

    #[test]
    fn a_mirrored_crop_is_the_mirror_image_of_the_plain_one() {
        let picture = bump(320, 240, 150.0, 110.0, 20.0);
        let crop = Crop { centre: Point { x: 160.0, y: 120.0 }, side: 96.0, angle: 0.0, mirrored: false };
        let (mut plain, mut mirrored) = (Vec::new(), Vec::new());
        crop.cut(&picture, 64, &mut Scratch::default(), &mut plain).unwrap();
        let crop = Crop { mirrored: true, ..crop };
        crop.cut(&picture, 64, &mut Scratch::default(), &mut mirrored).unwrap();
        for (row, other) in plain.chunks_exact(64 * 3).zip(mirrored.chunks_exact(64 * 3)) {
            for column in 0..64 {
                let (one, two) = (row[column * 3], other[(63 - column) * 3]);
                assert!(one.abs_diff(two) <= 1, "{one} {two}");
            }
        }
    }

    #[test]
    fn beyond_the_picture_is_black() {
        let bytes = vec![255; Picture::bytes_needed(100, 80)];
        let white = Picture::new(100, 80, ColourMatrix::Bt601, ColourRange::Limited, bytes).unwrap();
        for side in [40.0, 400.0] {
            let crop = Crop { centre: Point { x: 0.0, y: 40.0 }, side, angle: 0.0, mirrored: false };
            let mut out = Vec::new();
            crop.cut(&white, 64, &mut Scratch::default(), &mut out).unwrap();
            let middle = &out[32 * 64 * 3..33 * 64 * 3];
            assert!(middle[..31 * 3].iter().all(|&value| value == 0), "{side}");
            assert!(middle[33 * 3] > 200, "{side}");
            let outside = Crop { centre: Point { x: -900.0, y: 40.0 }, ..crop };
            outside.cut(&white, 64, &mut Scratch::default(), &mut out).unwrap();
            assert!(out.iter().all(|&value| value == 0));
        }
    }
}
