//! A region of a picture scaled by one factor into a model's input, centred, the rest black; and the
//! way back for what the model found there.

use domain::geometry::{Point, Rect};
use domain::picture::Picture;

use super::{Region, Scratch, Size, scale, to_rgb};
use crate::error::InferError;

/// The sides of inputs that models leave free are multiples of this: their largest stride.
const STEP: usize = 32;

/// How a region lies in a model's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Letterbox {
    region: Region,
    input: Size,
    /// Size of the scaled region, in whole pixels.
    scaled: Size,
    /// Where the scaled region starts in the input.
    left: usize,
    top: usize,
}

impl Letterbox {
    /// The place for `region` in an input with this longer side that is hardly larger than what it shows:
    /// its sides are multiples of [`STEP`].
    pub(crate) fn snug(region: Region, longer_side: usize) -> Self {
        let scaled = Self::new(region, Size::square(longer_side)).scaled;
        let enough = |length: usize| length.next_multiple_of(STEP);
        Self::new(region, Size::new(enough(scaled.width), enough(scaled.height)))
    }

    /// The largest centred place for `region` in `input` at its aspect.
    pub(crate) fn new(region: Region, input: Size) -> Self {
        let (width, height) = (region.size.width as f32, region.size.height as f32);
        let factor = (input.width as f32 / width).min(input.height as f32 / height);
        let fit = |length: f32, most: usize| ((length * factor).round() as usize).clamp(1, most);
        let scaled = Size::new(fit(width, input.width), fit(height, input.height));
        let (left, top) = ((input.width - scaled.width) / 2, (input.height - scaled.height) / 2);
        Self { region, input, scaled, left, top }
    }

    /// Size of the input.
    pub(crate) fn input(self) -> Size {
        self.input
    }

    /// Writes the input of a model: packed RGB.
    pub(crate) fn fill(
        &self,
        picture: &Picture,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), InferError> {
        let stride = self.input.width * 3;
        out.clear();
        out.resize(stride * self.input.height, 0);
        scale(&mut scratch.resizer, picture, self.region, self.scaled, &mut scratch.scaled)?;
        let start = self.top * stride + self.left * 3;
        to_rgb(&scratch.scaled, self.scaled, picture, &mut out[start..], stride)
    }

    /// Maps a point of the input into the picture, both in pixels.
    pub(crate) fn to_picture(self, point: Point) -> Point {
        let x = (point.x - self.left as f32) * self.region.size.width as f32 / self.scaled.width as f32;
        let y = (point.y - self.top as f32) * self.region.size.height as f32 / self.scaled.height as f32;
        Point { x: x + self.region.x as f32, y: y + self.region.y as f32 }
    }

    /// Maps a box of the input into the picture, both in pixels.
    pub(crate) fn rect_to_picture(self, rect: Rect) -> Rect {
        let start = self.to_picture(Point { x: rect.x, y: rect.y });
        let end = self.to_picture(Point { x: rect.x + rect.w, y: rect.y + rect.h });
        Rect { x: start.x, y: start.y, w: end.x - start.x, h: end.y - start.y }
    }
}

#[cfg(test)]
mod tests {
    use domain::picture::{ColourMatrix, ColourRange};
    use proptest::prelude::*;

    use super::*;

    /// A picture with one white block on black.
    fn block(size: Size, left: usize, top: usize, side: usize) -> Picture {
        let inside = |index: usize| {
            let (x, y) = (index % size.width, index / size.width);
            (left..left + side).contains(&x) && (top..top + side).contains(&y)
        };
        let mut bytes: Vec<u8> =
            (0..size.pixels()).map(|index| if inside(index) { 255 } else { 0 }).collect();
        bytes.resize(Picture::bytes_needed(size.width as u32, size.height as u32), 128);
        let (width, height) = (size.width as u32, size.height as u32);
        Picture::new(width, height, ColourMatrix::Bt601, ColourRange::Full, bytes).unwrap()
    }

    /// Centre of what is bright in a packed RGB picture.
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
    fn a_wide_picture_gets_bars_above_and_below() {
        let letterbox = Letterbox::new(Region::whole(Size::new(640, 480)), Size::square(256));
        assert_eq!((letterbox.scaled, letterbox.left, letterbox.top), (Size::new(256, 192), 0, 32));
        let mut out = Vec::new();
        letterbox.fill(&block(Size::new(640, 480), 0, 0, 480), &mut Scratch::default(), &mut out).unwrap();
        assert_eq!(out.len(), 256 * 256 * 3);
        assert!(out[..32 * 256 * 3].iter().all(|&value| value == 0));
        assert!(out[32 * 256 * 3..32 * 256 * 3 + 90 * 3].iter().all(|&value| value > 250));
        assert!(out[224 * 256 * 3..].iter().all(|&value| value == 0));
    }

    #[test]
    fn what_lies_in_the_input_is_found_back_in_the_picture() {
        for (size, region) in [
            (Size::new(640, 480), Region::whole(Size::new(640, 480))),
            (Size::new(359, 641), Region::whole(Size::new(359, 641))),
            (Size::new(640, 480), Region { x: 100, y: 40, size: Size::new(301, 207) }),
        ] {
            let picture = block(size, 180, 120, 30);
            let letterbox = Letterbox::new(region, Size::square(256));
            let mut out = Vec::new();
            letterbox.fill(&picture, &mut Scratch::default(), &mut out).unwrap();
            let found = letterbox.to_picture(bright_centre(&out, 256));
            assert!((found.x - 195.0).abs() < 0.3 && (found.y - 135.0).abs() < 0.3, "{size:?} {found:?}");
        }
    }

    #[test]
    fn a_snug_input_has_no_bar_to_speak_of() {
        for (width, height, input) in [
            (640, 480, Size::new(416, 320)),
            (480, 640, Size::new(320, 416)),
            (1280, 720, Size::new(416, 256)),
            (300, 300, Size::square(416)),
            (4000, 20, Size::new(416, 32)),
        ] {
            let region = Region::whole(Size::new(width, height));
            assert_eq!(Letterbox::snug(region, 416).input(), input, "{width} x {height}");
        }
        let letterbox = Letterbox::snug(Region::whole(Size::new(640, 480)), 256);
        assert_eq!((letterbox.input(), letterbox.left, letterbox.top), (Size::new(256, 192), 0, 0));
    }

    proptest! {
        #[test]
        fn the_corners_of_the_region_map_back_exactly(
            width in 2usize..4000, height in 2usize..3000, x in 0usize..500, y in 0usize..500,
            tall in any::<bool>(),
        ) {
            let region = Region { x: x & !1, y: y & !1, size: Size::new(width, height) };
            let input = if tall { Size::new(320, 256) } else { Size::square(416) };
            let letterbox = Letterbox::new(region, input);
            prop_assert!(letterbox.scaled.width <= input.width && letterbox.scaled.height <= input.height);
            let scaled = Rect {
                x: letterbox.left as f32,
                y: letterbox.top as f32,
                w: letterbox.scaled.width as f32,
                h: letterbox.scaled.height as f32,
            };
            let back = letterbox.rect_to_picture(scaled);
            prop_assert!((back.x - region.x as f32).abs() < 0.01 && (back.y - region.y as f32).abs() < 0.01);
            prop_assert!((back.w - width as f32).abs() < 0.01 && (back.h - height as f32).abs() < 0.01);
        }
    }
}
