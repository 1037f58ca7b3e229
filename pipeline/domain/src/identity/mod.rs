//! Who is who, in numbers: embeddings of faces, how similar two of them are, and what is held against whom.
//!
//! Embeddings exist in memory and in sealed templates, and nowhere else: they cannot be written as JSON, and
//! `Debug` tells their model and length. What similarities mean for a session is decided in
//! [`score`](crate::score), over many samples; nothing here judges.

mod cadence;
mod eligibility;
mod embedding;

pub use cadence::{Cadence, Comparison};
pub use eligibility::Ineligible;
pub use embedding::{Embedding, Thresholds};
