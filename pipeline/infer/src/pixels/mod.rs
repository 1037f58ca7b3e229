//! From planar YUV pictures to the small RGB pictures that models take.
//!
//! Scales first and converts last, each plane by itself: only the pixels that a model sees are ever
//! turned into RGB, and one and a half bytes a pixel are scaled instead of three. [`letterbox`] takes
//! an upright region, [`crop`] a turned square; [`encoding`] is for models that take no bytes.

pub(crate) mod crop;
pub(crate) mod encoding;
pub(crate) mod letterbox;
mod warp;

use domain::picture::{ColourMatrix, ColourRange, Picture};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::error::InferError;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Size {
    pub(crate) const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    pub(crate) const fn square(side: usize) -> Self {
        Self { width: side, height: side }
    }

    pub(crate) const fn pixels(self) -> usize {
        self.width * self.height
    }

    /// Size of the chroma planes of a picture of this size.
    pub(crate) const fn chroma(self) -> Self {
        Self { width: self.width.div_ceil(2), height: self.height.div_ceil(2) }
    }

    pub(crate) fn of(picture: &Picture) -> Self {
        Self { width: picture.width() as usize, height: picture.height() as usize }
    }
}

/// An upright part of a picture in whole pixels. Starts at even positions, so that the same part of
/// the chroma planes is one of whole pixels too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) size: Size,
}

impl Region {
    /// All of a picture.
    pub(crate) fn whole(picture: Size) -> Self {
        Self { x: 0, y: 0, size: picture }
    }

    /// The smallest region around a box in pixels that lies within the picture; `None` if the box
    /// lies outside.
    pub(crate) fn around(left: f32, top: f32, right: f32, lower: f32, picture: Size) -> Option<Self> {
        let x = left.floor().max(0.0) as usize & !1;
        let y = top.floor().max(0.0) as usize & !1;
        let end_x = (right.ceil().max(0.0) as usize).min(picture.width);
        let end_y = (lower.ceil().max(0.0) as usize).min(picture.height);
        (x < end_x && y < end_y).then(|| Self { x, y, size: Size::new(end_x - x, end_y - y) })
    }
}

/// The memory that scaling and converting needs, kept from picture to picture by each thread.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    resizer: Resizer,
    /// A region scaled down, as three planes.
    scaled: [Vec<u8>; 3],
    /// A turned square, as three planes.
    warped: [Vec<u8>; 3],
}

/// Scales a region of a picture to `size`, each plane by itself, averaging what is scaled down.
fn scale(
    resizer: &mut Resizer,
    picture: &Picture,
    region: Region,
    size: Size,
    planes: &mut [Vec<u8>; 3],
) -> Result<(), InferError> {
    let whole = Size::of(picture);
    let half = Region { x: region.x / 2, y: region.y / 2, size: region.size.chroma() };
    let [luma, blue, red] = planes;
    scale_plane(resizer, picture.y(), whole, region, size, luma)?;
    scale_plane(resizer, picture.u(), whole.chroma(), half, size.chroma(), blue)?;
    scale_plane(resizer, picture.v(), whole.chroma(), half, size.chroma(), red)
}

fn scale_plane(
    resizer: &mut Resizer,
    plane: &[u8],
    plane_size: Size,
    region: Region,
    size: Size,
    out: &mut Vec<u8>,
) -> Result<(), InferError> {
    out.resize(size.pixels(), 0);
    let unusable = |reason: String| InferError::PixelsUnusable { reason };
    // Typed: what works with any kind of pixel takes minutes to compile.
    let source = TypedImageRef::<U8>::from_buffer(plane_size.width as u32, plane_size.height as u32, plane)
        .map_err(|error| unusable(error.to_string()))?;
    let mut target = TypedImage::<U8>::from_buffer(size.width as u32, size.height as u32, out)
        .map_err(|error| unusable(error.to_string()))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).crop(
        region.x as f64,
        region.y as f64,
        region.size.width as f64,
        region.size.height as f64,
    );
    resizer.resize_typed(&source, &mut target, &options).map_err(|error| unusable(error.to_string()))
}

/// Converts three planes to packed RGB; `stride` bytes from row to row.
fn to_rgb(
    planes: &[Vec<u8>; 3],
    size: Size,
    picture: &Picture,
    out: &mut [u8],
    stride: usize,
) -> Result<(), InferError> {
    let chroma_stride = size.chroma().width as u32;
    let image = YuvPlanarImage {
        y_plane: &planes[0],
        y_stride: size.width as u32,
        u_plane: &planes[1],
        u_stride: chroma_stride,
        v_plane: &planes[2],
        v_stride: chroma_stride,
        width: size.width as u32,
        height: size.height as u32,
    };
    let range = match picture.range() {
        ColourRange::Limited => YuvRange::Limited,
        ColourRange::Full => YuvRange::Full,
    };
    let matrix = match picture.matrix() {
        ColourMatrix::Bt601 => YuvStandardMatrix::Bt601,
        ColourMatrix::Bt709 => YuvStandardMatrix::Bt709,
    };
    yuv::yuv420_to_rgb(&image, out, stride as u32, range, matrix)
        .map_err(|error| InferError::PixelsUnusable { reason: error.to_string() })
}
