//! What it costs in a month, in whatever currency prices are given. There are no prices in the program.

use serde::Serialize;

use super::{Ask, Traffic, Workers};

/// Days of a month.
const DAYS: f64 = 30.0;
const GB: f64 = 1e9;

/// Prices; what has none is not in the cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Prices {
    /// Of a core for an hour.
    pub core_hour: Option<f64>,
    /// Of 10⁹ bytes on a disk for a month.
    pub gb_month: Option<f64>,
    /// Of 10⁹ bytes from one zone to another.
    pub gb_between_zones: Option<f64>,
}

/// The cost of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Of the workers' cores.
    pub cores: Option<f64>,
    /// Of the brokers' disks.
    pub disks: Option<f64>,
    /// Of what goes from one zone to another.
    pub between_zones: Option<f64>,
    /// Of all that has a price; `None` if nothing has.
    pub total: Option<f64>,
    /// The same for one session for one hour.
    pub session_hour: Option<f64>,
}

impl Cost {
    pub(super) fn of(ask: &Ask, workers: &Workers, traffic: &Traffic) -> Self {
        let hours = ask.hours_a_day * DAYS;
        let Prices { core_hour, gb_month, gb_between_zones } = ask.prices;
        let cores = core_hour.map(|price| workers.cores as f64 * hours * price);
        let disks = gb_month.map(|price| traffic.disk_bytes / GB * price);
        let moved = traffic.between_zones_bytes_per_s * hours * 3600.0 / GB;
        let between_zones = gb_between_zones.map(|price| moved * price);
        let priced: Vec<f64> = [cores, disks, between_zones].into_iter().flatten().collect();
        let total = (!priced.is_empty()).then(|| priced.iter().sum::<f64>());
        let session_hour = total.map(|total| total / (ask.sessions as f64 * hours));
        Self { cores, disks, between_zones, total, session_hour }
    }
}
