//! `invigilator plan`: from measured figures to the size of a cluster: cores, pods, partitions, bytes, memory,
//! cost.
//!
//! ```text
//! figures (of `invigilator bench`) ─┐
//! what is asked for ────────────────┴▶ workers ─▶ partitions
//!                                   └▶ traffic ─▶ cost
//! timetable ─▶ floors of sessions ─▶ pods ─▶ triggers of KEDA
//! ```
//!
//! A pure computation, and a simple one: nothing is in it that cannot be followed with a pocket calculator.
//! Whatever it takes for granted it says ([`Plan::assumptions`]), and where what is asked for lies far from what
//! was measured it warns ([`Plan::warnings`]).
//!
//! Not responsible for: the brokers' processors, which nobody measured; how the system behaves under such a
//! load, which a test of that size shows and no computation.

mod cost;
mod figures;
pub mod keda;
mod partitions;
mod said;
#[cfg(test)]
mod tests;
pub mod timetable;
mod traffic;
mod workers;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::bench::Machine;

pub use cost::{Cost, Prices};
pub use figures::{Codec, Figures, FiguresError};
pub(crate) use partitions::divisible;
pub use partitions::{Partitions, Reason};
pub use traffic::{Stored, TopicLoad, Traffic, has_retention};
pub use workers::{Bound, Workers};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ask {
    /// Sessions at the same time.
    pub sessions: u64,
    /// Bits of video per second of a session.
    pub bitrate: u64,
    /// Length of a segment.
    pub segment: Duration,
    /// Share of the sessions that are calm, 0 to 1.
    pub calm: f64,
    /// Share of the cores that may be busy, 0 to 1.
    pub utilisation: f64,
    /// The same while one zone is down.
    pub utilisation_zone_down: f64,
    /// Cores of a pod.
    pub cores_per_pod: u64,
    /// Zones that pods and brokers are spread over.
    pub zones: u64,
    /// Copies of each record.
    pub replication: u64,
    /// Hours of a day in which there are so many sessions.
    pub hours_a_day: f64,
    /// Length of a session.
    pub session_length: Duration,
    /// For how long records of topics are kept, where that is not their default.
    pub retention: BTreeMap<String, Duration>,
    /// For how long the last records of a session stay in compacted topics.
    pub keep: Duration,
    /// Bytes that the queues of a pod may hold.
    pub queue_bytes: u64,
    /// What things cost.
    pub prices: Prices,
}

/// Where the figures are from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// A file, or that they are those of this program.
    pub from: String,
    /// Where they were measured.
    pub machine: Machine,
    /// Milliseconds of processor time per second of video.
    pub milliseconds: f64,
    /// The same of a calm session, if some are.
    pub calm_milliseconds: Option<f64>,
}

/// The size of a cluster; as JSON its fields are the contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What was asked for.
    pub ask: Ask,
    /// Which figures it rests on.
    pub figures: Source,
    /// Who does the work.
    pub workers: Workers,
    /// Into how many partitions each topic is divided.
    pub partitions: Partitions,
    /// What is written, read and kept.
    pub traffic: Traffic,
    /// What it costs, as far as prices are given.
    pub cost: Cost,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// What may be wrong with it.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The plan for what is asked for, after what was measured; `calm` are the figures of calm sessions.
    pub fn of(ask: Ask, figures: &Figures, calm: Option<&Figures>) -> Self {
        let traffic = Traffic::of(&ask, figures);
        let mut workers = Workers::of(&ask, figures, calm);
        let partitions = Partitions::of(&workers, &traffic);
        workers.spread_over(&ask, &partitions);
        let cost = Cost::of(&ask, &workers, &traffic);
        let assumptions = said::assumptions(&ask, &partitions);
        let warnings = said::warnings(&ask, figures, &workers, &partitions);
        let figures = Source {
            from: figures.from.clone(),
            machine: figures.measured.machine.clone(),
            milliseconds: figures.milliseconds(ask.cores_per_pod),
            calm_milliseconds: calm.map(|calm| calm.milliseconds(ask.cores_per_pod)),
        };
        Self { figures, workers, partitions, traffic, cost, assumptions, warnings, ask }
    }
}
