//! Refuses pictures that are too large before a decoder reserves memory for them.

use gstreamer as gst;

use crate::error::Fault;
use crate::protocol::Limits;

/// The size of the coded picture that a demuxer or parser announces, if it does.
pub(super) fn size_of(caps: &gst::CapsRef) -> Option<(u32, u32)> {
    let structure = caps.structure(0)?;
    // Demuxers make negative numbers of what files say in unsigned ones.
    let side = |name| structure.get::<i32>(name).ok().map(i32::cast_unsigned);
    Some((side("width")?, side("height")?))
}

/// Checks the size in the header of a VP8 keyframe: the container may say anything, and there is no
/// parser for VP8.
pub(super) fn check_vp8(frame: &[u8], limits: Limits) -> Result<(), Fault> {
    let Some((width, height)) = vp8_size(frame) else { return Ok(()) };
    check(width, height, limits)
}

/// RFC 6386, section 9.1: a keyframe has bit 0 clear, then a start code, then 14 bits each of size.
fn vp8_size(frame: &[u8]) -> Option<(u32, u32)> {
    let [first, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *frame.first_chunk()? else { return None };
    let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    (first & 1 == 0).then(|| (side(w0, w1), side(h0, h1)))
}

/// Checks a size.
pub(super) fn check(width: u32, height: u32, limits: Limits) -> Result<(), Fault> {
    if limits.allow(width, height) { Ok(()) } else { Err(Fault::TooLarge { width, height }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_vp8_keyframe_is_read() {
        let frame = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x01, 0, 0];
        assert_eq!(vp8_size(&frame), Some((640, 480)));
        assert_eq!(vp8_size(&[0x11, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]), None);
        assert_eq!(vp8_size(&frame[..9]), None);
    }
}
