//! Blocks: one frame of one track, with its time relative to the cluster.

use super::element::*;

/// A frame as a block has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) track: u64,
    /// Ticks from the time stamp of the cluster.
    pub(super) relative: i16,
    /// In ticks.
    pub(super) duration: Option<u64>,
    pub(super) is_key: bool,
    /// Several frames share the block, which makes sense for sound alone.
    pub(super) is_laced: bool,
    pub(super) frame: &'a [u8],
}

const KEY: u8 = 0x80;
const LACING: u8 = 0x06;

impl<'a> Block<'a> {
    /// Reads the body of a `SimpleBlock`.
    pub(super) fn simple(body: &'a [u8]) -> Option<Self> {
        let Read::Whole(track) = number(body, 8) else { return None };
        let (head, frame) = body[track.length..].split_first_chunk::<3>()?;
        let [high, low, flags] = *head;
        Some(Self {
            track: track.value,
            relative: i16::from_be_bytes([high, low]),
            duration: None,
            is_key: flags & KEY != 0,
            is_laced: flags & LACING != 0,
            frame,
        })
    }

    /// Reads the body of a `BlockGroup`: its block is a keyframe if it refers to no other.
    pub(super) fn group(body: &'a [u8]) -> Option<Self> {
        let block = Self::simple(child(body, BLOCK)?)?;
        let duration = child(body, BLOCK_DURATION).map(unsigned);
        Some(Self { is_key: child(body, REFERENCE_BLOCK).is_none(), duration, ..block })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_reference_is_a_keyframe() {
        let block = [0xa1, 0x85, 0x81, 0xff, 0xfe, 0x00, 42];
        let group = [&block[..], &[0x9b, 0x81, 66]].concat();
        let read = Block::group(&group).unwrap();
        assert_eq!((read.track, read.relative, read.duration), (1, -2, Some(66)));
        assert!(read.is_key && !read.is_laced);
        assert_eq!(read.frame, [42]);
        let group = [&block[..], &[0xfb, 0x81, 0xbe]].concat();
        assert!(!Block::group(&group).unwrap().is_key);
    }

    #[test]
    fn blocks_without_a_head_are_none() {
        for body in [&[][..], &[0x81], &[0x81, 0, 0], &[0, 0, 0, 0, 0]] {
            assert_eq!(Block::simple(body), None);
        }
        assert!(Block::simple(&[0x81, 0, 0, 0x80]).is_some_and(|block| block.frame.is_empty()));
    }
}
