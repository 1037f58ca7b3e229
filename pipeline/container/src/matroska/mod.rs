//! Matroska, and WebM, which is a part of it (RFC 9559, on EBML, RFC 8794).
//!
//! A stream is a header and one segment: first the description of its tracks, then clusters of blocks.
//! Live recordings know neither the size of the segment nor, often, those of the clusters.

mod block;
mod element;
mod reader;
mod sync;
mod tracks;
mod writer;

pub(crate) use element::EBML;
pub(crate) use reader::Reader;
pub(crate) use writer::track_entry;
pub use writer::write;
