//! More than a thousand damaged variants of small files of every format that is accepted.
//!
//! Which ones is decided by a seed alone: `HOSTILE_SEED` sets another one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use decode::{DecodeError, Decoded, DecoderPool};
use domain::error::ErrorKind;

use super::make::Random;
use super::{DEADLINE, STALL, pictures, segment, whole};
use crate::support::*;

const SEED: u64 = 20_260_101;
/// Of each format.
const VARIANTS: usize = 200;

/// Names of files, with what ffmpeg needs to make them.
const FORMATS: [(&str, &str); 14] = [
    ("vp8.webm", "-c:v libvpx -b:v 300k -g 10"),
    ("live_vp8.webm", "-c:v libvpx -b:v 300k -g 10 -f webm -live 1"),
    ("vp9.webm", "-c:v libvpx-vp9 -b:v 300k -g 10 -deadline realtime -cpu-used 8"),
    ("av1.webm", "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 10 -crf 50"),
    ("h264.mkv", "-c:v libx264 -g 10 -crf 35"),
    ("h264.mp4", "-c:v libx264 -g 10 -crf 35"),
    ("fragmented_h264.mp4", "-c:v libx264 -g 10 -crf 35 -movflags frag_keyframe+empty_moov"),
    ("h264.ts", "-c:v libx264 -g 10 -crf 35"),
    ("hevc.mp4", "-c:v libx265 -g 10 -crf 35 -x265-params log-level=error"),
    ("mpeg4.avi", "-c:v mpeg4 -g 10 -q:v 12"),
    ("mjpeg.mkv", "-c:v mjpeg -q:v 20 -pix_fmt yuvj420p"),
    ("a.gif", ""),
    ("a.png", "-frames:v 1"),
    ("a.jpg", "-frames:v 1"),
];

/// How the variants of all formats ended.
#[derive(Default)]
struct Tally {
    endings: BTreeMap<&'static str, usize>,
    slowest: Duration,
}

#[test]
fn damaged_files_cost_themselves_only() {
    let seed = std::env::var("HOSTILE_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let folder = folder();
    let formats: Vec<(&str, Vec<u8>)> = FORMATS
        .iter()
        .map(|(name, arguments)| {
            let path = folder.path().join(name);
            let source = "-f lavfi -i testsrc2=s=96x64:r=10:d=1.5,noise=alls=8:allf=t";
            ffmpeg(&format!("{source} {arguments}"), &path);
            (*name, std::fs::read(&path).unwrap())
        })
        .collect();
    let mut settings = settings();
    settings.stall_timeout = STALL;
    settings.children = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8));
    let threads = settings.children;
    let pool = DecoderPool::new(settings);
    let before: Vec<_> = formats.iter().map(|(_, good)| pictures(&pool, &medium(good))).collect();

    let (next, tally, started) = (AtomicUsize::new(0), Mutex::new(Tally::default()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((name, good)) = formats.get(index / VARIANTS) else { return };
                    let (damage, bytes) = variant(good, seed, index);
                    let what = format!("variant {index} of seed {seed}, {name} with {damage}");
                    let (ending, took) = ending(&pool, &medium(&bytes), index, &what);
                    let mut tally = tally.lock().unwrap();
                    *tally.endings.entry(ending).or_default() += 1;
                    tally.slowest = tally.slowest.max(took);
                }
            });
        }
    });

    for ((name, good), before) in formats.iter().zip(before) {
        assert!(pictures(&pool, &medium(good)) == before, "{name} after all variants");
    }
    let tally = tally.into_inner().unwrap();
    let variants: usize = tally.endings.values().sum();
    eprintln!(
        "{variants} variants of seed {seed}: {:?}; the slowest took {:?}, all {:?}",
        tally.endings,
        tally.slowest,
        started.elapsed(),
    );
    assert!(variants >= 1000, "{variants}");
}

/// Decodes a variant; says how it ended and how long that took.
fn ending(pool: &DecoderPool, media: &File, index: usize, what: &str) -> (&'static str, Duration) {
    let plan = if index.is_multiple_of(2) { segment() } else { whole() };
    let started = Instant::now();
    let result = pool.decode(media, &plan, &mut |_| ControlFlow::Continue(()));
    let took = started.elapsed();
    assert!(took < DEADLINE, "{what}: {took:?}");
    if is_a_mistake_of_ours(&result) {
        panic!("{what}: {result:?}");
    }
    if result.as_ref().is_err_and(DecodeError::ended_the_decoder) {
        eprintln!("{what} ended its decoder: {result:?}");
    }
    (result.as_ref().map_or_else(DecodeError::reason, |_| "decoded"), took)
}

/// Codecs may crash, and hang if need be; what is ours may not fail.
fn is_a_mistake_of_ours(result: &Result<Decoded, DecodeError>) -> bool {
    result.as_ref().is_err_and(|error| {
        error.kind() != ErrorKind::Poison || matches!(error, DecodeError::ChildMisbehaved { .. })
    })
}

fn medium(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Damages a file; says how.
fn variant(good: &[u8], seed: u64, index: usize) -> (String, Vec<u8>) {
    let mut random = Random(seed.wrapping_add(index as u64));
    let mut bytes = good.to_vec();
    // Half of the damage goes to the headers, where it hurts most.
    let reach = if random.below(2) == 0 { good.len().min(600) } else { good.len() };
    let at = random.below(reach);
    let damage = match index % 7 {
        0 | 1 => {
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        2 => {
            let count = 2 + random.below(40);
            for _ in 0..count {
                bytes[random.below(reach)] ^= 1 << random.below(8);
            }
            format!("{count} bits of {reach} bytes flipped")
        }
        3 => {
            let end = (at + 1 + random.below(200)).min(bytes.len());
            bytes[at..end].fill_with(|| random.below(256) as u8);
            format!("noise from {at} to {end}")
        }
        4 => {
            let number = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX][random.below(5)];
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&number.to_be_bytes()[..end - at]);
            format!("{number:#x} at {at}")
        }
        5 => {
            bytes.truncate(at + 1);
            format!("{} bytes of {}", at + 1, good.len())
        }
        _ => {
            let length = (1 + random.below(3000)).min(bytes.len() - at);
            let part = bytes[at..at + length].to_vec();
            if random.below(2) == 0 {
                bytes.drain(at..at + length);
                format!("{length} bytes taken out at {at}")
            } else {
                bytes.splice(at..at, part);
                format!("{length} bytes twice at {at}")
            }
        }
    };
    (damage, bytes)
}
