//! All findings of one file together: for reports and evaluations, which need the whole.

use domain::messages::{Incident, Observation, Score};
use domain::score::SampleTrace;

use super::Finding;

/// What was found in a file, as it stands at its end.
#[derive(Debug, Default)]
pub struct Collected {
    /// What was seen, in order of media time.
    pub observations: Vec<Observation>,
    /// The last revision of each incident, in order of opening.
    pub incidents: Vec<Incident>,
    /// The last revision of the score; `None` if the analysis failed before there was one.
    pub score: Option<Score>,
    /// How the fold read each sample, if that was asked for.
    pub traces: Vec<SampleTrace>,
}

impl Collected {
    /// Adds the next finding.
    pub fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Started(_) => {}
            Finding::Observation(observation) => self.observations.push(observation),
            Finding::Incident(incident) => {
                let known = self.incidents.iter_mut().find(|have| have.incident_id == incident.incident_id);
                match known {
                    Some(have) => *have = incident,
                    None => self.incidents.push(incident),
                }
            }
            Finding::Score(score) => self.score = Some(score),
            Finding::Traced(trace) => self.traces.push(trace),
        }
    }
}
