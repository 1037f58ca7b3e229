//! Media that say they last for years, or really do not end.

use std::fs::OpenOptions;

use decode::Ending;

use super::make::*;
use super::*;

/// The longest accepted medium.
const LONGEST: i64 = 12 * 3600 * 1000;

fn made(name: &str, arguments: &str) -> Vec<u8> {
    let folder = folder();
    let path = folder.path().join(name);
    ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=10:d=2 {arguments}"), &path);
    std::fs::read(path).unwrap()
}

#[test]
fn years_in_the_header_of_mp4() {
    let good = made("a.mp4", "-c:v libx264");
    let mut bytes = good.clone();
    // Of the movie, which its only track is too short for; then of the track as well.
    for (kind, reason) in [(b"mvhd", "damaged"), (b"mdhd", "too_long")] {
        let header = place(&good, kind) + 4;
        let scale = u32::from_be_bytes(*good[header + 12..].first_chunk().unwrap());
        bytes[header + 16..header + 20].copy_from_slice(&(13 * 3600 * scale).to_be_bytes());
        let name = String::from_utf8_lossy(kind);
        assert_eq!(cost(&name, &bytes, &whole()).outcome.reason(), reason, "{name}");
    }
}

#[test]
fn years_in_the_header_of_matroska() {
    let good = made("a.webm", "-c:v libvpx -g 5");
    let duration = place(&good, &[0x44, 0x89, 0x88]) + 3;
    for (length, reason) in
        [(3e12, "too_long"), (1e300, "too_long"), (f64::MAX, "none"), (f64::NAN, "none"), (-1.0, "none")]
    {
        let mut bytes = good.clone();
        bytes[duration..duration + 8].copy_from_slice(&f64::to_be_bytes(length));
        assert_eq!(cost(&format!("{length} ms"), &bytes, &whole()).outcome.reason(), reason, "{length}");
    }
    // All else is read in units of this.
    for scale in [0, 1, 0x7f, u64::MAX] {
        let mut bytes = good.clone();
        let at = place(&bytes, &[0x2a, 0xd7, 0xb1, 0x83]) + 4;
        bytes[at..at + 3].copy_from_slice(&scale.to_be_bytes()[5..]);
        cost(&format!("a scale of {scale}"), &bytes, &whole());
    }
}

#[test]
fn time_stamps_that_jump_by_years() {
    let late = "if(gt(N\\,9)\\,PTS+30*365*86400/TB\\,PTS)";
    for (name, codec) in [("a.webm", "-c:v libvpx -g 5"), ("a.mkv", "-c:v libx264 -bf 0 -g 5")] {
        let bytes = made(name, &format!("{codec} -bsf:v setts=ts={late} -f matroska -live 1"));
        let cost = cost(name, &bytes, &whole());
        let decoded = cost.outcome.decoded();
        // What lies beyond any medium counts as cut off.
        assert_eq!((decoded.ending, decoded.last.0), (Ending::Truncated, 900), "{name}");
        assert_eq!(cost.outcome.numbers().len(), 2, "{name}: {:?}", cost.outcome.numbers());
    }
}

#[test]
fn clusters_that_go_on_for_days() {
    let bytes = made("a.webm", "-c:v libvpx -frames:v 1 -f webm -live 1");
    let frame = {
        let found = place(&bytes, &[0x9d, 0x01, 0x2a]) - 3;
        bytes[found..].to_vec()
    };
    let mut file = matroska(&Track::vp8(), &[]);
    for minute in 0..2 * 24 * 60 {
        file.extend(cluster(minute * 60_000, &[block(0, true, &frame)]));
    }
    let plan = SamplingPlan::every(Millis(60_000));
    let cost = cost("two days", &file, &plan);
    let decoded = cost.outcome.decoded();
    assert_eq!((decoded.ending, decoded.last.0), (Ending::Truncated, LONGEST));
}

/// A demuxer that meets a fragment without a movie looks for the index at the end, and again, and again.
#[test]
fn an_index_that_is_read_again_and_again() {
    let mut bytes = made("a.mp4", "-c:v libx264 -g 5 -movflags frag_keyframe+empty_moov");
    let movie = place(&bytes, b"moov");
    bytes[movie..movie + 4].copy_from_slice(b"free");
    let cost = cost("fragments without a movie", &bytes, &whole());
    assert_eq!((cost.outcome.reason(), cost.deaths), ("damaged", 0));
}

/// A file may state any size at no cost: what it does not hold reads as zeros.
#[test]
fn a_recording_with_a_tail_of_nothing() {
    let bytes = made("a.webm", "-c:v libvpx -g 5 -f webm -live 1");
    let folder = folder();
    let path = folder.path().join("sparse");
    std::fs::write(&path, bytes).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let cost = cost_of_file("a tebibyte of zeros", &path, &whole());
    assert!(["none", "timeout"].contains(&cost.outcome.reason()), "{:?}", cost.outcome.result);
}

#[test]
fn an_mp4_file_with_a_tail_of_nothing() {
    for flags in ["frag_keyframe+empty_moov", "faststart"] {
        let bytes = made("a.mp4", &format!("-c:v libx264 -g 5 -movflags {flags}"));
        let folder = folder();
        let path = folder.path().join("sparse");
        std::fs::write(&path, bytes).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        let cost = cost_of_file(flags, &path, &whole());
        assert!(["none", "timeout"].contains(&cost.outcome.reason()), "{:?}", cost.outcome.result);
    }
}
