//! `exam.enrolments`, read beside `exam.segments`: the thread that knows who is expected.
//!
//! A partition that comes is read from its beginning before any of its segments is taken in; whatever is
//! written later counts from then on. The last record of a session counts, a tombstone forgets it, and what is
//! past its time is forgotten and deleted. An enrolment that cannot be opened here, or has photos that no template
//! was made of yet ([`sealing`](super::sealing)), still says that somebody is expected: then nobody can be
//! verified, and the score tells. One that opens with the key of its session is opened when a segment of that comes
//! ([`unlock`](super::unlock)).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
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

use super::enrolments::{Enrolments, Expected, Whom, set};
use super::stop::Stop;
use crate::identity::Template;
use crate::identity::seal;
use crate::privacy::Protection;
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

/// What the reading thread works with.
pub(super) struct Following<'a> {
    enrolments: Arc<Enrolments>,
    reader: PartitionReader,
    /// Deletes what is past its time; a shadow leaves that to those that it is the shadow of.
    deleting: Option<Publisher<SessionId>>,
    topic: String,
    protection: &'a Protection,
    metrics: &'a Metrics,
    stop: &'a Stop,
}

impl<'a> Following<'a> {
    pub(super) fn new(
        (connection, topics): (&Connection, &Topics),
        enrolments: &Arc<Enrolments>,
        protection: &'a Protection,
        metrics: &'a Metrics,
        stop: &'a Stop,
    ) -> Result<Self, KafkaError> {
        let settings = PublisherSettings { buffer_bytes: 1 << 20, ..PublisherSettings::default() };
        let deleting = || {
            Publisher::new(connection, settings, |session: SessionId, result| match result {
                Ok(()) => tracing::info!(%session, "an enrolment that was past its time is deleted"),
                Err(error) => tracing::warn!(%session, %error, "an enrolment past its time was not deleted"),
            })
        };
        Ok(Self {
            enrolments: Arc::clone(enrolments),
            reader: PartitionReader::new(connection, BUFFER_BYTES)?,
            deleting: (!topics.is_shadow()).then(deleting).transpose()?,
            topic: topics.enrolments(),
            protection,
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
            self.metrics.refused("enrolment");
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
                    // Thousands of keys at once are none that anybody waits for.
                    Reference::Sealed(sealed) if seal::is_of_session(sealed) => {
                        let whom = Whom::Sealed(Arc::new(enrolment));
                        return Some((session, Some(Expected { whom, until, photos: None })));
                    }
                    Reference::Sealed(sealed) => (self.open(&enrolment, sealed), None),
                    Reference::Photos(_) => (None, Some(record.origin.offset)),
                };
                let whom = Whom::Known(Arc::new(Template { id: enrolment.template, face }));
                Some((session, Some(Expected { whom, until, photos })))
            }
            Err(problem) => {
                self.metrics.refused("enrolment");
                tracing::error!(%session, problem, "an enrolment cannot be read: it is as if there were none");
                Some((session, None))
            }
        }
    }

    fn open(&self, enrolment: &Enrolment, sealed: &SealedTemplate) -> Option<Embedding> {
        let opened = seal::open((self.protection.tenants(), None), enrolment, sealed).inspect_err(|error| {
            self.metrics.refused(error.reason());
            tracing::error!(session = %enrolment.session, %error, "nobody can be verified in this session");
        });
        opened.ok()
    }

    /// Writes tombstones for what was forgotten.
    fn delete(&self, expired: Vec<(i32, SessionId)>) {
        let Some(deleting) = &self.deleting else { return };
        for (partition, session) in expired {
            let record = Outgoing {
                topic: self.topic.clone(),
                partition: Some(partition),
                key: session.as_str().as_bytes().to_vec(),
                value: None,
                headers: Headers::new(),
            };
            if let Err(refused) = deleting.try_send(record, session) {
                let (session, error) = (refused.receipt, refused.error);
                tracing::warn!(%session, %error, "an enrolment past its time was not deleted");
            }
        }
    }
}
