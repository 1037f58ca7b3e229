//! What is said to learning platforms, in their own forms: pure mappings from a desk or a message.
//!
//! - [`edx`]: the review that Open edX takes;
//! - [`lti`]: a flag of the LTI Assessment Control Service;
//! - [`webhook`]: a signed notice for anybody else.
//!
//! What holds for all: a machine passes nobody off as a reviewer, ends no attempt, and calls nothing a violation;
//! what could not be seen is told as that. Sending, signing and trying again belong to the gateway.

pub mod edx;
pub mod lti;
pub mod webhook;

use crate::messages::{CountsReason, Incident, IncidentClass, IncidentState};

/// Whether a platform hears of an incident: of evidence that counts, and of identity that waits for a person
/// or was confirmed. What people dismissed, what an accommodation allows, and what could not be seen is not
/// told as something that was seen.
fn is_told(incident: &Incident) -> bool {
    let standing = match incident.class {
        IncidentClass::Evidence => incident.counts,
        IncidentClass::Identity => {
            matches!(incident.counts_reason, CountsReason::AwaitingReview | CountsReason::Confirmed)
        }
        IncidentClass::Coverage => false,
    };
    standing && incident.state != IncidentState::Superseded
}
