//! Who is expected in the sessions of this role's partitions: `exam.enrolments`, read beside `exam.segments`.
//!
//! A partition that comes is read from its beginning before any of its segments is taken in; whatever is
//! written later counts from then on. The last record of a session counts, a tombstone forgets it, and what is
//! past its time is forgotten and deleted. An enrolment that cannot be opened here, or has photos that no template
//! was made of yet ([`sealing`](super::sealing)), still says that somebody is expected: then nobody can be
//! verified, and the score tells. Embeddings stay in here, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use domain::error::ErrorKind;
use domain::identity::Embedding;
use domain::ids::SessionId;
use domain::messages::{Enrolment, Reference, SealedTemplate};
use kafka::wire;
use kafka::{
    Connection, Headers, KafkaError, Outgoing, PartitionReader, Publisher, PublisherSettings, Record, Start,
    Topics,
};

use super::stop::Stop;
use crate::identity::Template;
use crate::identity::keys::TenantKeys;
use crate::identity::seal;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::Metrics;

/// Records that nobody has polled yet, in bytes.
const BUFFER_BYTES: usize = 8 << 20;
/// How long a poll waits: also how late a partition begins to be read.
const POLL: Duration = Duration::from_millis(50);
/// How long reading a partition may take before it is begun again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for what is past its time.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);

/// Who is expected. Shared by the thread that reads it and the one that polls segments.
#[derive(Default)]
pub(super) struct Enrolments(Mutex<BTreeMap<i32, Share>>);

/// The sessions of one partition.
#[derive(Default)]
struct Share {
    /// `None` until it was read.
    expected: Option<HashMap<SessionId, Expected>>,
}

/// Who is expected in one session.
struct Expected {
    template: Arc<Template>,
    until: SystemTime,
    /// Where its record is, if that has photos that no template was made of yet.
    photos: Option<i64>,
}

/// Photos that a template has to be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unsealed {
    pub partition: i32,
    pub session: SessionId,
    /// Of their record.
    pub offset: i64,
}

impl Enrolments {
    /// These partitions are ours: to be read before anything of them is taken in.
    pub(super) fn expect(&self, partitions: &[i32]) {
        let mut shares = self.shares();
        partitions.iter().for_each(|partition| drop(shares.insert(*partition, Share::default())));
    }

    /// These partitions are others'.
    pub(super) fn forget(&self, partitions: &[i32]) {
        let mut shares = self.shares();
        partitions.iter().for_each(|partition| drop(shares.remove(partition)));
    }

    /// Whether it is known who is expected in the sessions of a partition.
    pub(super) fn is_ready(&self, partition: i32) -> bool {
        self.shares().get(&partition).is_some_and(|share| share.expected.is_some())
    }

    /// Who is expected in a session, if anybody is.
    pub(super) fn of(&self, partition: i32, session: &SessionId) -> Option<Arc<Template>> {
        let shares = self.shares();
        let expected = shares.get(&partition)?.expected.as_ref()?.get(session)?;
        (SystemTime::now() < expected.until).then(|| Arc::clone(&expected.template))
    }

    /// Photos that no template was made of yet: the first ones after `last`, in a circle.
    pub(super) fn next_unsealed(&self, last: Option<&Unsealed>) -> Option<Unsealed> {
        let shares = self.shares();
        let all = shares.iter().flat_map(|(partition, share)| {
            let known = share.expected.iter().flatten();
            known.filter_map(|(session, expected)| {
                let offset = expected.photos?;
                Some(Unsealed { partition: *partition, session: session.clone(), offset })
            })
        });
        let place = |one: &Unsealed| (one.partition, one.offset);
        let is_before = |one: &Unsealed| last.is_some_and(|last| place(one) <= place(last));
        all.min_by_key(|one| (is_before(one), place(one)))
    }

    /// Whether these photos are still what there is of their session.
    pub(super) fn is_current(&self, unsealed: &Unsealed) -> bool {
        let shares = self.shares();
        let known = shares.get(&unsealed.partition).and_then(|share| share.expected.as_ref());
        known.and_then(|known| known.get(&unsealed.session)?.photos) == Some(unsealed.offset)
    }

    /// Nothing more is to be done about these photos.
    pub(super) fn settle(&self, unsealed: &Unsealed) {
        let mut shares = self.shares();
        let known = shares.get_mut(&unsealed.partition).and_then(|share| share.expected.as_mut());
        let expected = known.and_then(|known| known.get_mut(&unsealed.session));
        if let Some(expected) = expected.filter(|expected| expected.photos == Some(unsealed.offset)) {
            expected.photos = None;
        }
    }

    fn shares(&self) -> MutexGuard<'_, BTreeMap<i32, Share>> {
        // Whole whatever happened to a thread that held them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions that are ours, and whether they were read.
    fn partitions(&self) -> BTreeMap<i32, bool> {
        self.shares().iter().map(|(partition, share)| (*partition, share.expected.is_some())).collect()
    }

    /// A partition was read; if it left meanwhile, that was for nothing.
    fn fill(&self, partition: i32, read: HashMap<SessionId, Expected>) {
        if let Some(share) = self.shares().get_mut(&partition) {
            share.expected = Some(read);
        }
    }

    /// Takes in what has changed since.
    fn change(&self, partition: i32, session: SessionId, expected: Option<Expected>) {
        let mut shares = self.shares();
        let Some(known) = shares.get_mut(&partition).and_then(|share| share.expected.as_mut()) else {
            return;
        };
        set(known, session, expected);
    }

    /// Forgets what is past its time; tells what that was.
    fn expire(&self, now: SystemTime) -> Vec<(i32, SessionId)> {
        let mut expired = Vec::new();
        for (partition, share) in self.shares().iter_mut() {
            for known in share.expected.iter_mut() {
                known.retain(|session, expected| {
                    let is_over = expected.until <= now;
                    expired.extend(is_over.then(|| (*partition, session.clone())));
                    !is_over
                });
            }
        }
        expired
    }
}

fn set(known: &mut HashMap<SessionId, Expected>, session: SessionId, expected: Option<Expected>) {
    match expected {
        Some(expected) => drop(known.insert(session, expected)),
        None => drop(known.remove(&session)),
    }
}

/// What the reading thread works with.
pub(super) struct Following<'a> {
    enrolments: Arc<Enrolments>,
    reader: PartitionReader,
    deleting: Publisher<SessionId>,
    topic: String,
    keys: &'a TenantKeys,
    metrics: &'a Metrics,
    stop: &'a Stop,
}

impl<'a> Following<'a> {
    pub(super) fn new(
        (connection, topics): (&Connection, &Topics),
        enrolments: &Arc<Enrolments>,
        keys: &'a TenantKeys,
        metrics: &'a Metrics,
        stop: &'a Stop,
    ) -> Result<Self, KafkaError> {
        let settings = PublisherSettings { buffer_bytes: 1 << 20, ..PublisherSettings::default() };
        let deleting = Publisher::new(connection, settings, |session: SessionId, result| match result {
            Ok(()) => tracing::info!(%session, "an enrolment that was past its time is deleted"),
            Err(error) => tracing::warn!(%session, %error, "an enrolment past its time was not deleted"),
        })?;
        Ok(Self {
            enrolments: Arc::clone(enrolments),
            reader: PartitionReader::new(connection, BUFFER_BYTES)?,
            deleting,
            topic: topics.enrolments(),
            keys,
            metrics,
            stop,
        })
    }

    /// Reads until the program stops.
    pub(super) fn run(self) {
        // Where the partitions go on that are followed.
        let mut followed: BTreeMap<i32, i64> = BTreeMap::new();
        let (mut trouble, mut expired) = (Trouble::default(), Instant::now());
        while !self.stop.is_draining() {
            let read = self.follow_assignment(&mut followed).and_then(|()| self.poll(&mut followed));
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Transient => {
                    if trouble.is_news() {
                        tracing::warn!(%error, "reading enrolments goes on when the brokers answer");
                    }
                    self.stop.wait(POLL);
                }
                Err(error) => return self.stop.fail("enrolments", &error),
            }
            if expired.elapsed() >= EXPIRE_EVERY {
                expired = Instant::now();
                self.delete(self.enrolments.expire(SystemTime::now()));
            }
        }
    }

    /// Reads partitions that came, and lets go of those that left.
    fn follow_assignment(&self, followed: &mut BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let ours = self.enrolments.partitions();
        let is_followed = |partition: &i32| ours.get(partition).copied().unwrap_or(false);
        let came: Vec<i32> = ours.keys().copied().filter(|partition| !is_followed(partition)).collect();
        if came.is_empty() && followed.keys().all(is_followed) {
            return Ok(());
        }
        let before: Vec<(&str, i32)> = followed.keys().map(|one| (self.topic.as_str(), *one)).collect();
        self.reader.unassign(&before)?;
        followed.retain(|partition, _| is_followed(partition));
        let read = came.into_iter().try_for_each(|partition| {
            followed.insert(partition, self.read(partition)?);
            Ok(())
        });
        let places: Vec<(&str, i32, Start)> = followed
            .iter()
            .map(|(partition, next)| (self.topic.as_str(), *partition, Start::Offset(*next)))
            .collect();
        self.reader.assign(&places)?;
        read
    }

    /// Reads a partition from its beginning; returns where it goes on.
    fn read(&self, partition: i32) -> Result<i64, KafkaError> {
        let mut known = HashMap::new();
        let next =
            self.reader.read_to_end(&self.topic, partition, Start::Beginning, PATIENCE, &mut |record| {
                if let Some((session, expected)) = self.understand(&record) {
                    set(&mut known, session, expected);
                }
            })?;
        tracing::debug!(partition, sessions = known.len(), "it is known who is expected");
        self.enrolments.fill(partition, known);
        self.delete(self.enrolments.expire(SystemTime::now()));
        Ok(next)
    }

    fn poll(&self, followed: &mut BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let Some(record) = self.reader.poll(POLL)? else { return Ok(()) };
        let partition = record.origin.partition;
        followed.insert(partition, record.origin.offset.saturating_add(1));
        if let Some((session, expected)) = self.understand(&record) {
            self.enrolments.change(partition, session, expected);
        }
        Ok(())
    }

    /// What a record says about which session; nothing, if it is none that can be read.
    fn understand(&self, record: &Record) -> Option<(SessionId, Option<Expected>)> {
        let session: Option<SessionId> =
            std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
        let Some(session) = session else {
            self.metrics.refused("enrolment_key");
            return None;
        };
        if record.value.is_none() {
            return Some((session, None));
        }
        let enrolment = wire::decode::<Enrolment>(record).map_err(|error| error.to_string());
        let understood = enrolment.and_then(|enrolment| {
            let until = humantime::parse_rfc3339_weak(&enrolment.expires_at);
            Ok((until.map_err(|error| error.to_string())?, enrolment))
        });
        match understood {
            Ok((until, enrolment)) => {
                let (face, photos) = match &enrolment.reference {
                    Reference::Sealed(sealed) => (self.open(&enrolment, sealed), None),
                    Reference::Photos(_) => (None, Some(record.origin.offset)),
                };
                let template = Arc::new(Template { id: enrolment.template, face });
                Some((session, Some(Expected { template, until, photos })))
            }
            Err(problem) => {
                self.metrics.refused("enrolment");
                tracing::error!(%session, problem, "an enrolment cannot be read: it is as if there were none");
                Some((session, None))
            }
        }
    }

    fn open(&self, enrolment: &Enrolment, sealed: &SealedTemplate) -> Option<Embedding> {
        let opened = seal::open(self.keys, enrolment, sealed).inspect_err(|error| {
            self.metrics.refused(error.reason());
            tracing::error!(session = %enrolment.session, %error, "nobody can be verified in this session");
        });
        opened.ok()
    }

    /// Writes tombstones for what was forgotten.
    fn delete(&self, expired: Vec<(i32, SessionId)>) {
        for (partition, session) in expired {
            let record = Outgoing {
                topic: self.topic.clone(),
                partition: Some(partition),
                key: session.as_str().as_bytes().to_vec(),
                value: None,
                headers: Headers::new(),
            };
            if let Err(refused) = self.deleting.try_send(record, session) {
                let (session, error) = (refused.receipt, refused.error);
                tracing::warn!(%session, %error, "an enrolment past its time was not deleted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(id: &str, until: SystemTime) -> Expected {
        Expected { template: Arc::new(Template { id: id.to_owned(), face: None }), until, photos: None }
    }

    #[test]
    fn a_partition_waits_until_it_was_read_and_changes_count_from_then_on() {
        let (session, later): (SessionId, _) = ("t/e/s".parse().unwrap(), SystemTime::now() + POLL * 1000);
        let id = |enrolments: &Enrolments| enrolments.of(0, &session).map(|template| template.id.clone());
        let enrolments = Enrolments::default();
        assert!(!enrolments.is_ready(0));
        enrolments.expect(&[0, 1]);
        assert!(!enrolments.is_ready(0) && id(&enrolments).is_none());
        enrolments.fill(0, HashMap::from([(session.clone(), expected("one", later))]));
        assert!(enrolments.is_ready(0) && !enrolments.is_ready(1));
        assert_eq!(id(&enrolments).as_deref(), Some("one"));
        enrolments.change(0, session.clone(), Some(expected("two", later)));
        assert_eq!(id(&enrolments).as_deref(), Some("two"));
        enrolments.change(0, session.clone(), None);
        assert_eq!(id(&enrolments), None);
        enrolments.forget(&[0]);
        enrolments.fill(0, HashMap::from([(session.clone(), expected("stale", later))]));
        assert!(!enrolments.is_ready(0), "it left while it was read");
    }

    #[test]
    fn photos_are_taken_in_turn_until_something_was_made_of_them() {
        let later = SystemTime::now() + POLL * 1000;
        let enrolments = Enrolments::default();
        enrolments.expect(&[0, 1]);
        enrolments.fill(0, HashMap::new());
        enrolments.fill(1, HashMap::new());
        for (partition, session, offset) in [(0, "t/e/a", 5), (0, "t/e/b", 9), (1, "t/e/c", 2)] {
            let photos = Expected { photos: Some(offset), ..expected(session, later) };
            enrolments.change(partition, session.parse().unwrap(), Some(photos));
        }
        let mut last = None;
        let turns = (0..4).map(|_| {
            last = enrolments.next_unsealed(last.as_ref());
            last.as_ref().map(|one| (one.partition, one.offset)).unwrap()
        });
        assert_eq!(turns.collect::<Vec<_>>(), [(0, 5), (0, 9), (1, 2), (0, 5)]);
        let first = last.unwrap();
        enrolments.settle(&first);
        assert!(!enrolments.is_current(&first));
        let second = enrolments.next_unsealed(None).unwrap();
        assert!(enrolments.is_current(&second));
        enrolments.change(0, second.session.clone(), Some(expected("sealed", later)));
        enrolments.settle(&second);
        assert_eq!(enrolments.next_unsealed(None).unwrap().offset, 2);
    }

    #[test]
    fn what_is_past_its_time_is_not_used_and_is_forgotten() {
        let (session, now): (SessionId, _) = ("t/e/s".parse().unwrap(), SystemTime::now());
        let enrolments = Enrolments::default();
        enrolments.expect(&[0]);
        enrolments.fill(0, HashMap::from([(session.clone(), expected("one", now))]));
        assert!(enrolments.of(0, &session).is_none());
        assert_eq!(enrolments.expire(now), [(0, session)]);
        assert_eq!(enrolments.expire(now), []);
    }
}
