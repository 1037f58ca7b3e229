//! Everything the fold remembers between two records: plain, bounded, and all that a successor needs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::input::Counters;
use super::ledger::Ledger;
use super::lifecycle::Lifecycle;
use super::reorder::Reorder;
use super::review::Reviews;
use super::watch::Watch;
use crate::messages::canonical;
use crate::time::MediaMs;

/// Version of [`FoldState`]; a state of another version is dropped and rebuilt from the records.
pub const STATE_VERSION: u32 = 2;

/// Everything the fold remembers; bounded, and all that a successor needs to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldState {
    pub(super) version: u32,
    pub(super) reorder: Reorder,
    pub(super) watch: Watch,
    pub(super) ledger: Ledger,
    pub(super) lifecycle: Lifecycle,
    pub(super) reviews: Reviews,
    /// Markers that say something about the session, as canonical text, for the hash of the inputs.
    pub(super) markers: BTreeSet<String>,
    pub(super) models: BTreeSet<String>,
    /// Hash chain over the observations in their order.
    pub(super) observations_sha256: String,
    pub(super) publishing: Publishing,
    pub(super) counters: Counters,
}

/// What has been published.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publishing {
    pub(super) rev: u32,
    pub(super) is_final: bool,
    /// Nothing more is waited for: a clock said so, or the caller.
    pub(super) closing: bool,
    /// Media time of the last score.
    pub(super) at: Option<MediaMs>,
}

impl FoldState {
    /// Appends an observation to the hash chain.
    pub(super) fn chain(&mut self, digest: &str) {
        let link = format!("{}{digest}", self.observations_sha256);
        self.observations_sha256 = canonical::sha256_hex(link.as_bytes());
    }
}
