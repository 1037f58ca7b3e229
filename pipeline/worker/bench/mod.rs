//! `invigilator bench`: how many sessions a core carries, measured on the production binary.
//!
//! ```text
//! recordings ─┬▶ product   publish → Kafka → `invigilator worker`, with one thread and with two
//!             ├▶ parts     the same decode calls and model runs, alone
//!             └▶ opponent  a worker in Python, every model on every sample (benches/baseline)
//!                  └▶ figures ─▶ print, JSON, SVG
//! ```
//!
//! All of them are measured in every round, in turns, so that a neighbour who makes the machine slow makes
//! all of them slow. What counts is processor time of all processes, read from the system, per second of
//! video; the broker's is not ours and is told apart. Figures are medians over the rounds, with the spread.
//! What is done at all is counted exactly, once ([`Work`]), and so is what it writes to Kafka ([`Traffic`]).
//! Not responsible for: accuracy, see `eval`; what the figures mean for a cluster, see [`plan`](crate::plan).

mod figures;
mod machine;
mod opponent;
mod parts;
mod plot;
mod process;
mod processor;
mod product;
mod traffic;
pub mod wave;
mod work;

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::time::Millis;

use crate::publish::{PublishError, Recording, SessionPlan};
use crate::settings::Settings;

pub use figures::{Benchmark, Footage, Round, Row, Spread, Subject};
pub use machine::Machine;
pub use opponent::Opponent;
pub use parts::{Cost, Parts};
pub use plot::svg;
pub use processor::whole;
pub use product::{Measured, Product};
pub use traffic::Traffic;
pub use work::{Counts, Work};

/// The recordings that sessions are made of.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Segments of all of them together.
    pub segments: u64,
    /// Their length.
    pub length: Millis,
    /// Bytes of their media.
    pub media_bytes: u64,
    /// Their codecs, each once, in order.
    pub codecs: BTreeSet<&'static str>,
}

impl Corpus {
    /// Reads recordings as they will be published.
    ///
    /// # Errors
    /// If one cannot be read or cut.
    pub fn read(files: Vec<PathBuf>) -> Result<Self, PublishError> {
        let (mut segments, mut length) = (0, Millis::ZERO);
        let (mut media_bytes, mut codecs) = (0, BTreeSet::new());
        for file in &files {
            let recording = Recording::open(&plan(file))?;
            codecs.insert(recording.codec().name());
            for piece in recording {
                let piece = piece?;
                segments += 1;
                length += piece.header.end_ms - piece.header.start_ms;
                media_bytes += piece.media.len() as u64;
            }
        }
        Ok(Self { files, segments, length, media_bytes, codecs })
    }

    /// Seconds of video in so many of these segments.
    pub fn seconds(&self, segments: f64) -> f64 {
        self.length.0 as f64 / 1000.0 * segments / self.segments.max(1) as f64
    }

    /// So many sessions of each recording.
    pub fn footage(&self, copies: u32) -> Footage {
        let copies = u64::from(copies);
        Footage {
            codecs: self.codecs.iter().map(|codec| (*codec).to_owned()).collect(),
            sessions: self.files.len() as u64 * copies,
            segments: self.segments * copies,
            seconds: self.seconds((self.segments * copies) as f64),
            media_bytes: self.media_bytes * copies,
        }
    }
}

/// A recording as the session that its content names.
fn plan(file: &std::path::Path) -> SessionPlan {
    SessionPlan { file: file.to_owned(), told: None, copy: None }
}

/// Processor time per second of video, in milliseconds, as sessions that one core carries.
pub fn sessions_per_core(milliseconds: f64) -> f64 {
    1000.0 / milliseconds
}

/// Why a benchmark came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A process could not be started or read.
    #[error("{what}")]
    Process {
        /// What was tried.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A process ended, or did not get on.
    #[error("{what}\n{said}")]
    Failed {
        /// What happened.
        what: String,
        /// The end of what it said.
        said: String,
    },
    /// A recording cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The decoder or the models fail.
    #[error("the parts cannot be measured")]
    Parts(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The broker refuses.
    #[error(transparent)]
    Kafka(#[from] kafka::KafkaError),
}

/// Which processes work on which recordings.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The settings in use.
    pub settings: Settings,
    /// Arguments that make another `invigilator` use them.
    pub arguments: Vec<String>,
    /// The recordings.
    pub corpus: Corpus,
    /// Sessions made of each recording.
    pub copies: u32,
}
