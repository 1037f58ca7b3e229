//! Video containers without codecs: WebM, Matroska and MP4 are read, cut at keyframes into segments
//! that can be decoded on their own, and written again. No frame is decoded or encoded.
//!
//! ```text
//! a stream, cut anywhere ──▶ Demuxer ──┐ packets of the           ┌──▶ Segment ── write ──▶ Matroska file
//!                                      ├─ video track ──▶ Cutter ─┤
//! a file ──▶ Segments ─────────────────┘                          └──▶ its interval alone
//! an upload ──▶ LiveCutter: both of them, from any point on where a segment ended
//! ```
//!
//! Input: bytes that anybody may have made. Output: [`Packet`]s on the media clock, whose 0 is the first
//! frame shown, and [`Segment`]s of them that join without seam.
//!
//! Promises:
//! - The same bytes give the same packets, segments and files, wherever a stream was cut on its way.
//! - Memory is bounded by [`Limits`] and [`CutSettings`]; nothing is allocated because a stream says so,
//!   and no bytes make it panic.
//! - What came before an error is delivered. A damaged Matroska stream is read on at its next cluster and
//!   from the next keyframe in it; that is counted, and the time in between becomes a segment that shows
//!   nothing: frames that refer to lost ones would show what did not happen.
//! - A stream can be cut on from a [`CutPoint`](domain::messages::CutPoint), which holds no media: the segments
//!   that follow are the same to the byte.
//! - Other tracks are passed over. What is not understood is refused by name, never guessed.
//!
//! Files, in the order in which data meets them: `demux` (on `window`) → `matroska/` or `mp4/` →
//! `packet` → `cut` → `matroska/writer`. `segments` does it all for a file, `live` for an upload; `track` is what a stream says
//! about its video.

mod cut;
mod demux;
mod error;
mod limits;
mod live;
mod matroska;
mod mp4;
mod packet;
mod segments;
mod track;
mod window;

pub use cut::{CutSettings, Cutter, Segment};
pub use demux::{Demuxer, begins_recording};
pub use error::ContainerError;
pub use limits::Limits;
pub use live::LiveCutter;
pub use matroska::write;
pub use packet::Packet;
pub use segments::Segments;
pub use track::{Codec, Colour, VideoTrack};
