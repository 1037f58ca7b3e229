//! The description of a movie (`moov`): its video track, and where that track's samples are to be found.

use domain::time::Millis;

use super::boxes::{child, children, descendant, number, version_and_flags, word};
use super::description::{rotation, video};
use super::fragment::Defaults;
use super::sample::Timebase;
use super::table::SampleTable;
use crate::error::{ContainerError, damaged};
use crate::track::VideoTrack;

/// More tracks make no sense, and each fragment's is looked up among them.
const MOST_TRACKS: usize = 64;

/// A movie with its first video track.
#[derive(Debug)]
pub(super) struct Movie {
    pub(super) track_id: u32,
    pub(super) track: VideoTrack,
    pub(super) timebase: Timebase,
    /// The samples that the movie itself indexes; none in a fragmented one.
    pub(super) samples: SampleTable,
    /// What fragments leave out, for each track; `None` if there are no fragments.
    pub(super) fragments: Option<Vec<Defaults>>,
}

impl Movie {
    /// Reads the body of `moov`.
    pub(super) fn read(body: &[u8]) -> Result<Self, ContainerError> {
        let is_video = |track: &[u8]| {
            descendant(track, &[b"mdia", b"hdlr"]).and_then(|handler| handler.get(8..12)) == Some(b"vide")
        };
        let mut tracks = children(body).filter(|(name, _)| name == b"trak").map(|(_, track)| track);
        let track = tracks.find(|track| is_video(track)).ok_or(ContainerError::NoVideo)?;
        let header = child(track, b"tkhd").ok_or(damaged("the video track has no header"))?;
        let id = word(header, if header.first() == Some(&1) { 20 } else { 12 });
        let media = descendant(track, &[b"mdia", b"mdhd"]);
        let scale = media.and_then(|media| word(media, if media.first() == Some(&1) { 20 } else { 12 }));
        let scale = scale.filter(|scale| *scale > 0).ok_or(damaged("the video track has no clock"))?;
        let index = descendant(track, &[b"mdia", b"minf", b"stbl"]);
        let index = index.ok_or(damaged("the video track has no index"))?;
        let descriptions = child(index, b"stsd").ok_or(damaged("the video track is not described"))?;
        let fragments = child(body, b"mvex").map(|fragments| {
            children(fragments).filter_map(|(name, body)| (&name == b"trex").then(|| Defaults::read(body))?)
        });
        Ok(Self {
            track_id: id.ok_or(damaged("the video track has no header"))?,
            track: VideoTrack { stated_duration: duration(body), ..video(descriptions, rotation(header))? },
            timebase: Timebase { scale, start: start(track)? },
            samples: SampleTable::read(index)?,
            fragments: fragments.map(|tracks| tracks.take(MOST_TRACKS).collect()),
        })
    }
}

/// The time in a track's media that is shown first. Time before anything is shown does not matter: the
/// first frame lies at 0.
fn start(track: &[u8]) -> Result<i64, ContainerError> {
    let Some(edits) = descendant(track, &[b"edts", b"elst"]) else { return Ok(0) };
    let wide = version_and_flags(edits).is_some_and(|(version, _)| version == 1);
    let (media_time, size) = if wide { (8, 20) } else { (4, 12) };
    let time = |edit: &[u8]| {
        let time = number(edit, media_time, media_time)?;
        Some(if wide { time as i64 } else { i64::from(time as u32 as i32) })
    };
    let mut shown =
        edits.get(8..).unwrap_or_default().chunks_exact(size).filter_map(time).filter(|time| *time >= 0);
    let start = shown.next().unwrap_or(0);
    match shown.next() {
        None => Ok(start),
        Some(_) => Err(ContainerError::Unsupported { what: "a list of several edits" }),
    }
}

/// The duration in the movie's header; that of a fragmented movie covers the index alone, unless the
/// header of its extension says more.
fn duration(movie: &[u8]) -> Option<Millis> {
    let header = child(movie, b"mvhd")?;
    let wide = header.first()? == &1;
    let scale = word(header, if wide { 20 } else { 12 })?;
    let stated = if wide { number(header, 24, 8) } else { number(header, 16, 4) };
    let length = match child(movie, b"mvex") {
        None => stated?,
        Some(fragments) => {
            let header = child(fragments, b"mehd")?;
            number(header, 4, if header.first()? == &1 { 8 } else { 4 })?
        }
    };
    let is_unknown = length == if wide { u64::MAX } else { u32::MAX.into() };
    let milliseconds = u128::from(length) * 1000 / u128::from(scale.max(1));
    i64::try_from(milliseconds).ok().filter(|length| *length > 0 && !is_unknown).map(Millis)
}
