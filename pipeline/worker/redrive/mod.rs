//! Dead letters back to where they came from: [`Redrive::find`] what can go, then [`Redrive::send`] it.
//!
//! A letter goes back once. That it went is noted in the topic of dead letters itself, in the letter's
//! partition, when its segment is safe: there the note lives as long as the letter, whoever asks. Between the
//! two a crash leaves a segment that comes back a second time; it counts once, since the fold takes the first
//! of equal attempts. A transaction over both would put a control record at the end of the topic of segments,
//! and whoever compares offsets with that end would wait for a segment that never comes.
//!
//! Media are read twice and never held: first what there is, then, one by one, what goes back. Not
//! responsible for what a person sees of it.

mod letter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use domain::ids::SessionId;
use kafka::{
    Admin, Connection, KafkaError, Outgoing, PartitionReader, Publisher, PublisherSettings, Start, Topics,
};

pub use letter::{Kind, Letter, Unfit};

/// How long one partition may take to be read, or to be written.
const PATIENCE: Duration = Duration::from_secs(600);
/// Budget for letters that were fetched and not looked at.
const BUFFER: usize = 32 << 20;

/// Which letters are meant; what is not said does not matter.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// One of these reasons.
    pub reasons: Vec<String>,
    /// This stage.
    pub stage: Option<String>,
    /// This session.
    pub session: Option<SessionId>,
    /// Set aside then or later.
    pub since: Option<SystemTime>,
    /// Set aside before.
    pub until: Option<SystemTime>,
}

impl Selection {
    /// Whether a letter is meant.
    pub fn means(&self, letter: &Letter) -> bool {
        let any_reason = self.reasons.is_empty() || self.reasons.contains(&letter.reason);
        let any_stage = self.stage.as_ref().is_none_or(|stage| *stage == letter.stage);
        let any_session = self.session.is_none() || self.session == letter.session;
        let late_enough = self.since.is_none_or(|since| letter.at.is_some_and(|at| at >= since));
        let early_enough = self.until.is_none_or(|until| letter.at.is_some_and(|at| at < until));
        any_reason && any_stage && any_session && late_enough && early_enough
    }
}

/// The letters that are meant.
#[derive(Debug, Default)]
pub struct Found {
    /// Those that can go back, by partition and offset.
    pub ready: BTreeMap<i32, BTreeMap<i64, Letter>>,
    /// Those that stay.
    pub unfit: Vec<Letter>,
    /// How many went back before.
    pub redriven: usize,
}

impl Found {
    /// How many can go back.
    pub fn ready(&self) -> usize {
        self.ready.values().map(BTreeMap::len).sum()
    }
}

/// Gives letters another try.
pub struct Redrive {
    connection: Connection,
    topics: Topics,
    partitions: i32,
    reader: PartitionReader,
    /// No record is larger, in bytes.
    largest: usize,
}

impl Redrive {
    /// Asks the brokers for the topic; `None` if there is none.
    ///
    /// # Errors
    /// If they do not answer within `patience`.
    pub fn open(
        connection: &Connection,
        topics: Topics,
        largest: usize,
        patience: Duration,
    ) -> Result<Option<Self>, KafkaError> {
        let partitions = Admin::new(connection, patience)?.partitions(&topics.dead_letters())?;
        let Some(partitions) = partitions else { return Ok(None) };
        let reader = PartitionReader::new(connection, BUFFER)?;
        Ok(Some(Self { connection: connection.clone(), topics, partitions, reader, largest }))
    }

    /// Reads all letters up to now; `read` is called for each.
    ///
    /// # Errors
    /// If a partition cannot be read to its end.
    pub fn find(&self, meant: &Selection, read: &dyn Fn()) -> Result<Found, KafkaError> {
        let mut found = Found::default();
        for partition in 0..self.partitions {
            let mut letters = BTreeMap::new();
            let mut tell = |record: kafka::Record| {
                read();
                let offset = record.origin.offset;
                match Kind::of(record, &self.topics) {
                    Kind::Letter(letter) if meant.means(&letter) => {
                        letters.insert(offset, letter);
                    }
                    Kind::Letter(_) => {}
                    // A note lies behind its letter.
                    Kind::Redriven(letter) => {
                        found.redriven += usize::from(letters.remove(&letter).is_some());
                    }
                }
            };
            let topic = self.topics.dead_letters();
            self.reader.read_to_end(&topic, partition, Start::Beginning, PATIENCE, &mut tell)?;
            let is_unfit = |_: &i64, letter: &mut Letter| letter.fit.is_err();
            found.unfit.extend(letters.extract_if(.., is_unfit).map(|(_, letter)| letter));
            if !letters.is_empty() {
                found.ready.insert(partition, letters);
            }
        }
        Ok(found)
    }

    /// Sends back what can go, and notes it; `sent` is called for each.
    ///
    /// # Errors
    /// The first record that was not delivered. What is noted is back; what is not may be.
    pub fn send(&self, found: &Found, sent: &dyn Fn()) -> Result<(), KafkaError> {
        let failure = Arc::<Mutex<Option<KafkaError>>>::default();
        let settings = PublisherSettings { message_max_bytes: self.largest, ..PublisherSettings::default() };
        let failed = Arc::clone(&failure);
        let publisher = Publisher::new(&self.connection, settings, move |(), result| {
            if let Err(error) = result {
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        })?;
        let settle = || -> Result<(), KafkaError> {
            publisher.flush(PATIENCE)?;
            failure.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
        };
        let send = |record: Outgoing| publisher.send(record, ()).map_err(|refused| refused.error);
        for (partition, letters) in &found.ready {
            let mut receipts = Vec::new();
            let mut sending = Ok(());
            let start = letters.keys().next().map_or(Start::End, |first| Start::Offset(*first));
            let mut tell = |letter: kafka::Record| {
                if sending.is_err() || !letters.contains_key(&letter.origin.offset) {
                    return;
                }
                let receipt = letter::receipt(&letter);
                if let Ok(segment) = letter::redriven(letter, &self.topics) {
                    sending = send(segment);
                    receipts.push(receipt);
                    sent();
                }
            };
            let topic = self.topics.dead_letters();
            self.reader.read_to_end(&topic, *partition, start, PATIENCE, &mut tell)?;
            sending?;
            settle()?;
            receipts.into_iter().try_for_each(&send)?;
            settle()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_asked_for_must_hold() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let letter = Letter {
            reason: "truncated".to_owned(),
            stage: "decode".to_owned(),
            session: Some("t1/e7/s42".parse().unwrap()),
            at: Some(at(100)),
            fit: Ok(()),
        };
        let means = |selection: Selection| selection.means(&letter);
        assert!(means(Selection::default()));
        assert!(means(Selection {
            reasons: vec!["timeout".into(), "truncated".into()],
            ..Selection::default()
        }));
        assert!(!means(Selection { reasons: vec!["timeout".into()], ..Selection::default() }));
        assert!(!means(Selection { stage: Some("fetch".into()), ..Selection::default() }));
        assert!(!means(Selection { session: Some("t1/e7/s4".parse().unwrap()), ..Selection::default() }));
        assert!(means(Selection { since: Some(at(100)), until: Some(at(101)), ..Selection::default() }));
        assert!(!means(Selection { until: Some(at(100)), ..Selection::default() }));
        let undated = Letter { at: None, ..letter.clone() };
        assert!(!Selection { since: Some(at(0)), ..Selection::default() }.means(&undated));
    }
}
