//! Rolling updates as Kubernetes makes them by the manifests of `k8s/base`, processes standing in for pods: who
//! goes when, how long it is given, and under which name its successor comes.
//!
//! Left out is `minReadySeconds`: pods are replaced faster than by the real thing, which is harder on them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kafka::{Outgoing, Record};

use super::records::{again, send};
use super::{CLIPS, SAMPLING, assert_nothing_lost_or_doubled, header};
use crate::exam::{Exam, PARTITIONS, Worker, data};

/// Observers, whose number no manifest says: what scales them owns it.
const OBSERVERS: usize = 2;
/// The old settings and the new ones: what differs rolls pods and changes no result.
const SETTINGS: [(&str, &str); 2] =
    [("INVIGILATOR__WORKER__SCORE_LINGER_MS", "200"), ("INVIGILATOR__WORKER__SCORE_LINGER_MS", "100")];
/// However long this machine takes, no clock says anything.
const PATIENT: (&str, &str) = ("INVIGILATOR__WORKER__STREAM_LOST_AFTER_MS", "600000");

#[test]
fn a_rolling_update_and_its_rollback_while_sessions_come() {
    let exam = Exam::new("rollout");
    exam.create_topics();
    let (score, observe) =
        (Manifest::read("score/statefulset.yaml"), Manifest::read("observe/deployment.yaml"));
    assert_eq!(score.value("kind"), "StatefulSet");
    let replicas = score.number("replicas");
    let mut rollout = Rollout {
        exam: &exam,
        load: Load::of(&CLIPS, 2 * (replicas + OBSERVERS)),
        settings: settings(),
        score,
        observe,
    };
    let mut scorers: Vec<Worker> = (0..replicas).map(|ordinal| rollout.scorer(ordinal, 0)).collect();
    let mut observers: Vec<Worker> = (0..OBSERVERS).map(|number| rollout.observer(number, 0)).collect();
    scorers.iter().chain(&observers).for_each(ready);
    let each = f64::from(PARTITIONS) / replicas as f64;
    for scorer in &scorers {
        scorer
            .wait_until("it has its share, and all others have theirs", |scorer| partitions(scorer) == each);
    }

    // The new settings, then the old ones again; those that read first: docs/operations.md.
    for revision in [1, 0] {
        rollout.stateful_set(&mut scorers, revision);
        rollout.deployment(&mut observers, revision);
    }
    assert!(rollout.load.parts.is_empty(), "sessions came until the end");
    assert_nothing_lost_or_doubled(&exam);
    for worker in scorers.into_iter().chain(observers) {
        assert_eq!(worker.terminate(), Some(0));
    }
}

/// Sessions that come side by side, in parts: one before each pod goes.
struct Load {
    parts: Vec<Vec<Record>>,
}

impl Load {
    fn of(clips: &[&str], parts: usize) -> Self {
        let source = Exam::new("rollout-source");
        source.publish(clips);
        let facts = source.read_all(&source.topics.sessions());
        let (begins, ends) = facts.into_iter().partition(|fact| data(fact)["event"] == "started");
        let mut segments = source.read_all(&source.topics.segments());
        segments.sort_by_key(|record| header(record, "ce_startms").parse::<i64>().unwrap());
        let part =
            |index: usize| &segments[index * segments.len() / parts..(index + 1) * segments.len() / parts];
        let mut parts: Vec<Vec<Record>> = (0..parts).map(|index| part(index).to_vec()).collect();
        parts[0] = [begins, parts[0].clone()].concat();
        parts.last_mut().unwrap().extend(ends);
        // The last one comes first.
        parts.reverse();
        Self { parts }
    }

    fn send_next(&mut self, exam: &Exam) {
        let to = |record: &Record| -> Outgoing {
            let role = record.origin.topic.rsplit('.').next().unwrap();
            again(record, exam.topics.name(role))
        };
        let part = self.parts.pop().expect("as many parts as pods that go");
        send(exam, part.iter().map(to).collect::<Vec<_>>());
    }
}

/// What of the settings of pods matters here: how long they may take, and when brokers miss them.
fn settings() -> Vec<(&'static str, String)> {
    let text = std::fs::read_to_string(base("settings.toml")).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let number = |section: &str, key: &str| settings[section][key].as_integer().unwrap().to_string();
    vec![
        ("INVIGILATOR__KAFKA__SESSION_TIMEOUT_MS", number("kafka", "session_timeout_ms")),
        ("INVIGILATOR__WORKER__DRAIN_DEADLINE_MS", number("worker", "drain_deadline_ms")),
    ]
}

fn base(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s/base").join(file)
}

fn ready(worker: &Worker) {
    worker.wait_until("it is ready", |worker| worker.get("/readyz").0 == 200);
}

fn partitions(worker: &Worker) -> f64 {
    worker.metric_or("invigilator_partitions{role=\"score\"}", 0.0)
}

/// How often others had to give up partitions, or were given some.
fn moves(worker: &Worker) -> f64 {
    ["assigned", "revoked", "lost"]
        .map(|change| {
            let series = format!("invigilator_rebalances_total{{change=\"{change}\",role=\"score\"}}");
            worker.metric_or(&series, 0.0)
        })
        .iter()
        .sum()
}

/// A manifest, as far as a rolling update goes by it.
struct Manifest(String);

impl Manifest {
    fn read(file: &str) -> Self {
        Self(std::fs::read_to_string(base(file)).unwrap())
    }

    /// What the first line with this key says.
    fn value(&self, key: &str) -> &str {
        let lines = self.0.lines().map(str::trim);
        let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        values.next().unwrap_or_else(|| panic!("no {key}")).trim()
    }

    fn number(&self, key: &str) -> usize {
        self.value(key).parse().unwrap()
    }

    fn grace(&self) -> Duration {
        Duration::from_secs(self.number("terminationGracePeriodSeconds") as u64)
    }

    /// Variables of the container whose values are written out.
    fn has_variable(&self, name: &str, value: &str) -> bool {
        self.0.contains(&format!("- name: {name}\n              value: \"{value}\""))
    }

    /// A number of pods, or a share of them.
    fn pods(&self, key: &str, of: usize) -> usize {
        match self.value(key).strip_suffix('%') {
            // The surge is rounded up.
            Some(percent) => (of * percent.parse::<usize>().unwrap()).div_ceil(100),
            None => self.number(key),
        }
    }
}

/// Replaces pods.
struct Rollout<'a> {
    exam: &'a Exam,
    load: Load,
    settings: Vec<(&'static str, String)>,
    score: Manifest,
    observe: Manifest,
}

impl Rollout<'_> {
    /// A pod of the StatefulSet: its name is its ordinal's, before and after.
    fn scorer(&self, ordinal: usize, revision: usize) -> Worker {
        const STATIC: &str = "INVIGILATOR__KAFKA__STATIC_MEMBERSHIP";
        let known = self.score.has_variable(STATIC, "true").then_some((STATIC, "true"));
        self.pod("score", &format!("rollout-score-{ordinal}"), revision, known)
    }

    /// A pod of the Deployment: a new name each time.
    fn observer(&self, number: usize, revision: usize) -> Worker {
        self.pod("observe", &format!("rollout-observe-{revision}-{number}"), revision, None)
    }

    fn pod(&self, role: &str, name: &str, revision: usize, more: Option<(&str, &str)>) -> Worker {
        let settings = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        let own = [SETTINGS[revision], PATIENT];
        let all: Vec<_> = SAMPLING.into_iter().chain(settings).chain(own).chain(more).collect();
        self.exam.worker_of(&[role], name, &all)
    }

    /// One after the other, the last one first; each has to be ready before the next one goes. The others keep
    /// their partitions, and nobody takes those of the one that is away.
    fn stateful_set(&mut self, pods: &mut Vec<Worker>, revision: usize) {
        for ordinal in (0..pods.len()).rev() {
            let others = |pods: &[Worker]| -> f64 {
                let others = pods.iter().enumerate().filter(|(each, _)| *each != ordinal);
                others.map(|(_, pod)| moves(pod)).sum()
            };
            let before = others(pods);
            self.load.send_next(self.exam);
            let old = pods.remove(ordinal);
            end_within(old, self.score.grace());
            pods.insert(ordinal, self.scorer(ordinal, revision));
            ready(&pods[ordinal]);
            assert_eq!(others(pods), before, "while score-{ordinal} was replaced, others moved");
        }
    }

    /// First new pods, as many as may be too many; then as many old ones go.
    fn deployment(&mut self, pods: &mut Vec<Worker>, revision: usize) {
        assert_eq!(self.observe.pods("maxUnavailable", pods.len()), 0, "there are never fewer than before");
        let (wanted, surge) = (pods.len(), self.observe.pods("maxSurge", pods.len()));
        let mut number = 0;
        while number < wanted {
            let numbers = number..wanted.min(number + surge);
            let new: Vec<Worker> = numbers.map(|number| self.observer(number, revision)).collect();
            new.iter().for_each(ready);
            number += new.len();
            for old in pods.drain(..new.len()) {
                self.load.send_next(self.exam);
                end_within(old, self.observe.grace());
            }
            pods.extend(new);
        }
    }
}

/// Ends a pod as a kubelet would: SIGTERM, and SIGKILL for one that takes longer than its grace period.
fn end_within(pod: Worker, grace: Duration) {
    let asked = Instant::now();
    assert_eq!(pod.terminate(), Some(0), "it ends by itself");
    assert!(asked.elapsed() < grace, "it would have been killed: {:?} of {grace:?}", asked.elapsed());
}
