//! The table of everything that was noted, and the pictures of it where a user asked for pictures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::messages::{Incident, IncidentClass};
use domain::time::Interval;
use maud::{Markup, html};

use super::timeline::{class_name, from_to};
use super::{EvidencePicture, SessionReport, words};

/// All standing incidents of a session, in order of time.
pub fn table(report: &SessionReport, anchor: &str) -> Markup {
    let incidents = report.standing_incidents();
    html! {
        section {
            h3 { "What was noted" }
            @if incidents.is_empty() {
                p { "Nothing." }
            } @else {
                table.incidents {
                    thead {
                        tr {
                            th scope="col" { "What" }
                            th scope="col" { "When" }
                            th scope="col" { "Seen for" }
                            th scope="col" { "Severity" }
                            th scope="col" { "Confidence" }
                            th scope="col" { "Counts" }
                        }
                    }
                    tbody {
                        @for (index, incident) in incidents.iter().enumerate() {
                            (row(incident, &format!("{anchor}-i{}", index + 1)))
                        }
                    }
                }
            }
        }
    }
}

fn row(incident: &Incident, id: &str) -> Markup {
    let interval = Interval::new(incident.start_ms, incident.end_ms);
    let stats = incident.stats;
    html! {
        tr id=(id) tabindex="-1" {
            th scope="row" {
                span class={ "chip " (class_name(incident.class)) @if !incident.counts { " open" } } aria-hidden="true" {}
                (words::incident(incident.kind))
                small { (class_in_words(incident.class)) }
            }
            td data-label="When" { span.when { (from_to(interval)) } }
            td data-label="Seen for" {
                (words::length(incident.duration_ms))
                @if stats.planned > 0 {
                    small.samples { (stats.matched) " of " (words::plural(stats.planned as usize, "sample", "samples")) }
                }
            }
            td data-label="Severity" { (words::severity(incident.severity)) }
            td data-label="Confidence" { (words::percent((incident.confidence * 1000.0).round() as i64)) }
            td data-label="Counts" {
                b { @if incident.counts { "yes" } @else { "no" } } ": " (words::counts(incident.counts_reason))
                small {
                    (incident.reason.text)
                    @if let Some(cause) = words::attribution(incident.attribution) { " Cause: " (cause) "." }
                    @if let Some(review) = words::review(incident.review.state) { " (" (review) ")" }
                    @if let Some(note) = &incident.review.note { " “" (note) "”" }
                }
            }
        }
    }
}

fn class_in_words(class: IncidentClass) -> &'static str {
    match class {
        IncidentClass::Evidence => "can cost points",
        IncidentClass::Coverage => "coverage: never costs points",
        IncidentClass::Identity => "identity: for a person to judge",
    }
}

/// Pictures of flagged moments.
pub fn pictures(report: &SessionReport) -> Markup {
    let kind = |picture: &EvidencePicture| {
        let shown = |incident: &&Incident| incident.incident_id == picture.incident_id;
        report
            .incidents
            .iter()
            .find(shown)
            .map_or("Flagged moment", |incident| words::incident(incident.kind))
    };
    let mut pictures: Vec<&EvidencePicture> = report.pictures.iter().collect();
    pictures.sort_by_key(|picture| (picture.media_ms, picture.incident_id));
    html! {
        @if !pictures.is_empty() {
            section {
                h3 { "Pictures of these moments" }
                p.hint { "Added because pictures were asked for. They show a person: keep this page accordingly." }
                div.pictures {
                    @for picture in pictures {
                        @let told = format!("{}, {}", words::clock(picture.media_ms), kind(picture));
                        figure {
                            img alt=(told) src={ "data:image/jpeg;base64," (STANDARD.encode(&picture.jpeg)) };
                            figcaption { (told) }
                        }
                    }
                }
            }
        }
    }
}
