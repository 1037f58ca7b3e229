//! Files that were made to do harm cost themselves only: they end in time in a typed error or in what can
//! be decoded of them, their decoder stays within its memory, and the next file is decoded as ever.

mod bombs;
mod endless;
mod make;
mod sizes;
mod variants;

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use decode::{DecodeEvent, DecoderPool, SamplingPlan};
use domain::error::ErrorKind;
use domain::picture::Picture;
use domain::time::{Interval, MediaMs, Millis};

use crate::children::{Observed, most_memory};
use crate::support::*;

/// How long the decoder may say nothing, of files that it is to refuse.
const STALL: Duration = Duration::from_secs(5);
/// No hostile file may take longer: the stall, a segment at the slowest pace, and the start of a decoder.
const DEADLINE: Duration = Duration::from_secs(25);
/// What a decoder uses without any file: libraries, plugins, and the pictures that it shares.
const IDLE: u64 = 256 << 20;

/// Two pictures a second of two seconds: a segment.
fn segment() -> SamplingPlan {
    SamplingPlan::every(Millis(500)).within(Interval::new(MediaMs(0), MediaMs(2000)))
}

/// Two pictures a second of whatever there is: a file.
fn whole() -> SamplingPlan {
    SamplingPlan::every(Millis(500))
}

/// What a hostile file cost.
struct Cost {
    outcome: Outcome,
    /// The most memory of its decoder, in bytes.
    memory: u64,
    /// Decoders that it ended.
    deaths: usize,
}

/// Decodes a hostile file, and then a good one with the same pool.
fn cost(name: &str, bytes: &[u8], plan: &SamplingPlan) -> Cost {
    let folder = folder();
    let path = folder.path().join("hostile");
    std::fs::write(&path, bytes).unwrap();
    cost_of_file(name, &path, plan)
}

/// Likewise, of a file that is there already.
fn cost_of_file(name: &str, path: &Path, plan: &SamplingPlan) -> Cost {
    let folder = folder();
    let good = recording(&folder, 15);
    let mut settings = settings();
    settings.stall_timeout = STALL;
    let most = settings.memory_bytes + IDLE;
    let observed = Observed::new(settings);
    observed.pool.warm_up().unwrap();
    let before = pictures(&observed.pool, &File::open(&good).unwrap());
    let (outcome, memory, took) = watched(&observed, || decode_with(&observed.pool, path, plan));
    if let Err(error) = &outcome.result {
        assert_eq!(error.kind(), ErrorKind::Poison, "{name}: {error:?}");
        assert_ne!(error.reason(), "decoder_misbehaved", "{name}: {error:?}");
    }
    assert!(took < DEADLINE, "{name} took {took:?}: {:?}", outcome.result);
    assert!(memory < most, "{name} took {memory} bytes: {:?}", outcome.result);
    assert!(pictures(&observed.pool, &File::open(&good).unwrap()) == before, "{name}");
    let deaths = observed.ids().len() - 1;
    eprintln!(
        "{name}: {:?}, {} MiB, {deaths} decoders ended, {took:?}",
        outcome.result.as_ref().map(|decoded| decoded.ending).map_err(|error| error.reason()),
        memory >> 20,
    );
    Cost { outcome, memory, deaths }
}

/// Does something, and reads meanwhile how much memory the pool's latest child has used, at most.
fn watched<T>(observed: &Observed, act: impl FnOnce() -> T) -> (T, u64, Duration) {
    let is_done = AtomicBool::new(false);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            loop {
                let is_last = is_done.load(Ordering::Relaxed);
                most = most.max(most_memory(observed.id()).unwrap_or_default());
                if is_last {
                    return most;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let result = act();
        let took = started.elapsed();
        is_done.store(true, Ordering::Relaxed);
        (result, watch.join().unwrap(), took)
    })
}

/// What a segment of a medium shows.
fn pictures(pool: &DecoderPool, media: &File) -> Vec<(MediaMs, Option<Picture>)> {
    let mut pictures = Vec::new();
    let decoded = pool.decode(media, &segment(), &mut |event| {
        match event {
            DecodeEvent::Started(_) => {}
            DecodeEvent::Frame(frame) => pictures.push((frame.time.planned, Some((*frame.picture).clone()))),
            DecodeEvent::Gap(time) => pictures.push((time.planned, None)),
        }
        ControlFlow::Continue(())
    });
    decoded.unwrap();
    pictures
}
