//! The container crate against real recordings, with ffmpeg and ffprobe as judges. One file per promise.
// Clippy allows this in test functions only, not in what they share.
#![allow(clippy::unwrap_used)]

mod cutting;
mod damage;
mod hostile;
mod live;
mod streams;
mod support;
mod writing;
