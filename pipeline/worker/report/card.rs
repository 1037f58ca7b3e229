//! The head of a session: the score in figures and words, and where each point went.

use domain::messages::{Band, EvidenceStatus, Score};
use domain::policy::Bands;
use maud::{Markup, html};

use super::{SessionReport, words};

/// The score card.
pub fn score(report: &SessionReport) -> Markup {
    let score = &report.score;
    html! {
        section class={ "card " (words::band_class(score.band)) } aria-label="Score" {
            div.number {
                @match score.integrity {
                    Some(integrity) => { strong { (integrity) } span { "integrity, of 100" } },
                    None => { strong.none { "no number" } span { "not enough was seen" } },
                }
            }
            div.reading {
                p.band {
                    span.mark aria-hidden="true" { (words::band_mark(score.band)) } " "
                    b { (words::band(score.band)) } ": " (words::band_meaning(score.band))
                }
                (ruler(score.integrity, report.bands))
                p.plain { (sentence(score)) }
            }
            dl {
                dt { "Review" } dd { (words::priority(score.review_priority)) }
                dt { "Seen" }
                dd {
                    (words::percent(score.coverage.ratio_milli)) " of " (words::length(score.coverage.expected_ms))
                    @if score.evidence == EvidenceStatus::Insufficient { ", below what the policy asks for" }
                }
                dt { "Identity" } dd { (words::identity(score.identity.state)) }
                dt { "Score" } dd { (words::status(score.status)) ", revision " (score.rev) }
            }
        }
    }
}

/// The number on its scale, with the borders of the bands.
fn ruler(integrity: Option<u8>, bands: Bands) -> Markup {
    let (amber, green) = (bands.amber_from, bands.green_from.max(bands.amber_from));
    html! {
        div.ruler aria-hidden="true" {
            span.zone.red style={ "flex:" (amber) " 0 0" } { "below " (amber) }
            span.zone.amber style={ "flex:" (green - amber) " 0 0" } { "from " (amber) }
            span.zone.green style={ "flex:" (100u8.saturating_sub(green)) " 0 0" } { "from " (green) }
            @if let Some(integrity) = integrity {
                i style={ "left:" (integrity) "%" } {}
            }
        }
    }
}

/// The score in one plain sentence or two.
pub fn sentence(score: &Score) -> String {
    let seen = words::percent(score.coverage.ratio_milli);
    let parts: Vec<String> = score
        .contributions
        .iter()
        .filter(|part| part.applied_milli > 0)
        .map(|part| {
            format!("{} ({})", words::lower(words::incident(part.kind)), words::length(part.union_ms))
        })
        .collect();
    let points = match parts.as_slice() {
        [] => "Nothing was noted that costs points.".to_owned(),
        parts => {
            format!("{} points were taken off: {}.", words::milli(score.concern_milli), parts.join("; "))
        }
    };
    match (score.band, score.evidence) {
        (Band::Grey, _) => {
            format!("Only {seen} of the expected time was seen, too little to give a number. {points}")
        }
        (_, EvidenceStatus::Insufficient) => {
            format!("{points} Only {seen} of the expected time was seen; the rest cost nothing.")
        }
        (_, EvidenceStatus::Sufficient) => format!("{points} {seen} of the expected time was seen."),
    }
}

/// Where each point went, with the arithmetic.
pub fn contributions(score: &Score) -> Markup {
    html! {
        section {
            h3 { "Where the points went" }
            @if score.contributions.is_empty() {
                p { "No points were taken off: 100 − 0 = 100." }
            } @else {
                ul.points {
                    @for part in &score.contributions {
                        li {
                            span.share aria-hidden="true" style={ "--points:" (words::milli(part.applied_milli).replace('−', "-")) } {}
                            span.what { (words::arithmetic(part)) }
                            b { "−" (words::milli(part.applied_milli)) }
                        }
                    }
                    li.sum {
                        span.what {
                            "Together: 100 − " (words::milli(score.concern_milli)) " = "
                            (words::milli(100_000 - score.concern_milli))
                            @match score.integrity {
                                Some(integrity) => { ", rounded down to " (integrity) },
                                None => ", not shown as a number because too little was seen",
                            }
                        }
                        b { "−" (words::milli(score.concern_milli)) }
                    }
                }
            }
        }
    }
}
