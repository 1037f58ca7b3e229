//! A second pass over a file for the pictures of chosen moments.
//!
//! Pictures are not kept while a file is analysed: which moments matter is known at its end only, and a
//! long exam has more pictures than memory.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

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
    let interval = plan.interval();
    decoder.decode(&file, plan, &mut |event| {
        if let DecodeEvent::Frame(frame) = event {
            while let Some(moment) = next.next_if(|moment| *moment < frame.sample_ms + interval) {
                shown(moment, &frame.picture);
            }
        }
        if next.peek().is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(())
}
