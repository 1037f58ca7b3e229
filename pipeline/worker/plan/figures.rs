//! The figures that a plan rests on: what `invigilator bench --json` wrote.

use std::path::Path;

use crate::bench::{Benchmark, Subject, Traffic};

/// What `benches/run.sh` (`make bench`) wrote for sessions with incidents, the dearer ones.
const BUNDLED: [(Codec, &str); 2] = [
    (Codec::Vp8, include_str!("../../../benches/figures/vp8.json")),
    (Codec::H264, include_str!("../../../benches/figures/h264.json")),
];

/// A codec for which figures come with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// VP8.
    Vp8,
    /// H.264, baseline profile.
    H264,
}

/// Measured figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Where they are from, for people.
    pub from: String,
    /// Whether they came with the program.
    pub is_bundled: bool,
    /// What was measured.
    pub measured: Benchmark,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The file cannot be read.
    #[error("cannot read the figures in {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{from} does not hold what `invigilator bench --json` writes")]
    Foreign {
        /// What was read.
        from: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is, but says nothing about the worker.
    #[error("{from} holds no measured sessions of the worker")]
    Empty {
        /// What was read.
        from: String,
    },
}

impl Figures {
    /// Those that come with the program.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn bundled(codec: Codec) -> Result<Self, FiguresError> {
        let text = BUNDLED.iter().find(|(of, _)| *of == codec).map_or("", |(_, text)| text);
        let figures = Self::parse("the program itself (benches/figures, by make bench)".to_owned(), text)?;
        Ok(Self { is_bundled: true, ..figures })
    }

    /// Those of a file.
    ///
    /// # Errors
    /// If it cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, FiguresError> {
        let from = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| FiguresError::Unreadable { path: from.clone(), source })?;
        Self::parse(from, &text)
    }

    fn parse(from: String, text: &str) -> Result<Self, FiguresError> {
        let measured: Benchmark = serde_json::from_str(text)
            .map_err(|source| FiguresError::Foreign { from: from.clone(), source })?;
        let figures = Self { from, is_bundled: false, measured };
        let footage = &figures.measured.footage;
        let is_something = figures.row(Subject::Product).is_some()
            && footage.seconds > 0.0
            && footage.segments > 0
            && footage.sessions > 0;
        if is_something { Ok(figures) } else { Err(FiguresError::Empty { from: figures.from }) }
    }

    /// Milliseconds of processor time per second of video, on a pod of so many cores.
    pub fn milliseconds(&self, cores: u64) -> f64 {
        let on_two = self.row(Subject::ProductOnTwoThreads).filter(|_| cores > 1);
        // A parsed file has the first one.
        on_two.or_else(|| self.row(Subject::Product)).unwrap_or_default()
    }

    fn row(&self, subject: Subject) -> Option<f64> {
        let row = self.measured.rows.iter().find(|row| row.subject == subject)?;
        Some(row.milliseconds.median).filter(|used| *used > 0.0)
    }

    /// Bits of video per second.
    pub fn bitrate(&self) -> f64 {
        let footage = &self.measured.footage;
        footage.media_bytes as f64 * 8.0 / footage.seconds
    }

    /// Seconds of a segment.
    pub fn segment(&self) -> f64 {
        let footage = &self.measured.footage;
        footage.seconds / footage.segments as f64
    }

    /// What was in a topic.
    pub(super) fn topic(&self, name: &str) -> Option<&Traffic> {
        self.measured.topics.iter().find(|topic| topic.topic == name && topic.records > 0)
    }
}
