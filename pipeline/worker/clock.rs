//! The wall clock, for `run` objects only: the one place where messages get a time of day.

use std::time::SystemTime;

/// Now, as messages say it: RFC 3339 in UTC, with milliseconds.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
