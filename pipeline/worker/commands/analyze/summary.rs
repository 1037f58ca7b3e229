//! What a person reads after an analysis: the score with its reasons in words, incidents with their
//! times, coverage with its gaps.
//!
//! Says what the messages say, in the report's words; judges nothing.

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::messages::{
    Band, Incident, IncidentClass, IncidentState, NotEvaluatedReason, ReviewPriority, Score,
};
use domain::time::Millis;
use domain::words;

use super::super::table::aligned;

/// Prints the summary of one file. `incidents` are the last revisions.
///
/// # Errors
/// If it cannot be written.
pub fn print(
    out: &mut impl Write,
    title: &str,
    incidents: &[Incident],
    score: &Score,
    cut_short: Option<&str>,
) -> io::Result<()> {
    writeln!(out, "{title}")?;
    writeln!(out, "  {}", headline(score))?;
    for line in contributions(score) {
        writeln!(out, "    {line}")?;
    }
    let mut standing: Vec<&Incident> =
        incidents.iter().filter(|incident| incident.state != IncidentState::Superseded).collect();
    standing.sort_by_key(|incident| (incident.start_ms, incident.kind, incident.incident_id));
    if standing.is_empty() {
        writeln!(out, "  no incidents")?;
    } else {
        writeln!(out, "  incidents")?;
        let rows: Vec<Vec<String>> = standing.into_iter().map(incident_row).collect();
        for line in aligned(&rows) {
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(out, "  {}", coverage(score))?;
    for line in not_evaluated(score) {
        writeln!(out, "  {line}")?;
    }
    if let Some(reason) = cut_short {
        writeln!(out, "  not all of it could be decoded: {reason}")?;
    }
    if !score.accommodations_honoured.is_empty() {
        let honoured: Vec<&str> =
            score.accommodations_honoured.iter().map(|granted| words::accommodation(*granted).0).collect();
        writeln!(out, "  honoured: {}", honoured.join(", ").to_lowercase())?;
    }
    let policy = &score.policy;
    writeln!(out, "  policy {} version {}; a human decides, not this program", policy.id, policy.version)
}

fn headline(score: &Score) -> String {
    let band = words::band(score.band);
    let number = match score.integrity {
        Some(integrity) => format!("integrity {integrity} of 100, {}", band.to_lowercase()),
        None => "no integrity score: too little was seen (grey, not an accusation)".to_owned(),
    };
    let mark = words::band_mark(score.band);
    let priority = words::priority(score.review_priority);
    match score.review_priority {
        ReviewPriority::None => format!("{mark} {number}; {priority}"),
        _ => format!("{mark} {number}; review priority {priority}"),
    }
}

fn contributions(score: &Score) -> Vec<String> {
    let rows: Vec<Vec<String>> = score
        .contributions
        .iter()
        .map(|contribution| {
            let applied = format!("−{}", words::milli(contribution.applied_milli));
            let capped = if contribution.applied_milli < contribution.raw_milli {
                format!(" (capped from {})", words::milli(contribution.raw_milli))
            } else {
                String::new()
            };
            let incidents = words::plural(contribution.incidents.len(), "incident", "incidents");
            let length = words::length(contribution.union_ms);
            let severity = words::severity(contribution.severity);
            let why = format!("{incidents}, {length} in total, {severity}{capped}");
            vec![applied, words::incident(contribution.kind).to_owned(), why]
        })
        .collect();
    aligned(&rows)
}

fn incident_row(incident: &Incident) -> Vec<String> {
    let times = format!("{}–{}", words::clock(incident.start_ms), words::clock(incident.end_ms));
    let counts = match incident.class {
        IncidentClass::Coverage => "costs nothing".to_owned(),
        _ if incident.counts => words::severity(incident.severity).to_owned(),
        _ => format!("counts nothing: {}", words::counts(incident.counts_reason)),
    };
    vec![times, words::incident(incident.kind).to_owned(), counts, incident.reason.text.clone()]
}

fn coverage(score: &Score) -> String {
    let coverage = &score.coverage;
    let (observed, expected) = (words::length(coverage.observed_ms), words::length(coverage.expected_ms));
    let mut text =
        format!("seen {} of the time ({observed} of {expected})", words::percent(coverage.ratio_milli));
    if !coverage.by_reason.is_empty() {
        let reasons: Vec<String> = coverage
            .by_reason
            .iter()
            .map(|(reason, length)| {
                format!("{} {}", words::unseen(reason).to_lowercase(), words::length(*length))
            })
            .collect();
        text.push_str(&format!("; not seen: {}", reasons.join(", ")));
        text.push_str(&format!("; longest stretch {}", words::length(coverage.longest_unseen_ms)));
    }
    if score.band == Band::Grey {
        text.push_str("; joins the coverage queue");
    }
    text
}

/// What was not looked for although video was seen: silence would look like "nothing happened".
fn not_evaluated(score: &Score) -> Vec<String> {
    let mut grouped: BTreeMap<(NotEvaluatedReason, Millis), Vec<String>> = BTreeMap::new();
    for skipped in &score.not_evaluated {
        let what = words::incident(skipped.kind).to_lowercase();
        grouped.entry((skipped.reason, skipped.duration_ms)).or_default().push(what);
    }
    let line = |((reason, length), what): ((NotEvaluatedReason, Millis), Vec<String>)| {
        let (length, why) = (words::length(length), words::not_evaluated(reason));
        format!("not looked for during {length}: {} ({why})", what.join(", "))
    };
    grouped.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_reasons_times_and_gaps() {
        let score = include_str!("../../../../tests/data/messages/score.v1.json");
        let incident = include_str!("../../../../tests/data/messages/incident.v1.json");
        let mut out = Vec::new();
        let incidents = [serde_json::from_str(incident).unwrap()];
        let score = serde_json::from_str(score).unwrap();
        print(&mut out, "exam.webm", &incidents, &score, Some("it breaks off")).unwrap();
        let expected = "\
exam.webm
  ▲ integrity 77 of 100, amber; review priority low: when there is time
    −22.6  Two or more persons  1 incident, 13 s in total, high
  incidents
    1:01–1:14  Two or more persons  high  Two persons were visible for 13 s.
  seen 98.3\u{a0}% of the time (1 h 28 min of 1 h 30 min); not seen: too dark 1 min, left out by this system \
under load 30 s; longest stretch 1 min
  not looked for during 7.5 s: eyes away from the screen (how this person looks at the screen was not \
known yet)
  not all of it could be decoded: it breaks off
  honoured: extra time
  policy standard version 3; a human decides, not this program
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
