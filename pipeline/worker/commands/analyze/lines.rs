//! Findings as CloudEvents, one line of JSON each.

use std::io::{self, Write};

use domain::messages::envelope::{CloudEvent, Message};

use crate::analyze::Finding;

/// CloudEvents `source` of everything that this command emits.
const SOURCE: &str = "/invigilator/analyze";

/// Prints a finding as one line, if it is a message.
///
/// # Errors
/// If it cannot be written.
pub fn print(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    match finding {
        Finding::Observation(observation) => line(out, observation),
        Finding::Incident(incident) => line(out, incident),
        Finding::Score(score) => line(out, score),
        Finding::Started(_) | Finding::Traced(_) => Ok(()),
    }
}

fn line<T: Message + Clone>(out: &mut impl Write, message: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec(&CloudEvent::wrap(SOURCE, message.clone()))?;
    text.push(b'\n');
    out.write_all(&text)
}
