//! What is known about who sat the exam. This version makes no identity checks of its own: the ledger
//! says so, and the rule for identity incidents (nothing without a human) is in
//! [`standing`](super::standing).

use crate::messages::{IdentityLedger, IdentityState};

/// The ledger of a session without checks.
pub(super) fn unchecked() -> IdentityLedger {
    IdentityLedger {
        state: IdentityState::NotRequired,
        template: None,
        checks: 0,
        eligible: 0,
        matched: 0,
        last_match_ms: None,
    }
}
