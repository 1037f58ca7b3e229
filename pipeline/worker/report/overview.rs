//! The table that leads a report on several sessions: those that need a look most come first.

use domain::messages::Band;
use maud::{Markup, html};

use super::{SessionReport, words};

/// The order in which sessions are shown, as indices: review priority, then band, then number.
pub fn order(sessions: &[SessionReport]) -> Vec<usize> {
    let rank = |band: Band| match band {
        Band::Red => 0,
        Band::Amber => 1,
        Band::Grey => 2,
        Band::Green => 3,
    };
    let mut order: Vec<usize> = (0..sessions.len()).collect();
    order.sort_by_key(|&index| {
        let SessionReport { score, title, .. } = &sessions[index];
        (std::cmp::Reverse(score.review_priority), rank(score.band), score.integrity, title)
    });
    order
}

/// One row per session, linked to its part of the page.
pub fn table(sessions: &[SessionReport], order: &[usize]) -> Markup {
    html! {
        section.overview {
            h2 { (words::plural(sessions.len(), "session", "sessions")) ", those that need a look most first" }
            table {
                thead {
                    tr {
                        th scope="col" { "Session" }
                        th scope="col" { "Integrity" }
                        th scope="col" { "Band" }
                        th scope="col" { "Review" }
                        th scope="col" { "Seen" }
                        th scope="col" { "In short" }
                    }
                }
                tbody {
                    @for (place, session) in order.iter().filter_map(|&index| sessions.get(index)).enumerate() {
                        (row(session, place + 1))
                    }
                }
            }
        }
    }
}

fn row(session: &SessionReport, place: usize) -> Markup {
    let score = &session.score;
    html! {
        tr class=(words::band_class(score.band)) {
            th scope="row" { a href={ "#s" (place) } { (session.title) } }
            td.figure data-label="Integrity" {
                @match score.integrity { Some(integrity) => b { (integrity) }, None => "no number" }
            }
            td data-label="Band" {
                span.mark aria-hidden="true" { (words::band_mark(score.band)) } " " (words::band(score.band))
            }
            td data-label="Review" { (words::priority(score.review_priority)) }
            td.figure data-label="Seen" { (words::percent(score.coverage.ratio_milli)) }
            td data-label="In short" { (super::card::sentence(score)) }
        }
    }
}
