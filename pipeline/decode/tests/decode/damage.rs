//! Damaged media give what can be decoded, say that something is missing, and never hang.

use decode::{Ending, SamplingPlan};
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

/// A live recording as browsers make it: nothing states a size or a duration.
fn live_recording(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("live.webm");
    let live = "-c:v libvpx -b:v 1M -g 15 -f webm -live 1";
    ffmpeg(&format!("{} {live}", numbered_and_noisy(75)), &path);
    path
}

#[test]
fn noise_in_a_live_recording_costs_what_it_hit() {
    let folder = folder();
    let path = live_recording(&folder);
    assert_eq!(decode(&path).decoded().ending, Ending::Complete);
    let mut bytes = std::fs::read(&path).unwrap();
    let (from, to) = (bytes.len() * 4 / 10, bytes.len() * 6 / 10);
    let mut random = 7u32;
    for byte in &mut bytes[from..to] {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (random >> 24) as u8;
    }
    std::fs::write(&path, bytes).unwrap();
    let plan = SamplingPlan::every(Millis(200)).holding(Millis(300));
    let outcome = decode_with(&pool(), &path, &plan);
    assert_eq!(outcome.decoded().ending, Ending::Truncated);
    let numbers = outcome.numbers();
    assert_eq!(numbers.len(), 25);
    let lost: Vec<i64> =
        numbers.iter().filter(|(_, number)| number.is_none()).map(|(instant, _)| *instant).collect();
    let (first, last) = (lost[0], *lost.last().unwrap());
    assert_eq!(lost.len() as i64, (last - first) / 200 + 1, "one hole: {numbers:?}");
    assert!(first >= 1600 && last <= 3800, "{numbers:?}");
    for (instant, number) in numbers.iter().filter(|(instant, _)| *instant < first - 300 || *instant > last) {
        assert_eq!(*number, Some(displayed(*instant)), "{numbers:?}");
    }
}

#[test]
fn a_live_recording_that_breaks_off_says_so() {
    let folder = folder();
    let bytes = std::fs::read(live_recording(&folder)).unwrap();
    let path = folder.path().join("cut.webm");
    for share in [5, 6, 8] {
        // Chance may hit the end of a block, but not twice in a row.
        let length = bytes.len() * share / 10;
        let endings = [length, length + 1].map(|length| {
            std::fs::write(&path, &bytes[..length]).unwrap();
            decode(&path).decoded().ending
        });
        assert!(endings.contains(&Ending::Truncated), "{share}: {endings:?}");
    }
}

#[test]
fn a_fragmented_file_that_breaks_off_says_so() {
    let folder = folder();
    let whole = folder.path().join("a.mp4");
    let flags = "-g 15 -movflags frag_keyframe+empty_moov+default_base_moof";
    ffmpeg(&format!("{} -c:v libx264 -crf 5 {flags}", numbered_and_noisy(75)), &whole);
    assert_eq!(decode(&whole).decoded().ending, Ending::Complete);
    let bytes = std::fs::read(&whole).unwrap();
    let place = |kind: &[u8]| {
        let mut places = (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == *kind);
        places.nth(3).unwrap() - 4
    };
    let (moof, mdat) = (place(b"moof"), place(b"mdat"));
    let path = folder.path().join("cut.mp4");
    for (length, ending) in [
        (moof, Ending::Complete),
        (moof + 5, Ending::Truncated),
        (moof + 50, Ending::Truncated),
        (mdat, Ending::Truncated),
        (mdat + 2000, Ending::Truncated),
    ] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let outcome = decode(&path);
        assert_eq!(outcome.decoded().ending, ending, "{length}: {outcome:?}");
        assert!(outcome.numbers().starts_with(&[(0, Some(0)), (500, Some(displayed(500)))]));
    }
}
