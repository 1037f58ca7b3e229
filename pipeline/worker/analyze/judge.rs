//! Feeds one file's observations to the score fold, with the lifecycle that an exam system would send,
//! and stamps what comes out with the wall clock.

use domain::ids::SessionId;
use domain::messages::{IncidentRun, Observation, PolicyRef, ScoreRun, SessionEvent, SessionFact};
use domain::policy::Policy;
use domain::score::{Output, ScoreInput, SessionFold};
use domain::time::{Interval, MediaMs};

use super::Finding;
use crate::clock;

/// By what files are judged.
#[derive(Debug, Clone)]
pub struct JudgedBy {
    /// The policy.
    pub policy: Policy,
    /// Its id, version and hash.
    pub policy_ref: PolicyRef,
    /// Also hand over how the fold read each sample.
    pub trace: bool,
}

/// Judges one file.
pub(super) struct Judge {
    session: SessionId,
    policy_id: String,
    fold: SessionFold,
}

impl Judge {
    pub(super) fn new(by: &JudgedBy, session: &SessionId) -> Self {
        let mut fold = SessionFold::new(by.policy.clone(), by.policy_ref.clone(), session.clone());
        fold.trace(by.trace);
        Self { session: session.clone(), policy_id: by.policy.id.clone(), fold }
    }

    /// The session begins; `expected` if the file says how long it is.
    pub(super) fn start(&mut self, expected: Option<Interval>, found: &mut dyn FnMut(Finding)) {
        // What the policy grants, it grants by itself.
        let accommodations = Vec::new();
        let event = SessionEvent::Started { policy: self.policy_id.clone(), accommodations, expected };
        self.fact(MediaMs::ZERO, event, found);
    }

    /// The next segment was observed.
    pub(super) fn observe(&mut self, observation: Observation, found: &mut dyn FnMut(Finding)) {
        let outputs = self.fold.push(ScoreInput::Observation(&observation));
        found(Finding::Observation(observation));
        self.tell(outputs, found);
    }

    /// The file is over: nothing more comes.
    pub(super) fn end(mut self, expected: Interval, found: &mut dyn FnMut(Finding)) {
        self.fact(expected.end, SessionEvent::Ended { expected: Some(expected) }, found);
        let outputs = self.fold.finish();
        self.tell(outputs, found);
    }

    fn fact(&mut self, media_ms: MediaMs, event: SessionEvent, found: &mut dyn FnMut(Finding)) {
        let fact = SessionFact { session: self.session.clone(), media_ms, event };
        let outputs = self.fold.push(ScoreInput::SessionFact(&fact));
        self.tell(outputs, found);
    }

    fn tell(&mut self, outputs: Vec<Output>, found: &mut dyn FnMut(Finding)) {
        for output in outputs {
            found(match output {
                Output::Incident { mut incident, time_to_flag } => {
                    let detected_at = clock::now();
                    incident.run = Some(IncidentRun { detected_at, time_to_flag_ms: time_to_flag });
                    Finding::Incident(*incident)
                }
                Output::Score(mut score) => {
                    score.run = Some(ScoreRun { computed_at: clock::now() });
                    Finding::Score(*score)
                }
            });
        }
        for trace in self.fold.take_traces() {
            found(Finding::Traced(trace));
        }
    }
}
