//! What comparisons say: rates of single and of fused samples, by condition and by group.

use std::collections::BTreeSet;

use domain::policy::IdentityRules;

use super::FUSED;
use super::comparisons::{Comparison, Video};
use super::curve::{Curve, Rates, Score, Weight, at_fmr, eer};
use super::labels::Labelled;
use crate::eval::figure::{Figure, Tally, Unit};

/// At most so many others are taken for the person.
pub(super) const FMR: f64 = 0.01;
/// At most so many videos of the right person are fused to less than the lower level.
const UNLIKE: f64 = 0.005;

/// Figures, and what thresholds and the plot are made from.
#[derive(Debug)]
pub(super) struct Measured {
    pub figures: Vec<Figure>,
    pub single: Vec<Rates>,
    pub fused: Vec<Rates>,
    /// Of fused samples, where others match as seldom as they may.
    pub at: Rates,
    pub low: f64,
    /// Comparisons of fused samples: of one person, and between two.
    pub compared: (usize, usize),
}

/// All figures; `None` if there are no comparisons of one person, or none between two.
pub(super) fn of(
    compared: &[Comparison<'_>],
    videos: &[Video<'_>],
    persons: usize,
    policy: &IdentityRules,
) -> Option<Measured> {
    let single = Curve::of(compared.iter().flat_map(Comparison::single).collect(), persons, Weight::Persons);
    let scores: Vec<Score> = compared.iter().filter_map(|one| one.fused(FUSED)).collect();
    let fused = Curve::of(scores.clone(), persons, Weight::Persons);
    let by_comparison = Curve::of(scores, persons, Weight::Comparisons);
    let at = fused.at_fmr(FMR)?;
    let rates = fused.rates();
    // Nobody is unlike who would match.
    let low = rates.iter().find(|rates| rates.fnmr <= UNLIKE)?.threshold.min(at.threshold);
    let mut figures = Vec::from(curve_figures("single", "one sample", &single, videos.len()));
    let samples = format!("{FUSED} or more samples fused");
    figures.extend(curve_figures("fused", &samples, &fused, videos.len()));
    let [_, pooled] = curve_figures("pooled", &samples, &by_comparison, videos.len());
    figures.push(pooled.noted("every comparison weighs the same"));
    figures.extend(by_label(compared, at.threshold, "condition", |video| video.condition.as_deref()));
    figures.extend(by_label(compared, at.threshold, "group", |video| video.group.as_deref()));
    figures.extend(rule(compared, (low, at.threshold), "at the levels below"));
    let levels = [policy.low_milli, policy.high_milli].map(|milli| f64::from(milli) / 1000.0);
    figures.extend(rule(compared, levels.into(), "at those of the policy"));
    figures.push(acquired(videos));
    let compared = fused.counts();
    Some(Measured { figures, single: single.rates(), fused: rates, at, low, compared })
}

fn curve_figures(name: &str, of: &str, curve: &Curve, videos: usize) -> [Figure; 2] {
    let (genuine, others) = curve.counts();
    let figure = |name: &str, meaning: String, of_rates: fn(&[Rates]) -> Option<f64>| {
        let mut figure = Figure::new(name, &meaning, Unit::Share, "comparisons");
        (figure.n, figure.clips) = (genuine + others, videos);
        figure.value = of_rates(&curve.rates());
        figure.add_resampled("bootstrap by person", curve.resampled(of_rates));
        figure.noted(format!("{genuine} of one person, {others} between two; every person weighs the same"))
    };
    [
        figure(&format!("{name}_eer"), format!("equal error rate, {of}"), eer),
        figure(
            &format!("{name}_fnmr_at_fmr_1_percent"),
            format!("the right person not matched, at FMR 1 %, {of}"),
            |rates| at_fmr(rates, FMR).map(|rates| rates.fnmr),
        ),
    ]
}

/// Both rates at one threshold for each label of a kind.
fn by_label<'a>(
    compared: &[Comparison<'a>],
    threshold: f64,
    kind: &str,
    label: impl Fn(&'a Labelled) -> Option<&'a str>,
) -> Vec<Figure> {
    let labels: BTreeSet<&str> = compared.iter().filter_map(|one| label(one.video)).collect();
    let mut figures = Vec::new();
    for wanted in labels {
        let of = || compared.iter().filter(|one| label(one.video) == Some(wanted));
        for (rate, what, genuine) in
            [("fnmr", "the right person not matched", true), ("fmr", "others matched", false)]
        {
            let of_one_kind = of().filter(|one| one.is_genuine() == genuine);
            let tallies = tallies(of_one_kind, |one| {
                one.fused(FUSED).map(|score| (score.similarity < threshold) == genuine)
            });
            let meaning = format!("{what}, {kind} {wanted}");
            figures.push(Figure::proportion(
                &format!("{rate}_{kind}_{wanted}"),
                &meaning,
                "comparisons",
                &tallies,
            ));
        }
    }
    figures
}

/// How often the rule of the score takes fused samples for another person's, with the levels low and high.
fn rule(compared: &[Comparison<'_>], levels: (f64, f64), whose: &str) -> [Figure; 2] {
    let right = ("the_right_person", "the right person taken for another", true);
    let other = ("another_person", "another person noticed", false);
    [right, other].map(|(name, what, genuine)| {
        let of = compared.iter().filter(|one| one.is_genuine() == genuine);
        let tallies = tallies(of, |one| one.is_mismatch(FUSED, levels));
        let meaning = format!("{what}, {whose}");
        let name = format!("mismatch_of_{name}_{}", whose.replace(' ', "_"));
        let figure = Figure::proportion(&name, &meaning, "comparisons", &tallies);
        figure.noted(format!(
            "{FUSED} samples, none above {:.3}, below {:.3} in their mean",
            levels.1, levels.0
        ))
    })
}

/// How many videos allow a comparison at all.
fn acquired(videos: &[Video<'_>]) -> Figure {
    let tally = |video: &Video<'_>| Tally {
        hits: usize::from(video.samples.iter().flatten().count() >= FUSED),
        trials: 1,
    };
    let tallies: Vec<Tally> = videos.iter().map(tally).collect();
    let meaning = format!("videos with {FUSED} samples that can be compared");
    Figure::proportion("acquired", &meaning, "videos", &tallies)
}

/// Hits of a question by video, among comparisons that answer it.
fn tallies<'a, 'b: 'a>(
    compared: impl Iterator<Item = &'a Comparison<'b>>,
    question: impl Fn(&Comparison<'b>) -> Option<bool>,
) -> Vec<Tally> {
    let mut tallies = std::collections::BTreeMap::<&str, Tally>::new();
    for one in compared {
        let Some(hit) = question(one) else { continue };
        let tally = tallies.entry(one.video.file.as_str()).or_default();
        tally.hits += usize::from(hit);
        tally.trials += 1;
    }
    tallies.into_values().collect()
}
