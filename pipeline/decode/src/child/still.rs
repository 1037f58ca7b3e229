//! Still pictures, JPEG and PNG: reference photos, and pictures to evaluate on. Without GStreamer: no
//! elements and no clock are needed for a single picture.
//!
//! A still picture is no video. It can be decoded in a plan with a window, in which it stands from the
//! plan's start on; without one it is refused like any other medium without a duration.

use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, mpsc};

use gstreamer as gst;
use gstreamer_video as gst_video;
use image::{DynamicImage, ImageDecoder, ImageReader};

use super::convert::Format;
use super::limits::check;
use super::link::Link;
use super::session::{Session, Stop};
use super::source::Source;
use crate::error::Fault;
use crate::event::{Ending, StreamInfo};
use crate::protocol::{Job, Summary};

/// No photo is larger; what is longer is read as if it broke off here.
const MOST_BYTES: u64 = 64 << 20;

/// What comes with a picture, its colour profile and its texts, is not longer; compressed, it may say less.
const MOST_BESIDE: u64 = 16 << 20;

/// A decoder may use so many bytes a pixel of the largest picture for itself.
const MOST_BYTES_PER_PIXEL: u64 = 16;

/// The format of a file, if it is one.
pub(super) fn format(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        Some("jpeg")
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("png")
    } else {
        None
    }
}

/// Decodes a file; the picture goes out through `link` on the way.
pub(super) fn decode(
    job: &Job,
    source: &Source,
    format: &'static str,
    link: Arc<Mutex<Link>>,
) -> Result<Summary, Fault> {
    let mut session = Session::new(job, link, mpsc::channel().0);
    match show(&mut session, source, format) {
        Ok(()) | Err(Stop::Fulfilled) => session.finish(false),
        Err(Stop::Interrupted) => Ok(session.summary(Ending::Stopped)),
        Err(Stop::Refused(fault)) => Err(fault),
    }
}

fn show(session: &mut Session, source: &Source, format: &'static str) -> Result<(), Stop> {
    let damaged = |_| Stop::Refused(Fault::Damaged);
    let limits = session.limits();
    let largest = u64::from(limits.longer_side) * u64::from(limits.shorter_side);
    let mut bytes = Vec::new();
    source.reader().take(MOST_BYTES).read_to_end(&mut bytes).map_err(|_| Stop::Refused(Fault::Damaged))?;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|_| Stop::Refused(Fault::Damaged))?;
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(limits.longer_side);
    bounds.max_image_height = Some(limits.longer_side);
    bounds.max_alloc = Some(largest * MOST_BYTES_PER_PIXEL);
    let mut beside = image::Limits::no_limits();
    beside.max_alloc = Some(MOST_BESIDE);
    reader.limits(beside);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check(width, height, limits).map_err(Stop::Refused)?;
    decoder.set_limits(bounds).map_err(damaged)?;
    let turned = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(turned);
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    session.start(StreamInfo {
        container: format.to_owned(),
        codec: format.to_owned(),
        width,
        height,
        duration: None,
        estimate: None,
    })?;
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgba, width, height).build();
    let format = Format::new(info.map_err(|_| Stop::Refused(Fault::Damaged))?, None);
    session.met(gst::ClockTime::ZERO, gst::ClockTime::ZERO)?;
    session.decoded_frame(gst::Buffer::from_slice(picture.into_raw()), format, Some(gst::ClockTime::ZERO))
}
