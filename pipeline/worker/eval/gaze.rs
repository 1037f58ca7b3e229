//! Looking away: how well the product's calibrated gaze tells labelled seconds apart.
//!
//! Positive: `away_*`; negative: `screen`; everything else is ignored. A label is about a whole second, so
//! a second's figure is the mean angle of its samples from the session's own on-screen centre, as the
//! policy reads it; its decision is whether most of them open `gaze_off_screen` or `head_turned_away`. A
//! second in which no gaze was measured counts as "not away", which is how the product treats it.

use domain::messages::IncidentType;
use domain::policy::Policy;
use domain::score::{Gaze as Measured, SampleTrace};
use domain::time::MediaMs;
use serde::Serialize;

use super::Analysed;
use super::count::{middle_of, sample_at};
use super::figure::{Figure, Tally, Unit};
use super::labels::{Clip, Gaze};
use super::statistics::{auc, bootstrap};

/// From this many clips on, a bootstrap by clip says something.
const ENOUGH_CLIPS: usize = 5;

/// One labelled second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GazeSecond {
    /// Its number.
    pub second: i64,
    /// Labelled as looking away.
    pub away: bool,
    /// Measured degrees from the on-screen centre; `null` where nothing was measured.
    pub degrees: Option<f64>,
    /// What the product decides at its operating point.
    pub decided_away: bool,
    /// Whether the centre was known already.
    pub calibrated: bool,
}

/// The seconds of a clip that were labelled as away or on the screen.
pub fn seconds(clip: &Clip, analysed: &Analysed, policy: &Policy) -> Vec<GazeSecond> {
    let labelled = clip.spans.iter().filter_map(|span| {
        let away = match span.gaze? {
            Gaze::Screen => false,
            Gaze::Away | Gaze::Down => true,
            Gaze::Unknown => return None,
        };
        Some((span.interval.start.0 / 1000, away))
    });
    let mut seconds: Vec<GazeSecond> = labelled
        .map(|(second, away)| {
            let gazes = gazes_in(analysed, second);
            let decided = gazes.iter().filter(|gaze| is_away(**gaze, policy)).count();
            let sum: f64 = gazes.iter().map(|gaze| f64::from(angle(*gaze, policy)) / 1000.0).sum();
            GazeSecond {
                second,
                away,
                degrees: (!gazes.is_empty()).then(|| sum / gazes.len() as f64),
                decided_away: decided * 2 > gazes.len(),
                calibrated: !gazes.is_empty() && gazes.iter().all(|gaze| gaze.calibrated),
            }
        })
        .collect();
    seconds.sort_by_key(|second| second.second);
    seconds
}

/// Where the candidate looked in the samples of a second; where none was planned in it, in the one that
/// answers for it.
fn gazes_in(analysed: &Analysed, second: i64) -> Vec<Measured> {
    let within = MediaMs(second * 1000)..MediaMs((second + 1) * 1000);
    let samples: Vec<&SampleTrace> =
        analysed.traces.iter().filter(|trace| within.contains(&trace.at)).collect();
    if !samples.is_empty() {
        return samples.into_iter().filter_map(|trace| trace.gaze).collect();
    }
    let answer = sample_at(analysed, middle_of(second))
        .and_then(|sample| analysed.traces.iter().find(|trace| trace.at == sample.media_ms)?.gaze);
    answer.into_iter().collect()
}

/// Furthest of sideways, up and (unless paper is granted) down, in milli-degrees.
fn angle(gaze: Measured, policy: &Policy) -> i32 {
    let down = if policy.accommodations.paper { 0 } else { -gaze.direction.pitch };
    gaze.direction.yaw.abs().max(gaze.direction.pitch).max(down)
}

fn is_away(gaze: Measured, policy: &Policy) -> bool {
    let margin = if gaze.calibrated { 0 } else { policy.calibration.prior_margin_mdeg };
    let head = policy.detect.head_turned_away;
    angle(gaze, policy) > policy.detect.gaze_off_screen.angle_mdeg.on + margin
        || gaze.head.yaw.abs() > head.yaw_mdeg.on + margin
        || gaze.head.pitch > head.pitch_up_mdeg.on + margin
}

/// All figures about gaze; `clips` holds the seconds of each clip that has any.
pub fn figures(clips: &[Vec<GazeSecond>]) -> Vec<Figure> {
    let clips: Vec<Vec<GazeSecond>> = clips.iter().filter(|clip| !clip.is_empty()).cloned().collect();
    let calibrated: Vec<Vec<GazeSecond>> = clips
        .iter()
        .map(|clip| clip.iter().copied().filter(|second| second.calibrated).collect())
        .filter(|clip: &Vec<GazeSecond>| !clip.is_empty())
        .collect();
    let name = IncidentType::GazeOffScreen.name();
    let decided = |labelled: bool| -> Vec<Tally> {
        let tally = |clip: &Vec<GazeSecond>| {
            let labelled = clip.iter().filter(|second| second.away == labelled);
            let right = labelled.clone().filter(|second| second.decided_away == second.away);
            Tally { hits: right.count(), trials: labelled.count() }
        };
        clips.iter().map(tally).collect()
    };
    vec![
        figure("gaze_away_auc", "looking away, area under the ROC curve", &clips, area),
        figure("gaze_away_auc_calibrated", "the same, once calibrated", &calibrated, area),
        figure("gaze_away_f1", &format!("looking away, F1 at the level that opens {name}"), &clips, f1),
        figure("gaze_away_f1_calibrated", "the same, once calibrated", &calibrated, f1),
        Figure::proportion("gaze_away_found", "seconds away that were decided so", "seconds", &decided(true)),
        Figure::proportion(
            "gaze_screen_found",
            "seconds on screen that were decided so",
            "seconds",
            &decided(false),
        ),
    ]
}

fn figure(
    name: &str,
    meaning: &str,
    clips: &[Vec<GazeSecond>],
    of: fn(&[GazeSecond]) -> Option<f64>,
) -> Figure {
    let all: Vec<GazeSecond> = clips.concat();
    let mut figure = Figure::new(name, meaning, Unit::Plain, "seconds");
    figure.value = of(&all);
    figure.n = all.len();
    figure.clips = clips.len();
    if figure.value.is_none() {
        return figure.noted("needs labelled seconds of both kinds");
    }
    if clips.len() >= ENOUGH_CLIPS {
        let by_clip = bootstrap(clips, |drawn| {
            of(&drawn.iter().flat_map(|clip| clip.iter().copied()).collect::<Vec<_>>())
        });
        figure.add_resampled("bootstrap by clip", by_clip);
    } else {
        let by_second = bootstrap(&all, |drawn| of(&drawn.iter().map(|second| **second).collect::<Vec<_>>()));
        figure.add_resampled("bootstrap by second, too narrow: too few clips", by_second);
    }
    let away = all.iter().filter(|second| second.away).count();
    let unmeasured = all.iter().filter(|second| second.degrees.is_none()).count();
    figure.noted(format!("{away} away, {} on screen, {unmeasured} not measured", all.len() - away))
}

fn area(seconds: &[GazeSecond]) -> Option<f64> {
    let of = |away: bool| -> Vec<f64> {
        let alike = seconds.iter().filter(|second| second.away == away);
        alike.map(|second| second.degrees.unwrap_or(f64::NEG_INFINITY)).collect()
    };
    auc(&of(true), &of(false))
}

fn f1(seconds: &[GazeSecond]) -> Option<f64> {
    let count = |away: bool, decided: bool| {
        seconds.iter().filter(|second| second.away == away && second.decided_away == decided).count() as f64
    };
    let (hit, missed, false_alarm) = (count(true, true), count(true, false), count(false, true));
    let any = seconds.iter().any(|second| second.away);
    any.then(|| 2.0 * hit / (2.0 * hit + missed + false_alarm))
}
