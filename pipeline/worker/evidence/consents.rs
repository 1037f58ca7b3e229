//! Of which sessions pictures may be kept: those whose start names a policy that asks for them. Read from
//! `exam.sessions`, all partitions of it: it is small, and whoever observes a session need not own the partition of its
//! facts.
//!
//! Nothing waits for this: of a session that is not known here no picture is kept. Starts that were written before the
//! longest exam began are not read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::error::ErrorKind;
use domain::ids::SessionId;
use domain::messages::{Accommodation, SessionEvent, SessionFact};
use domain::policy::Policy;
use kafka::{Admin, Connection, KafkaError, PartitionReader, Record, Start, Topics, wire};

use crate::clock;
use crate::recent::Recent;
use crate::stages::{Policies, Stop};
use crate::telemetry::logs::Trouble;

/// How far back starts are read.
const LOOK_BACK: Duration = Duration::from_secs(3 * 86_400);
/// Records that nobody has polled yet, in bytes.
const BUFFER_BYTES: usize = 4 << 20;
/// How long a poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sessions of which pictures may be kept.
pub struct Consents {
    /// By id.
    policies: BTreeMap<String, Arc<Policy>>,
    /// Judges where nothing else is said.
    default: Arc<Policy>,
    known: Mutex<Recent<Consent>>,
}

/// What a session's start says.
#[derive(Debug, Clone)]
pub(crate) struct Consent {
    /// What may become an incident.
    pub policy: Arc<Policy>,
    /// A second person may be there.
    pub helper_allowed: bool,
}

impl Consents {
    pub(crate) fn new(policies: &Policies) -> Self {
        let by_id = |id: &str| Some((id.to_owned(), Arc::new(policies.named(id)?.policy.clone())));
        Self {
            policies: policies.ids().into_iter().filter_map(by_id).collect(),
            default: Arc::new(policies.default().policy.clone()),
            known: Mutex::default(),
        }
    }

    /// What may be kept of a session, if anything.
    pub(super) fn of(&self, session: &SessionId) -> Option<Consent> {
        self.lock().get(session)
    }

    /// Takes note of a fact.
    fn note(&self, fact: &SessionFact) {
        let SessionEvent::Started { policy, accommodations, .. } = &fact.event else { return };
        let policy = self.policies.get(policy).unwrap_or(&self.default);
        if policy.evidence.pictures {
            let granted = accommodations.contains(&Accommodation::SecondPerson);
            let helper_allowed = granted || policy.accommodations.second_person;
            self.lock().insert(&fact.session, Consent { policy: Arc::clone(policy), helper_allowed });
        } else {
            self.lock().forget(&fact.session);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent<Consent>> {
        // Whole whatever happened to a thread that held it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the starts of sessions.
pub(crate) struct Asking<'a> {
    pub consents: &'a Consents,
    pub connection: &'a Connection,
    pub topics: &'a Topics,
    pub stop: &'a Stop,
}

impl Asking<'_> {
    /// Reads until the program stops.
    pub(crate) fn run(self) {
        let mut trouble = Trouble::default();
        let mut reader = None;
        while !self.stop.is_draining() {
            let read = match &reader {
                None => self.begin().map(|begun| reader = Some(begun)),
                Some(reader) => reader.poll(POLL).map(|record| record.iter().for_each(|one| self.read(one))),
            };
            match read {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Transient => {
                    if trouble.is_news() {
                        tracing::warn!(%error, "reading starts of sessions goes on when the brokers answer");
                    }
                    self.stop.wait(POLL);
                }
                Err(error) => return self.stop.fail("consents", &error),
            }
        }
    }

    fn begin(&self) -> Result<PartitionReader, KafkaError> {
        let topic = self.topics.sessions();
        let partitions = Admin::new(self.connection, PATIENCE)?.partitions(&topic)?.unwrap_or_default();
        let reader = PartitionReader::new(self.connection, BUFFER_BYTES)?;
        let since_ms = clock::now_ms() - i64::try_from(LOOK_BACK.as_millis()).unwrap_or(i64::MAX);
        let place = |partition| {
            let start = reader.since(&topic, partition, since_ms, PATIENCE)?;
            Ok((topic.as_str(), partition, start))
        };
        let places: Vec<(&str, i32, Start)> =
            (0..partitions).map(place).collect::<Result<_, KafkaError>>()?;
        reader.assign(&places)?;
        Ok(reader)
    }

    fn read(&self, record: &Record) {
        // Whoever scores has set aside what cannot be read.
        if let Ok(fact) = wire::decode::<SessionFact>(record) {
            self.consents.note(&fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::time::MediaMs;

    use super::*;
    use crate::settings::policy;

    fn policies() -> Policies {
        let mut default = policy::load("standard").unwrap();
        (default.policy.id, default.reference.id) = ("pictures".to_owned(), "pictures".to_owned());
        default.policy.evidence.pictures = true;
        Policies::load(default).unwrap()
    }

    fn start(policy: &str, accommodations: &[Accommodation]) -> SessionFact {
        let (policy, accommodations) = (policy.to_owned(), accommodations.to_vec());
        let event = SessionEvent::Started { policy, accommodations, expected: None };
        SessionFact { session: "t1/e7/s42".parse().unwrap(), media_ms: MediaMs(0), event }
    }

    #[test]
    fn the_policy_of_the_start_decides_whether_anything_is_kept() {
        let consents = Consents::new(&policies());
        let after = |fact: SessionFact| {
            consents.note(&fact);
            consents.of(&fact.session).map(|consent| consent.helper_allowed)
        };
        assert_eq!(after(start("standard", &[])), None, "it does not ask for pictures");
        assert_eq!(after(start("pictures", &[])), Some(false));
        assert_eq!(after(SessionFact { event: SessionEvent::BreakStarted, ..start("", &[]) }), Some(false));
        assert_eq!(after(start("pictures", &[Accommodation::SecondPerson])), Some(true));
        assert_eq!(after(start("standard", &[])), None, "the last start counts");
        assert_eq!(after(start("no-such-policy", &[])), Some(false), "the default judges");
    }
}
