//! What a Matroska file says about its own length, read from its first bytes.

use domain::time::Millis;

use super::ebml::{CLUSTER, DURATION, INFO, Reader, SEGMENT, TIMESTAMP_SCALE};
use super::stated::Duration;

/// Reads the head of a file; what it cannot make sense of counts as not stated.
pub(super) fn stated(head: &[u8]) -> Duration {
    info(head).and_then(duration).map_or(Duration::Unknown, Duration::Known)
}

/// The element that says it.
fn info(head: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(head);
    while let Some(element) = reader.next() {
        match element.id {
            // Its children follow: the reader goes on inside.
            SEGMENT => {}
            INFO => return reader.body(element.size),
            CLUSTER => return None,
            // The header, then seek head, void, tracks and tags in any order.
            _ => {
                reader.body(element.size)?;
            }
        }
    }
    None
}

fn duration(info: &[u8]) -> Option<Millis> {
    let mut reader = Reader::new(info);
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
        assert_eq!(stated(&file), Duration::Known(Millis(2500)));
    }

    #[test]
    fn a_live_recording_states_nothing() {
        let segment = [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let info = [0x15, 0x49, 0xa9, 0x66, 0x80];
        assert_eq!(stated(&[&HEADER[..], &segment, &info].concat()), Duration::Unknown);
    }

    #[test]
    fn nonsense_states_nothing() {
        for file in [&b""[..], b"\0\0\0\0", b"\x1a\x45\xdf\xa3\xff", b"\x18\x53\x80\x67\x08", &[0xff; 64]] {
            assert_eq!(stated(file), Duration::Unknown);
        }
    }
}
