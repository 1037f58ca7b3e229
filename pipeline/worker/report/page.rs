//! The page around the sessions: its head, its security policy, and what has to be said first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::seen::Seen;
use super::{SessionReport, card, coverage, incidents, overview, provenance, timeline};

const STYLE: &str = include_str!("style.css");
/// A line under the pointer through all rows of a figure. Everything works without it.
const CURSOR: &str = include_str!("cursor.js");

/// The whole page.
pub fn render(sessions: &[SessionReport]) -> String {
    let order = overview::order(sessions);
    let title = match sessions {
        [session] => session.title.clone(),
        _ => format!("{} sessions", sessions.len()),
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(security_policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Invigilator report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.page {
                    h1 { "Invigilator report" }
                    (note())
                }
                main {
                    @if sessions.len() > 1 { (overview::table(sessions, &order)) }
                    @for (place, report) in order.iter().filter_map(|&index| sessions.get(index)).enumerate() {
                        (session(report, &format!("s{}", place + 1)))
                    }
                    @if sessions.is_empty() { p { "No session could be analysed." } }
                }
                script { (PreEscaped(CURSOR)) }
            }
        }
    }
    .into_string()
}

/// What a reader has to know before any figure.
fn note() -> Markup {
    html! {
        aside.note {
            p {
                b { "A person decides. " }
                "This page lists what software noted in a video and how sure it was. "
                "The number says how much was noted, not why it happened, what anybody intended, or what follows from it. "
                "Software errs: look at the moments themselves before drawing a conclusion. "
                "What could not be seen never costs points."
            }
        }
    }
}

fn session(report: &SessionReport, anchor: &str) -> Markup {
    let seen = Seen::of(report);
    html! {
        article id=(anchor) aria-labelledby={ (anchor) "-title" } {
            header {
                h2 id={ (anchor) "-title" } { (report.title) }
                p.media { (provenance::media(report)) }
            }
            (card::score(report))
            (card::contributions(&report.score))
            section {
                h3 { "Over time" }
                (timeline::figure(report, &seen, anchor))
            }
            (incidents::table(report, anchor))
            (incidents::pictures(report))
            (coverage::section(&report.score, &seen))
            (coverage::not_evaluated(&report.score))
            (coverage::accommodations(&report.score))
            (provenance::section(report))
        }
    }
}

/// Forbids every request, and every script but the page's own.
fn security_policy() -> String {
    format!(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(CURSOR))
    )
}
