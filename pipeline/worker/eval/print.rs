//! An evaluation as text: what it was measured on, the figures with their intervals, and the clips
//! that an engineer should look at.

use std::fmt::{self, Display, Formatter};

use domain::time::Interval;

use super::figure::{Figure, Unit};
use super::incidents::{Demand, Onset};
use super::statistics::Bounds;
use super::{ClipResult, Evaluation, Miscount};

impl Display for Evaluation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.head(out)?;
        writeln!(out)?;
        self.figures.iter().try_for_each(|figure| write!(out, "{figure}"))?;
        let failing: Vec<String> = self.clips.iter().filter_map(findings).collect();
        if !failing.is_empty() {
            writeln!(out, "\nto look at")?;
            failing.iter().try_for_each(|clip| write!(out, "{clip}"))?;
        }
        if !self.problems.is_empty() {
            writeln!(out, "\nnot used")?;
            self.problems.iter().try_for_each(|problem| writeln!(out, "  {problem}"))?;
        }
        Ok(())
    }
}

impl Evaluation {
    fn head(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (data, point) = (&self.data_set, &self.operating_point);
        let minutes = data.duration_ms.0 as f64 / 60_000.0;
        writeln!(
            out,
            "data set         {}: {} clips, {minutes:.1} minutes; {} stills",
            data.folder, data.videos, data.stills
        )?;
        for (form, sha256) in &data.forms {
            writeln!(out, "                 {form}  sha256 {}", short(sha256))?;
        }
        if let Some(policy) = &point.policy {
            writeln!(
                out,
                "operating point  policy {} version {}  sha256 {}",
                policy.id,
                policy.version,
                short(&policy.sha256)
            )?;
        }
        let fps = point.samples_per_second.map_or("no sample".to_owned(), |(low, high)| {
            if low == high { format!("{low} samples/s") } else { format!("{low} to {high} samples/s") }
        });
        let program = match &point.observations {
            Some(folder) => format!("observations of {folder}, made by version {}", point.program),
            None => format!("invigilator {}", point.program),
        };
        writeln!(out, "                 {program}, settings {}, {fps}", short(&point.config_hash))?;
        for model in &point.models {
            let (name, sha256) = model.rsplit_once(' ').unwrap_or((model, ""));
            writeln!(out, "                 {name}  sha256 {}", short(sha256))?;
        }
        Ok(())
    }
}

impl Display for Figure {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let value = self.value.map_or("not measured".to_owned(), |value| told(value, self.unit));
        let clips = if self.of == "clips" { String::new() } else { format!(" in {} clips", self.clips) };
        writeln!(out, "{:<66} {value:>12}   n = {} {}{clips}", self.meaning, self.n, self.of)?;
        for sure in &self.intervals {
            let Bounds { low, high } = sure.bounds;
            writeln!(
                out,
                "{:<66} {:>12}   95 %: {} to {} ({})",
                "",
                "",
                told(low, self.unit),
                told(high, self.unit),
                sure.method
            )?;
        }
        self.note.iter().try_for_each(|note| writeln!(out, "{:<66} {:>12}   {note}", "", ""))
    }
}

fn told(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Share => format!("{:.1} %", value * 100.0),
        Unit::Plain => format!("{value:.3}"),
        Unit::PerHour => format!("{value:.2} /h"),
        Unit::Seconds => format!("{value:.1} s"),
    }
}

/// What went wrong in a clip; `None` if nothing did.
fn findings(clip: &ClipResult) -> Option<String> {
    let mut lines: Vec<String> =
        clip.face_miscounts.iter().map(|miscount| miscounted("faces", miscount)).collect();
    lines.extend(clip.person_miscounts.iter().map(|miscount| miscounted("persons", miscount)));
    for second in clip.gaze.iter().filter(|second| second.away != second.decided_away) {
        let (label, got) = if second.away { ("away", "on screen") } else { ("on screen", "away") };
        let angle = second.degrees.map_or("not measured".to_owned(), |degrees| format!("{degrees:.1}°"));
        let calibrated = if second.calibrated { "" } else { ", not calibrated yet" };
        lines.push(format!(
            "gaze, second {}: labelled {label}, decided {got} ({angle}{calibrated})",
            second.second
        ));
    }
    lines.extend(clip.incidents.demanded.iter().filter_map(demand));
    for report in &clip.incidents.evidence {
        if !report.expected {
            lines.push(format!("no label explains {}, {}", report.kind.name(), span(report.interval)));
        } else if report.beyond_ms > super::incidents::TOLERANCE {
            let beyond = report.beyond_ms.0 as f64 / 1000.0;
            lines.push(format!(
                "{}, {}: {beyond:.1} s beyond its label",
                report.kind.name(),
                span(report.interval)
            ));
        }
    }
    for report in &clip.incidents.other_unexpected {
        lines.push(format!("not labelled, costs nothing: {}, {}", report.kind.name(), span(report.interval)));
    }
    let name = &clip.clip;
    (!lines.is_empty()).then(|| {
        format!("  {name}\n{}", lines.iter().map(|line| format!("    {line}\n")).collect::<String>())
    })
}

fn miscounted(what: &str, miscount: &Miscount) -> String {
    let Miscount { from_second, to_second, expected, got } = miscount;
    let seconds = if from_second == to_second {
        format!("second {from_second}")
    } else {
        format!("seconds {from_second} to {to_second}")
    };
    let got = got.map_or("not seen".to_owned(), |got| got.to_string());
    format!("{what}, {seconds}: labelled {expected}, got {got}")
}

fn demand(demand: &Demand) -> Option<String> {
    let types: Vec<&str> = demand.types.iter().map(|kind| kind.name()).collect();
    let what = format!("{}, labelled {}", types.join(" or "), span(demand.interval));
    match demand.found {
        None => Some(format!("missed: {what}")),
        Some(Onset { in_time: false, start_error_ms, flagged_after_ms }) => {
            let flagged = flagged_after_ms
                .map_or(String::new(), |after| format!(", flagged after {:.1} s", after.0 as f64 / 1000.0));
            Some(format!("{what}: start is off by {:.1} s{flagged}", start_error_ms.0 as f64 / 1000.0))
        }
        Some(_) => None,
    }
}

fn span(interval: Interval) -> String {
    format!("{:.1} to {:.1} s", interval.start.0 as f64 / 1000.0, interval.end.0 as f64 / 1000.0)
}

/// The first digits of a hash.
fn short(hex: &str) -> &str {
    hex.get(..12).unwrap_or(hex)
}
