//! MP4 (ISO/IEC 14496-12), whole or in fragments.
//!
//! `moov` describes the tracks and indexes the samples of a whole file; `moof` does the latter for one
//! fragment; the samples themselves lie somewhere in `mdat`.

mod boxes;
mod description;
mod file;
mod fragment;
mod movie;
mod sample;
mod stream;
mod table;

pub(crate) use boxes::is_start;
pub(crate) use file::FileReader;
pub(crate) use stream::StreamReader;
