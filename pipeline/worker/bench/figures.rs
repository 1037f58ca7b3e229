//! From what was measured in each round to figures: medians, spreads, ratios within a round.

use serde::{Deserialize, Serialize};

use super::parts::Cost;
use super::product::Measured;
use super::{Corpus, Counts, Machine, Traffic, sessions_per_core};

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The product with one thread.
    Product,
    /// The product with two.
    ProductOnTwoThreads,
    /// Its parts alone.
    Parts,
    /// The worker in Python.
    Python,
}

impl Subject {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Product => "invigilator worker, 1 thread",
            Self::ProductOnTwoThreads => "invigilator worker, 2 threads",
            Self::Parts => "its decode calls and model runs alone",
            Self::Python => "worker in Python, every model on every sample",
        }
    }
}

/// What one round measured.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// The product with one thread.
    pub product: Measured,
    /// The product with two.
    pub on_two: Measured,
    /// Its parts, if they are the same each time.
    pub parts: Option<Cost>,
    /// Milliseconds of the worker in Python, if it was asked for.
    pub python: Option<f64>,
}

/// Median, lowest and highest of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the rounds lie below.
    pub median: f64,
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => (values[middle - 1] + values[middle]) / 2.0,
            _ => values[middle],
        };
        Some(Self { median, low, high })
    }
}

/// The processor time of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Who.
    pub subject: Subject,
    /// Milliseconds of processor time per second of video.
    pub milliseconds: Spread,
    /// Sessions that one core carries.
    pub sessions_per_core: Spread,
    /// Medians of the milliseconds by who used them.
    pub by: Vec<(String, f64)>,
}

/// What the sessions are made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Footage {
    /// Codecs of the recordings.
    pub codecs: Vec<String>,
    /// Sessions.
    pub sessions: u64,
    /// Their segments.
    pub segments: u64,
    /// Their length.
    pub seconds: f64,
    /// Bytes of their media.
    pub media_bytes: u64,
}

/// A finished benchmark; as JSON its fields are the contract.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Benchmark {
    /// Where it was measured.
    pub machine: Machine,
    /// Version of the program.
    pub version: String,
    /// Names of the recordings.
    pub recordings: Vec<String>,
    /// Sessions of each.
    pub copies: u32,
    /// What all of them together are.
    pub footage: Footage,
    /// What is done with the recordings, one session of each.
    pub work: Counts,
    /// What one run leaves in each topic.
    pub topics: Vec<Traffic>,
    /// Rounds.
    pub rounds: usize,
    /// Everybody's processor time.
    pub rows: Vec<Row>,
    /// The product by the sum of its parts.
    pub whole_by_parts: Option<Spread>,
    /// The product with two threads by the same with one.
    pub two_threads_by_one: Option<Spread>,
    /// The worker in Python by the product.
    pub python_by_product: Option<Spread>,
    /// The most memory of the product's processes together, in bytes, with one thread.
    pub peak_bytes: u64,
    /// The same with two.
    pub peak_bytes_on_two: u64,
    /// Seconds of video per second, with two threads.
    pub speed: Option<Spread>,
}

impl Benchmark {
    /// The figures of all rounds with so many sessions of each recording.
    pub fn of(recordings: Vec<String>, corpus: &Corpus, copies: u32, work: Counts, rounds: &[Round]) -> Self {
        let rows = [
            row(Subject::Product, rounds, |round| Some(round.product.time.clone().into_iter().collect())),
            row(Subject::ProductOnTwoThreads, rounds, |round| {
                Some(round.on_two.time.clone().into_iter().collect())
            }),
            row(Subject::Parts, rounds, |round| {
                let Cost { decode, models } = round.parts?;
                Some(vec![("decode".to_owned(), decode), ("models".to_owned(), models)])
            }),
            row(Subject::Python, rounds, |round| Some(vec![("all".to_owned(), round.python?)])),
        ];
        let parts = |round: &Round| round.parts.map(|parts| parts.decode + parts.models);
        let peak = |measured: fn(&Round) -> &Measured| {
            rounds.iter().map(|round| measured(round).peak_bytes).max().unwrap_or_default()
        };
        Self {
            machine: Machine::this(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recordings,
            copies,
            footage: corpus.footage(copies),
            work,
            topics: rounds.last().map(|round| round.product.topics.clone()).unwrap_or_default(),
            rounds: rounds.len(),
            rows: rows.into_iter().flatten().collect(),
            whole_by_parts: Spread::of(
                rounds.iter().filter_map(|round| Some(round.product.total() / parts(round)?)),
            ),
            two_threads_by_one: Spread::of(
                rounds.iter().map(|round| round.on_two.total() / round.product.total()),
            ),
            python_by_product: Spread::of(
                rounds.iter().filter_map(|round| Some(round.python? / round.product.total())),
            ),
            peak_bytes: peak(|round| &round.product),
            peak_bytes_on_two: peak(|round| &round.on_two),
            speed: Spread::of(rounds.iter().map(|round| round.on_two.speed)),
        }
    }
}

fn row(
    subject: Subject,
    rounds: &[Round],
    time: impl Fn(&Round) -> Option<Vec<(String, f64)>>,
) -> Option<Row> {
    let times: Vec<Vec<(String, f64)>> = rounds.iter().filter_map(time).collect();
    let total = |time: &Vec<(String, f64)>| time.iter().map(|(_, used)| used).sum::<f64>();
    let names = times.first()?.iter().map(|(name, _)| name.clone());
    let median = |name: &String| {
        let used = |time: &Vec<(String, f64)>| Some(time.iter().find(|(known, _)| known == name)?.1);
        Spread::of(times.iter().filter_map(used)).map_or(0.0, |spread| spread.median)
    };
    let mut by: Vec<(String, f64)> = names.map(|name| (name.clone(), median(&name))).collect();
    by.sort_by(|one, other| other.1.total_cmp(&one.1));
    Some(Row {
        subject,
        milliseconds: Spread::of(times.iter().map(total))?,
        sessions_per_core: Spread::of(times.iter().map(|time| sessions_per_core(total(time))))?,
        by,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(product: f64, on_two: f64, parts: f64, python: Option<f64>) -> Round {
        let measured = |total: f64| Measured {
            time: [("vision".to_owned(), total * 0.75), ("child".to_owned(), total * 0.25)].into(),
            peak_bytes: 7,
            speed: 2.0,
            topics: Vec::new(),
        };
        let parts = Some(Cost { decode: parts / 2.0, models: parts / 2.0 });
        Round { product: measured(product), on_two: measured(on_two), parts, python }
    }

    fn figures(rounds: &[Round]) -> Benchmark {
        Benchmark::of(vec!["a.webm".to_owned()], &Corpus::default(), 2, Counts::default(), rounds)
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is twice as slow in the second round, for all alike.
        let rounds = [round(10.0, 11.0, 8.0, Some(30.0)), round(20.0, 22.0, 16.0, Some(60.0))];
        let figures = figures(&rounds);
        let equal = |spread: Option<Spread>, value: f64| {
            let spread = spread.unwrap();
            assert!([spread.low, spread.median, spread.high].iter().all(|of| (of - value).abs() < 1e-9));
        };
        equal(figures.whole_by_parts, 1.25);
        equal(figures.two_threads_by_one, 1.1);
        equal(figures.python_by_product, 3.0);
        let product = &figures.rows[0];
        assert_eq!(product.milliseconds, Spread { median: 15.0, low: 10.0, high: 20.0 });
        assert_eq!(product.sessions_per_core.high, 100.0);
        assert_eq!(product.by[0], ("vision".to_owned(), 11.25));
    }

    #[test]
    fn without_the_opponent_there_is_no_row_of_it() {
        let figures = figures(&[round(10.0, 10.0, 9.0, None)]);
        assert_eq!(figures.rows.len(), 3);
        assert_eq!(figures.python_by_product, None);
    }
}
