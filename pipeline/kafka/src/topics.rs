//! All topics of the system: their names, and what becomes of their records.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::KafkaError;

/// The largest record of a topic with media, in bytes; a segment is some 100 KiB.
pub const LARGEST_RECORD: usize = 8 << 20;

/// How much larger than the record in it a dead letter may be on the wire, in bytes: it says why, and half of this
/// is for what brokers add.
pub(crate) const LETTER_ROOM: usize = 64 << 10;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// How long a result can be appealed against, and with it what it rests on.
const APPEAL: Duration = Duration::from_secs(180 * 86_400);

/// What becomes of old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanUp {
    /// They are deleted after this time.
    After(Duration),
    /// The last one of each key stays.
    Compact,
}

/// One of the system's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicDefault {
    /// Its name without the prefix.
    pub name: &'static str,
    /// What becomes of old records.
    pub clean_up: CleanUp,
    /// Records hold media, so they may be as large as [`LARGEST_RECORD`], or what else is allowed.
    pub holds_media: bool,
    /// Who owns a partition of one of these topics reads the same partition of others beside it: they all
    /// have equally many.
    pub is_co_partitioned: bool,
}

const fn topic(name: &'static str, clean_up: CleanUp) -> TopicDefault {
    TopicDefault { name, clean_up, holds_media: false, is_co_partitioned: false }
}

impl TopicDefault {
    const fn with_media(self) -> Self {
        Self { holds_media: true, ..self }
    }

    const fn co_partitioned(self) -> Self {
        Self { is_co_partitioned: true, ..self }
    }
}

/// All topics, in the order in which data meets them.
pub const ALL: [TopicDefault; 12] = [
    // Raw upload bytes with a chunk number.
    topic("chunks", CleanUp::After(Duration::from_secs(6 * HOUR.as_secs()))).with_media().co_partitioned(),
    // What cutting an upload goes on from.
    topic("cut-state", CleanUp::Compact).co_partitioned(),
    // One standalone, decodable stretch of video a record.
    topic("segments", CleanUp::After(Duration::from_secs(24 * HOUR.as_secs()))).with_media().co_partitioned(),
    // Facts of sessions' lives, from the exam system.
    topic("sessions", CleanUp::After(APPEAL)).co_partitioned(),
    // Who is expected.
    topic("enrolments", CleanUp::Compact).with_media().co_partitioned(),
    // What was seen, and markers.
    topic("observations", CleanUp::After(Duration::from_secs(14 * DAY.as_secs()))).co_partitioned(),
    // Revisions of incidents.
    topic("incidents", CleanUp::After(APPEAL)),
    // The latest score of each session.
    topic("scores", CleanUp::Compact),
    // What the fold of a session goes on from.
    topic("score-state", CleanUp::Compact).co_partitioned(),
    // Decisions of people.
    topic("reviews", CleanUp::After(APPEAL)).co_partitioned(),
    // What people did, and were refused.
    topic("audit", CleanUp::After(APPEAL)),
    // Records that no worker could read, untouched.
    topic("dead-letters", CleanUp::After(Duration::from_secs(14 * DAY.as_secs()))).with_media(),
];

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its full name.
    pub name: String,
    /// How many partitions; never changed later.
    pub partitions: i32,
    /// How many brokers keep a copy.
    pub replication: i32,
    /// Further settings of the topic.
    pub configs: BTreeMap<String, String>,
}

/// The topics that a shadow has of its own: those that the observe and score roles write.
const SHADOWED: [&str; 5] = ["observations", "incidents", "scores", "score-state", "dead-letters"];

/// The name of a shadow: a second way to look and to judge, tried beside the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow(String);

impl FromStr for Shadow {
    type Err = KafkaError;

    fn from_str(name: &str) -> Result<Self, KafkaError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if name.is_empty() || name.len() > 40 || !name.bytes().all(is_name) {
            let problem = "the name of a shadow is 1 to 40 of A-Z a-z 0-9 _ -".to_owned();
            return Err(KafkaError::property("shadow".to_owned(), problem));
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Shadow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The names of the system's topics: a prefix, a dot, the role. Those of a shadow are the same where it reads, and
/// others where it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
    largest_record: usize,
    shadow: Option<Shadow>,
}

impl Default for Topics {
    fn default() -> Self {
        Self { prefix: "exam".to_owned(), largest_record: LARGEST_RECORD, shadow: None }
    }
}

impl Topics {
    /// Topics with a prefix of their own.
    ///
    /// # Errors
    /// [`KafkaError::Property`] unless the prefix is 1 to 200 of `A-Z a-z 0-9 . _ -`.
    pub fn new(prefix: &str) -> Result<Self, KafkaError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if prefix.is_empty() || prefix.len() > 200 || !prefix.bytes().all(is_name) {
            let problem = "a prefix of topics is 1 to 200 of A-Z a-z 0-9 . _ -".to_owned();
            return Err(KafkaError::property("prefix".to_owned(), problem));
        }
        Ok(Self { prefix: prefix.to_owned(), largest_record: LARGEST_RECORD, shadow: None })
    }

    /// As a shadow sees them.
    pub fn in_shadow(self, shadow: Shadow) -> Self {
        Self { shadow: Some(shadow), ..self }
    }

    /// Whether they are those of a shadow: nothing is written then but to topics of its own.
    pub fn is_shadow(&self) -> bool {
        self.shadow.is_some()
    }

    /// Whether a topic of [`ALL`] is a shadow's own.
    pub fn is_own(&self, role: &str) -> bool {
        self.is_shadow() && SHADOWED.contains(&role)
    }

    /// With records of this many bytes allowed in topics with media, instead of [`LARGEST_RECORD`].
    pub fn allowing(self, largest_record: usize) -> Self {
        Self { largest_record, ..self }
    }

    /// The largest dead letter, in bytes.
    pub fn largest_letter(&self) -> usize {
        self.largest_record + LETTER_ROOM / 2
    }

    /// Raw upload bytes.
    pub fn chunks(&self) -> String {
        self.name("chunks")
    }

    /// What cutting an upload goes on from.
    pub fn cut_state(&self) -> String {
        self.name("cut-state")
    }

    /// Video, one decodable stretch a record.
    pub fn segments(&self) -> String {
        self.name("segments")
    }

    /// Facts of sessions' lives.
    pub fn sessions(&self) -> String {
        self.name("sessions")
    }

    /// Who is expected.
    pub fn enrolments(&self) -> String {
        self.name("enrolments")
    }

    /// What was seen, and markers.
    pub fn observations(&self) -> String {
        self.name("observations")
    }

    /// Revisions of incidents.
    pub fn incidents(&self) -> String {
        self.name("incidents")
    }

    /// The latest score of each session.
    pub fn scores(&self) -> String {
        self.name("scores")
    }

    /// What the fold of a session goes on from.
    pub fn score_state(&self) -> String {
        self.name("score-state")
    }

    /// Decisions of people.
    pub fn reviews(&self) -> String {
        self.name("reviews")
    }

    /// What people did, and were refused.
    pub fn audit(&self) -> String {
        self.name("audit")
    }

    /// Records that no worker could read.
    pub fn dead_letters(&self) -> String {
        self.name("dead-letters")
    }

    /// How to create all of them, with equal partition counts: who owns a partition of one topic reads
    /// the same partition of others beside it.
    pub fn specs(&self, partitions: i32, replication: i32) -> Vec<TopicSpec> {
        ALL.iter().map(|topic| self.spec(topic, partitions, replication)).collect()
    }

    /// How to create one of them.
    pub(crate) fn spec(&self, topic: &TopicDefault, partitions: i32, replication: i32) -> TopicSpec {
        let (name, mut configs) = (self.name(topic.name), BTreeMap::new());
        let mut set = |config: &str, value: String| configs.insert(config.to_owned(), value);
        match topic.clean_up {
            CleanUp::After(age) => {
                set("cleanup.policy", "delete".to_owned());
                set("retention.ms", age.as_millis().to_string());
            }
            CleanUp::Compact => {
                set("cleanup.policy", "compact".to_owned());
                // Whoever takes a partition over reads all of it: keep that short.
                set("min.cleanable.dirty.ratio", "0.2".to_owned());
                set("segment.bytes", (64 << 20).to_string());
                if name == self.scores() {
                    // That a session was erased is known for as long as anything of it may be in another topic.
                    set("delete.retention.ms", APPEAL.as_millis().to_string());
                }
            }
        }
        // The clock of a writer may be wrong by hours: brokers refuse its records then, if they take its word.
        set("message.timestamp.type", "LogAppendTime".to_owned());
        if topic.holds_media {
            let room = if name == self.dead_letters() { LETTER_ROOM } else { 0 };
            set("max.message.bytes", (self.largest_record + room).to_string());
        }
        if replication > 2 {
            set("min.insync.replicas", "2".to_owned());
        }
        TopicSpec { name, partitions, replication, configs }
    }

    /// The full name of a topic of [`ALL`].
    pub fn name(&self, role: &str) -> String {
        match &self.shadow {
            Some(shadow) if self.is_own(role) => format!("{}.shadow-{shadow}.{role}", self.prefix),
            _ => format!("{}.{role}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_default_and_every_default_a_name() {
        let topics = Topics::default();
        let named = [
            topics.chunks(),
            topics.cut_state(),
            topics.segments(),
            topics.sessions(),
            topics.enrolments(),
            topics.observations(),
            topics.incidents(),
            topics.scores(),
            topics.score_state(),
            topics.reviews(),
            topics.audit(),
            topics.dead_letters(),
        ];
        let specs: Vec<String> = topics.specs(4, 1).into_iter().map(|spec| spec.name).collect();
        assert_eq!(specs, named);
        assert_eq!(named[0], "exam.chunks");
    }

    #[test]
    fn media_may_be_large_and_state_is_compacted() {
        let spec = |name: &str| {
            let specs = Topics::new("x").unwrap().specs(4, 3);
            specs.into_iter().find(|spec| spec.name == name).unwrap().configs
        };
        assert_eq!(spec("x.segments")["max.message.bytes"], "8388608");
        assert_eq!(spec("x.dead-letters")["max.message.bytes"], "8454144");
        assert_eq!(spec("x.segments")["retention.ms"], "86400000");
        assert_eq!(spec("x.score-state")["cleanup.policy"], "compact");
        assert_eq!(spec("x.scores")["min.insync.replicas"], "2");
        assert_eq!(spec("x.scores")["delete.retention.ms"], spec("x.incidents")["retention.ms"]);
        assert_eq!(spec("x.observations")["message.timestamp.type"], "LogAppendTime");
    }

    #[test]
    fn a_shadow_reads_what_all_read_and_writes_topics_of_its_own() {
        let topics = Topics::new("x").unwrap().in_shadow("v2".parse().unwrap());
        assert!(topics.is_shadow() && !Topics::default().is_shadow());
        let read = [topics.segments(), topics.sessions(), topics.reviews(), topics.enrolments()];
        assert_eq!(read, ["x.segments", "x.sessions", "x.reviews", "x.enrolments"]);
        assert_eq!(topics.observations(), "x.shadow-v2.observations");
        assert_eq!(topics.score_state(), "x.shadow-v2.score-state");
        for role in SHADOWED {
            assert!(ALL.iter().any(|topic| topic.name == role), "{role}");
            assert_eq!(topics.name(role), format!("x.shadow-v2.{role}"));
        }
        for bad in ["", "a b", "a.b", &"x".repeat(41)] {
            assert!(bad.parse::<Shadow>().is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_that_make_no_topic_name_are_refused() {
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(201)] {
            assert!(Topics::new(bad).is_err(), "{bad}");
        }
    }
}
