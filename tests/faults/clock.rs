//! A wall clock that is set while a worker runs. Nobody can set that of the machine for it: a library that is
//! preloaded into the worker, and into nothing else, puts another between the two (`clock.c`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{CLIPS, OBSERVED, assert_nothing_lost_or_doubled, start};
use crate::exam::{Exam, Worker, markers};

/// Within this time a worker goes on, or ends: less than what the clock is set by, and than an orderly end may take.
const SOON: Duration = Duration::from_secs(20);
/// By how many seconds the clock is set, forward and back.
const AHEAD: [i64; 4] = [30, -30, 6 * 3600, -6 * 3600];

/// A clock that a process can be given.
struct WallClock {
    folder: TempDir,
    ahead: File,
}

impl WallClock {
    /// A true one.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", source, "-o"])
            .arg(folder.path().join("clock.so"))
            .status()
            .unwrap();
        assert!(built.success());
        let ahead = File::create_new(folder.path().join("ahead")).unwrap();
        let clock = Self { folder, ahead };
        clock.set(0);
        clock
    }

    /// What the process that gets it has in its environment.
    fn environment(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        [("LD_PRELOAD", path("clock.so")), ("WALL_CLOCK", path("ahead"))]
    }

    /// Sets it to so many seconds ahead of the true time.
    fn set(&self, ahead_s: i64) {
        self.ahead.write_all_at(&(ahead_s * 1_000_000_000).to_ne_bytes(), 0).unwrap();
    }
}

/// Waits until so many segments are observed, which must not take long.
fn goes_on(worker: &Worker, observed: f64) {
    let asked = Instant::now();
    worker.wait_until("it goes on", |worker| worker.metric(OBSERVED) >= observed);
    assert!(asked.elapsed() < SOON, "it went on after {:?}", asked.elapsed());
}

#[test]
fn a_wall_clock_that_is_set_forward_and_back() {
    let (exam, clock) = (Exam::new("clock"), WallClock::new());
    exam.create_topics();
    let environment = clock.environment();
    let worker =
        start(&exam, "clock-0", &environment.each_ref().map(|(name, value)| (*name, value.as_str())));
    worker.wait_until("it waits for work", |worker| worker.get("/readyz").0 == 200);
    for (round, (clip, ahead_s)) in CLIPS.iter().zip(AHEAD).enumerate() {
        // Once while there is nothing to do, and back in the middle of work.
        clock.set(ahead_s);
        let before = worker.metric_or(OBSERVED, 0.0);
        exam.publish(&[clip]);
        goes_on(&worker, before + 1.0);
        clock.set(0);
        let published = exam.read_all(&exam.topics.segments()).len() as f64;
        goes_on(&worker, (worker.metric(OBSERVED) + 1.0).min(published));
        exam.final_scores(round + 1);
    }
    assert_eq!(markers(&exam), 0, "no session was taken to be over, and no stream to be lost");
    assert_nothing_lost_or_doubled(&exam);
    // A thread that slept until a time of day would sleep on for hours: past the deadline of an orderly end.
    clock.set(AHEAD[3]);
    let asked = Instant::now();
    assert_eq!(worker.terminate(), Some(0));
    assert!(asked.elapsed() < SOON, "it ended after {:?}", asked.elapsed());
}
