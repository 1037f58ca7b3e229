//! What a Matroska file says about its own length, read from its first bytes.

use domain::time::Millis;

use super::stated::{Duration, Stated};

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;

/// What a recording of a browser states.
const UNKNOWN: Stated = Stated { duration: Duration::Unknown, size: None };

/// Reads the head of a file; what it cannot make sense of counts as not stated.
pub(super) fn stated(head: &[u8]) -> Stated {
    let mut stated = UNKNOWN;
    let mut reader = Reader { bytes: head, position: 0 };
    while let Some(element) = reader.next() {
        match element.id {
            // Its children follow: the reader goes on inside.
            SEGMENT => stated.size = element.size.map(|size| reader.position as u64 + size),
            INFO => {
                let Some(body) = reader.body(element.size) else { return stated };
                stated.duration = duration(body).map_or(Duration::Unknown, Duration::Known);
                return stated;
            }
            CLUSTER => return stated,
            // The header, then seek head, void, tracks and tags in any order.
            _ => {
                if reader.body(element.size).is_none() {
                    return stated;
                }
            }
        }
    }
    stated
}

fn duration(info: &[u8]) -> Option<Millis> {
    let mut reader = Reader { bytes: info, position: 0 };
    let (mut scale, mut length) = (1_000_000, None);
    while let Some(element) = reader.next() {
        let body = reader.body(element.size)?;
        match element.id {
            TIMESTAMP_SCALE => scale = body.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)),
            DURATION => {
                length = match body.len() {
                    4 => body.try_into().ok().map(|bytes| f64::from(f32::from_be_bytes(bytes))),
                    8 => body.try_into().ok().map(f64::from_be_bytes),
                    _ => None,
                }
            }
            _ => {}
        }
    }
    let milliseconds = length? * scale as f64 / 1e6;
    (milliseconds.is_finite() && milliseconds >= 0.5).then(|| Millis(milliseconds.round() as i64))
}

/// An element's identity, and its size if that is known.
struct Element {
    id: u32,
    size: Option<u64>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Element> {
        let id = self.number(4, false)?;
        let length = self.bytes.get(self.position)?.leading_zeros();
        let size = self.number(8, true)?;
        // All bits set means that the size was not known when it was written.
        let unknown = (1u64 << (7 * (length + 1))) - 1;
        Some(Element { id: u32::try_from(id).ok()?, size: (size != unknown).then_some(size) })
    }

    /// A number of variable length: as many leading zeros as bytes follow, then the marker bit.
    fn number(&mut self, longest: usize, without_marker: bool) -> Option<u64> {
        let first = *self.bytes.get(self.position)?;
        let length = first.leading_zeros() as usize + 1;
        if length > longest {
            return None;
        }
        let bytes = self.bytes.get(self.position..self.position + length)?;
        self.position += length;
        let value = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        Some(if without_marker { value & !(1 << (7 * length)) } else { value })
    }

    fn body(&mut self, size: Option<u64>) -> Option<&'a [u8]> {
        let end = self.position.checked_add(usize::try_from(size?).ok()?)?;
        let body = self.bytes.get(self.position..end)?;
        self.position = end;
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 5] = [0x1a, 0x45, 0xdf, 0xa3, 0x80];

    #[test]
    fn a_finished_file_states_its_length() {
        let duration = [&[0x44, 0x89, 0x88][..], &2500f64.to_be_bytes()].concat();
        let scale = [0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40];
        let info = [&[0x15, 0x49, 0xa9, 0x66, 0x80 | 18][..], &duration, &scale].concat();
        let void = [0xec, 0x82, 0, 0];
        let file = [&HEADER[..], &[0x18, 0x53, 0x80, 0x67, 0x50, 0x00], &void, &info].concat();
        assert_eq!(
            stated(&file),
            Stated { duration: Duration::Known(Millis(2500)), size: Some(11 + 0x1000) }
        );
    }

    #[test]
    fn a_live_recording_states_nothing() {
        let segment = [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let info = [0x15, 0x49, 0xa9, 0x66, 0x80];
        assert_eq!(stated(&[&HEADER[..], &segment, &info].concat()), UNKNOWN);
    }

    #[test]
    fn nonsense_states_nothing() {
        for file in [&b""[..], b"\0\0\0\0", b"\x1a\x45\xdf\xa3\xff", b"\x18\x53\x80\x67\x08", &[0xff; 64]] {
            assert_eq!(stated(file).duration, Duration::Unknown);
        }
    }
}
