//! What is written to Kafka, copied between brokers, read from it and kept on disks.

use std::time::Duration;

use kafka::topics::{ALL, CleanUp, TopicDefault};
use serde::Serialize;

use super::{Ask, Figures};

const DAY: f64 = 86_400.0;

/// How much larger a compacted topic is than its last records: it is compacted once a fifth of it is older
/// (`min.cleanable.dirty.ratio`).
const UNCOMPACTED: f64 = 1.25;

/// Written by the score role for itself, and read only by whoever takes a partition over.
const STATE: &str = "score-state";

/// What is kept of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "seconds")]
pub enum Stored {
    /// Everything, for this many seconds.
    Everything(u64),
    /// The last record of each session, for this many seconds.
    Last(u64),
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicLoad {
    /// Its name without the prefix.
    pub topic: String,
    /// Records written per second.
    pub records_per_s: f64,
    /// Bytes written per second.
    pub bytes_per_s: f64,
    /// What is kept of it.
    pub stored: Stored,
    /// Bytes that are kept, in each copy.
    pub kept_bytes: f64,
}

/// All topics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traffic {
    /// In the order in which data meets them; those without records left out.
    pub topics: Vec<TopicLoad>,
    /// Bytes per second that are written.
    pub written_bytes_per_s: f64,
    /// Bytes per second that brokers copy from each other.
    pub copied_bytes_per_s: f64,
    /// Bytes per second that are read.
    pub read_bytes_per_s: f64,
    /// Which part of all these goes from one zone to another.
    pub between_zones_bytes_per_s: f64,
    /// Bytes on disks, all copies together.
    pub disk_bytes: f64,
}

impl Traffic {
    pub(super) fn of(ask: &Ask, figures: &Figures) -> Self {
        let topics: Vec<TopicLoad> = ALL.iter().filter_map(|topic| load(topic, ask, figures)).collect();
        let sum = |of: fn(&TopicLoad) -> f64| topics.iter().map(of).sum::<f64>();
        let written = sum(|topic| topic.bytes_per_s);
        let read = sum(|topic| if topic.topic == STATE { 0.0 } else { topic.bytes_per_s });
        let copies = ask.replication as f64;
        // The leader of a partition is in this zone as often as in any other; copies are spread over all.
        let elsewhere = (ask.zones - 1) as f64 / ask.zones as f64;
        let copies_elsewhere = (ask.replication - ask.replication.div_ceil(ask.zones)) as f64;
        Self {
            written_bytes_per_s: written,
            copied_bytes_per_s: written * (copies - 1.0),
            read_bytes_per_s: read,
            between_zones_bytes_per_s: (written + read) * elsewhere + written * copies_elsewhere,
            disk_bytes: sum(|topic| topic.kept_bytes) * copies,
            topics,
        }
    }
}

/// Whether records of this topic are deleted by their age.
pub fn has_retention(name: &str) -> bool {
    ALL.iter().any(|topic| topic.name == name && matches!(topic.clean_up, CleanUp::After(_)))
}

/// What one topic takes; `None` if the measured sessions left nothing in it.
fn load(topic: &TopicDefault, ask: &Ask, figures: &Figures) -> Option<TopicLoad> {
    let measured = figures.topic(topic.name)?;
    let footage = &figures.measured.footage;
    let sessions = ask.sessions as f64;
    let segments_per_s = sessions / ask.segment.as_secs_f64();
    let (records, bytes) = (measured.records as f64, measured.bytes as f64);
    let (records_per_s, bytes_per_s) = match topic.name {
        "segments" => {
            let around_media = (bytes - footage.media_bytes as f64).max(0.0) / records;
            (segments_per_s, sessions * ask.bitrate as f64 / 8.0 + segments_per_s * around_media)
        }
        "observations" => (segments_per_s, sessions * bytes / footage.seconds),
        // Facts of a session, however long it is.
        "sessions" => {
            let begun_per_s = sessions / ask.session_length.as_secs_f64();
            let each = footage.sessions as f64;
            (begun_per_s * records / each, begun_per_s * bytes / each)
        }
        // With every observation: while a backlog is worked off, as it was when this was measured, less often.
        STATE => (segments_per_s, segments_per_s * bytes / records),
        _ => (sessions * records / footage.seconds, sessions * bytes / footage.seconds),
    };
    let (stored, kept_bytes) = match topic.clean_up {
        CleanUp::After(age) => {
            let age = ask.retention.get(topic.name).copied().unwrap_or(age);
            (Stored::Everything(age.as_secs()), bytes_per_s * written_within(age, ask.hours_a_day))
        }
        CleanUp::Compact => {
            let begun = written_within(ask.keep, ask.hours_a_day) / ask.session_length.as_secs_f64();
            let last = measured.last_bytes as f64 / measured.keys.max(1) as f64;
            (Stored::Last(ask.keep.as_secs()), sessions * (begun + 1.0) * last * UNCOMPACTED)
        }
    };
    Some(TopicLoad { topic: topic.name.to_owned(), records_per_s, bytes_per_s, stored, kept_bytes })
}

/// In how many seconds of so long a time there are sessions, at most.
fn written_within(age: Duration, hours_a_day: f64) -> f64 {
    let (age, a_day) = (age.as_secs_f64(), hours_a_day * 3600.0);
    (age / DAY).floor() * a_day + (age % DAY).min(a_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_the_hours_that_it_is_said_to_have() {
        let within = |hours: u64, of_day| written_within(Duration::from_secs(hours * 3600), of_day) / 3600.0;
        assert_eq!(within(6, 10.0), 6.0, "all of it may fall into the exams");
        assert_eq!(within(24, 10.0), 10.0);
        assert_eq!(within(36, 10.0), 20.0);
        assert_eq!(within(48, 24.0), 48.0);
    }
}
