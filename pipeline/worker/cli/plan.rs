//! What `invigilator plan` can be asked.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use crate::plan::{Codec, has_retention};

const EXAMPLES: &str = "\
Examples:
  invigilator plan --sessions 50000 --bitrate 400k
  invigilator plan --sessions 50000 --bitrate 400k --figures bench.json --cores-per-pod 16
  invigilator plan --sessions 2000 --hours-a-day 10 --retention segments=6h,observations=3days --json
  invigilator plan --sessions 50000 --calm 0.8 --calm-figures calm.json
  invigilator plan --sessions 50000 --price-core-hour 0.04 --price-gb-month 0.08 --price-gb-between-zones 0.01
  invigilator plan --timetable exams.csv --emit keda > k8s/overlays/prod/exams.yaml

From measured figures to cores, pods, partitions, bytes, memory and cost. The figures are those of
`invigilator bench FILE... --json bench.json`, best measured where the workers will run; without --figures
they are those that come with the program, of the machine that is named. No price is built in, so there is
no cost without one. What is taken for granted is printed with the plan.

With --timetable, a table of exams (CSV: exam,begins,ends,sessions; times in UTC), it says how many pods there
have to be before the candidates come: exams at the same time are added up. --emit keda prints that as a patch
for k8s/components/keda.";

/// A form that floors of pods can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Emit {
    /// Triggers of a ScaledObject of KEDA, as a patch for kustomize.
    Keda,
}

/// `invigilator plan`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// Sessions at the same time
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=10_000_000))]
    #[arg(required_unless_present = "timetable")]
    pub sessions: Option<u64>,
    /// Exams that are to come: how many pods, from when to when
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sessions", "json"], requires = "emit")]
    pub timetable: Option<PathBuf>,
    /// As what
    #[arg(long, value_enum, requires = "timetable")]
    pub emit: Option<Emit>,
    /// How long before an exam its pods are wanted: they and their nodes take a while to come
    #[arg(long, value_name = "TIME", default_value = "10min", value_parser = time, requires = "timetable")]
    pub ahead: Duration,
    /// Video of one session, in bits per second
    #[arg(long, value_name = "BITS", default_value = "400k", value_parser = bits)]
    pub bitrate: u64,
    /// Length of a segment
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = segment)]
    pub segment: Duration,
    /// Whose figures are taken of those that come with the program
    #[arg(long, value_enum, default_value = "vp8", conflicts_with = "figures")]
    pub codec: Codec,
    /// Figures that `invigilator bench --json` wrote
    #[arg(long, value_name = "FILE")]
    pub figures: Option<PathBuf>,
    /// Share of the sessions that are calm and looked at less often, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share, requires = "calm_figures")]
    pub calm: f64,
    /// Figures of those, measured with the settings that they have
    #[arg(long, value_name = "FILE", requires = "calm")]
    pub calm_figures: Option<PathBuf>,
    /// Share of the cores that may be busy
    ///
    /// Segments come at random, and sessions are spread over pods by chance. At 0.65 the pod that gets the most
    /// of them still keeps up, and a third of the cores is left to work off what a pod that died left behind.
    /// More is cheaper, and slower.
    #[arg(long, value_name = "SHARE", default_value_t = 0.65, value_parser = positive_share)]
    pub utilisation: f64,
    /// The same while a zone is down: scores come late then, but keep up
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, value_parser = positive_share)]
    pub utilisation_zone_down: f64,
    /// Cores of a pod
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u64).range(1..=256))]
    pub cores_per_pod: u64,
    /// Zones that pods and brokers are spread over
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u64).range(1..=32))]
    pub zones: u64,
    /// Copies of each record
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u64).range(1..=32))]
    pub replication: u64,
    /// Hours of a day in which there are so many sessions
    #[arg(long, value_name = "H", default_value_t = 24.0, value_parser = hours)]
    pub hours_a_day: f64,
    /// Length of a session
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = time)]
    pub session_length: Duration,
    /// For how long records of topics are kept: by default as `invigilator topics create` says
    #[arg(long, value_name = "TOPIC=TIME,...", value_delimiter = ',', value_parser = retention)]
    pub retention: Vec<(String, Duration)>,
    /// For how long the last score and state of a session are kept, until they are deleted
    #[arg(long, value_name = "TIME", default_value = "180days", value_parser = time)]
    pub keep: Duration,
    /// Price of a core for an hour
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub price_core_hour: Option<f64>,
    /// Price of a gigabyte (10⁹ bytes) on a disk for a month
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub price_gb_month: Option<f64>,
    /// Price of a gigabyte from one zone to another
    #[arg(long, value_name = "PRICE", value_parser = price)]
    pub price_gb_between_zones: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// A settings file: bounds the queues of a pod; see config/default.toml for all keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Bits per second: `400k`, `1.5M`, `400000`.
fn bits(text: &str) -> Result<u64, String> {
    let units = [("k", 1e3), ("K", 1e3), ("M", 1e6)];
    let with_unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (digits, factor) = with_unit.unwrap_or((text, 1.0));
    let value = digits.parse::<f64>().ok().map(|value| value * factor);
    let value = value.filter(|value| (1_000.0..=100e6).contains(value));
    value
        .map(|value| value as u64)
        .ok_or_else(|| "bits per second from 1k to 100M, like 400k or 1.5M".to_owned())
}

fn number(text: &str, is_good: impl Fn(f64) -> bool, what: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|value| is_good(*value)).ok_or_else(|| what.to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |value| (0.0..=1.0).contains(&value), "a share from 0 to 1")
}

fn positive_share(text: &str) -> Result<f64, String> {
    number(text, |value| (0.05..=1.0).contains(&value), "a share from 0.05 to 1")
}

fn hours(text: &str) -> Result<f64, String> {
    number(text, |value| value > 0.0 && value <= 24.0, "more than 0 and at most 24 hours")
}

fn price(text: &str) -> Result<f64, String> {
    number(text, |value| value >= 0.0 && value.is_finite(), "a price, 0 or more")
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_good = (1..=10 * 365 * 86_400).contains(&time.as_secs());
    is_good.then_some(time).ok_or_else(|| "from a second to ten years".to_owned())
}

fn segment(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let is_good = (Duration::from_millis(500)..=Duration::from_secs(60)).contains(&time);
    is_good.then_some(time).ok_or_else(|| "from 500ms to 60s".to_owned())
}

fn retention(text: &str) -> Result<(String, Duration), String> {
    let (topic, age) = text.split_once('=').ok_or("TOPIC=TIME, like segments=6h")?;
    if !has_retention(topic) {
        return Err(format!("`{topic}` is no topic whose records are deleted by their age"));
    }
    Ok((topic.to_owned(), time(age)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_nonsense_is_refused() {
        assert_eq!(
            ["400k", "1.5M", "400000", "64K"].map(|text| bits(text).unwrap()),
            [400_000, 1_500_000, 400_000, 64_000]
        );
        for bad in ["", "k", "fast", "-3k", "0", "inf", "1e300", "400kk", "400G"] {
            assert!(bits(bad).is_err(), "{bad}");
        }
        assert!(retention("segments=6h").is_ok_and(|(topic, _)| topic == "segments"));
        for bad in ["segments", "segments=soon", "scores=1h", "nothing=1h"] {
            assert!(retention(bad).is_err(), "{bad}");
        }
        assert!(segment("2s").is_ok() && segment("0s").is_err() && time("0s").is_err());
        assert!(share("NaN").is_err() && hours("25").is_err() && price("-1").is_err());
    }
}
