//! Damaged media give what can be decoded, say that something is missing, and never hang.

use decode::{DecodeError, Ending, SamplingPlan};
use domain::time::Millis;

use crate::support::*;

#[test]
fn a_file_that_was_cut_off_gives_its_beginning() {
    let folder = folder();
    for (name, codec) in
        [("a.webm", "-c:v libvpx -b:v 2M"), ("a.mp4", "-c:v libx264 -crf 5 -movflags +faststart")]
    {
        let path = folder.path().join(name);
        ffmpeg(&format!("{} {codec} -g 15", numbered_and_noisy(75)), &path);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let outcome = decode(&path);
        let decoded = outcome.decoded();
        assert_eq!(decoded.ending, Ending::Truncated, "{name}");
        assert_eq!(decoded.stream.duration, Some(Millis(5000)), "{name}");
        assert!((1000..4500).contains(&decoded.last.0), "{name}: {decoded:?}");
        let numbers = outcome.numbers();
        assert!(numbers.len() >= 3, "{name}: {numbers:?}");
        assert!(
            numbers.iter().all(|(instant, number)| *number == Some(displayed(*instant))),
            "{name}: {numbers:?}"
        );
    }
}

#[test]
fn damage_in_the_middle_costs_what_it_hit() {
    let folder = folder();
    let path = folder.path().join("a.ts");
    ffmpeg(&format!("{} -c:v libx264 -crf 5 -g 15", numbered_and_noisy(75)), &path);
    let mut bytes = std::fs::read(&path).unwrap();
    let (from, to) = (bytes.len() * 4 / 10, bytes.len() * 5 / 10);
    bytes[from..to].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let outcome = decode(&path);
    let numbers = outcome.numbers();
    assert_eq!(numbers[0], (0, Some(0)));
    assert_eq!(numbers.len(), 10);
    // The clock of the stream was hit as well: it may have moved a little.
    let (instant, number) = numbers[9];
    assert!((number.unwrap() - displayed(instant)).abs() <= 3, "{numbers:?}");
}

#[test]
fn flipped_bits_never_hang_or_kill_the_parent() {
    let folder = folder();
    let inputs = [
        ("a.webm", "-c:v libvpx -b:v 500k"),
        ("a.mp4", "-c:v libx264"),
        ("b.mp4", "-c:v libx264 -movflags frag_keyframe+empty_moov"),
        ("a.ts", "-c:v libx264"),
    ];
    let pool = pool();
    let mut random = 0x1234_5678_9abc_def0u64;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    for (name, codec) in inputs {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i testsrc2=s=64x48:r=15:d=1 {codec} -g 5"), &path);
        let good = std::fs::read(&path).unwrap();
        for _ in 0..60 {
            let mut bytes = good.clone();
            // Half of the damage goes to the headers, where it hurts most.
            for reach in [300.min(good.len()), good.len()] {
                let at = below(reach);
                bytes[at] ^= 1 << below(8);
            }
            std::fs::write(&path, bytes).unwrap();
            let outcome = decode_with(&pool, &path, &SamplingPlan::every(Millis(250)));
            let is_stuck = matches!(
                outcome.result,
                Err(DecodeError::Timeout { .. }
                    | DecodeError::ChildMisbehaved { .. }
                    | DecodeError::Spawn(_))
            );
            assert!(!is_stuck, "{name}: {:?}", outcome.result);
        }
    }
}
