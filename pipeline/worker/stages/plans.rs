//! Decides how each segment is looked at first, and how urgent it is: from what is remembered of its session,
//! and from how far this process is behind.
//!
//! Remembers a little of each session that this process looked at lately, and forgets the ones it has not met
//! for long, so that memory is bounded whatever comes. Nothing rests on this memory but the plan, which is
//! recorded: after a rebalance or a crash, sessions are looked at in full for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::delivery::Urgency;
use domain::messages::{Observation, SegmentHeader};
use domain::sampling::{BasePlan, Calm, Level, Shedding, Suspicion};
use domain::time::Millis;

use crate::recent::Recent;
use crate::settings::Adaptive;
use crate::telemetry::metrics::Metrics;

/// What came longer ago is late already.
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// Decides plans.
pub(super) struct Plans<'a> {
    calm_after: Option<Millis>,
    suspicion: Suspicion,
    metrics: &'a Metrics,
    recent: Mutex<Recent<Calm>>,
    load: Option<Mutex<Load>>,
}

/// What is known of this process's load.
struct Load {
    shedding: Shedding,
    /// Segments that were looked at since.
    done: u32,
    since: Instant,
}

impl<'a> Plans<'a> {
    pub(super) fn new(adaptive: &Adaptive, suspicion: Suspicion, metrics: &'a Metrics) -> Self {
        let load = adaptive.most_behind.map(|allowed| {
            let shedding = Shedding::new(allowed, adaptive.shares.clone());
            Mutex::new(Load { shedding, done: 0, since: Instant::now() })
        });
        Self { calm_after: adaptive.calm_after, suspicion, metrics, recent: Mutex::default(), load }
    }

    /// The plan for a segment.
    pub(super) fn decide(&self, header: &SegmentHeader) -> BasePlan {
        let calm = lock(&self.recent).get(&header.session);
        let shed = self.load.as_ref().map_or(Level::None, |load| {
            let length = header.end_ms - header.start_ms;
            lock(load).shedding.level_for(header.session.tenant(), length)
        });
        BasePlan::decide(header.start_ms, calm.as_ref(), self.calm_after, shed)
    }

    /// How urgent a segment is that came to the broker so long ago.
    pub(super) fn urgency(&self, header: &SegmentHeader, age: Duration) -> Urgency {
        let is_in_doubt = || {
            let calm = lock(&self.recent).get(&header.session);
            calm.is_some_and(|calm| calm.is_in_doubt(header.start_ms))
        };
        match age {
            age if age > LIVE_WITHIN => Urgency::Backlog,
            _ if is_in_doubt() => Urgency::InDoubt,
            _ => Urgency::Live,
        }
    }

    /// Remembers what was seen.
    pub(super) fn learn(&self, observation: &Observation) {
        if let Some(load) = &self.load {
            lock(load).done += 1;
        }
        let mut recent = lock(&self.recent);
        let before = recent.get(&observation.session);
        let after = Calm::after(before.as_ref(), observation, &self.suspicion);
        recent.insert(&observation.session, after);
    }

    /// So many segments wait that nothing but time stands in the way of. To be told at regular intervals.
    pub(super) fn adjust(&self, waiting: u64) {
        let Some(load) = &self.load else { return };
        let mut load = lock(load);
        let took = load.since.elapsed();
        let done = std::mem::take(&mut load.done);
        load.since = Instant::now();
        let behind = match done {
            0 if waiting == 0 => Duration::ZERO,
            // It stands still: that is not for too much to do, and nobody knows how long what waits will take.
            0 => return,
            done => took.mul_f64(waiting as f64 / f64::from(done)),
        };
        let changed = load.shedding.adjust(Millis(behind.as_millis() as i64));
        let levels = load.shedding.levels();
        let is_shedding = levels.iter().any(|(level, tenants)| *level > Level::None && *tenants > 0);
        match (changed, is_shedding) {
            (true, true) => tracing::warn!(
                behind_s = behind.as_secs(),
                half = levels.get(&Level::Half),
                most = levels.get(&Level::Most),
                nearly_all = levels.get(&Level::Nearly),
                "this process has too much to do: of so many tenants samples are shed"
            ),
            (true, false) => tracing::info!(behind_s = behind.as_secs(), "no samples are shed any more"),
            (false, _) => {}
        }
        self.metrics.shedding(&levels);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole whatever happened to a thread that held it.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
