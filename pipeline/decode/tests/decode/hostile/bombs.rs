//! Few bytes that become many, and many that are next to nothing.

use std::sync::LazyLock;

use decode::Ending;
use gif::{Encoder, Frame};

use super::make::*;
use super::*;

/// More than a decoder may have.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| deflated_zeros(2000));

#[test]
fn pixels_of_a_still_picture() {
    // More of them than the picture has.
    let small = cost("a small png", &png(96, 64, &[], &BOMB), &segment());
    assert!(small.memory < IDLE, "{}", small.memory);
    // As many as the largest picture has.
    let large = cost("a large png", &png(4096, 2304, &[], &deflated_zeros(10)), &segment());
    assert_eq!(large.outcome.reason(), "none");
}

#[test]
fn a_colour_profile_or_a_text() {
    let bomb = &*BOMB;
    let profile = chunk(b"iCCP", &[&b"bomb\0\0"[..], bomb].concat());
    let text = chunk(b"zTXt", &[&b"bomb\0\0"[..], bomb].concat());
    let international = chunk(b"iTXt", &[&b"bomb\0\x01\0\0\0"[..], bomb].concat());
    for (name, chunk) in [("iCCP", profile), ("zTXt", text), ("iTXt", international)] {
        let cost = cost(name, &png(96, 64, &chunk, &deflated_zeros(1)), &segment());
        assert_eq!(cost.deaths, 0, "{name}");
    }
}

/// A GIF of so many large frames, which are all the same.
fn gif_of_large_frames(frames: usize, hundredths: u16) -> Vec<u8> {
    let (width, height) = (1280, 720);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height, &[0, 0, 0, 255, 255, 255]).unwrap();
    let pixels = vec![1; usize::from(width) * usize::from(height)];
    let mut frame = Frame::from_indexed_pixels(width, height, pixels, None);
    frame.delay = hundredths;
    frame.make_lzw_pre_encoded();
    for _ in 0..frames {
        encoder.write_lzw_pre_encoded_frame(&frame).unwrap();
    }
    drop(encoder);
    file
}

#[test]
fn thousands_of_large_frames_in_a_gif() {
    let bytes = gif_of_large_frames(5000, 2);
    assert!(bytes.len() < 20 << 20, "{}", bytes.len());
    // The two seconds of a segment are looked at, and no more.
    let cost = cost("a gif", &bytes, &segment());
    assert_eq!(cost.outcome.decoded().ending, Ending::Complete);
    assert!(cost.memory < IDLE, "{}", cost.memory);
}

#[test]
fn a_gif_that_lasts_for_weeks() {
    let bytes = gif_of_large_frames(5000, u16::MAX);
    let cost = cost("a gif", &bytes, &SamplingPlan::every(Millis(600_000)));
    assert_eq!(cost.outcome.decoded().ending, Ending::Truncated);
}

#[test]
fn a_gif_that_takes_more_processor_time_than_it_may() {
    let folder = folder();
    let good = recording(&folder, 15);
    let path = folder.path().join("a.gif");
    std::fs::write(&path, gif_of_large_frames(5000, 20)).unwrap();
    let mut settings = settings();
    settings.cpu_limit = Duration::from_secs(1);
    let pool = DecoderPool::new(settings);
    let error = decode_with(&pool, &path, &whole()).result.unwrap_err();
    assert_eq!((error.reason(), error.kind()), ("decoder_crashed", ErrorKind::Poison), "{error:?}");
    assert_eq!(decode_with(&pool, &good, &segment()).numbers().len(), 4);
}

#[test]
fn blocks_that_are_compressed() {
    // ContentEncodings, of which one is zlib.
    let compression = element(0x5034, &numeric(0x4254, 0));
    let encodings = element(0x6d80, &element(0x6240, &compression));
    let track = Track { more: encodings, ..Track::vp8() };
    let bomb = &*BOMB;
    let bytes = [matroska(&track, &[]), cluster(0, &[block(0, true, bomb), block(100, true, bomb)])].concat();
    cost("zlib in Matroska", &bytes, &segment());
}

#[test]
fn an_index_that_is_compressed() {
    for stated in [3_000_000_000_u32, u32::MAX, 1000] {
        let data = boxed(b"cmvd", &[&stated.to_be_bytes()[..], &BOMB].concat());
        let movie = boxed(b"moov", &boxed(b"cmov", &[boxed(b"dcom", b"zlib"), data].concat()));
        let bytes = [boxed(b"ftyp", b"isom\0\0\0\0isom"), movie].concat();
        cost(&format!("cmov of {stated}"), &bytes, &segment());
    }
}

#[test]
fn boxes_in_boxes() {
    for kind in [b"moov", b"trak", b"udta"] {
        let mut levels = Vec::new();
        for level in (1..=500_000u32).rev() {
            levels.extend((level * 8).to_be_bytes());
            levels.extend(kind);
        }
        let movie = boxed(b"moov", &levels);
        let bytes = [boxed(b"ftyp", b"isom\0\0\0\0isom"), movie].concat();
        cost(&format!("{} in itself", String::from_utf8_lossy(kind)), &bytes, &segment());
    }
}

#[test]
fn elements_in_elements() {
    // Tags of tags, chapters of chapters.
    for (outer, tag, inner) in [(0x1254_c367, 0x7373, 0x67c8), (0x1043_a770, 0x45b9, 0xb6)] {
        let head = element(inner, &[]).len() as u64;
        let mut levels = Vec::new();
        for level in (0..100_000).rev() {
            levels.extend(&element(inner, &[])[..head as usize - 8]);
            levels.extend(((1 << 56) | (level * head)).to_be_bytes());
        }
        let bytes = [matroska(&Track::vp8(), &[]), element(outer, &element(tag, &levels))].concat();
        cost(&format!("{inner:#x} in itself"), &bytes, &segment());
    }
}

#[test]
fn millions_of_tiny_packets_at_one_time() {
    let tiny = block(0, false, &[1]);
    let many = tiny.repeat(3_000_000);
    let bytes = [matroska(&Track::vp8(), &[]), cluster(0, &[block(0, true, &[0; 4]), many])].concat();
    let cost = cost("tiny packets", &bytes, &segment());
    // The clock stands still: this may take too long, but no memory.
    assert!(["no_pictures", "timeout"].contains(&cost.outcome.reason()), "{:?}", cost.outcome.result);
    assert!(cost.memory < IDLE, "{} bytes", cost.memory);
}
