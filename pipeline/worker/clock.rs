//! The wall clock: the one place where messages get a time of day, for `run` objects only, and where
//! delays are measured: for metrics, traces, and first guesses that the log decides.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, as messages say it: RFC 3339 in UTC, with milliseconds.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Now, for the ends of spans.
pub fn system_now() -> SystemTime {
    SystemTime::now()
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(i64::MAX)
}

/// How long ago a time in milliseconds since 1970 was; zero if it lies ahead, as clocks differ.
pub fn since_ms(milliseconds: i64) -> Duration {
    let then = UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or_default());
    SystemTime::now().duration_since(then).unwrap_or_default()
}
