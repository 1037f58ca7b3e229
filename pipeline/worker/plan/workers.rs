//! Who does the work: cores, pods, and what they may need of memory.

use serde::Serialize;

use super::{Ask, Figures, Partitions};

/// What a session in progress may take of the score role's memory: the bound of its state.
const STATE_BYTES: u64 = 32 << 10;

/// What decides how many cores there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// That they are not busier than is asked for.
    Utilisation,
    /// That the others can do the work when a zone is down.
    ZoneDown,
}

/// The pods, each with all roles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workers {
    /// Cores that would be busy all the time.
    pub busy_cores: f64,
    /// How many there are to be.
    pub cores: u64,
    /// What decides that.
    pub bound: Bound,
    /// Pods, equally many in each zone.
    pub pods: u64,
    /// Sessions of a pod, on average.
    pub sessions_per_pod: f64,
    /// Share of the cores that is busy.
    pub utilisation: f64,
    /// The same while one zone is down; `None` if there is but one.
    pub utilisation_zone_down: Option<f64>,
    /// The same of the pod that chance and partitions give the most sessions.
    pub utilisation_busiest_pod: f64,
    /// Memory that a pod needs.
    pub memory_per_pod: u64,
    /// Memory that it may come to use when it is behind: its queues are full then.
    pub memory_limit_per_pod: u64,
    /// Memory that all pods need.
    pub memory: u64,
}

impl Workers {
    pub(super) fn of(ask: &Ask, figures: &Figures, calm: Option<&Figures>) -> Self {
        let own = figures.milliseconds(ask.cores_per_pod);
        let calm_own = calm.map_or(own, |calm| calm.milliseconds(ask.cores_per_pod));
        let each = (own * (1.0 - ask.calm) + calm_own * ask.calm) / 1000.0;
        let busy_cores = ask.sessions as f64 * each;

        let at_rest = busy_cores / ask.utilisation;
        let left = share_left(ask.zones);
        let zone_down = left.map_or(0.0, |left| busy_cores / ask.utilisation_zone_down / left);
        let bound = if zone_down > at_rest { Bound::ZoneDown } else { Bound::Utilisation };
        let wanted = at_rest.max(zone_down);
        let pods = ((wanted / ask.cores_per_pod as f64).ceil() as u64).max(1).next_multiple_of(ask.zones);
        let cores = pods * ask.cores_per_pod;
        let utilisation = busy_cores / cores as f64;

        let sessions_per_pod = ask.sessions as f64 / pods as f64;
        let (one, two) = (figures.measured.peak_bytes, figures.measured.peak_bytes_on_two);
        let states = sessions_per_pod.ceil() as u64 * STATE_BYTES;
        let memory_per_pod = one + two.saturating_sub(one) * (ask.cores_per_pod - 1) + states;
        Self {
            busy_cores,
            cores,
            bound,
            pods,
            sessions_per_pod,
            utilisation,
            utilisation_zone_down: left.map(|left| utilisation / left),
            utilisation_busiest_pod: utilisation,
            memory_per_pod,
            memory_limit_per_pod: memory_per_pod + ask.queue_bytes,
            memory: memory_per_pod * pods,
        }
    }

    /// What partitions and chance make of the busiest pod. A pod has whole partitions; a session is in the
    /// partition that the hash of its name says, so that their number varies as that of a Poisson process does,
    /// and the largest of n such numbers lies about sqrt(2 ln n) standard deviations above the mean.
    pub(super) fn spread_over(&mut self, ask: &Ask, partitions: &Partitions) {
        let pods = self.pods as f64;
        let most_partitions = partitions.each_topic.div_ceil(self.pods) as f64;
        let mean = ask.sessions as f64 / partitions.each_topic as f64 * most_partitions;
        let most = mean + (2.0 * pods.ln() * mean).sqrt();
        self.utilisation_busiest_pod = self.utilisation * most / self.sessions_per_pod;
    }
}

/// Which share of the pods is left when one zone is down; `None` if there is but one zone.
fn share_left(zones: u64) -> Option<f64> {
    (zones > 1).then(|| (zones - 1) as f64 / zones as f64)
}
