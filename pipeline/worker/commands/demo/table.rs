//! The table at the end: every candidate's final score, and why it is what it is.
//!
//! Says what the messages say, in the report's words; judges nothing.

use std::io::{self, Write};

use domain::messages::{Incident, IncidentClass, Score};
use domain::words;

use super::super::table::aligned;
use crate::demo::board::{Board, Seat, Totals};

/// Prints the table and the figures of the run.
///
/// # Errors
/// If it cannot be written.
pub fn print(out: &mut impl Write, board: &Board) -> io::Result<()> {
    let head = ["candidate", "what happens", "integrity", "band", "seen", "reasons"].map(str::to_owned);
    let seats = board.seats.iter().filter_map(|seat| Some(row(seat, seat.score.as_ref()?)));
    let rows: Vec<Vec<String>> = std::iter::once(head.to_vec()).chain(seats).collect();
    for line in aligned(&rows) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    figures(out, &board.totals(), board.seats.len())?;
    writeln!(out, "a human decides, not this program")
}

fn row(seat: &Seat, score: &Score) -> Vec<String> {
    let band = format!("{} {}", words::band_mark(score.band), words::band(score.band).to_lowercase());
    vec![
        seat.candidate.name.to_owned(),
        seat.candidate.story.to_owned(),
        score.integrity.map_or_else(|| "–".to_owned(), |integrity| integrity.to_string()),
        band,
        words::percent(score.coverage.ratio_milli),
        reasons(score, &seat.incidents()),
    ]
}

/// Where points went, then what could not be seen.
fn reasons(score: &Score, incidents: &[&Incident]) -> String {
    let points = score.contributions.iter().map(|contribution| {
        let (points, length) =
            (words::milli(contribution.applied_milli), words::length(contribution.union_ms));
        format!("−{points} {} ({length})", words::incident(contribution.kind).to_lowercase())
    });
    let costs_nothing = incidents.iter().filter(|incident| incident.class == IncidentClass::Coverage);
    let unseen = costs_nothing.map(|incident| {
        let (from, to) = (words::clock(incident.start_ms), words::clock(incident.end_ms));
        format!("{} {from}–{to} (costs nothing)", words::incident(incident.kind).to_lowercase())
    });
    let reasons: Vec<String> = points.chain(unseen).collect();
    if reasons.is_empty() { "nothing was noted".to_owned() } else { reasons.join("; ") }
}

fn figures(out: &mut impl Write, totals: &Totals, sessions: usize) -> io::Result<()> {
    writeln!(
        out,
        "{}, {} segments, {:.0} s of video in {:.1} s: {:.1} s of video a second",
        words::plural(sessions, "session", "sessions"),
        totals.segments,
        totals.watched.as_secs_f64(),
        totals.took.as_secs_f64(),
        totals.media_rate(),
    )?;
    let (Some(median), Some(longest)) = (totals.median_delay, totals.longest_delay) else { return Ok(()) };
    writeln!(
        out,
        "from a segment at the broker to the score that counts it: median {:.1} s, longest {:.1} s",
        median.as_secs_f64(),
        longest.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::messages::{Band, IncidentType};
    use domain::time::MediaMs;

    use super::*;
    use crate::demo::candidates;

    fn score() -> Score {
        serde_json::from_str(include_str!("../../../../tests/data/messages/score.v1.json")).unwrap()
    }

    #[test]
    fn every_point_and_every_gap_has_its_reason() {
        let text = include_str!("../../../../tests/data/messages/incident.v1.json");
        let evidence: Incident = serde_json::from_str(text).unwrap();
        let covered = Incident {
            kind: IncidentType::CameraObstructed,
            class: IncidentClass::Coverage,
            ..evidence.clone()
        };
        assert_eq!(
            reasons(&score(), &[&evidence, &covered]),
            "−22.6 two or more persons (13 s); camera covered 1:01–1:14 (costs nothing)"
        );
        let calm = Score { contributions: Vec::new(), ..score() };
        assert_eq!(reasons(&calm, &[]), "nothing was noted");
    }

    #[test]
    fn grey_has_no_number() {
        let candidate = candidates::choose(Path::new("clips"), &["frozen".to_owned()]).unwrap().remove(0);
        let mut seat = Seat::new(candidate, MediaMs(64_000));
        seat.score = Some(Score { integrity: None, band: Band::Grey, contributions: Vec::new(), ..score() });
        let mut out = Vec::new();
        print(&mut out, &Board::new(vec![seat])).unwrap();
        let printed = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines[0].starts_with("candidate  what happens "), "{printed}");
        assert!(lines[1].contains("–          ◌ grey  98.3\u{a0}%  nothing was noted"), "{printed}");
    }
}
