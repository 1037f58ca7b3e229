//! Intervals and rates: how sure a figure is.
//!
//! Everything is deterministic: resampling uses a small generator with a fixed seed, so that the same
//! labels and the same results print the same intervals.

use serde::Serialize;

/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;
const TAIL: f64 = 0.025;
/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 2000;
const SEED: u64 = 0x5eed_0f1a_6e15;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bounds {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Wilson's score interval of a proportion; `None` of nothing.
pub fn wilson(hits: usize, trials: usize) -> Option<Bounds> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let share = hits as f64 / n;
    let shrink = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / shrink;
    let half = Z / shrink * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Bounds { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

/// The exact interval of a Poisson rate: `events` during `exposure`; `None` without exposure.
pub fn poisson(events: usize, exposure: f64) -> Option<Bounds> {
    if exposure <= 0.0 {
        return None;
    }
    let low = if events == 0 { 0.0 } else { solve(|mean| 1.0 - at_most(events - 1, mean) - TAIL, events) };
    let high = solve(|mean| TAIL - at_most(events, mean), events);
    Some(Bounds { low: low / exposure, high: high / exposure })
}

/// Probability of at most `events` when `mean` are expected.
fn at_most(events: usize, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for event in 1..=events {
        term *= mean / event as f64;
        sum += term;
    }
    sum.min(1.0)
}

/// The mean at which a growing function of it crosses zero, by halving.
fn solve(growing: impl Fn(f64) -> f64, events: usize) -> f64 {
    let (mut low, mut high) = (0.0, 2.0 * events as f64 + 20.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if growing(middle) < 0.0 { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Area under the ROC curve: how often a positive scores above a negative, ties counting half.
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let won = |positive: f64| -> f64 {
        let against = |negative: &f64| match positive.total_cmp(negative) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        negatives.iter().map(against).sum()
    };
    let wins: f64 = positives.iter().map(|&positive| won(positive)).sum();
    Some(wins / (positives.len() * negatives.len()) as f64)
}

/// What resampling found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampled {
    /// Percentiles 2.5 and 97.5.
    pub bounds: Bounds,
    /// Resamples in which the figure was defined.
    pub defined: usize,
}

/// Percentile bootstrap: draws as many `clusters` as there are, with replacement, again and again.
/// `None` if the figure is not defined in any resample.
pub fn bootstrap<T>(clusters: &[T], figure: impl Fn(&[&T]) -> Option<f64>) -> Option<Resampled> {
    if clusters.is_empty() {
        return None;
    }
    let mut random = SplitMix(SEED);
    let mut figures: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn: Vec<&T> = clusters.iter().map(|_| &clusters[random.below(clusters.len())]).collect();
            figure(&drawn)
        })
        .collect();
    figures.sort_by(f64::total_cmp);
    let last = figures.len().checked_sub(1)?;
    let percentile = |share: f64| figures[(share * last as f64).round() as usize];
    let bounds = Bounds { low: percentile(TAIL), high: percentile(1.0 - TAIL) };
    Some(Resampled { bounds, defined: figures.len() })
}

/// Middle value; of an even number the mean of both.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// SplitMix64.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`, evenly enough for counts far below 2^32.
    fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(bounds: Option<Bounds>, low: f64, high: f64) {
        let bounds = bounds.unwrap();
        assert!((bounds.low - low).abs() < 5e-4 && (bounds.high - high).abs() < 5e-4, "{bounds:?}");
    }

    #[test]
    fn wilson_matches_published_values() {
        // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        close(wilson(81, 263), 0.2553, 0.3662);
        close(wilson(15, 148), 0.0624, 0.1605);
        close(wilson(0, 20), 0.0, 0.1611);
        close(wilson(1, 29), 0.0061, 0.1718);
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn poisson_matches_published_values() {
        // Garwood (1936): 0 events up to 3.689, 5 events 1.623 to 11.668, 50 events 37.11 to 65.92.
        close(poisson(0, 1.0), 0.0, 3.6889);
        close(poisson(5, 1.0), 1.6235, 11.6683);
        let fifty = poisson(50, 10.0).unwrap();
        assert!((fifty.low - 3.711).abs() < 1e-3 && (fifty.high - 6.592).abs() < 1e-3);
        assert_eq!(poisson(3, 0.0), None);
    }

    #[test]
    fn auc_counts_ties_half() {
        assert_eq!(auc(&[3.0, 4.0], &[1.0, 2.0]), Some(1.0));
        assert_eq!(auc(&[1.0], &[1.0]), Some(0.5));
        // 6 pairs: 3>1, 3>2, 3=3, 2>1, 2=2, 2<3.
        assert_eq!(auc(&[3.0, 2.0], &[1.0, 2.0, 3.0]), Some(4.0 / 6.0));
        assert_eq!(auc(&[], &[1.0]), None);
    }

    #[test]
    fn bootstrap_is_repeatable_and_covers_the_mean() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        let mean = |drawn: &[&f64]| Some(drawn.iter().copied().sum::<f64>() / drawn.len() as f64);
        let once = bootstrap(&values, mean).unwrap();
        assert_eq!(Some(once), bootstrap(&values, mean));
        // Standard error 57.7 / sqrt(200) = 4.08.
        assert!(
            (once.bounds.low - (99.5 - 8.0)).abs() < 1.0 && (once.bounds.high - (99.5 + 8.0)).abs() < 1.0
        );
        assert_eq!(once.defined, RESAMPLES);
        assert_eq!(bootstrap(&values, |_| None), None);
    }

    #[test]
    fn median_of_even_numbers_lies_between() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
