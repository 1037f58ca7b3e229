//! What an MP4 file says about its own length, in time and in bytes.

use domain::time::Millis;

use super::stated::Duration;
use super::window::Window;

/// Reads the head of a file. A finished file may keep its index at its end: then the demuxer is asked.
pub(super) fn stated(head: &[u8]) -> Duration {
    child(head, b"moov").map_or(Duration::AskDemuxer, duration)
}

/// Whether the file breaks off: within a box, or between the index of a fragment and its media.
pub(super) fn is_cut_off(mut file: Window) -> bool {
    let size = file.size();
    let mut offset = 0;
    let mut is_index = false;
    while offset < size {
        let Ok(head) = file.look(offset, LONGEST_HEAD) else { return true };
        let Some(each) = box_head(head) else { return true };
        is_index = &each.kind == b"moof";
        offset = each.size.map_or(size, |length| offset.saturating_add(length));
    }
    is_index || offset > size
}

/// The duration in the movie header; that of a fragmented movie covers the index alone, unless the
/// header of its extension says more.
fn duration(movie: &[u8]) -> Duration {
    let Some((scale, length)) = child(movie, b"mvhd").and_then(movie_header) else {
        return Duration::AskDemuxer;
    };
    let fragments = child(movie, b"mvex");
    let length = match fragments.map(|fragments| child(fragments, b"mehd").and_then(extension_header)) {
        None => length,
        Some(Some(fragmented)) => fragmented,
        Some(None) => return Duration::Unknown,
    };
    let milliseconds = u128::from(length) * 1000 / u128::from(scale.max(1));
    i64::try_from(milliseconds).map_or(Duration::Unknown, |length| Duration::Known(Millis(length)))
}

/// Units per second, and the duration in units.
fn movie_header(body: &[u8]) -> Option<(u32, u64)> {
    let wide = body.first()? == &1;
    let scale = number(body, if wide { 20 } else { 12 }, 4)? as u32;
    let length = if wide { number(body, 24, 8) } else { number(body, 16, 4) };
    Some((scale, length?))
}

fn extension_header(body: &[u8]) -> Option<u64> {
    let wide = body.first()? == &1;
    number(body, 4, if wide { 8 } else { 4 })
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn child<'a>(parent: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(parent).find(|each| &each.kind == kind).map(|each| each.body)
}

const LONGEST_HEAD: usize = 16;

/// The head of a box.
struct Head {
    kind: [u8; 4],
    /// Of the box with its head; `None` if it goes on to the end of the file.
    size: Option<u64>,
    /// Of the head alone.
    length: usize,
}

fn box_head(bytes: &[u8]) -> Option<Head> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    let (size, length) = match number(bytes, 0, 4)? {
        0 => (None, 8),
        1 => (Some(number(bytes, 8, 8)?), LONGEST_HEAD),
        size => (Some(size), 8),
    };
    size.is_none_or(|size| size >= length as u64).then_some(Head { kind, size, length })
}

struct Mp4Box<'a> {
    kind: [u8; 4],
    /// As much of it as there is.
    body: &'a [u8],
}

/// The boxes that follow each other in some bytes, up to the first whose end is not in them.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Mp4Box<'a>;

    fn next(&mut self) -> Option<Mp4Box<'a>> {
        let bytes = self.0;
        let head = box_head(bytes)?;
        let end = usize::try_from(head.size?).unwrap_or(usize::MAX).min(bytes.len());
        self.0 = &bytes[end..];
        Some(Mp4Box { kind: head.kind, body: bytes.get(head.length..end)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::window::tests::window;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
    }

    fn movie(length: u32, extension: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 100];
        header[12..16].copy_from_slice(&600u32.to_be_bytes());
        header[16..20].copy_from_slice(&length.to_be_bytes());
        let movie = boxed(b"moov", &[boxed(b"mvhd", &header), extension.to_vec()].concat());
        [boxed(b"ftyp", b"isom"), movie].concat()
    }

    #[test]
    fn a_finished_file_states_its_length() {
        let file = [movie(1500, &[]), vec![0, 0, 0x10, 0], b"mdat".to_vec()].concat();
        assert_eq!(stated(&file), Duration::Known(Millis(2500)));
    }

    #[test]
    fn a_fragmented_file_states_it_in_its_extension_only() {
        assert_eq!(stated(&movie(1500, &boxed(b"mvex", &[]))), Duration::Unknown);
        let extension = boxed(b"mvex", &boxed(b"mehd", &[0, 0, 0, 0, 0, 0, 2, 88]));
        assert_eq!(stated(&movie(0, &extension)), Duration::Known(Millis(1000)));
    }

    #[test]
    fn an_index_at_the_end_is_left_to_the_demuxer() {
        let file = [boxed(b"ftyp", b"isom"), vec![0, 0x10, 0, 0], b"mdat".to_vec(), vec![0; 100]].concat();
        assert_eq!(stated(&file), Duration::AskDemuxer);
        assert_eq!(stated(&[0; 64]), Duration::AskDemuxer);
    }

    #[test]
    fn a_file_is_whole_up_to_the_end_of_a_box() {
        let fragment = |length| [boxed(b"moof", &[0; 20]), boxed(b"mdat", &vec![0; length])].concat();
        let file = [movie(0, &[]), fragment(100), fragment(200_000)].concat();
        let index = file.len() - 200_008;
        let endless = [movie(0, &[]), vec![0; 4], b"mdat".to_vec(), vec![0; 50]].concat();
        assert!(!is_cut_off(window(&file)) && !is_cut_off(window(&file[..index - 28])));
        assert!(!is_cut_off(window(&endless)));
        for length in [file.len() - 1, index + 8, index + 7, index, index - 1, index - 27, index - 20, 3] {
            assert!(is_cut_off(window(&file[..length])), "{length}");
        }
    }
}
