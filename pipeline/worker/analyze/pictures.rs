//! A second pass over a file for the pictures of chosen moments.
//!
//! Pictures are not kept while a file is analysed: which moments matter is known at its end only, and a
//! long exam has more pictures than memory.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use decode::{DecodeEvent, DecoderPool, SamplingPlan};
use domain::picture::Picture;
use domain::time::MediaMs;

use super::AnalyzeError;

/// Shows the picture that stood at each of `moments`, as far as one did; in order of time.
///
/// `plan` is that of the analysis, so that a picture shows what a sample was judged by.
///
/// # Errors
/// If the file cannot be read or decoded any more.
pub fn show_pictures(
    decoder: &DecoderPool,
    path: &Path,
    plan: &SamplingPlan,
    moments: &[MediaMs],
    shown: &mut dyn FnMut(MediaMs, &Picture),
) -> Result<(), AnalyzeError> {
    let mut wanted = moments.to_vec();
    wanted.sort();
    wanted.dedup();
    let mut next = wanted.into_iter().peekable();
    let file = File::open(path)?;
    let mut standing: Option<Arc<Picture>> = None;
    let mut show_before = |until: MediaMs, standing: &Option<Arc<Picture>>| {
        while let Some(moment) = next.next_if(|moment| *moment < until) {
            if let Some(picture) = standing {
                shown(moment, picture);
            }
        }
        next.peek().is_some()
    };
    decoder.decode(&file, plan, &mut |event| {
        let (until, picture) = match event {
            DecodeEvent::Started(_) => return ControlFlow::Continue(()),
            DecodeEvent::Frame(frame) => (frame.time.moment, Some(frame.picture)),
            DecodeEvent::Gap(time) => (time.moment, None),
        };
        let is_wanted = show_before(until, &standing);
        standing = picture;
        if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    show_before(MediaMs(i64::MAX), &standing);
    Ok(())
}
