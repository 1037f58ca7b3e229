//! The live view: a line for each candidate and one for all, drawn over and over where a person watches;
//! elsewhere a plain line now and then. On stderr.

use std::time::{Duration, Instant};

use domain::messages::{Score, ScoreStatus};
use domain::words;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::demo::board::{Seat, Totals};
use crate::demo::{Demo, Scene};

const SEAT: &str = "{prefix:14} {bar:24} {pos:>3}/{len:3} s  {wide_msg}";
const TOTALS: &str = "{spinner} {wide_msg}";

/// How often a line is told where nobody watches.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The view.
#[derive(Debug)]
pub struct Live {
    all: MultiProgress,
    seats: Vec<ProgressBar>,
    totals: ProgressBar,
    told: Option<Instant>,
}

impl Live {
    /// A view of the candidates of a demonstration.
    pub fn new(demo: &Demo) -> Self {
        // Draws on stderr, and nothing where that is no terminal.
        let all = MultiProgress::new();
        let seat =
            |name: &'static str| all.add(ProgressBar::new(0).with_style(style(SEAT)).with_prefix(name));
        let seats = demo.candidates.iter().map(|candidate| seat(candidate.name)).collect();
        let totals = all.add(ProgressBar::new_spinner().with_style(style(TOTALS)));
        Self { all, seats, totals, told: None }
    }

    /// Shows how things stand.
    pub fn show(&mut self, scene: Scene<'_>) {
        let (summary, board) = match scene {
            Scene::Open(links) => return self.tell(&format!("dashboard: {}", links.dashboard)),
            Scene::Starting(board) => ("the worker starts: models, decoders, partitions".to_owned(), board),
            Scene::Running(board) | Scene::Final(board) => {
                (totals(&board.totals(), board.seats.len()), board)
            }
        };
        if self.all.is_hidden() {
            if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                self.told = Some(Instant::now());
                eprintln!("{summary}");
            }
            return;
        }
        for (bar, seat) in self.seats.iter().zip(&board.seats) {
            bar.set_length(seconds(seat.length.0));
            bar.set_position(seconds(seat.watched.0));
            bar.set_message(standing(seat));
        }
        self.totals.set_message(summary);
        self.totals.tick();
    }

    /// Takes the view away.
    pub fn finish(&self) {
        // What cannot be cleared stays in sight.
        let _cleared = self.all.clear();
    }

    /// A line that stays above the view.
    fn tell(&self, line: &str) {
        if self.all.is_hidden() || self.all.println(line).is_err() {
            eprintln!("{line}");
        }
    }
}

fn seconds(millis: i64) -> u64 {
    // To the nearest: recordings end between two frames.
    u64::try_from((millis + 500) / 1000).unwrap_or_default()
}

/// How a candidate stands, in a few words.
fn standing(seat: &Seat) -> String {
    let Some(score) = &seat.score else { return seat.candidate.story.to_owned() };
    let open: Vec<&str> =
        seat.open_incidents().into_iter().map(|incident| words::incident(incident.kind)).collect();
    let going_on = match (open.is_empty(), score.status) {
        (false, _) => open.join(", "),
        (true, ScoreStatus::Final) => "final".to_owned(),
        (true, ScoreStatus::Provisional) => seat.candidate.story.to_owned(),
    };
    format!("{}  {going_on}", mark(score))
}

/// `● 100 green`.
fn mark(score: &Score) -> String {
    let (mark, band) = (words::band_mark(score.band), words::band(score.band).to_lowercase());
    let integrity = score.integrity.map_or_else(|| "–".to_owned(), |integrity| integrity.to_string());
    format!("{mark} {integrity:>3} {band:5}")
}

fn totals(totals: &Totals, sessions: usize) -> String {
    let mut text = format!(
        "{:.0} s  {}/{sessions} final  {} segments ({:.1} a second)  {:.0} s of video ({:.1} a second)",
        totals.took.as_secs_f64(),
        totals.final_scores,
        totals.segments,
        totals.segment_rate(),
        totals.watched.as_secs_f64(),
        totals.media_rate(),
    );
    if let Some(delay) = totals.median_delay {
        text.push_str(&format!("  segment to score {:.1} s", delay.as_secs_f64()));
    }
    text
}

fn style(template: &str) -> ProgressStyle {
    // A template of ours that is wrong costs the looks of the view and nothing else.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::time::MediaMs;

    use super::*;
    use crate::demo::candidates;

    #[test]
    fn the_templates_are_valid() {
        for template in [SEAT, TOTALS] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_candidate_stands_as_the_last_score_says() {
        let candidate = candidates::choose(Path::new("clips"), &["leaves".to_owned()]).unwrap().remove(0);
        let mut seat = Seat::new(candidate, MediaMs(53_933));
        assert_eq!(standing(&seat), "leaves the desk for 24 s");
        let score: Score =
            serde_json::from_str(include_str!("../../../../tests/data/messages/score.v1.json")).unwrap();
        seat.score = Some(Score { status: ScoreStatus::Provisional, ..score.clone() });
        assert_eq!(standing(&seat), "▲  77 amber  leaves the desk for 24 s");
        seat.score = Some(Score { status: ScoreStatus::Final, ..score });
        assert_eq!(standing(&seat), "▲  77 amber  final");
        assert_eq!(seconds(seat.length.0), 54);
    }
}
