//! When the input of finished work may be given up: bookkeeping for delivery at least once.

mod ledger;

pub use ledger::{Lease, OffsetLedger};
