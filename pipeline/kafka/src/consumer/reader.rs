//! Reading given partitions from given offsets: side inputs that follow another topic's assignment, and
//! compacted state that is read to its end.
//!
//! Nothing is committed. The group of the client only gives it a name, `<client id>-reader`; it has no
//! members.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use rdkafka::consumer::ConsumerContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as LibraryError;
use rdkafka::{Offset, TopicPartitionList};

use super::{ASK, bound_memory, serve, watermarks};
use crate::connection::Connection;
use crate::context::{self, Context, Errors};
use crate::error::{KafkaError, Subject};
use crate::record::Record;

/// How often a partition's end is asked for again, while a transaction on it is open for example.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the earliest record that is left.
    Beginning,
    /// With this offset, or with the earliest record that is left after it.
    Offset(i64),
    /// With what is written from now on.
    End,
}

impl Start {
    fn library_offset(self) -> Offset {
        match self {
            Self::Beginning => Offset::Beginning,
            Self::Offset(offset) => Offset::from_raw(offset.max(0)),
            Self::End => Offset::End,
        }
    }
}

/// Reads given partitions from given offsets. Sees only what is committed.
pub struct PartitionReader {
    consumer: BaseConsumer<Context<Quiet>>,
    /// Sees the true end of a partition, behind what is committed.
    ends: BaseConsumer<Context<Quiet>>,
}

impl PartitionReader {
    /// A reader without partitions. `buffer_bytes` is the budget for records that nobody has polled yet.
    ///
    /// # Errors
    /// If a setting is refused. Whether a broker can be reached shows later.
    pub fn new(connection: &Connection, buffer_bytes: usize) -> Result<Self, KafkaError> {
        let client = |isolation: &str| -> Result<BaseConsumer<Context<Quiet>>, KafkaError> {
            let mut config = connection.config()?;
            config
                .set("group.id", format!("{}-reader", connection.client_id))
                .set("enable.auto.commit", "false")
                .set("enable.auto.offset.store", "false")
                .set("auto.offset.reset", "earliest")
                .set("enable.partition.eof", "true")
                .set("isolation.level", isolation);
            bound_memory(&mut config, buffer_bytes);
            context::create(connection, &config, "create a reader", Quiet)
        };
        Ok(Self { consumer: client("read_committed")?, ends: client("read_uncommitted")? })
    }

    /// Adds partitions to those that are read.
    ///
    /// # Errors
    /// If one of them is read already.
    pub fn assign(&self, partitions: &[(&str, i32, Start)]) -> Result<(), KafkaError> {
        let start = |(topic, partition, start): &(&str, i32, Start)| {
            ((*topic).to_owned(), *partition, start.library_offset())
        };
        let list: TopicPartitionList = partitions.iter().map(start).collect();
        self.consumer
            .incremental_assign(&list)
            .map_err(|error| KafkaError::from_library("read a partition", error))
    }

    /// Takes partitions away from those that are read; what is buffered of them goes with them.
    ///
    /// # Errors
    /// If one of them is not read.
    pub fn unassign(&self, partitions: &[(&str, i32)]) -> Result<(), KafkaError> {
        let list: TopicPartitionList = partitions
            .iter()
            .map(|(topic, partition)| ((*topic).to_owned(), *partition, Offset::Invalid))
            .collect();
        self.consumer
            .incremental_unassign(&list)
            .map_err(|error| KafkaError::from_library("stop reading a partition", error))
    }

    /// The next record of any partition that is read. Waits up to `timeout`; may return early without
    /// one.
    ///
    /// # Errors
    /// Transient ones pass by themselves: poll again.
    pub fn poll(&self, timeout: Duration) -> Result<Option<Record>, KafkaError> {
        serve(&self.ends);
        match self.consumer.poll(timeout) {
            None | Some(Err(LibraryError::PartitionEOF(_))) => Ok(None),
            Some(Ok(message)) => Ok(Some(Record::copy(&message))),
            Some(Err(error)) => Err(self.failed("read", error)),
        }
    }

    /// An error that may be about any topic that is read.
    fn failed(&self, action: &'static str, error: LibraryError) -> KafkaError {
        let read = self.consumer.assignment().unwrap_or_default();
        let topics: BTreeSet<String> =
            read.elements().iter().map(|element| element.topic().to_owned()).collect();
        let subjects: Vec<Subject<'_>> = topics.iter().map(|topic| Subject::Topic(topic)).collect();
        KafkaError::from_library(action, error).about(&subjects)
    }

    /// Serves the clients of a reader that has no partitions now. Called every few seconds, it keeps them known
    /// to the brokers: tokens are renewed only so.
    pub fn keep_in_touch(&self) {
        serve(&self.consumer);
        serve(&self.ends);
    }

    /// The first offset of a partition, and the one after its last: of what is committed.
    ///
    /// # Errors
    /// If the brokers do not answer within `patience`, or refuse it.
    pub fn bounds(&self, topic: &str, partition: i32, patience: Duration) -> Result<(i64, i64), KafkaError> {
        patiently(Instant::now(), patience, || {
            watermarks(&self.consumer, topic, partition).map_err(|error| {
                KafkaError::from_library("ask for watermarks", error).about(&[Subject::Topic(topic)])
            })
        })
    }

    /// Where records begin that brokers took at a time or later, in milliseconds since 1970.
    ///
    /// # Errors
    /// If the brokers do not answer within `patience`, or refuse it.
    pub fn since(
        &self,
        topic: &str,
        partition: i32,
        at_ms: i64,
        patience: Duration,
    ) -> Result<Start, KafkaError> {
        // Asked before: if nothing is that late, whatever is written from now on is.
        let (_, end) = self.bounds(topic, partition, patience)?;
        patiently(Instant::now(), patience, || {
            let failed =
                |error| KafkaError::from_library("look for a time", error).about(&[Subject::Topic(topic)]);
            let mut times = TopicPartitionList::new();
            times.add_partition_offset(topic, partition, Offset::Offset(at_ms.max(0))).map_err(failed)?;
            let found = self.consumer.offsets_for_times(times, ASK).map_err(failed)?;
            let elements = found.elements();
            let element = elements.first();
            element.map_or(Ok(()), |element| element.error()).map_err(failed)?;
            Ok(match element.map(|element| element.offset()) {
                Some(Offset::Offset(offset)) => Start::Offset(offset),
                _ => Start::Offset(end),
            })
        })
    }

    /// Reads the one record at an offset, or the first one after it; `None` if there is none. All other partitions
    /// must be taken away before.
    ///
    /// # Errors
    /// [`KafkaError::TimedOut`] if the brokers do not answer within `patience`; whatever they refuse.
    pub fn read_at(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
        patience: Duration,
    ) -> Result<Option<Record>, KafkaError> {
        const ACTION: &str = "read a record";
        let began = Instant::now();
        self.assign(&[(topic, partition, Start::Offset(offset))])?;
        let result = loop {
            match self.consumer.poll(patience.saturating_sub(began.elapsed())) {
                Some(Ok(message)) => break Ok(Some(Record::copy(&message))),
                Some(Err(LibraryError::PartitionEOF(_))) => break Ok(None),
                Some(Err(error)) => {
                    let error = self.failed(ACTION, error);
                    if error.kind() != ErrorKind::Transient {
                        break Err(error);
                    }
                }
                None => {}
            }
            if began.elapsed() >= patience {
                break Err(KafkaError::TimedOut { action: ACTION, after: patience });
            }
        };
        self.unassign(&[(topic, partition)])?;
        result
    }

    /// Reads one partition from `start` up to the end that it has now, and returns the offset to go on
    /// from. All other partitions must be taken away before.
    ///
    /// Whatever was written before the call is read: a transaction that is open is waited for, since it
    /// may yet be committed. That the last offsets are control records or compacted away does not matter.
    ///
    /// # Errors
    /// [`KafkaError::TimedOut`] if a transaction stays open, or the end is not reached, within `patience`;
    /// whatever the brokers refuse. Records that were told are good.
    pub fn read_to_end(
        &self,
        topic: &str,
        partition: i32,
        start: Start,
        patience: Duration,
        tell: &mut dyn FnMut(Record),
    ) -> Result<i64, KafkaError> {
        const ACTION: &str = "read a partition to its end";
        let began = Instant::now();
        let late = || KafkaError::TimedOut { action: ACTION, after: patience };
        let ends = |client: &BaseConsumer<Context<Quiet>>| {
            watermarks(client, topic, partition).map_err(|error| {
                KafkaError::from_library("ask for watermarks", error).about(&[Subject::Topic(topic)])
            })
        };
        let (first, end) = patiently(began, patience, || ends(&self.ends))?;
        let is_empty = match start {
            Start::Beginning => first >= end,
            Start::Offset(offset) => offset >= end,
            Start::End => true,
        };
        if is_empty {
            // Asking for records that are not there takes a while to be answered.
            return Ok(end);
        }
        // Only when everything up to the end is decided, an end of file means that it has been read.
        while patiently(began, patience, || ends(&self.consumer))?.1 < end {
            if began.elapsed() >= patience {
                return Err(late());
            }
            std::thread::sleep(ASK_AGAIN);
        }
        self.assign(&[(topic, partition, start)])?;
        let (mut next, mut is_told) = (end, false);
        let result = loop {
            let left = patience.saturating_sub(began.elapsed());
            match self.consumer.poll(left) {
                Some(Ok(message)) => {
                    let record = Record::copy(&message);
                    next = next.max(record.origin.offset.saturating_add(1));
                    let is_last = record.origin.offset.saturating_add(1) >= end;
                    tell(record);
                    if is_last {
                        break Ok(next);
                    }
                }
                Some(Err(LibraryError::PartitionEOF(_))) => break Ok(next),
                Some(Err(error)) => {
                    let error = self.failed(ACTION, error);
                    if error.kind() != ErrorKind::Transient {
                        break Err(error);
                    }
                    // Brokers that are away are told of by every client, for as long as they are.
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(topic, partition, %error, "reading on");
                    }
                }
                None => {}
            }
            if began.elapsed() >= patience {
                break Err(late());
            }
        };
        self.unassign(&[(topic, partition)])?;
        result
    }
}

/// Asks again while brokers are changing places, as they do after one came back.
fn patiently<T>(
    began: Instant,
    patience: Duration,
    ask: impl Fn() -> Result<T, KafkaError>,
) -> Result<T, KafkaError> {
    loop {
        match ask() {
            Err(error) if error.kind() == ErrorKind::Transient && began.elapsed() < patience => {
                std::thread::sleep(ASK_AGAIN);
            }
            answer => return answer,
        }
    }
}

/// Logs what the library logs; rebalances never happen.
pub(super) struct Quiet;

impl Errors for Quiet {
    fn error(&self, error: LibraryError, reason: &str) {
        // The same error comes out of the next poll.
        tracing::debug!(target: "librdkafka", %error, reason, "client error");
    }
}

impl ConsumerContext for Context<Quiet> {}
