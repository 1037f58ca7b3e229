//! One measured figure: never without what it was measured on and how sure it is.

use serde::Serialize;

use super::statistics::{Bounds, RESAMPLES, Resampled, bootstrap, wilson};

/// A measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Stable name for programs.
    pub name: String,
    /// What it says, for people.
    pub meaning: String,
    /// `None` where nothing was labelled or nothing could be measured.
    pub value: Option<f64>,
    /// What the value is in.
    pub unit: Unit,
    /// Sample size.
    pub n: usize,
    /// What was counted: seconds, spans, clips.
    pub of: &'static str,
    /// Clips that contributed.
    pub clips: usize,
    /// 95 % intervals, by method.
    pub intervals: Vec<Sure>,
    /// What else a reader has to know.
    pub note: Option<String>,
}

/// What a value is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// 0..1.
    Share,
    /// 0..1, not a share of anything.
    Plain,
    /// Events per hour of video.
    PerHour,
    /// Seconds.
    Seconds,
}

/// An interval and where it comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Sure {
    /// How it was computed.
    pub method: String,
    /// The interval.
    #[serde(flatten)]
    pub bounds: Bounds,
}

/// Hits and trials of one clip.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Right ones.
    pub hits: usize,
    /// All.
    pub trials: usize,
}

impl Figure {
    /// A figure without intervals.
    pub fn new(name: &str, meaning: &str, unit: Unit, of: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            meaning: meaning.to_owned(),
            value: None,
            unit,
            n: 0,
            of,
            clips: 0,
            intervals: Vec::new(),
            note: None,
        }
    }

    /// A proportion over clips: Wilson's interval, and a bootstrap by clip because what happens within
    /// a clip is not independent.
    pub fn proportion(name: &str, meaning: &str, of: &'static str, tallies: &[Tally]) -> Self {
        let tallies: Vec<Tally> = tallies.iter().copied().filter(|tally| tally.trials > 0).collect();
        let hits: usize = tallies.iter().map(|tally| tally.hits).sum();
        let trials: usize = tallies.iter().map(|tally| tally.trials).sum();
        let mut figure = Self::new(name, meaning, Unit::Share, of);
        figure.n = trials;
        figure.clips = tallies.len();
        figure.value = (trials > 0).then(|| hits as f64 / trials as f64);
        figure.add_bounds("Wilson", wilson(hits, trials));
        if tallies.len() > 1 && tallies.len() < trials {
            let share = |drawn: &[&Tally]| {
                let trials: usize = drawn.iter().map(|tally| tally.trials).sum();
                Some(drawn.iter().map(|tally| tally.hits).sum::<usize>() as f64 / trials as f64)
            };
            figure.add_resampled("bootstrap by clip", bootstrap(&tallies, share));
        }
        figure
    }

    /// Adds a computed interval.
    pub fn add_bounds(&mut self, method: &str, bounds: Option<Bounds>) {
        self.intervals.extend(bounds.map(|bounds| Sure { method: method.to_owned(), bounds }));
    }

    /// Adds a bootstrap interval and says in how many resamples the figure was undefined.
    pub fn add_resampled(&mut self, method: &str, resampled: Option<Resampled>) {
        let Some(Resampled { bounds, defined }) = resampled else { return };
        let method = match RESAMPLES - defined {
            0 => method.to_owned(),
            undefined => format!("{method}, undefined in {undefined} of {RESAMPLES} resamples"),
        };
        self.intervals.push(Sure { method, bounds });
    }

    /// Adds a note.
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
