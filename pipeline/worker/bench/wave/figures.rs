//! From what was watched to figures. As JSON their fields are the contract.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::super::Machine;
use super::sender::Sender;
use super::verdicts::{Check, States, Verdicts};
use super::watch::Watch;
use super::{Means, Point, Setting, Wave};

/// Results should be there within this time: the objective `score_delay` of k8s/components/monitoring.
const SOON_S: f64 = 10.0;
/// So many thousandths of them.
const SOON_MILLI: f64 = 990.0;

/// A finished wave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Where it was measured.
    pub machine: Machine,
    /// Version of the program.
    pub version: String,
    /// What came.
    pub wave: Wave,
    /// Processes with the score role.
    pub workers: u32,
    /// Partitions of each topic.
    pub partitions: i32,
    /// What was sent.
    pub sent: Sending,
    /// What the score role did with it.
    pub score: Scoring,
    /// What is stored of the sessions.
    pub states: States,
    /// Whether all results are there, once, and what they must be.
    pub check: Check,
    /// Second by second.
    pub points: Vec<Point>,
    /// What the same means for other numbers of sessions.
    pub means: Vec<Means>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sending {
    /// Observations.
    pub observations: u64,
    /// Facts of sessions' lives and decisions of people.
    pub others: u64,
    /// Bytes of an observation, on average.
    pub bytes: f64,
    /// Observations per second while all sessions are on, as the wave wants it.
    pub wanted_per_s: f64,
    /// The most that were sent in one second.
    pub most_per_s: f64,
    /// The most that a record was late, in seconds: more than little, and this machine could not send the wave.
    pub latest_s: f64,
    /// Processor time, in seconds, of this process, which also reads.
    pub cpu_s: f64,
    /// Of the broker, if it was told which it is.
    pub broker_cpu_s: f64,
}

/// What the score role did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scoring {
    /// Whether as many observations were in a committed score as soon as the objective wants it.
    pub kept_up: bool,
    /// Share of the observations that were, in thousandths.
    pub soon_milli: f64,
    /// From the sending of an observation to the committed score that knows it: median and 99th percentile, in
    /// seconds, within the buckets of the worker's own metric.
    pub delay_s: (f64, f64),
    /// From the sending of what a final score needed last to a reader having it: likewise, and the longest.
    pub final_s: (f64, f64, f64),
    /// Commits of transactions, likewise from the worker's metric.
    pub commit_s: (f64, f64),
    /// Transactions.
    pub transactions: u64,
    /// Scores that were published.
    pub scores: u64,
    /// Most observations that waited.
    pub most_behind: u64,
    /// The most that were taken in within one second.
    pub most_per_s: f64,
    /// Processor time of all its threads for one observation, in milliseconds.
    pub cpu_ms: f64,
    /// Of the one thread of each process that folds.
    pub folding_ms: f64,
    /// The most cores that were busy in a second.
    pub most_cores: f64,
    /// Memory of all processes before anything came, in bytes.
    pub memory_before: u64,
    /// The most that they took.
    pub most_memory: u64,
    /// The most sessions that were in it.
    pub most_in_memory: u64,
}

impl Scoring {
    /// Memory for one session, in bytes.
    pub fn memory_per_session(&self) -> f64 {
        let grown = self.most_memory.saturating_sub(self.memory_before);
        grown as f64 / self.most_in_memory.max(1) as f64
    }
}

impl Figures {
    pub(super) fn of(
        setting: &Setting,
        watch: &Watch,
        sender: &Sender,
        verdicts: &Verdicts<'_>,
        states: States,
        check: Check,
    ) -> Self {
        let (sent, wave) = (&sender.sent, setting.wave.clone());
        let observations = sent.observations.load(Ordering::Relaxed);
        let each = |of: f64| of / observations.max(1) as f64;
        let (before, after) = watch.used;
        let delays = histogram(&watch.told, "invigilator_score_delay_seconds");
        let commits = histogram(&watch.told, "invigilator_transaction_commit_seconds");
        let finals = verdicts.delays();
        let at = |share: f64| exact(&finals, share);
        let most = |of: fn(&Point) -> u64| watch.points.iter().map(of).max().unwrap_or_default();
        let soon_milli = 1000.0 * within(&delays, SOON_S);
        let score = Scoring {
            kept_up: soon_milli >= SOON_MILLI,
            soon_milli,
            delay_s: (quantile(&delays, 0.5), quantile(&delays, 0.99)),
            final_s: (at(0.5), at(0.99), at(1.0)),
            commit_s: (quantile(&commits, 0.5), quantile(&commits, 0.99)),
            transactions: commits.last().map_or(0, |(_, count)| *count as u64),
            scores: verdicts.scores(),
            most_behind: most(|point| point.sent.saturating_sub(point.taken)),
            most_per_s: steepest(&watch.points, |point| point.taken),
            cpu_ms: each(after.workers - before.workers),
            folding_ms: each(after.folding - before.folding),
            most_cores: watch.points.iter().map(|point| point.cores).fold(0.0, f64::max),
            memory_before: watch.memory_before,
            most_memory: most(|point| point.memory),
            most_in_memory: most(|point| point.in_memory),
        };
        let sent = Sending {
            observations,
            others: sent.others.load(Ordering::Relaxed),
            bytes: each(sent.bytes.load(Ordering::Relaxed) as f64),
            wanted_per_s: f64::from(wave.sessions) * 1000.0 / wave.segment.0.max(1) as f64,
            most_per_s: steepest(&watch.points, |point| point.sent),
            latest_s: sent.latest_ms.load(Ordering::Relaxed) as f64 / 1000.0,
            cpu_s: (after.sender - before.sender) / 1000.0,
            broker_cpu_s: (after.broker - before.broker) / 1000.0,
        };
        let mut figures = Self {
            machine: Machine::this(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workers: setting.workers,
            partitions: setting.partitions,
            wave,
            sent,
            score,
            states,
            check,
            points: watch.points.clone(),
            means: Vec::new(),
        };
        figures.means = Means::NUMBERS.map(|sessions| Means::of(&figures, sessions)).to_vec();
        figures
    }

    /// Whether every session has its score, none was said twice, and those that were compared are what they must be.
    pub fn is_right(&self) -> bool {
        let Check { finals, doubled, different, .. } = &self.check;
        *finals == u64::from(self.wave.sessions) && *doubled == 0 && different.is_empty()
    }
}

/// The most that a count grew in a second.
fn steepest(points: &[Point], of: fn(&Point) -> u64) -> f64 {
    let pairs = points.iter().zip(points.iter().skip(1));
    let steps = pairs.map(|(one, next)| (of(next) - of(one).min(of(next))) as f64 / (next.at - one.at));
    steps.fold(0.0, f64::max)
}

/// The value below which this share of sorted values lies.
fn exact(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or_default()
}

/// Buckets of a histogram without labels, of all processes together: upper bound, and how many lie below.
fn histogram(metrics: &str, name: &str) -> Vec<(f64, f64)> {
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for line in metrics.lines() {
        let Some(rest) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix("_bucket{le=\"")) else {
            continue;
        };
        let Some((bound, count)) = rest.split_once("\"} ") else { continue };
        let (Ok(bound), Ok(count)) = (bound.parse::<f64>(), count.trim().parse::<f64>()) else { continue };
        match buckets.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, sum)) => *sum += count,
            None => buckets.push((bound, count)),
        }
    }
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    buckets
}

/// The value below which this share lies, as Prometheus computes it: evenly spread within a bucket.
fn quantile(buckets: &[(f64, f64)], share: f64) -> f64 {
    let wanted = buckets.last().map_or(0.0, |(_, all)| all * share);
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= wanted && *count > below {
            let high = if bound.is_finite() { *bound } else { low };
            return low + (high - low) * (wanted - below) / (count - below);
        }
        (low, below) = (*bound, *count);
    }
    0.0
}

/// Which share lies below a bound that is one of the buckets'.
fn within(buckets: &[(f64, f64)], bound: f64) -> f64 {
    let all = buckets.last().map_or(0.0, |(_, all)| *all);
    let below = buckets.iter().find(|(known, _)| *known >= bound).map_or(0.0, |(_, below)| *below);
    if all > 0.0 { below / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_of_two_processes_are_one() {
        let metrics = "a_bucket{le=\"1\"} 50\na_bucket{le=\"10\"} 90\na_bucket{le=\"+Inf\"} 100\n\
                       b_bucket{le=\"1\"} 7\na_bucket{le=\"1\"} 50\na_bucket{le=\"10\"} 100\n\
                       a_bucket{le=\"+Inf\"} 100\n";
        let buckets = histogram(metrics, "a");
        assert_eq!(buckets, [(1.0, 100.0), (10.0, 190.0), (f64::INFINITY, 200.0)]);
        assert_eq!(quantile(&buckets, 0.25), 0.5);
        assert_eq!(quantile(&buckets, 0.5), 1.0);
        assert_eq!(quantile(&buckets, 0.725), 5.5);
        assert_eq!(quantile(&buckets, 0.99), 10.0, "nobody knows more");
        assert_eq!(within(&buckets, 10.0), 0.95);
        assert_eq!((quantile(&[], 0.5), within(&[], 1.0)), (0.0, 0.0));
    }

    #[test]
    fn exact_quantiles_are_values_that_were_there() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!([0.0, 0.25, 0.5, 0.99, 1.0].map(|share| exact(&values, share)), [1.0, 1.0, 2.0, 4.0, 4.0]);
        assert_eq!(exact(&[], 0.5), 0.0);
    }
}
