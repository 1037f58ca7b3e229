//! What a measured wave means for another number of sessions: processes, partitions, cores, memory, bytes.
//!
//! Taken for granted, and printed with it: sessions like these, all of them on at the same time; cores like these;
//! a process whose folding thread is busy for [`BUSY`] of the time, so that it can catch up; a minimum of two.

use serde::Serialize;

use super::Figures;
use crate::plan::divisible;

/// How busy the thread is to be that folds.
pub(super) const BUSY: f64 = 0.5;
/// So many partitions for each process: as many as keep them equally busy, and as `plan` has it.
const PARTITIONS_EACH: u64 = 4;
/// What a pod may take of its memory.
const FULL: f64 = 0.7;

/// What so many sessions take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Means {
    /// Sessions at the same time.
    pub sessions: u64,
    /// Observations per second.
    pub observations_per_s: f64,
    /// Processes with the score role.
    pub workers: u64,
    /// Partitions of each topic.
    pub partitions: u64,
    /// Cores that all processes keep busy.
    pub cores: f64,
    /// Memory that one process may need, in bytes.
    pub memory_per_worker: f64,
    /// Bytes per second into `observations`, one copy.
    pub observation_bytes_per_s: f64,
    /// Bytes per second into `score-state`, one copy, before producers compress them.
    pub state_bytes_per_s: f64,
    /// Bytes that stay in `score-state`, one copy, when it has been compacted.
    pub state_bytes: f64,
}

impl Means {
    /// The numbers of sessions that are told.
    pub(super) const NUMBERS: [u64; 2] = [50_000, 200_000];

    pub(super) fn of(figures: &Figures, sessions: u64) -> Self {
        let (score, states) = (&figures.score, &figures.states);
        let all = sessions as f64;
        let per_s = all * 1000.0 / figures.wave.segment.0.max(1) as f64;
        let workers = ((per_s * score.folding_ms / 1000.0 / BUSY).ceil() as u64).max(2);
        let own = score.memory_before as f64 / f64::from(figures.workers.max(1));
        let sessions_each = all / workers as f64;
        Self {
            sessions,
            observations_per_s: per_s,
            workers,
            partitions: divisible(workers * PARTITIONS_EACH),
            cores: per_s * score.cpu_ms / 1000.0,
            memory_per_worker: (own + sessions_each * score.memory_per_session()) / FULL,
            observation_bytes_per_s: per_s * figures.sent.bytes,
            state_bytes_per_s: per_s * states.per_observation * states.bytes_per_record,
            state_bytes: all * states.bytes_per_session,
        }
    }
}
