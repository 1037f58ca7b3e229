//! What was not seen, why, and that it cost nothing; and which accommodations were honoured.

use domain::messages::Score;
use maud::{Markup, html};

use super::seen::{Seen, UnseenStretch};
use super::timeline::from_to;
use super::words;

/// At most this many stretches are listed one by one.
const LISTED: usize = 12;

/// What was not seen and why.
pub fn section(score: &Score, seen: &Seen) -> Markup {
    let coverage = &score.coverage;
    let missing = coverage.expected_ms - coverage.observed_ms;
    html! {
        section {
            h3 { "What was not seen" }
            @if missing.0 <= 0 {
                p { "Everything that was expected was seen." }
            } @else {
                p {
                    (words::length(missing)) " of " (words::length(coverage.expected_ms))
                    " was not seen; the longest single stretch was " (words::length(coverage.longest_unseen_ms))
                    ". None of it cost points."
                }
                table.reasons {
                    thead { tr { th scope="col" { "Why" } th scope="col" { "How long" } } }
                    tbody {
                        @for (reason, length) in &coverage.by_reason {
                            tr { th scope="row" { (words::unseen(reason)) } td { (words::length(*length)) } }
                        }
                    }
                }
                (longest(seen))
            }
        }
    }
}

fn longest(seen: &Seen) -> Markup {
    let mut stretches = seen.unseen_stretches();
    let all = stretches.len();
    stretches.sort_by_key(|stretch| (-stretch.interval.length().0, stretch.interval));
    stretches.truncate(LISTED);
    stretches.sort_by_key(|stretch| stretch.interval);
    html! {
        @if !stretches.is_empty() {
            details {
                summary {
                    "Where on the time line: " (words::plural(all, "stretch", "stretches"))
                    @if all > LISTED { ", the " (LISTED) " longest" }
                }
                ul { @for stretch in &stretches { li { (described(stretch)) } } }
            }
        }
    }
}

fn described(stretch: &UnseenStretch) -> String {
    let (where_, length) = (from_to(stretch.interval), words::length(stretch.interval.length()));
    format!("{where_}, {length}: {}", words::unseen(stretch.reason))
}

/// Evidence that was not looked for although video was seen.
pub fn not_evaluated(score: &Score) -> Markup {
    html! {
        @if !score.not_evaluated.is_empty() {
            section {
                h3 { "What was not looked for" }
                ul {
                    @for missing in &score.not_evaluated {
                        li {
                            b { (words::incident(missing.kind)) } ", for " (words::length(missing.duration_ms)) ": "
                            (words::not_evaluated(missing.reason)) ". This cost nothing."
                        }
                    }
                }
            }
        }
    }
}

/// The accommodations that the score honoured.
pub fn accommodations(score: &Score) -> Markup {
    html! {
        @if !score.accommodations_honoured.is_empty() {
            section {
                h3 { "Accommodations honoured" }
                ul {
                    @for granted in &score.accommodations_honoured {
                        @let (name, meaning) = words::accommodation(*granted);
                        li { b { (name) } ": " (meaning) }
                    }
                }
            }
        }
    }
}
