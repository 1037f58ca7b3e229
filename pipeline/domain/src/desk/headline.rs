//! The weightiest thing to know about a session, in a few plain words. Says what was seen or not seen, for how
//! long, and what waits for a person; never why, and never what anybody meant by it.

use crate::messages::{
    Band, Contribution, EvidenceStatus, Incident, IncidentClass, IncidentState, IncidentType, ReviewPriority,
    Score,
};
use crate::words;

use super::queue;

/// What to say first: an identity that waits for a person; that too little was seen for a number; what weighs
/// most; that too little was seen; what goes on now. `None` if there is nothing.
pub(super) fn of(incidents: &[Incident], score: Option<&Score>) -> Option<String> {
    pending_identity(incidents)
        .or_else(|| score.filter(|score| score.band == Band::Grey).map(unseen))
        .or_else(|| weightiest(score?))
        .or_else(|| score.filter(|score| is_short_of_coverage(score)).map(unseen))
        .or_else(|| lasting(incidents))
}

fn pending_identity(incidents: &[Incident]) -> Option<String> {
    let waits = |incident: &&Incident| {
        let one = std::slice::from_ref(*incident);
        incident.class == IncidentClass::Identity
            && incident.state != IncidentState::Superseded
            && queue::unreviewed(one).identity > 0
    };
    let incident = incidents.iter().rev().find(waits)?;
    Some(format!("{}: waits for a person to look", words::incident(incident.kind)))
}

fn weightiest(score: &Score) -> Option<String> {
    let counted = score.contributions.iter().filter(|part| part.applied_milli > 0);
    // Of equals the first one, in the order of the policy's table.
    let part = counted.rev().max_by_key(|part| part.applied_milli)?;
    Some(in_short(part))
}

/// One contribution in a few words, e.g. `Two or more persons for 19 s`.
fn in_short(part: &Contribution) -> String {
    let name = words::incident(part.kind);
    match part.kind {
        // Its time is that of the looks alone.
        IncidentType::RepeatedGlances => name.to_owned(),
        _ => format!("{name} for {}", words::length(part.union_ms)),
    }
}

fn is_short_of_coverage(score: &Score) -> bool {
    score.evidence == EvidenceStatus::Insufficient || score.review_priority == ReviewPriority::Medium
}

/// `68.1 % of the expected time was seen: camera covered for 14 s`. Grey is explained and never an accusation.
fn unseen(score: &Score) -> String {
    let coverage = &score.coverage;
    let seen = format!("{} of the expected time was seen", words::percent(coverage.ratio_milli));
    let longest = coverage.by_reason.iter().rev().max_by_key(|(_, length)| **length);
    match longest {
        Some((reason, length)) => {
            format!("{seen}; {} for {}", words::lower(words::unseen(reason)), words::length(*length))
        }
        None => seen,
    }
}

fn lasting(incidents: &[Incident]) -> Option<String> {
    let open = incidents.iter().filter(|incident| queue::is_open(incident));
    let newest = open.max_by_key(|incident| (incident.severity, incident.start_ms))?;
    Some(words::incident(newest.kind).to_owned())
}
