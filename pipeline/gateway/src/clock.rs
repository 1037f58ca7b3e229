//! The time of day: for what is written down, for tokens, and for how long ago something came.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time as messages say it: RFC 3339 in UTC, with milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Now, as messages say it.
pub fn now() -> String {
    rfc3339(SystemTime::now())
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    since_1970().as_millis().try_into().unwrap_or(i64::MAX)
}

/// Now, in seconds since 1970.
pub fn now_s() -> u64 {
    since_1970().as_secs()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
