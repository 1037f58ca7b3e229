//! The elements that Matroska files are made of: how they are told apart and how long they are.

pub(super) const EBML: u32 = 0x1a45_dfa3;
pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
pub(super) const TRACK_ENTRY: u32 = 0xae;
pub(super) const TRACK_NUMBER: u32 = 0xd7;
pub(super) const CUES: u32 = 0x1c53_bb6b;
pub(super) const CHAPTERS: u32 = 0x1043_a770;
pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const TAGS: u32 = 0x1254_c367;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
pub(super) const TIMESTAMP: u32 = 0xe7;
pub(super) const SILENT_TRACKS: u32 = 0x5854;
pub(super) const POSITION: u32 = 0xa7;
pub(super) const PREVIOUS_SIZE: u32 = 0xab;
pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
pub(super) const BLOCK_GROUP: u32 = 0xa0;
pub(super) const BLOCK: u32 = 0xa1;
pub(super) const REFERENCE: u32 = 0xfb;
pub(super) const CHECKSUM: u32 = 0xbf;
pub(super) const VOID: u32 = 0xec;

/// An element's identity, and its size if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    pub(super) size: Option<u64>,
}

/// Reads what lies at its position, and moves behind it.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The head of an element.
    pub(super) fn next(&mut self) -> Option<Element> {
        let id = self.number(4, false)?;
        let length = self.bytes.get(self.position)?.leading_zeros();
        let size = self.number(8, true)?;
        // All bits set means that the size was not known when it was written.
        let unknown = (1u64 << (7 * (length + 1))) - 1;
        Some(Element { id: u32::try_from(id).ok()?, size: (size != unknown).then_some(size) })
    }

    /// A number of variable length: as many leading zeros as bytes follow, then the marker bit.
    pub(super) fn number(&mut self, longest: usize, without_marker: bool) -> Option<u64> {
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

    /// The bytes of an element with this size.
    pub(super) fn body(&mut self, size: Option<u64>) -> Option<&'a [u8]> {
        let end = self.position.checked_add(usize::try_from(size?).ok()?)?;
        let body = self.bytes.get(self.position..end)?;
        self.position = end;
        Some(body)
    }
}
