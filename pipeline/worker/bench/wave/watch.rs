//! What the worker's processes take while a wave comes: asked every second, of them and of the system.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::BenchError;
use super::super::process::{Process, get, value};
use super::super::processor;
use super::sender::Sender;
use super::verdicts::Verdicts;

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// Nothing has changed for so long: nothing will.
const PATIENCE: Duration = Duration::from_secs(120);
/// Observations that the score role has taken in.
const TAKEN: &str = "invigilator_stage_items_total";

/// One second of a wave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Point {
    /// Since the wave began, in seconds.
    pub at: f64,
    /// Sessions that have begun.
    pub begun: u64,
    /// Sessions whose score is final, as a reader sees it.
    pub finals: u64,
    /// Observations that were sent by now.
    pub sent: u64,
    /// Of these, those that the score role has taken in.
    pub taken: u64,
    /// How long ago the observation was sent whose score was committed last, in seconds; 0 while none waits.
    pub delay: f64,
    /// How long after its time the last record was sent, in seconds: what the machine could not send in time.
    pub sent_late: f64,
    /// Memory of the worker's processes, in bytes.
    pub memory: u64,
    /// Sessions in it.
    pub in_memory: u64,
    /// Processor time of the worker's processes in this second, in seconds.
    pub cores: f64,
    /// Of their threads that fold, likewise.
    pub folding: f64,
    /// Of the broker.
    pub broker: f64,
    /// Of this process, which sends and reads.
    pub sender: f64,
}

/// Processor time so far, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub workers: f64,
    pub folding: f64,
    pub broker: f64,
    pub sender: f64,
}

/// Looks at processes.
pub(super) struct Watch {
    workers: Vec<u32>,
    addresses: Vec<String>,
    broker: Option<u32>,
    settle_within: Duration,
    pub points: Vec<Point>,
    /// Memory before anything came, in bytes.
    pub memory_before: u64,
    /// Before anything came, and at the end.
    pub used: (Used, Used),
    /// Everything that the workers told at the end.
    pub told: String,
}

impl Watch {
    pub fn new(
        workers: &[Process],
        addresses: Vec<String>,
        broker: Option<u32>,
        settle_within: Duration,
    ) -> Self {
        let workers = workers.iter().map(|worker| worker.child.id()).collect();
        Self {
            workers,
            addresses,
            broker,
            settle_within,
            points: Vec::new(),
            memory_before: 0,
            used: <(Used, Used)>::default(),
            told: String::new(),
        }
    }

    /// The metrics of each worker; nothing of one that does not answer.
    pub fn metrics(&self) -> Vec<String> {
        self.addresses.iter().map(|address| get(address).unwrap_or_default()).collect()
    }

    /// From here on everything counts.
    pub fn begin(&mut self) {
        self.memory_before = self.memory();
        self.used.0 = self.used_by_now();
    }

    /// Looks until everything was sent, every session is final and what is compared agrees; or until nothing
    /// changes any more, or it takes too long.
    pub fn until_settled(
        &mut self,
        sender: &Sender,
        verdicts: &Verdicts<'_>,
        workers: &mut [Process],
        tell: &dyn Fn(&Point),
    ) -> Result<(), BenchError> {
        let began = Instant::now();
        let (mut before, mut changed) = (self.used.0, Instant::now());
        let (mut looked, mut sending) = (began, began);
        loop {
            thread::sleep(EVERY.saturating_sub(looked.elapsed()));
            let seconds = looked.elapsed().as_secs_f64();
            looked = Instant::now();
            let now = self.used_by_now();
            let point = self.look(began, seconds, (before, now), sender, verdicts);
            before = now;
            tell(&point);
            let last = self.points.last().copied().unwrap_or_default();
            if (point.sent, point.taken, point.finals) != (last.sent, last.taken, last.finals) {
                changed = Instant::now();
            }
            self.points.push(point);
            self.used.1 = now;
            let is_sent = sender.sent.is_done.load(Ordering::Relaxed);
            if !is_sent {
                sending = looked;
            }
            if is_sent && point.finals >= u64::from(sender.wave.sessions) && verdicts.agree() {
                return Ok(());
            }
            if changed.elapsed() > PATIENCE || sending.elapsed() > self.settle_within {
                // What is missing is for the figures to say.
                return Ok(());
            }
            workers.iter_mut().try_for_each(|worker| worker.check(looked))?;
        }
    }

    fn look(
        &mut self,
        began: Instant,
        seconds: f64,
        (before, now): (Used, Used),
        sender: &Sender,
        verdicts: &Verdicts<'_>,
    ) -> Point {
        self.told = self.metrics().concat();
        let told = |name: &str, label: &str| value(&self.told, name, label);
        let share = |of: fn(&Used) -> f64| (of(&now) - of(&before)) / 1000.0 / seconds;
        let sent = &sender.sent;
        let delays = self.told.lines().filter_map(|line| {
            line.strip_prefix("invigilator_event_time_lag_seconds{role=\"score\"}")?
                .trim()
                .parse::<f64>()
                .ok()
        });
        Point {
            at: began.elapsed().as_secs_f64(),
            begun: sent.begun.load(Ordering::Relaxed),
            finals: verdicts.finals(),
            sent: sent.observations.load(Ordering::Relaxed),
            taken: told(TAKEN, "stage=\"score\"") as u64,
            delay: delays.fold(0.0, f64::max),
            sent_late: sent.late_ms.load(Ordering::Relaxed) as f64 / 1000.0,
            memory: self.memory(),
            in_memory: self.plain("invigilator_sessions"),
            cores: share(|used| used.workers),
            folding: share(|used| used.folding),
            broker: share(|used| used.broker),
            sender: share(|used| used.sender),
        }
    }

    /// The sum of a metric without labels.
    fn plain(&self, name: &str) -> u64 {
        let values = self.told.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.filter_map(|value| value.parse::<f64>().ok()).sum::<f64>() as u64
    }

    fn memory(&self) -> u64 {
        self.workers.iter().map(|worker| processor::memory(*worker)).sum()
    }

    fn used_by_now(&self) -> Used {
        let times: Vec<_> = self.workers.iter().map(|worker| processor::time(*worker)).collect();
        Used {
            workers: times.iter().flat_map(|time| time.values()).sum(),
            folding: times.iter().filter_map(|time| time.get("score")).sum(),
            broker: self.broker.map_or(0.0, processor::whole),
            sender: processor::whole(std::process::id()),
        }
    }
}
