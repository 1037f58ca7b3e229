//! Who is expected in the sessions of this role's partitions, as [`following`](super::following) reads it.
//!
//! A partition is ready once it was read; until then nothing of it is taken in. What is past its time is not
//! used. Knows which sessions have photos that no template was made of yet, for [`sealing`](super::sealing).
//! Embeddings stay in here, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use domain::ids::SessionId;
use domain::messages::Enrolment;

use crate::identity::Template;

/// Who is expected. Shared by the thread that reads it and the one that polls segments.
#[derive(Default)]
pub(super) struct Enrolments(Mutex<BTreeMap<i32, Share>>);

/// The sessions of one partition.
#[derive(Default)]
struct Share {
    /// `None` until it was read.
    expected: Option<HashMap<SessionId, Expected>>,
}

/// Who is expected, as far as that could be read.
#[derive(Debug, Clone)]
pub(super) enum Whom {
    /// Whom faces are compared with.
    Known(Arc<Template>),
    /// An enrolment that opens with the key of the session, which is asked for when there is something to compare.
    Sealed(Arc<Enrolment>),
}

/// Who is expected in one session.
pub(super) struct Expected {
    pub whom: Whom,
    pub until: SystemTime,
    /// Where its record is, if that has photos that no template was made of yet.
    pub photos: Option<i64>,
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
    pub(super) fn of(&self, partition: i32, session: &SessionId) -> Option<Whom> {
        let shares = self.shares();
        let expected = shares.get(&partition)?.expected.as_ref()?.get(session)?;
        (SystemTime::now() < expected.until).then(|| expected.whom.clone())
    }

    /// An enrolment was opened; if another one has come meanwhile, that was for nothing.
    pub(super) fn opened(&self, partition: i32, enrolment: &Arc<Enrolment>, template: &Arc<Template>) {
        let mut shares = self.shares();
        let known = shares.get_mut(&partition).and_then(|share| share.expected.as_mut());
        if let Some(expected) = known.and_then(|known| known.get_mut(&enrolment.session))
            && matches!(&expected.whom, Whom::Sealed(sealed) if Arc::ptr_eq(sealed, enrolment))
        {
            expected.whom = Whom::Known(Arc::clone(template));
        }
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
    pub(super) fn partitions(&self) -> BTreeMap<i32, bool> {
        self.shares().iter().map(|(partition, share)| (*partition, share.expected.is_some())).collect()
    }

    /// A partition was read; if it left meanwhile, that was for nothing.
    pub(super) fn fill(&self, partition: i32, read: HashMap<SessionId, Expected>) {
        if let Some(share) = self.shares().get_mut(&partition) {
            share.expected = Some(read);
        }
    }

    /// Takes in what has changed since.
    pub(super) fn change(&self, partition: i32, session: SessionId, expected: Option<Expected>) {
        let mut shares = self.shares();
        let Some(known) = shares.get_mut(&partition).and_then(|share| share.expected.as_mut()) else {
            return;
        };
        set(known, session, expected);
    }

    /// Forgets what is past its time; tells what that was.
    pub(super) fn expire(&self, now: SystemTime) -> Vec<(i32, SessionId)> {
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

/// The last word on a session counts.
pub(super) fn set(known: &mut HashMap<SessionId, Expected>, session: SessionId, expected: Option<Expected>) {
    match expected {
        Some(expected) => drop(known.insert(session, expected)),
        None => drop(known.remove(&session)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::messages::Reference;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn expected(id: &str, until: SystemTime) -> Expected {
        Expected { whom: Whom::Known(template(id)), until, photos: None }
    }

    fn template(id: &str) -> Arc<Template> {
        Arc::new(Template { id: id.to_owned(), face: None })
    }

    fn id(enrolments: &Enrolments, session: &SessionId) -> Option<String> {
        match enrolments.of(0, session)? {
            Whom::Known(template) => Some(template.id.clone()),
            Whom::Sealed(_) => None,
        }
    }

    #[test]
    fn a_partition_waits_until_it_was_read_and_changes_count_from_then_on() {
        let (session, later): (SessionId, _) = ("t/e/s".parse().unwrap(), SystemTime::now() + HOUR);
        let id = |enrolments: &Enrolments| id(enrolments, &session);
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
    fn an_enrolment_that_was_opened_counts_unless_another_came_meanwhile() {
        let (session, later): (SessionId, _) = ("t/e/s".parse().unwrap(), SystemTime::now() + HOUR);
        let enrolments = Enrolments::default();
        enrolments.expect(&[0]);
        let sealed = |template: &str| {
            let reference = Reference::Photos(Vec::new());
            let (session, template) = (session.clone(), template.to_owned());
            Arc::new(Enrolment { session, template, expires_at: String::new(), reference })
        };
        let (one, two) = (sealed("one"), sealed("two"));
        let expect = |enrolment: &Arc<Enrolment>| {
            let whom = Whom::Sealed(Arc::clone(enrolment));
            Expected { whom, until: later, photos: None }
        };
        enrolments.fill(0, HashMap::from([(session.clone(), expect(&one))]));
        enrolments.change(0, session.clone(), Some(expect(&two)));
        enrolments.opened(0, &one, &template("one"));
        assert_eq!(id(&enrolments, &session), None, "it is another one by now");
        enrolments.opened(0, &two, &template("two"));
        assert_eq!(id(&enrolments, &session).as_deref(), Some("two"));
    }

    #[test]
    fn photos_are_taken_in_turn_until_something_was_made_of_them() {
        let later = SystemTime::now() + HOUR;
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
