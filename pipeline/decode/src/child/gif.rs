//! Animated GIF, without GStreamer: its demuxer for them loops for ever and loses their time.
//!
//! Each frame of a file paints over a part of the canvas; the canvas is what is displayed.

use std::sync::{Arc, Mutex, mpsc};

use ::gif::{ColorOutput, DecodeOptions, DisposalMethod, Frame, MemoryLimit};
use gstreamer as gst;
use gstreamer_video as gst_video;

use super::convert::Format;
use super::limits::check;
use super::link::Link;
use super::session::{Session, Stop};
use super::source::Source;
use crate::error::Fault;
use crate::event::{Ending, StreamInfo};
use crate::protocol::{Job, Summary};

const BYTES_PER_PIXEL: usize = 4;

/// Browsers display a frame that asks for less than 20 ms for 100 ms; files are made with that in mind.
const SHORTEST_DELAY: u16 = 2;
const DEFAULT_DELAY: u16 = 10;

/// Whether the file is one.
pub(super) fn is_gif(head: &[u8]) -> bool {
    head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
}

/// Decodes a file; pictures go out through `link` on the way.
pub(super) fn decode(job: &Job, source: &Source, link: Arc<Mutex<Link>>) -> Result<Summary, Fault> {
    let mut session = Session::new(job, link, mpsc::channel().0);
    match frames(&mut session, source) {
        Ok(is_broken) => session.finish(is_broken),
        Err(Stop::Fulfilled) => session.finish(false),
        Err(Stop::Interrupted) => Ok(session.summary(Ending::Stopped)),
        Err(Stop::Refused(fault)) => Err(fault),
    }
}

/// Takes one frame after the other; returns whether the file breaks off.
fn frames(session: &mut Session, source: &Source) -> Result<bool, Stop> {
    let limits = session.limits();
    let largest = u64::from(limits.longer_side) * u64::from(limits.shorter_side) * BYTES_PER_PIXEL as u64;
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(MemoryLimit::Bytes(largest.try_into().unwrap_or(std::num::NonZeroU64::MIN)));
    let mut decoder = options.read_info(source.reader()).map_err(|_| Stop::Refused(Fault::Damaged))?;
    let (width, height) = (u32::from(decoder.width()), u32::from(decoder.height()));
    check(width, height, limits).map_err(Stop::Refused)?;
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::Rgba, width, height).build();
    let format = Format::new(info.map_err(|_| Stop::Refused(Fault::Damaged))?, None);
    session.start(StreamInfo {
        container: "gif".to_owned(),
        codec: "gif".to_owned(),
        width,
        height,
        duration: None,
        estimate: None,
    })?;

    let mut canvas = Canvas::new(width as usize, height as usize);
    let mut time = gst::ClockTime::ZERO;
    loop {
        let frame = match decoder.read_next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(false),
            Err(_) => return Ok(true),
        };
        let delay = if frame.delay < SHORTEST_DELAY { DEFAULT_DELAY } else { frame.delay };
        let lasts = gst::ClockTime::from_mseconds(u64::from(delay) * 10);
        let shown = canvas.paint(frame);
        session.met(time, lasts)?;
        session.decoded_frame(gst::Buffer::from_slice(shown), format.clone(), Some(time))?;
        time += lasts;
    }
}

/// What is displayed: RGBA, row by row.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; width * height * BYTES_PER_PIXEL] }
    }

    /// Paints a frame, and returns what is displayed until the next one; prepares for that next one.
    fn paint(&mut self, frame: &Frame<'_>) -> Vec<u8> {
        let before = (frame.dispose == DisposalMethod::Previous).then(|| self.pixels.clone());
        self.each_row(frame, |canvas, row| {
            let pixels = canvas.chunks_exact_mut(BYTES_PER_PIXEL).zip(row.chunks_exact(BYTES_PER_PIXEL));
            for (pixel, painted) in pixels.filter(|(_, painted)| painted[3] != 0) {
                pixel.copy_from_slice(painted);
            }
        });
        let shown = self.pixels.clone();
        match (frame.dispose, before) {
            (DisposalMethod::Previous, Some(before)) => self.pixels = before,
            (DisposalMethod::Background, _) => self.each_row(frame, |canvas, _| canvas.fill(0)),
            _ => {}
        }
        shown
    }

    /// Visits the rows of a frame, each with the part of the canvas that it covers.
    fn each_row(&mut self, frame: &Frame<'_>, mut visit: impl FnMut(&mut [u8], &[u8])) {
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        let width = usize::from(frame.width).min(self.width.saturating_sub(left));
        let height = usize::from(frame.height).min(self.height.saturating_sub(top));
        if width == 0 {
            return;
        }
        let rows = frame.buffer.chunks_exact(usize::from(frame.width) * BYTES_PER_PIXEL);
        for (y, row) in rows.take(height).enumerate() {
            let start = ((top + y) * self.width + left) * BYTES_PER_PIXEL;
            visit(&mut self.pixels[start..start + width * BYTES_PER_PIXEL], &row[..width * BYTES_PER_PIXEL]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn frame(left: u16, dispose: DisposalMethod, pixels: &[[u8; 4]]) -> Frame<'static> {
        let buffer = Cow::Owned(pixels.concat());
        Frame { left, width: pixels.len() as u16, height: 1, dispose, buffer, ..Frame::default() }
    }

    #[test]
    fn frames_paint_over_each_other() {
        let (red, blue, clear) = ([255, 0, 0, 255], [0, 0, 255, 255], [0; 4]);
        let mut canvas = Canvas::new(3, 1);
        assert_eq!(canvas.paint(&frame(0, DisposalMethod::Keep, &[red; 3])), [red; 3].concat());
        let shown = canvas.paint(&frame(1, DisposalMethod::Previous, &[clear, blue]));
        assert_eq!(shown, [red, red, blue].concat());
        let shown = canvas.paint(&frame(0, DisposalMethod::Background, &[blue]));
        assert_eq!(shown, [blue, red, red].concat());
        let shown = canvas.paint(&frame(2, DisposalMethod::Keep, &[blue, blue]));
        assert_eq!(shown, [clear, red, blue].concat());
    }
}
