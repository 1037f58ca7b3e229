//! From a decoded frame of any format to an upright, tightly packed I420 picture in a slot.
//!
//! Runs only for frames that stand for an instant. A frame that is I420 already is copied once;
//! everything else goes through GStreamer's converter, which is kept while the format stays the same.

use domain::picture::Picture;
use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;

use super::orientation::Orientation;
use crate::protocol::Limits;

/// Pixels that are square up to this are taken as square: faces look the same, and nothing is scaled.
const SQUARE_ENOUGH: f64 = 0.05;
/// A pixel aspect ratio beyond this is a mistake of the file.
const MOST_OBLONG: f64 = 4.0;

/// How a picture in a slot is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bt709: bool,
    pub(super) full_range: bool,
}

/// Converts the frames of one job.
#[derive(Debug, Default)]
pub(super) struct Convert {
    kept: Option<Kept>,
}

/// A converter and what it converts between.
#[derive(Debug)]
struct Kept {
    from: Format,
    to: gst_video::VideoInfo,
    converter: gst_video::VideoConverter,
    target: gst::Buffer,
}

impl Convert {
    /// Writes the picture into `slot`; `None` if the frame cannot be read or does not fit.
    pub(super) fn write(
        &mut self,
        buffer: &gst::BufferRef,
        format: &Format,
        orientation: Orientation,
        limits: Limits,
        slot: &mut [u8],
    ) -> Option<Shape> {
        let info = &format.info;
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).ok()?;
        let (width, height) = square_size((info.width(), info.height()), info.par(), limits);
        let is_ready =
            info.format() == gst_video::VideoFormat::I420 && (width, height) == (info.width(), info.height());
        let (width, height) = if is_ready {
            write_planes(&frame, orientation, slot)?
        } else {
            let kept = self.converter(format, width, height)?;
            let mut target =
                gst_video::VideoFrameRef::from_buffer_ref_writable(kept.target.get_mut()?, &kept.to).ok()?;
            kept.converter.frame_ref(&frame, &mut target);
            drop(target);
            let converted =
                gst_video::VideoFrameRef::from_buffer_ref_readable(&kept.target, &kept.to).ok()?;
            write_planes(&converted, orientation, slot)?
        };
        let colours = &format.colours;
        Some(Shape {
            width,
            height,
            bt709: colours.matrix() == gst_video::VideoColorMatrix::Bt709,
            full_range: colours.range() == gst_video::VideoColorRange::Range0_255,
        })
    }

    /// The converter for frames like this one.
    fn converter(&mut self, format: &Format, width: u32, height: u32) -> Option<&mut Kept> {
        let fits =
            |kept: &Kept| kept.from == *format && (kept.to.width(), kept.to.height()) == (width, height);
        if !self.kept.as_ref().is_some_and(fits) {
            let Format { info, colours } = format;
            // A source that says nothing is converted as what it is taken for.
            let known = gst_video::VideoInfo::builder(info.format(), info.width(), info.height());
            let known = if info.is_rgb() { info.clone() } else { known.colorimetry(colours).build().ok()? };
            let to = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
                .colorimetry(colours)
                .chroma_site(info.chroma_site())
                .build()
                .ok()?;
            let mut config = gst_video::VideoConverterConfig::new();
            config.set_resampler_method(gst_video::VideoResamplerMethod::Linear);
            config.set_dither_method(gst_video::VideoDitherMethod::None);
            let converter = gst_video::VideoConverter::new(&known, &to, Some(config)).ok()?;
            let target = gst::Buffer::with_size(to.size()).ok()?;
            self.kept = Some(Kept { from: format.clone(), to, converter, target });
        }
        self.kept.as_mut()
    }
}

/// What decoded frames look like.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Format {
    info: gst_video::VideoInfo,
    /// Matrix and range of the I420 picture that a frame becomes; never unknown.
    colours: gst_video::VideoColorimetry,
}

impl Format {
    /// Reads the caps of decoded frames, and of the encoded ones they came from: decoders pass on only
    /// what is stated completely, and most recordings state half of it.
    pub(super) fn read(decoded: &gst::Caps, encoded: Option<&gst::Caps>) -> Option<Self> {
        let info = gst_video::VideoInfo::from_caps(decoded).ok()?;
        let stated = colorimetry(decoded).or_else(|| colorimetry(encoded?));
        Some(Self::new(info, stated))
    }

    /// Frames like this; what is not stated about their colours is guessed as everywhere else.
    pub(super) fn new(info: gst_video::VideoInfo, stated: Option<gst_video::VideoColorimetry>) -> Self {
        use gst_video::{VideoColorMatrix as Matrix, VideoColorRange as Range};
        let is_small = info.width().min(info.height()) < 720;
        let matrix = match stated.as_ref().map(|stated| stated.matrix()) {
            Some(matrix @ (Matrix::Bt709 | Matrix::Bt601)) => matrix,
            _ if is_small => Matrix::Bt601,
            _ => Matrix::Bt709,
        };
        let range = match stated.as_ref().map(|stated| stated.range()) {
            Some(Range::Range0_255) if info.is_yuv() => Range::Range0_255,
            _ => Range::Range16_235,
        };
        let (transfer, primaries) = (info.colorimetry().transfer(), info.colorimetry().primaries());
        let colours = gst_video::VideoColorimetry::new(range, matrix, transfer, primaries);
        Self { info, colours }
    }

    /// The size of a frame.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.info.width(), self.info.height())
    }
}

fn colorimetry(caps: &gst::Caps) -> Option<gst_video::VideoColorimetry> {
    caps.structure(0)?.get::<&str>("colorimetry").ok()?.parse().ok()
}

/// The size at which pixels are square that have the aspect ratio `pixels`.
pub(super) fn square_size((width, height): (u32, u32), pixels: gst::Fraction, limits: Limits) -> (u32, u32) {
    let ratio = f64::from(pixels.numer()) / f64::from(pixels.denom());
    let is_square = (ratio - 1.0).abs() <= SQUARE_ENOUGH;
    if is_square || !(1.0 / MOST_OBLONG..=MOST_OBLONG).contains(&ratio) {
        return (width, height);
    }
    let scaled = |side: u32, by: f64| ((f64::from(side) * by).round() as u32).max(1);
    let wider = (scaled(width, ratio.max(1.0)), scaled(height, (1.0 / ratio).max(1.0)));
    if limits.allow(wider.0, wider.1) {
        return wider;
    }
    (scaled(width, ratio.min(1.0)), scaled(height, (1.0 / ratio).min(1.0)))
}

/// Writes the three planes of an I420 frame; returns the size of the upright picture.
fn write_planes<B>(
    frame: &gst_video::VideoFrameRef<B>,
    orientation: Orientation,
    slot: &mut [u8],
) -> Option<(u32, u32)> {
    let (width, height) = (frame.width(), frame.height());
    let mut left = slot.get_mut(..Picture::bytes_needed(width, height))?;
    for plane in 0..3 {
        let subsampled = |side: u32| if plane == 0 { side as usize } else { side.div_ceil(2) as usize };
        let size = (subsampled(width), subsampled(height));
        let stride = usize::try_from(*frame.plane_stride().get(plane)?).ok()?;
        let samples = frame.plane_data(plane as u32).ok()?;
        if stride < size.0 || samples.len() < stride * (size.1 - 1) + size.0 {
            return None;
        }
        let (target, rest) = left.split_at_mut(size.0 * size.1);
        orientation.write_plane(samples, stride, size, target);
        left = rest;
    }
    let (width, height) = orientation.upright_size(width as usize, height as usize);
    Some((width as u32, height as u32))
}
