//! Media bytes in, upright I420 pictures with media time out, by GStreamer in child processes.
//!
//! ```text
//! caller ── file, plan ──▶ DecoderPool ── control socket, the file's descriptor ──▶ decode-child
//!        ◀── events ──────    intake   ◀── messages, shared memory slots ─────────     │
//!                                             mend → demux → needed → decode → sampler → convert
//! ```
//!
//! Input: a regular file or memfd and a [`SamplingPlan`]. Output, through a callback: first
//! [`DecodeEvent::Started`], then every planned sample exactly once and in order, with the picture
//! that stands for it ([`DecodeEvent::Frame`]) or without ([`DecodeEvent::Gap`]); at last [`Decoded`].
//!
//! Media time is what the container states, moved so that the first frame lies at the plan's start.
//! The frame displayed at an instant stands for it: browsers send no new frame while nothing moves. Only
//! where none follows for longer than the plan's hold is there a hole.
//!
//! Noise in a Matroska file is cut out on its way to the demuxer, and decoding goes on at the next keyframe
//! (`child/mend.rs`); whatever is missing makes the ending [`Ending::Truncated`].
//!
//! Promises:
//! - Codecs never run in this process. A crash, a hang or a flood in one of them costs that decode only;
//!   the child is replaced, and what it says is checked as if an attacker wrote it.
//! - A child opens no file and no socket, starts nothing, and has a limit of memory and processor time, as
//!   far as the kernel offers that; [`Confinement`] says what is in force, and
//!   [`DecoderSettings::required`] insists on it.
//! - Memory is bounded by [`DecoderSettings`]: a slow consumer stops the decoder.
//! - Only frames that stand for an instant are converted and copied; frames that no such frame depends
//!   on are not even decoded.
//! - The same bytes and plan give the same pictures, every time.
//!
//! Files, in the order in which data meets them: `pool` → `process` → (`protocol`, `os`) → `child/` →
//! `intake` → the caller. `formats` says what can be decoded, `inspect` whether it is installed.

mod child;
mod confinement;
mod error;
mod event;
mod formats;
mod inspect;
mod intake;
mod os;
mod plan;
mod pool;
mod process;
mod protocol;

pub use child::decode_child_main;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use child::fuzzing;
pub use confinement::{Barrier, Confinement};
pub use error::DecodeError;
pub use event::{DecodeEvent, Decoded, Ending, StreamInfo};
pub use inspect::{ElementStatus, inspect};
pub use plan::SamplingPlan;
pub use pool::DecoderPool;
pub use process::DecoderSettings;
