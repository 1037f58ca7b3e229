//! The decoder against real media and its real child process. One file per promise.
//!
//! All media are generated here, with ffmpeg.
// Clippy allows this in test functions only, not in what they share.
#![allow(clippy::unwrap_used)]

mod children;
mod damage;
mod formats;
mod hostile;
mod pictures;
mod refusals;
mod sampling;
mod segments;
mod support;
