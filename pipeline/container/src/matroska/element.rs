//! EBML elements: identities, sizes and simple values.

pub(crate) const EBML: u32 = 0x1a45_dfa3;
pub(super) const EBML_VERSION: u32 = 0x4286;
pub(super) const EBML_READ_VERSION: u32 = 0x42f7;
pub(super) const EBML_MAX_ID_LENGTH: u32 = 0x42f2;
pub(super) const EBML_MAX_SIZE_LENGTH: u32 = 0x42f3;
pub(super) const DOC_TYPE: u32 = 0x4282;
pub(super) const DOC_TYPE_VERSION: u32 = 0x4287;
pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
pub(super) const VOID: u32 = 0xec;
pub(super) const CRC_32: u32 = 0xbf;

pub(super) const SEGMENT: u32 = 0x1853_8067;
pub(super) const SEEK_HEAD: u32 = 0x114d_9b74;
pub(super) const INFO: u32 = 0x1549_a966;
pub(super) const TRACKS: u32 = 0x1654_ae6b;
pub(super) const CLUSTER: u32 = 0x1f43_b675;
pub(super) const CUES: u32 = 0x1c53_bb6b;
pub(super) const ATTACHMENTS: u32 = 0x1941_a469;
pub(super) const CHAPTERS: u32 = 0x1043_a770;
pub(super) const TAGS: u32 = 0x1254_c367;

pub(super) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
pub(super) const DURATION: u32 = 0x4489;
pub(super) const MUXING_APP: u32 = 0x4d80;
pub(super) const WRITING_APP: u32 = 0x5741;

pub(super) const TRACK_ENTRY: u32 = 0xae;
pub(super) const TRACK_NUMBER: u32 = 0xd7;
pub(super) const TRACK_UID: u32 = 0x73c5;
pub(super) const TRACK_TYPE: u32 = 0x83;
pub(super) const FLAG_LACING: u32 = 0x9c;
pub(super) const DEFAULT_DURATION: u32 = 0x23_e383;
pub(super) const CODEC_ID: u32 = 0x86;
pub(super) const CODEC_PRIVATE: u32 = 0x63a2;
pub(super) const CONTENT_ENCODINGS: u32 = 0x6d80;
pub(super) const VIDEO: u32 = 0xe0;
pub(super) const PIXEL_WIDTH: u32 = 0xb0;
pub(super) const PIXEL_HEIGHT: u32 = 0xba;
pub(super) const COLOUR: u32 = 0x55b0;
pub(super) const MATRIX_COEFFICIENTS: u32 = 0x55b1;
pub(super) const RANGE: u32 = 0x55b9;
pub(super) const TRANSFER_CHARACTERISTICS: u32 = 0x55ba;
pub(super) const PRIMARIES: u32 = 0x55bb;
pub(super) const PROJECTION: u32 = 0x7670;
pub(super) const PROJECTION_TYPE: u32 = 0x7671;
pub(super) const PROJECTION_POSE_ROLL: u32 = 0x7675;

pub(super) const TIMESTAMP: u32 = 0xe7;
pub(super) const SILENT_TRACKS: u32 = 0x5854;
pub(super) const POSITION: u32 = 0xa7;
pub(super) const PREV_SIZE: u32 = 0xab;
pub(super) const SIMPLE_BLOCK: u32 = 0xa3;
pub(super) const ENCRYPTED_BLOCK: u32 = 0xaf;
pub(super) const BLOCK_GROUP: u32 = 0xa0;
pub(super) const BLOCK: u32 = 0xa1;
pub(super) const BLOCK_DURATION: u32 = 0x9b;
pub(super) const REFERENCE_BLOCK: u32 = 0xfb;

/// What stands before an element's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u32,
    /// Size of the body; unknown to whoever writes while recording.
    pub(super) size: Option<u64>,
    /// Length of the header itself.
    pub(super) length: usize,
}

/// A number of variable length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: u64,
    pub(super) length: usize,
    /// All bits set: where a size stands, it is not known.
    is_unknown: bool,
}

/// Something read from bytes that may end too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read<T> {
    /// It is there.
    Whole(T),
    /// More bytes are needed to tell.
    Incomplete,
    /// No bytes that may follow make sense of it.
    Invalid,
}

/// Reads a number of up to `longest` bytes: as many leading zeros as bytes follow, then a marker bit.
pub(super) fn number(bytes: &[u8], longest: usize) -> Read<Number> {
    let Some(first) = bytes.first() else { return Read::Incomplete };
    let length = first.leading_zeros() as usize + 1;
    if length > longest {
        return Read::Invalid;
    }
    let Some(bytes) = bytes.get(..length) else { return Read::Incomplete };
    let marked = unsigned(bytes);
    let unknown = (1u64 << (7 * length)) - 1;
    let value = marked & unknown;
    Read::Whole(Number { value, length, is_unknown: value == unknown })
}

/// Reads identity and size of the element that begins here.
pub(super) fn header(bytes: &[u8]) -> Read<Header> {
    let id = match number(bytes, 4) {
        Read::Whole(id) => id,
        Read::Incomplete => return Read::Incomplete,
        Read::Invalid => return Read::Invalid,
    };
    match number(&bytes[id.length..], 8) {
        Read::Whole(size) => Read::Whole(Header {
            id: unsigned(&bytes[..id.length]) as u32,
            size: (!size.is_unknown).then_some(size.value),
            length: id.length + size.length,
        }),
        Read::Incomplete => Read::Incomplete,
        Read::Invalid => Read::Invalid,
    }
}

/// The children of an element that is there as a whole; ends early where they make no sense.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let Read::Whole(header) = header(rest) else { return None };
        let end = header.length.checked_add(usize::try_from(header.size?).ok()?)?;
        let body = rest.get(header.length..end)?;
        rest = &rest[end..];
        Some((header.id, body))
    })
}

/// The body of the first child with this identity.
pub(super) fn child(body: &[u8], id: u32) -> Option<&[u8]> {
    children(body).find(|(each, _)| *each == id).map(|(_, body)| body)
}

/// A whole number of at most 8 bytes.
pub(super) fn unsigned(body: &[u8]) -> u64 {
    body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A number with a fraction.
pub(super) fn float(body: &[u8]) -> Option<f64> {
    match body.len() {
        4 => body.try_into().ok().map(|bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => body.try_into().ok().map(f64::from_be_bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_know_their_length() {
        let read = |bytes: &[u8]| number(bytes, 8);
        assert_eq!(read(&[0x81]), Read::Whole(Number { value: 1, length: 1, is_unknown: false }));
        assert_eq!(read(&[0x40, 0x02]), Read::Whole(Number { value: 2, length: 2, is_unknown: false }));
        assert!(matches!(read(&[0xff]), Read::Whole(Number { is_unknown: true, .. })));
        assert!(matches!(
            read(&[1, 255, 255, 255, 255, 255, 255, 255]),
            Read::Whole(Number { is_unknown: true, .. })
        ));
        assert_eq!(read(&[0x40]), Read::Incomplete);
        assert_eq!(read(&[]), Read::Incomplete);
        assert_eq!(read(&[0; 9]), Read::Invalid);
        assert_eq!(number(&[0x08, 0, 0, 0, 0], 4), Read::Invalid);
    }

    #[test]
    fn children_end_where_they_make_no_sense() {
        let body = [0xec, 0x81, 7, 0xa3, 0x82, 1, 2, 0xa3, 0x85, 1];
        let found: Vec<_> = children(&body).collect();
        assert_eq!(found, [(VOID, &[7][..]), (SIMPLE_BLOCK, &[1, 2][..])]);
    }
}
