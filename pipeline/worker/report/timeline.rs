//! The figure in the middle of the report: over media time, what was seen, what was noted, and what
//! was measured.
//!
//! Each row is a label, a scale and a strip. Strips hold stretched SVG lines and positioned boxes but
//! no stretched text, so the figure reads at any width. Unseen time is hatched in every strip by one
//! mask that the figure defines once.

use std::fmt::Write as _;

use domain::messages::{Incident, IncidentClass, IncidentType};
use domain::time::{Interval, Millis};
use maud::{Markup, html};

use super::SessionReport;
use super::plot::{self, coalesced, percent};
use super::seen::Seen;
use super::series::Series;
use super::{plots, words};

/// The figure of one session; `anchor` begins the ids of its incidents' rows.
pub fn figure(report: &SessionReport, seen: &Seen, anchor: &str) -> Markup {
    let span = report.span();
    let incidents = report.standing_incidents();
    let series = Series::of(&report.observations, &report.traces);
    html! {
        figure.timeline style={ "--unseen:" (mask(seen, span)) ";--step:" (percent(plot::tick_step(span).0, span)) } data-span=(span.0) {
            (coverage_lane(seen, span))
            @for kind in lanes(&incidents) {
                (incident_lane(kind, &incidents, span, anchor))
            }
            (plots::rows(&series, span))
            div.row.axis aria-hidden="true" {
                div.label { "Time" }
                div.scale {}
                div.strip {
                    @for tick in plot::ticks(span) {
                        // A label at the very end stays within the strip.
                        @let side = if tick.0 == 0 { "first" } else if tick.0 * 20 > span.0 * 19 { "last" } else { "" };
                        span class={ "tick " (side) } style={ "left:" (percent(tick.0, span)) } { (words::clock(tick)) }
                    }
                }
            }
            figcaption {
                "Hatched: not seen. Solid bars take part in the score, outlined ones do not; the taller, the higher the severity. "
                "Each bar leads to its row in the table below. "
                "In long sessions a line is the median of its time and the band around it reaches from lowest to highest."
            }
        }
    }
}

/// The types that have incidents: those that can cost points first.
fn lanes(incidents: &[&Incident]) -> Vec<IncidentType> {
    let rank = |kind: &IncidentType| match kind.class() {
        IncidentClass::Evidence => 0,
        IncidentClass::Identity => 1,
        IncidentClass::Coverage => 2,
    };
    let mut kinds: Vec<IncidentType> = incidents.iter().map(|incident| incident.kind).collect();
    kinds.sort_by_key(|kind| (rank(kind), *kind));
    kinds.dedup();
    kinds
}

fn coverage_lane(seen: &Seen, span: Millis) -> Markup {
    html! {
        div.row.lane.coverage {
            div.label { "What was seen" }
            div.scale {}
            div.strip {
                @for part in coalesced(seen.seen.iter(), span) {
                    div.seen style=(place(part, span)) title={ "Seen " (from_to(part)) } {}
                }
                @for (reason, set) in &seen.unseen {
                    @let word = words::unseen(reason);
                    @for part in coalesced(set.iter(), span) {
                        div.unseen style=(place(part, span)) title={ (word) ", " (from_to(part)) } {
                            @if part.length().0 * 8 > span.0 { span { (word) } }
                        }
                    }
                }
            }
        }
    }
}

fn incident_lane(kind: IncidentType, incidents: &[&Incident], span: Millis, anchor: &str) -> Markup {
    html! {
        div.row.lane {
            div.label { (words::incident(kind)) }
            div.scale {}
            div.strip {
                @for (index, incident) in incidents.iter().enumerate() {
                    @if incident.kind == kind {
                        @let interval = Interval::new(incident.start_ms, incident.end_ms);
                        @let told = format!(
                            "{}, {}, {}, {}", words::incident(kind), from_to(interval),
                            words::severity(incident.severity), if incident.counts { "counts" } else { "does not count" },
                        );
                        a class={ "bar " (class_name(kind.class())) " " (words::severity(incident.severity)) @if !incident.counts { " open" } }
                            href={ "#" (anchor) "-i" (index + 1) } style=(place(interval, span))
                            title=(told) aria-label=(told) {}
                    }
                }
            }
        }
    }
}

/// Class of style for a class of incident.
pub fn class_name(class: IncidentClass) -> &'static str {
    match class {
        IncidentClass::Evidence => "evidence",
        IncidentClass::Identity => "identity",
        IncidentClass::Coverage => "cover",
    }
}

fn place(interval: Interval, span: Millis) -> String {
    format!("left:{};width:{}", percent(interval.start.0, span), percent(interval.length().0, span))
}

/// `1:05 to 1:20`.
pub fn from_to(interval: Interval) -> String {
    format!("{} to {}", words::clock(interval.start), words::clock(interval.end))
}

/// A mask that is opaque where nothing was seen.
fn mask(seen: &Seen, span: Millis) -> String {
    let stretches = seen.unseen_stretches();
    let mut stops = String::from("linear-gradient(to right,#0000 0");
    for part in coalesced(stretches.iter().map(|stretch| stretch.interval), span) {
        let (start, end) = (percent(part.start.0, span), percent(part.end.0, span));
        // Writing to a string cannot fail.
        _ = write!(stops, ",#0000 {start},#000 {start},#000 {end},#0000 {end}");
    }
    stops + ",#0000 100%)"
}
