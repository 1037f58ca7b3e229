//! Writers for files that no honest program makes.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Numbers that look random and are the same every time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit
    }
}

/// Where something is found first.
pub fn place(bytes: &[u8], found: &[u8]) -> usize {
    bytes.windows(found.len()).position(|window| window == found).unwrap()
}

/// An element of a Matroska file.
pub fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let size = (1u64 << 56) | body.len() as u64;
    [element_id(id), size.to_be_bytes().to_vec(), body.to_vec()].concat()
}

/// The head of an element of unknown size.
pub fn endless_element(id: u32) -> Vec<u8> {
    [element_id(id), vec![0xff]].concat()
}

/// An element that holds a number.
pub fn numeric(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn element_id(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A video track of a Matroska file.
pub struct Track<'a> {
    pub codec: &'a str,
    pub private: &'a [u8],
    pub width: u64,
    pub height: u64,
    /// Elements that honest tracks do not have.
    pub more: Vec<u8>,
}

impl Track<'_> {
    pub fn vp8() -> Self {
        Self { codec: "V_VP8", private: &[], width: 96, height: 64, more: Vec::new() }
    }
}

/// A Matroska file whose segment has no size: its head, which clusters follow.
pub fn matroska(track: &Track<'_>, info: &[u8]) -> Vec<u8> {
    let video = [numeric(0xb0, track.width), numeric(0xba, track.height)].concat();
    let entry = [
        numeric(0xd7, 1),
        numeric(0x73c5, 1),
        numeric(0x83, 1),
        element(0x86, track.codec.as_bytes()),
        element(0x63a2, track.private),
        element(0xe0, &video),
        track.more.clone(),
    ];
    [
        element(0x1a45_dfa3, &element(0x4282, b"matroska")),
        endless_element(0x1853_8067),
        element(0x1549_a966, &[numeric(0x2a_d7b1, 1_000_000), info.to_vec()].concat()),
        element(0x1654_ae6b, &element(0xae, &entry.concat())),
    ]
    .concat()
}

/// A cluster of unknown size, with blocks.
pub fn cluster(timestamp: u64, blocks: &[Vec<u8>]) -> Vec<u8> {
    [endless_element(0x1f43_b675), numeric(0xe7, timestamp), blocks.concat()].concat()
}

/// A block of a cluster.
pub fn block(after: i16, is_key: bool, frame: &[u8]) -> Vec<u8> {
    let [high, low] = after.to_be_bytes();
    let body = [&[0x81, high, low, if is_key { 0x80 } else { 0 }][..], frame].concat();
    // Small ones are to be small.
    match body.len() {
        length @ 0..=126 => [&[0xa3, 0x80 | length as u8][..], &body].concat(),
        _ => element(0xa3, &body),
    }
}

/// A box of an MP4 file.
pub fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A chunk of a PNG file.
pub fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [&kind[..], body].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&named);
    [&(body.len() as u32).to_be_bytes()[..], &named, &sum.sum().to_be_bytes()].concat()
}

/// A PNG file of one picture, eight bits of grey each pixel, with chunks before its pixels.
pub fn png(width: u32, height: u32, chunks: &[u8], pixels: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let parts = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunks.to_vec(),
        chunk(b"IDAT", pixels),
        chunk(b"IEND", &[]),
    ];
    parts.concat()
}

/// So many zeros, compressed to a thousandth.
pub fn deflated_zeros(megabytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..megabytes {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Writes bits and the numbers that H.264 makes of them.
#[derive(Default)]
pub struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    pub fn fixed(mut self, value: u64, length: usize) -> Self {
        for bit in (0..length).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
        self
    }

    /// Exponential Golomb code.
    pub fn golomb(self, value: u64) -> Self {
        let length = 64 - (value + 1).leading_zeros() as usize;
        self.fixed(0, length - 1).fixed(value + 1, length)
    }

    /// The bytes behind `head`, with what ends them, escaped so that they contain no start code.
    pub fn unit(self, head: &[u8]) -> Vec<u8> {
        let ended = self.fixed(1, 1);
        let mut unit = head.to_vec();
        let mut zeros = 0;
        for byte in ended.bytes {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }
}

/// An H.264 video in a Matroska file: one keyframe of so many macroblocks, of which `crop` says how much
/// is cut off at its right and its bottom, in steps of two pixels. Nothing is in its only slice.
pub fn h264(macroblocks: (u64, u64), crop: (u64, u64)) -> Vec<u8> {
    let sps = Bits::default()
        .golomb(0)
        .golomb(0)
        // Order of frames as decoded.
        .golomb(2)
        .golomb(1)
        .fixed(0, 1)
        .golomb(macroblocks.0 - 1)
        .golomb(macroblocks.1 - 1)
        // Whole frames, then cropping.
        .fixed(0b111, 3)
        .golomb(0)
        .golomb(crop.0)
        .golomb(0)
        .golomb(crop.1)
        .fixed(0, 1)
        .unit(&[0x67, 66, 0, 52]);
    let pps = Bits::default().golomb(0).golomb(0).fixed(0, 2).golomb(0).golomb(0).golomb(0).fixed(0, 3);
    let pps = pps.golomb(0).golomb(0).golomb(0).fixed(0, 3).unit(&[0x68]);
    let slice = Bits::default().golomb(0).golomb(7).golomb(0).fixed(0, 4).golomb(0).fixed(0, 2).golomb(0);
    let slice = [slice.unit(&[0x65]), vec![0x55; 100]].concat();
    let sized = |unit: &[u8]| [&(unit.len() as u16).to_be_bytes()[..], unit].concat();
    let head = [1, 66, 0, 52, 0xff, 0xe1];
    let private = [&head[..], &sized(&sps), &[1], &sized(&pps)].concat();
    let frame = [&(slice.len() as u32).to_be_bytes()[..], &slice].concat();
    let track =
        Track { codec: "V_MPEG4/ISO/AVC", private: &private, width: 640, height: 480, more: Vec::new() };
    let frames: Vec<_> = (0..20).map(|index| block(index * 100, true, &frame)).collect();
    [matroska(&track, &[]), cluster(0, &frames)].concat()
}
