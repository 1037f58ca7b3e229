//! Boxes: four letters and a size around everything.

use crate::error::{ContainerError, damaged};

/// Longest head of a box.
pub(super) const LONGEST_HEAD: usize = 16;

/// The letters that name a box.
pub(super) type Name = [u8; 4];

/// What stands before a box's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: Name,
    /// Length of the head itself.
    pub(super) length: usize,
    /// Size of the body; `None` if it goes on to the end of the file.
    pub(super) body: Option<u64>,
}

/// Whether a stream that begins like this is taken for MP4.
pub(crate) fn is_start(bytes: &[u8; 8]) -> bool {
    let [_, _, _, _, name @ ..] = *bytes;
    [b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide"].contains(&&name)
}

/// Reads the head of the box that begins here; `None` if more bytes are needed.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, ContainerError> {
    let Some([a, b, c, d, name @ ..]) = bytes.first_chunk::<8>().copied() else { return Ok(None) };
    if !name.iter().all(|letter| matches!(letter, b' '..=b'~' | 0xa9)) {
        return Err(damaged("a box has no name"));
    }
    let (length, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => return Ok(Some(Head { name, length: 8, body: None })),
        1 => {
            let Some(size) = number(bytes, 8, 8) else { return Ok(None) };
            (16, size)
        }
        size => (8, u64::from(size)),
    };
    let body = size.checked_sub(length as u64).ok_or(damaged("a box is smaller than its head"))?;
    Ok(Some(Head { name, length, body: Some(body) }))
}

/// Finds the first fragment: its head and, as always, a small header in it. Else says within how many bytes
/// none begins.
pub(super) fn find_fragment(bytes: &[u8]) -> Result<usize, usize> {
    const BEGINNING: usize = 16;
    let is_fragment = |window: &[u8]| &window[4..] == b"moof\0\0\0\x10mfhd";
    let found = bytes.windows(BEGINNING).position(is_fragment);
    found.ok_or(bytes.len().saturating_sub(BEGINNING - 1))
}

/// The boxes in a body that is there as a whole; ends early where they make no sense.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = (Name, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let head = head(rest).ok()??;
        let size = head.body.map_or(Some(rest.len() - head.length), |size| usize::try_from(size).ok())?;
        let end = head.length.checked_add(size)?;
        let body = rest.get(head.length..end)?;
        rest = &rest[end..];
        Some((head.name, body))
    })
}

/// The body of the first child with this name.
pub(super) fn child<'a>(body: &'a [u8], name: &Name) -> Option<&'a [u8]> {
    children(body).find(|(each, _)| each == name).map(|(_, body)| body)
}

/// The body of the box at the end of a path of names.
pub(super) fn descendant<'a>(body: &'a [u8], path: &[&Name]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, name| child(body, name))
}

/// A whole number of `length` bytes, at most 8.
pub(super) fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// A whole number of 32 bits.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at, 4).map(|value| value as u32)
}

/// Version and flags, with which many bodies begin.
pub(super) fn version_and_flags(body: &[u8]) -> Option<(u8, u32)> {
    let word = word(body, 0)?;
    Some(((word >> 24) as u8, word & 0x00ff_ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_found_wherever_the_stream_is_cut() {
        let stream = b"...moof....\0\0\x01\0moof\0\0\0\x10mfhd....";
        for cut in 0..stream.len() {
            match find_fragment(&stream[..cut]) {
                Ok(index) => assert!(index == 11 && cut >= 27, "{cut}"),
                Err(done) => assert!(done <= 11 && cut < 27, "{cut}: {done}"),
            }
        }
    }

    #[test]
    fn sizes_come_in_three_forms() {
        let read = |bytes: &[u8]| head(bytes).unwrap().map(|head| (head.length, head.body));
        assert_eq!(read(b"\0\0\0\x0cfree...."), Some((8, Some(4))));
        assert_eq!(read(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14"), Some((16, Some(4))));
        assert_eq!(read(b"\0\0\0\0mdat"), Some((8, None)));
        assert_eq!(read(b"\0\0\0\x01mdat\0\0\0"), None);
        assert_eq!(read(b"\0\0\0\x08fre"), None);
        for bad in [&b"\0\0\0\x07free"[..], b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f", b"\0\0\0\x08fr\0e"] {
            assert!(head(bad).is_err());
        }
    }
}
