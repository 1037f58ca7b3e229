//! All figures of an evaluation, in the order in which they are printed.

use super::figure::{Figure, Tally, Unit};
use super::{ClipResult, GazeSecond, Judgement, gaze, incidents, statistics};

/// Every figure.
pub fn of(clips: &[ClipResult]) -> Vec<Figure> {
    let tallies =
        |counted: &dyn Fn(&ClipResult) -> bool, of: &dyn Fn(&ClipResult) -> (usize, usize)| -> Vec<Tally> {
            let counted = clips.iter().filter(|clip| counted(clip));
            counted.map(|clip| Tally { hits: of(clip).0, trials: of(clip).1 }).collect()
        };
    let is_video = |clip: &ClipResult| !clip.still;
    let refused_stills = clips.iter().filter(|clip| clip.still && clip.refused.is_some()).count();
    let stills = tallies(&|clip| clip.still && clip.refused.is_none(), &|clip| clip.faces);
    let mut stills =
        Figure::proportion("face_count_stills", "face count, still pictures", "pictures", &stills);
    if refused_stills > 0 {
        stills = stills.noted(format!("{refused_stills} stills were refused and are not in this figure"));
    }
    let judgements: Vec<Judgement> =
        clips.iter().filter(|clip| is_video(clip)).map(|clip| clip.incidents.clone()).collect();
    let gaze: Vec<Vec<GazeSecond>> = clips.iter().map(|clip| clip.gaze.clone()).collect();
    let mut figures = vec![
        Figure::proportion(
            "face_count",
            "face count, all clips",
            "seconds",
            &tallies(&is_video, &|clip| clip.faces),
        ),
        Figure::proportion(
            "face_count_single",
            "face count, single-face clips (to hold: 97 %)",
            "seconds",
            &tallies(&|clip| clip.single_face, &|clip| clip.faces),
        ),
        stills,
        Figure::proportion(
            "person_count",
            "person count",
            "seconds",
            &tallies(&is_video, &|clip| clip.persons),
        ),
    ];
    figures.extend(gaze::figures(&gaze));
    figures.extend(incidents::figures(&judgements));
    let coverage = tallies(&is_video, &|clip| (clip.coverage_ms.0.0 as usize, clip.coverage_ms.1.0 as usize));
    figures.push(coverage_figure(&coverage));
    figures
}

/// Share of the expected time that was seen. Not a proportion of independent trials, so by clip alone.
fn coverage_figure(clips: &[Tally]) -> Figure {
    let share = |drawn: &[&Tally]| {
        let expected: usize = drawn.iter().map(|tally| tally.trials).sum();
        (expected > 0).then(|| drawn.iter().map(|tally| tally.hits).sum::<usize>() as f64 / expected as f64)
    };
    let mut figure = Figure::new("coverage", "expected time that was seen", Unit::Share, "clips");
    figure.value = share(&clips.iter().collect::<Vec<_>>());
    figure.n = clips.len();
    figure.clips = clips.len();
    figure.add_resampled("bootstrap by clip", statistics::bootstrap(clips, share));
    figure
}
