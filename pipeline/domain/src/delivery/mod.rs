//! When the input of finished work may be given up: bookkeeping for delivery at least once.

mod ledger;
mod waiting;

pub use ledger::{Lease, OffsetLedger};
pub use waiting::{Urgency, Waiting};
