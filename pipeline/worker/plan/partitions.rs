//! Into how many partitions each topic is divided. For ever: so enough of them, and a number that many numbers
//! of pods divide.

use serde::Serialize;

use super::{Traffic, Workers};

/// Partitions for each pod. A pod has whole partitions: with four each, the one that has one more than others
/// has a quarter more to do.
const PER_POD: u64 = 4;

/// Bytes per second that one partition may take. A partition is one log on one disk, written by one broker,
/// copied by one thread of each follower: one client wrote 124 to 236 MiB/s to a broker on two shared cores, in
/// records of the size of segments. A twelfth of it leaves room for many partitions on a broker, and for
/// catching up after one was down.
pub const BYTES_PER_S: u64 = 10_000_000;

/// The most that `invigilator topics create` makes.
pub const MOST: u64 = 10_000;

/// What decides how many partitions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// How many pods share them.
    Pods,
    /// How many bytes one of them can take.
    Bytes,
}

/// The partitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Partitions {
    /// Of each topic.
    pub each_topic: u64,
    /// What decides that.
    pub reason: Reason,
    /// How many there should be at least, before rounding.
    pub at_least: u64,
    /// Bytes per second into one partition of the segments.
    pub segment_bytes_per_s: f64,
    /// Bytes that one partition of the segments keeps, in each copy.
    pub segment_bytes: f64,
}

impl Partitions {
    pub(super) fn of(workers: &Workers, traffic: &Traffic) -> Self {
        let segments = traffic.topics.iter().find(|topic| topic.topic == "segments");
        let (per_s, kept) = segments.map_or((0.0, 0.0), |topic| (topic.bytes_per_s, topic.kept_bytes));
        let by_pods = workers.pods * PER_POD;
        let by_bytes = (per_s / BYTES_PER_S as f64).ceil() as u64;
        let reason = if by_bytes > by_pods { Reason::Bytes } else { Reason::Pods };
        let at_least = by_pods.max(by_bytes);
        let each_topic = divisible(at_least);
        Self {
            each_topic,
            reason,
            at_least,
            segment_bytes_per_s: per_s / each_topic as f64,
            segment_bytes: kept / each_topic as f64,
        }
    }
}

/// The smallest number from `least` on that has at least as many divisors as every number below it, such as 12,
/// 24, 60, 120, 360.
pub(crate) fn divisible(least: u64) -> u64 {
    // Between a number and its double there is always one: the double has more divisors.
    let most = (least * 2).max(1) as usize;
    let mut divisors = vec![0_u32; most + 1];
    for step in 1..=most {
        (step..=most).step_by(step).for_each(|multiple| divisors[multiple] += 1);
    }
    let mut record = 0;
    for (number, count) in divisors.into_iter().enumerate().skip(1) {
        if count >= record {
            record = count;
            if number as u64 >= least {
                return number as u64;
            }
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_many_numbers_divide() {
        let found = [1, 5, 7, 13, 25, 61, 100, 121, 361, 1549].map(divisible);
        assert_eq!(found, [1, 6, 8, 18, 30, 72, 108, 168, 420, 1680]);
        assert_eq!(divisible(0), 1);
        assert_eq!([12, 24, 60, 360, 2520].map(divisible), [12, 24, 60, 360, 2520]);
    }
}
