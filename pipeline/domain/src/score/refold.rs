//! A session folded again from its whole log: under another policy, or because a segment came after its
//! place had been given up.
//!
//! Everything is at hand, so nothing is late: until [`SessionFold::settle`], segments wait for missing ones
//! and placeholders for redriven ones without limit, and nothing is said. Then the fold goes on as any
//! other, with revisions that follow what had been said before. Ids are derived, so an incident that is
//! found again is the same incident; one that is not is said to be superseded.

use super::fold::SessionFold;
use super::input::Output;
use super::ledger::Record;
use super::state::FoldState;
use crate::ids::SessionId;
use crate::messages::PolicyRef;
use crate::policy::Policy;

impl SessionFold {
    /// A session that will get all its records again. The policy must have been validated.
    pub fn again(policy: Policy, policy_ref: PolicyRef, session: SessionId) -> Self {
        Self { patient: true, ..Self::new(policy, policy_ref, session) }
    }

    /// Whether it still waits for records without limit.
    pub fn is_patient(&self) -> bool {
        self.patient
    }

    /// All records that there were are in: says what is different from `before`, always with a new
    /// revision of the score. From here on what comes late is late.
    pub fn settle(&mut self, before: Option<&FoldState>) -> Vec<Output> {
        self.patient = false;
        let closed_before = before.is_some_and(|before| before.publishing.is_final);
        self.state.publishing.closing |= closed_before;
        self.watch_released();
        let closes = self.is_complete() || self.state.publishing.closing;
        if closes {
            self.close();
        }
        let Some(before) = before else { return self.say(closes, true, u32::from(closes)) };
        let gone = self.state.ledger.go_on_from(&before.ledger);
        let mut outputs = self.withdraw(&gone, closes);
        outputs.extend(self.say(closes, true, before.publishing.rev + 1));
        outputs
    }

    /// Says that incidents are not found any more.
    fn withdraw(&self, gone: &[Record], closes: bool) -> Vec<Output> {
        let mut report = self.report(closes);
        report.records = gone;
        let standings = report.standings();
        let withdrawn = (0..gone.len()).map(|index| Output::Incident {
            incident: Box::new(report.superseded(index, &standings)),
            time_to_flag: gone[index].time_to_flag,
        });
        withdrawn.collect()
    }
}
