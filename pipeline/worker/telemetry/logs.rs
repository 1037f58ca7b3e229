//! Lines of the log: on standard error, as JSON or for people.
//!
//! Levels mean something: `error` a result was lost or an operator is needed, `warn` something was mended,
//! `info` what an operator did and what came of it. Nothing per picture above `trace`.

use std::time::{Duration, Instant};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{LogFormat, LogLevel, Telemetry};

/// How often the same trouble is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Trouble that goes on: told when it begins, and from time to time.
#[derive(Debug, Default)]
pub struct Trouble {
    told: Option<Instant>,
}

impl Trouble {
    /// Whether it is time to tell of it.
    pub fn is_news(&mut self) -> bool {
        let is_news = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if is_news {
            self.told = Some(Instant::now());
        }
        is_news
    }
}

/// Begins to log for a person who watches a command: only what goes wrong, in words.
pub fn begin_for_people() {
    write_lines(LogLevel::Warn, LogFormat::Text);
}

/// Begins to log. A second call changes nothing.
pub fn begin(telemetry: &Telemetry) {
    write_lines(telemetry.log_level, telemetry.log_format);
}

fn write_lines(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Libraries are heard when something is wrong with them.
    let ours = ["invigilator", "kafka", "decode", "infer", "domain", "container"];
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(ours.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let _already = match format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_in_a_while() {
        let mut trouble = Trouble::default();
        assert!(trouble.is_news());
        assert!(!trouble.is_news());
        trouble.told = Instant::now().checked_sub(TELL_EVERY);
        assert!(trouble.is_news());
    }
}
