//! `invigilator compare`: what a shadow sees and judges otherwise than those whose results count.
//!
//! ```text
//! PREFIX.scores, .incidents, .observations ──────────┐
//!                                                    ├▶ sides ─▶ differences ─▶ print, JSON, exit code
//! PREFIX.shadow-NAME.scores, .incidents, ... ────────┘
//! ```
//!
//! Reads and writes nothing else. Only sessions are compared whose score is final on both sides. Not responsible for:
//! which side is right; that takes labelled footage (`invigilator eval`) or a person.

mod differences;
mod sides;

use std::collections::BTreeMap;
use std::time::Duration;

use kafka::{Connection, KafkaError, Shadow, Topics};
use serde::Serialize;

pub use differences::{BandChange, Differences, OfType, Spread};
pub use sides::{Makers, Side};

/// A shadow beside those that count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The shadow's name.
    pub shadow: String,
    /// With what observations were made that count, as far as the last ones tell.
    pub counting: Makers,
    /// The same of the shadow's.
    pub shadows: Makers,
    /// What differs.
    #[serde(flatten)]
    pub differences: Differences,
}

impl Comparison {
    /// Reads both sides.
    ///
    /// # Errors
    /// If a topic does not exist, or the brokers do not answer within `patience`.
    pub fn read(
        connection: &Connection,
        topics: &Topics,
        shadow: &Shadow,
        patience: Duration,
    ) -> Result<Self, CompareError> {
        let counting = Side::read(connection, topics, patience)?;
        let shadows = Side::read(connection, &topics.clone().in_shadow(shadow.clone()), patience)?;
        Ok(Self {
            shadow: shadow.to_string(),
            differences: Differences::between(&counting.sessions, &shadows.sessions),
            counting: counting.makers,
            shadows: shadows.makers,
        })
    }

    /// Names of models that one side has and the other has not, or has otherwise.
    pub fn changed_models(&self) -> Vec<&str> {
        let differs = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>, name: &str| {
            one.get(name) != other.get(name)
        };
        let (one, other) = (&self.counting.models, &self.shadows.models);
        let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
        names.filter(|name| differs(one, other, name)).map(String::as_str).collect()
    }
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A topic is missing.
    #[error("there is no topic {0}; see `invigilator topics create --shadow`")]
    NoTopic(String),
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}
