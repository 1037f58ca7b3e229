//! Whether topics are as the promises of the system need them: a comparison of what should be with what
//! is. Pure; asking the brokers is [`Admin`](crate::Admin)'s.
//!
//! A difference either breaks a promise (records are lost, refused, or read by the wrong process), or is
//! the operator's to make and worth a look.

use std::collections::BTreeMap;
use std::fmt;

use crate::admin::TopicDescription;
use crate::topics::{self, TopicDefault, TopicSpec, Topics};

/// What a topic differs in, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The topic's full name.
    pub topic: String,
    /// What is different.
    pub difference: Difference,
}

/// What a topic differs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It does not exist, or may not be seen.
    Missing {
        /// How many partitions it needs, where others say so.
        partitions: Option<i32>,
    },
    /// It has another number of partitions than a topic that is read beside it.
    Partitions {
        /// How many it has.
        found: i32,
        /// How many it needs.
        needed: i32,
        /// The topic that has so many.
        beside: String,
    },
    /// Fewer copies than it takes to lose a broker and go on.
    Copies {
        /// How many there are.
        found: i32,
    },
    /// A setting of the topic.
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: String,
        /// The value that it should have.
        wanted: String,
        /// What comes of it, if it breaks a promise.
        breaks: Option<&'static str>,
    },
}

impl Finding {
    /// Whether a worker must not start on it.
    pub fn breaks_promise(&self) -> bool {
        match &self.difference {
            Difference::Missing { .. } | Difference::Partitions { .. } => true,
            Difference::Copies { .. } => false,
            Difference::Setting { breaks, .. } => breaks.is_some(),
        }
    }

    /// What to do: a command where there is one.
    pub fn remedy(&self, brokers: &str) -> String {
        let topic = &self.topic;
        match &self.difference {
            Difference::Missing { partitions } => {
                let count = partitions.map_or("N".to_owned(), |count| count.to_string());
                format!("invigilator topics create --partitions {count} --replication N")
            }
            Difference::Partitions { needed, .. } => format!(
                "create a new generation of all topics under another kafka.topic_prefix and move over when \
                 the old one is drained; while {topic} is empty: delete it, then \
                 invigilator topics create --partitions {needed} --replication N"
            ),
            Difference::Copies { .. } => format!(
                "kafka-reassign-partitions.sh --bootstrap-server {brokers} --execute \
                 --reassignment-json-file FILE, with three replicas for each partition of {topic}"
            ),
            Difference::Setting { name, wanted, .. } => format!(
                "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics \
                 --entity-name {topic} --add-config {name}={wanted}"
            ),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.difference {
            Difference::Missing { .. } => write!(out, "does not exist, or may not be described"),
            Difference::Partitions { found, needed, beside } => write!(
                out,
                "has {found} partitions where {beside} has {needed}: records of a session would be read by \
                 different processes"
            ),
            Difference::Copies { found } => {
                write!(out, "has {found} of 3 copies: losing a broker loses records or stops writing")
            }
            Difference::Setting { name, found, wanted, breaks } => {
                write!(out, "{name} is {found} instead of {wanted}")?;
                breaks.map_or(Ok(()), |breaks| write!(out, ": {breaks}"))
            }
        }
    }
}

/// Compares some topics, of [`topics::ALL`], with what brokers describe. Sorted as the topics are.
pub fn compare(
    topics: &Topics,
    used: &[TopicDefault],
    found: &BTreeMap<String, TopicDescription>,
) -> Vec<Finding> {
    let beside = reference(topics, used, found);
    let mut findings = Vec::new();
    for topic in used {
        // The counts are compared among the topics that exist.
        let spec = topics.spec(topic, 1, 1);
        let beside = beside.as_ref().filter(|_| topic.is_co_partitioned);
        let differences = match found.get(&spec.name) {
            None => vec![Difference::Missing { partitions: beside.map(|(_, count)| *count) }],
            Some(found) => differences(&spec, found, beside),
        };
        let finding = |difference| Finding { topic: spec.name.clone(), difference };
        findings.extend(differences.into_iter().map(finding));
    }
    findings
}

/// What has to be created so that all topics exist.
///
/// # Errors
/// The topic that exists with another number of partitions: what is created would not fit it.
pub fn missing(
    topics: &Topics,
    partitions: i32,
    replication: i32,
    found: &BTreeMap<String, TopicDescription>,
) -> Result<Vec<TopicSpec>, Finding> {
    let existing = topics::ALL.iter().filter(|topic| topic.is_co_partitioned);
    for topic in existing.map(|topic| topics.name(topic.name)) {
        let count = found.get(&topic).map_or(partitions, |topic| topic.partitions);
        if count != partitions {
            let beside = "what is to be created".to_owned();
            let difference = Difference::Partitions { found: count, needed: partitions, beside };
            return Err(Finding { topic, difference });
        }
    }
    let specs = topics.specs(partitions, replication).into_iter();
    Ok(specs.filter(|spec| !found.contains_key(&spec.name)).collect())
}

/// The first co-partitioned topic that exists, and its number of partitions.
fn reference(
    topics: &Topics,
    used: &[TopicDefault],
    found: &BTreeMap<String, TopicDescription>,
) -> Option<(String, i32)> {
    used.iter().filter(|topic| topic.is_co_partitioned).find_map(|topic| {
        let name = topics.name(topic.name);
        let count = found.get(&name)?.partitions;
        Some((name, count))
    })
}

fn differences(
    spec: &TopicSpec,
    found: &TopicDescription,
    beside: Option<&(String, i32)>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let Some((name, count)) = beside.filter(|(_, count)| *count != found.partitions) {
        let (beside, needed) = (name.clone(), *count);
        differences.push(Difference::Partitions { found: found.partitions, needed, beside });
    }
    differences.extend(clean_up(spec, found));
    differences.extend(retention(spec, found));
    differences.extend(largest_record(spec, found));
    differences.extend(setting("message.timestamp.type", spec, found, |found, wanted| found != wanted, None));
    differences.extend(copies(found));
    differences
}

fn clean_up(spec: &TopicSpec, found: &TopicDescription) -> Option<Difference> {
    let breaks = match spec.configs.get("cleanup.policy").map(String::as_str) {
        Some("compact") => "the last record of a key would be deleted, or never the ones before it",
        _ => "records would be deleted that others still have to read",
    };
    setting("cleanup.policy", spec, found, |found, wanted| found != wanted, Some(breaks))
}

fn retention(spec: &TopicSpec, found: &TopicDescription) -> Option<Difference> {
    setting("retention.ms", spec, found, |found, wanted| found != wanted, None)
}

fn largest_record(spec: &TopicSpec, found: &TopicDescription) -> Option<Difference> {
    let is_less = |found: &str, wanted: &str| matches!((found.parse::<u64>(), wanted.parse::<u64>()), (Ok(found), Ok(wanted)) if found < wanted);
    let breaks = "brokers would refuse records that kafka.max_record_kib allows";
    setting("max.message.bytes", spec, found, is_less, Some(breaks))
}

/// A setting that the topic's specification has a value for.
fn setting(
    name: &'static str,
    spec: &TopicSpec,
    found: &TopicDescription,
    is_wrong: impl Fn(&str, &str) -> bool,
    breaks: Option<&'static str>,
) -> Option<Difference> {
    let wanted = spec.configs.get(name)?;
    let found = found.configs.get(name)?;
    is_wrong(found, wanted).then(|| Difference::Setting {
        name,
        found: found.clone(),
        wanted: wanted.clone(),
        breaks,
    })
}

/// Copies, and how many of them must be written before a record counts as safe.
fn copies(found: &TopicDescription) -> Option<Difference> {
    const NAME: &str = "min.insync.replicas";
    let copies = found.replication;
    let least: i32 = found.configs.get(NAME)?.parse().ok()?;
    let all_needed = least > copies || (least == copies && copies > 1);
    let one_is_enough = least == 1 && copies > 2;
    if all_needed || one_is_enough {
        let breaks = all_needed.then_some("nothing could be written while one broker is down");
        let wanted = (copies - 1).clamp(1, 2).to_string();
        return Some(Difference::Setting { name: NAME, found: least.to_string(), wanted, breaks });
    }
    (copies < 3).then_some(Difference::Copies { found: copies })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What brokers would say of topics that were created.
    fn created(topics: &Topics, partitions: i32, replication: i32) -> BTreeMap<String, TopicDescription> {
        let described = |spec: TopicSpec| {
            let mut configs = spec.configs;
            configs.entry("min.insync.replicas".to_owned()).or_insert("1".to_owned());
            (spec.name, TopicDescription { partitions, replication, in_sync: replication, configs })
        };
        topics.specs(partitions, replication).into_iter().map(described).collect()
    }

    fn of<'a>(found: &'a mut BTreeMap<String, TopicDescription>, topic: &str) -> &'a mut TopicDescription {
        found.get_mut(&format!("exam.{topic}")).unwrap()
    }

    fn set(found: &mut BTreeMap<String, TopicDescription>, topic: &str, name: &str, value: &str) {
        of(found, topic).configs.insert(name.to_owned(), value.to_owned());
    }

    /// The findings, as (topic, text), and which of them break a promise.
    fn told(found: &BTreeMap<String, TopicDescription>) -> Vec<(String, String, bool)> {
        let findings = compare(&Topics::default(), &topics::ALL, found).into_iter();
        findings
            .map(|finding| (finding.topic.clone(), finding.to_string(), finding.breaks_promise()))
            .collect()
    }

    #[test]
    fn what_is_created_is_accepted() {
        assert_eq!(told(&created(&Topics::default(), 12, 3)), []);
        let alone = told(&created(&Topics::default(), 1, 1));
        assert_eq!(alone.len(), topics::ALL.len());
        assert!(alone.iter().all(|(_, text, breaks)| text.contains("1 of 3 copies") && !breaks), "{alone:?}");
    }

    #[test]
    fn each_broken_promise_is_found_with_its_topic_and_remedy() {
        type Change = fn(&mut BTreeMap<String, TopicDescription>);
        let cases: [(Change, &str, &str); 7] = [
            (|found| drop(found.remove("exam.reviews")), "reviews", "topics create --partitions 4 "),
            (|found| of(found, "sessions").partitions = 3, "sessions", "new generation"),
            (|found| set(found, "scores", "cleanup.policy", "delete"), "scores", "cleanup.policy=compact"),
            (
                |found| set(found, "sessions", "cleanup.policy", "compact"),
                "sessions",
                "cleanup.policy=delete",
            ),
            (
                |found| set(found, "segments", "max.message.bytes", "1048588"),
                "segments",
                "max.message.bytes=8388608",
            ),
            (
                |found| set(found, "observations", "min.insync.replicas", "3"),
                "observations",
                "--entity-name exam.observations --add-config min.insync.replicas=2",
            ),
            (
                |found| set(found, "score-state", "min.insync.replicas", "4"),
                "score-state",
                "min.insync.replicas=2",
            ),
        ];
        for (change, topic, remedy) in cases {
            let mut found = created(&Topics::default(), 4, 3);
            change(&mut found);
            let findings = compare(&Topics::default(), &topics::ALL, &found);
            let [finding] = findings.as_slice() else { panic!("{topic}: {findings:?}") };
            assert!(finding.breaks_promise(), "{finding}");
            assert_eq!(finding.topic, format!("exam.{topic}"));
            assert!(finding.remedy("kafka:9092").contains(remedy), "{}", finding.remedy("kafka:9092"));
        }
    }

    #[test]
    fn what_is_the_operators_to_choose_is_told_and_breaks_nothing() {
        let mut found = created(&Topics::default(), 4, 3);
        set(&mut found, "segments", "retention.ms", "3600000");
        set(&mut found, "segments", "max.message.bytes", "16777216");
        set(&mut found, "reviews", "message.timestamp.type", "CreateTime");
        set(&mut found, "scores", "min.insync.replicas", "1");
        of(&mut found, "incidents").partitions = 1;
        let told = told(&found);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0].1, "retention.ms is 3600000 instead of 86400000");
        assert_eq!(told[1].1, "min.insync.replicas is 1 instead of 2");
        assert_eq!(told[2].1, "message.timestamp.type is CreateTime instead of LogAppendTime");
        assert!(told.iter().all(|(_, _, breaks)| !breaks));
    }

    #[test]
    fn only_the_topics_in_use_count() {
        let used: Vec<TopicDefault> =
            topics::ALL.into_iter().filter(|topic| topic.name == "scores").collect();
        let findings = compare(&Topics::default(), &used, &BTreeMap::new());
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn what_exists_is_left_and_must_fit_what_is_created() {
        let topics = Topics::default();
        let mut found = created(&topics, 4, 3);
        found.remove("exam.scores");
        let names = |partitions| {
            let specs = missing(&topics, partitions, 3, &found)?;
            Ok::<_, Finding>(specs.into_iter().map(|spec| spec.name).collect::<Vec<_>>())
        };
        assert_eq!(names(4).unwrap(), ["exam.scores"]);
        assert_eq!(names(5).unwrap_err().topic, "exam.chunks");
    }
}
