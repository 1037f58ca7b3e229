//! False matches and false non-matches over all thresholds. Resampling draws persons.

use serde::Serialize;

use super::super::statistics::{Resampled, bootstrap};

/// How alike a template and a sample are, or the samples of one video together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    pub similarity: f64,
    /// Whose template it is.
    pub template: usize,
    /// Who is in the video.
    pub sample: usize,
}

/// Rates at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// From this similarity on two faces are taken for one person's.
    pub threshold: f64,
    /// Share of comparisons between two persons at or above it.
    pub fmr: f64,
    /// Share of comparisons of one person below it.
    pub fnmr: f64,
}

/// What weighs the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Each person, and each two persons: somebody with many pictures is no more persons than one with two.
    Persons,
    /// Each comparison.
    Comparisons,
}

/// Scores of a kind, best first, with their weights.
#[derive(Debug)]
pub(super) struct Curve {
    scores: Vec<(Score, f64)>,
    persons: usize,
}

impl Curve {
    pub fn of(mut scores: Vec<Score>, persons: usize, weight: Weight) -> Self {
        scores.sort_by(|one, other| other.similarity.total_cmp(&one.similarity));
        let mut counts = vec![0_u32; persons * persons];
        for score in &scores {
            counts[score.template * persons + score.sample] += 1;
        }
        let weight_of = |score: &Score| match weight {
            Weight::Persons => 1.0 / f64::from(counts[score.template * persons + score.sample]),
            Weight::Comparisons => 1.0,
        };
        let scores = scores.iter().map(|score| (*score, weight_of(score))).collect();
        Self { scores, persons }
    }

    /// Comparisons of one person, and between two.
    pub fn counts(&self) -> (usize, usize) {
        let genuine = self.scores.iter().filter(|(score, _)| score.template == score.sample).count();
        (genuine, self.scores.len() - genuine)
    }

    /// Rates at every threshold at which they change, from the highest on.
    pub fn rates(&self) -> Vec<Rates> {
        self.rates_of(&vec![1.0; self.persons])
    }

    /// The lowest threshold at which no more than a share of others match.
    pub fn at_fmr(&self, fmr: f64) -> Option<Rates> {
        at_fmr(&self.rates(), fmr)
    }

    /// What becomes of a figure of the rates when persons are drawn.
    pub fn resampled(&self, figure: impl Fn(&[Rates]) -> Option<f64>) -> Option<Resampled> {
        let persons: Vec<usize> = (0..self.persons).collect();
        bootstrap(&persons, |drawn| {
            let mut times = vec![0.0; self.persons];
            drawn.iter().for_each(|person| times[**person] += 1.0);
            figure(&self.rates_of(&times))
        })
    }

    /// With every person as often as `times` says.
    fn rates_of(&self, times: &[f64]) -> Vec<Rates> {
        let weighted = |(score, weight): &(Score, f64)| match score.template == score.sample {
            true => (times[score.sample] * weight, 0.0),
            false => (0.0, times[score.template] * times[score.sample] * weight),
        };
        let (genuine, others) = self.scores.iter().map(weighted).fold((0.0, 0.0), add);
        if genuine == 0.0 || others == 0.0 {
            return Vec::new();
        }
        let mut passed = (0.0, 0.0);
        let mut rates = Vec::with_capacity(self.scores.len());
        for (index, entry) in self.scores.iter().enumerate() {
            passed = add(passed, weighted(entry));
            let threshold = entry.0.similarity;
            let next = self.scores.get(index + 1).map(|(score, _)| score.similarity);
            if next != Some(threshold) {
                rates.push(Rates { threshold, fmr: passed.1 / others, fnmr: 1.0 - passed.0 / genuine });
            }
        }
        rates
    }
}

/// The last of the rates, from the highest threshold on, with no more false matches than a share.
pub(super) fn at_fmr(rates: &[Rates], fmr: f64) -> Option<Rates> {
    rates.iter().take_while(|rates| rates.fmr <= fmr).last().copied()
}

/// Where both rates are equal; their mean where they cross.
pub(super) fn eer(rates: &[Rates]) -> Option<f64> {
    let crossing = rates.iter().find(|rates| rates.fmr >= rates.fnmr)?;
    Some(f64::midpoint(crossing.fmr, crossing.fnmr))
}

fn add(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    (one.0 + other.0, one.1 + other.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(similarity: f64, template: usize, sample: usize) -> Score {
        Score { similarity, template, sample }
    }

    #[test]
    fn persons_weigh_the_same_however_many_pictures_there_are_of_them() {
        // Nine comparisons of the first person succeed, the only one of the second fails.
        let mut scores: Vec<Score> =
            (0..9).map(|index| score(0.9 - f64::from(index) / 100.0, 0, 0)).collect();
        scores.extend([score(0.2, 1, 1), score(0.5, 0, 1), score(0.1, 1, 0)]);
        for (weight, fnmr) in [(Weight::Persons, 0.5), (Weight::Comparisons, 0.1)] {
            let curve = Curve::of(scores.clone(), 2, weight);
            assert_eq!(curve.counts(), (10, 2));
            let rates = curve.at_fmr(0.01).unwrap();
            assert!((rates.threshold - 0.82).abs() < 1e-9 && rates.fmr == 0.0, "{rates:?}");
            assert!((rates.fnmr - fnmr).abs() < 1e-9, "{rates:?}");
        }
    }

    #[test]
    fn what_is_told_apart_has_no_errors_and_what_is_not_has_half() {
        let apart = Curve::of(
            vec![score(0.9, 0, 0), score(0.8, 1, 1), score(0.3, 0, 1), score(0.2, 1, 0)],
            2,
            Weight::Persons,
        );
        assert_eq!(eer(&apart.rates()), Some(0.0));
        let same = Curve::of(
            vec![score(0.9, 0, 0), score(0.2, 1, 1), score(0.9, 0, 1), score(0.2, 1, 0)],
            2,
            Weight::Persons,
        );
        assert_eq!(eer(&same.rates()), Some(0.5));
        assert_eq!(
            eer(&Curve::of(vec![score(0.9, 0, 0)], 1, Weight::Persons).rates()),
            None,
            "nobody to be mistaken for"
        );
    }

    proptest! {
        #[test]
        fn a_lower_threshold_lets_more_of_both_through(
            scores in proptest::collection::vec((-1.0f64..1.0, 0usize..4, 0usize..4), 0..60),
        ) {
            let scores = scores.into_iter().map(|(value, template, sample)| score(value, template, sample));
            let curve = Curve::of(scores.collect(), 4, Weight::Persons);
            let rates = curve.rates();
            for pair in rates.windows(2) {
                prop_assert!(pair[0].threshold > pair[1].threshold);
                prop_assert!(pair[0].fmr <= pair[1].fmr && pair[0].fnmr >= pair[1].fnmr);
            }
            if let Some(last) = rates.last() {
                prop_assert!((last.fmr - 1.0).abs() < 1e-9 && last.fnmr.abs() < 1e-9);
            }
        }
    }
}
