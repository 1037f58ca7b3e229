//! Incidents against labelled spans: found or missed, how late, and what nobody labelled.

use domain::messages::{Incident, IncidentClass, IncidentState, IncidentType};
use domain::policy::Policy;
use domain::time::{Interval, MediaMs, Millis};
use serde::Serialize;

use super::figure::{Figure, Tally, Unit};
use super::labels::Clip;
use super::spans::expected;
use super::statistics::{bootstrap, median, poisson};

/// Labels are placed by hand: an incident may begin and end this much outside them.
pub const TOLERANCE: Millis = Millis(2000);

/// What became of the labelled and of the reported incidents of a clip.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Judgement {
    /// Labelled spans that have to be reported.
    pub demanded: Vec<Demand>,
    /// Reported incidents of class evidence.
    pub evidence: Vec<Report>,
    /// Reported incidents of another class that no label explains: shown, not counted.
    pub other_unexpected: Vec<Report>,
    /// How long the clip is.
    pub duration_ms: Millis,
    /// Nothing in it can cost points.
    pub is_calm: bool,
}

/// A labelled span that has to be reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Demand {
    /// Any of these types will do.
    pub types: Vec<IncidentType>,
    /// The labelled span.
    pub interval: Interval,
    /// The report, if there is one.
    pub found: Option<Onset>,
}

/// When a labelled span was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Onset {
    /// Start of the incident minus start of the label.
    pub start_error_ms: Millis,
    /// From the start of the label to the sample that opened the incident; `null` if not recorded.
    pub flagged_after_ms: Option<Millis>,
    /// Whether that is within the on-duration and [`TOLERANCE`].
    pub in_time: bool,
}

/// A reported incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// When.
    pub interval: Interval,
    /// Whether a label explains it.
    pub expected: bool,
    /// How far it reaches beyond the label that explains it.
    pub beyond_ms: Millis,
}

/// Compares the incidents of a clip with its labels.
pub fn judge(clip: &Clip, duration: Millis, incidents: &[Incident], policy: &Policy) -> Judgement {
    let expectations = expected(clip, duration, policy);
    let standing: Vec<&Incident> =
        incidents.iter().filter(|incident| incident.state != IncidentState::Superseded).collect();
    let demanded = expectations.iter().filter_map(|expectation| {
        let on = expectation.must?;
        let reports = standing.iter().filter(|incident| {
            expectation.types.contains(&incident.kind) && touches(span_of(incident), expectation.interval)
        });
        let first = reports.min_by_key(|incident| incident.start_ms);
        Some(Demand {
            types: expectation.types.clone(),
            interval: expectation.interval,
            found: first.map(|incident| onset(incident, expectation.interval.start, on)),
        })
    });
    let demanded = demanded.collect();
    let reports = standing.iter().map(|incident| {
        let span = span_of(incident);
        let explaining = expectations.iter().filter(|expectation| {
            expectation.types.contains(&incident.kind) && touches(span, expectation.interval)
        });
        let beyond = explaining.map(|expectation| {
            let label = expectation.interval;
            (label.start - span.start).max(span.end - label.end).max(Millis::ZERO)
        });
        let beyond = beyond.min();
        let report = Report {
            kind: incident.kind,
            interval: span,
            expected: beyond.is_some(),
            beyond_ms: beyond.unwrap_or_default(),
        };
        (incident.class, report)
    });
    let (evidence, other): (Vec<_>, Vec<_>) =
        reports.partition(|(class, _)| *class == IncidentClass::Evidence);
    let reports = |list: Vec<(IncidentClass, Report)>| list.into_iter().map(|(_, report)| report);
    Judgement {
        demanded,
        evidence: reports(evidence).collect(),
        other_unexpected: reports(other).filter(|report| !report.expected).collect(),
        duration_ms: duration,
        is_calm: super::spans::is_calm(clip),
    }
}

fn span_of(incident: &Incident) -> Interval {
    Interval::new(incident.start_ms, incident.end_ms)
}

fn touches(report: Interval, label: Interval) -> bool {
    report.start <= label.end + TOLERANCE && label.start - TOLERANCE <= report.end
}

fn onset(incident: &Incident, labelled: MediaMs, on: Millis) -> Onset {
    let start_error_ms = incident.start_ms - labelled;
    let flagged_after_ms = incident.run.as_ref().map(|run| start_error_ms + run.time_to_flag_ms);
    let late = flagged_after_ms.unwrap_or(start_error_ms);
    let in_time = late <= on + TOLERANCE && start_error_ms >= Millis::ZERO - TOLERANCE;
    Onset { start_error_ms, flagged_after_ms, in_time }
}

/// All figures about incidents.
pub fn figures(clips: &[Judgement]) -> Vec<Figure> {
    let demands = |wanted: &dyn Fn(&Demand) -> bool, is_hit: &dyn Fn(&Demand) -> bool| -> Vec<Tally> {
        let tally = |clip: &Judgement| {
            let demanded: Vec<&Demand> = clip.demanded.iter().filter(|demand| wanted(demand)).collect();
            Tally { hits: demanded.iter().filter(|demand| is_hit(demand)).count(), trials: demanded.len() }
        };
        clips.iter().map(tally).collect()
    };
    let is_found = |demand: &Demand| demand.found.is_some();
    let in_time = |demand: &Demand| demand.found.is_some_and(|onset| onset.in_time);
    let mut figures = vec![Figure::proportion(
        "incident_recall",
        "labelled spans longer than the on-duration that were reported",
        "spans",
        &demands(&|_| true, &is_found),
    )];
    for kind in IncidentType::ALL {
        let of_kind = |demand: &Demand| demand.types.first() == Some(&kind);
        let tallies = demands(&of_kind, &is_found);
        if tallies.iter().any(|tally| tally.trials > 0) {
            let name = format!("incident_recall_{}", kind.name());
            figures.push(Figure::proportion(&name, &format!("of these, {}", kind.name()), "spans", &tallies));
        }
    }
    figures.push(Figure::proportion(
        "onset_in_time",
        "reported within the on-duration and 2 s of the label's start",
        "spans found",
        &demands(&is_found, &in_time),
    ));
    figures.extend([start_error(clips), precision(clips), false_per_hour(clips), calm(clips)]);
    figures
}

fn start_error(clips: &[Judgement]) -> Figure {
    let errors: Vec<Vec<f64>> = clips
        .iter()
        .map(|clip| {
            let onsets = clip.demanded.iter().filter_map(|demand| demand.found);
            onsets.map(|onset| onset.start_error_ms.0.abs() as f64 / 1000.0).collect()
        })
        .filter(|errors: &Vec<f64>| !errors.is_empty())
        .collect();
    let all = errors.concat();
    let mut figure = Figure::new(
        "onset_error",
        "median distance of an incident's start from the label's",
        Unit::Seconds,
        "spans found",
    );
    figure.value = median(&all);
    figure.n = all.len();
    figure.clips = errors.len();
    let pooled =
        |drawn: &[&Vec<f64>]| median(&drawn.iter().flat_map(|clip| clip.iter().copied()).collect::<Vec<_>>());
    figure.add_resampled("bootstrap by clip", bootstrap(&errors, pooled));
    let worst = all.iter().copied().fold(0.0, f64::max);
    if all.is_empty() { figure } else { figure.noted(format!("largest {worst:.1} s")) }
}

fn precision(clips: &[Judgement]) -> Figure {
    let tally = |clip: &Judgement| Tally {
        hits: clip.evidence.iter().filter(|report| report.expected).count(),
        trials: clip.evidence.len(),
    };
    let tallies: Vec<Tally> = clips.iter().map(tally).collect();
    Figure::proportion("incident_precision", "reported evidence that a label explains", "incidents", &tallies)
}

fn false_per_hour(clips: &[Judgement]) -> Figure {
    let hours = clips.iter().map(|clip| clip.duration_ms).sum::<Millis>().0 as f64 / 3_600_000.0;
    let wrong = clips.iter().flat_map(|clip| &clip.evidence).filter(|report| !report.expected).count();
    let mut figure = Figure::new(
        "false_evidence_per_hour",
        "reported evidence that no label explains",
        Unit::PerHour,
        "incidents",
    );
    figure.value = (hours > 0.0).then(|| wrong as f64 / hours);
    figure.n = wrong;
    figure.clips = clips.len();
    figure.add_bounds("Poisson, exact", poisson(wrong, hours));
    figure.noted(format!("{:.1} minutes of video", hours * 60.0))
}

fn calm(clips: &[Judgement]) -> Figure {
    let tally = |clip: &Judgement| Tally { hits: usize::from(clip.evidence.is_empty()), trials: 1 };
    let tallies: Vec<Tally> = clips.iter().filter(|clip| clip.is_calm).map(tally).collect();
    Figure::proportion("calm_without_evidence", "calm clips without any evidence", "clips", &tallies)
}
