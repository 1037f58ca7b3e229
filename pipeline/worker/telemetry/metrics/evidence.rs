//! Metrics of pictures of flagged moments.

use prometheus::IntCounterVec;

use super::{Make, Metrics};

/// What became of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureOutcome {
    /// It is in the store.
    Kept,
    /// Too many were waiting.
    NoRoom,
    /// Somebody could have been recognised in it.
    NotHidden,
    /// There was no key to seal it with.
    NoKey,
    /// The store did not take it.
    NoStore,
    /// It was kept, showed no incident in the end, and was deleted.
    ShowsNothing,
}

impl PictureOutcome {
    const ALL: [Self; 6] =
        [Self::Kept, Self::NoRoom, Self::NotHidden, Self::NoKey, Self::NoStore, Self::ShowsNothing];

    fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NoRoom => "no_room",
            Self::NotHidden => "not_hidden",
            Self::NoKey => "no_key",
            Self::NoStore => "no_store",
            Self::ShowsNothing => "shows_nothing",
        }
    }
}

/// Counts pictures.
#[derive(Debug, Clone)]
pub(super) struct EvidenceMetrics {
    pictures: IntCounterVec,
}

impl EvidenceMetrics {
    pub fn new(make: &Make<'_>) -> Self {
        let help =
            "Pictures of flagged moments: kept; not kept, and why; deleted because they showed no incident";
        let pictures = make.counters("evidence_pictures_total", help, &["outcome"]);
        for outcome in PictureOutcome::ALL {
            pictures.with_label_values(&[outcome.name()]);
        }
        Self { pictures }
    }
}

impl Metrics {
    /// What became of a picture.
    pub fn picture(&self, outcome: PictureOutcome) {
        self.evidence.pictures.with_label_values(&[outcome.name()]).inc();
    }
}
