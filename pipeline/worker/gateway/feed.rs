//! What dashboards are shown, from the log: a thread reads all partitions from where the store has got, and hands
//! batches of what it read to it. Nothing is committed to Kafka: the store keeps its own positions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::gateway::App;
use domain::desk::DeskEntry;
use domain::error::ErrorKind;
use domain::messages::envelope::Message;
use domain::messages::{Audit, Incident, Marker, Observation, Review, Score, SessionFact};
use domain::ports::{Feed, Position, Read};
use kafka::wire::{self, WireError};
use kafka::{Admin, Connection, KafkaError, PartitionReader, Record, Start, Topics};

use crate::clock;
use crate::stages::Stop;
use crate::telemetry::health::Pulse;
use crate::telemetry::metrics::Metrics;
use crate::topology::PATIENCE;

/// Records that nobody has polled yet, in bytes.
const BUFFER: usize = 16 << 20;
/// Most records of a batch, which is one transaction of the store.
const BATCH: usize = 1_000;
/// How long a batch gathers records: incidents reach dashboards that much later.
const GATHER: Duration = Duration::from_millis(100);
/// Of a partition that is behind something comes within this time.
const QUIET: Duration = Duration::from_secs(5);
/// How long to wait for the first record of a batch.
const IDLE: Duration = Duration::from_millis(500);

/// Reads what there is, for a store.
pub struct Follower {
    reader: PartitionReader,
    feeds: Vec<(String, Feed)>,
    /// Partitions that are not read yet to where they ended when this began.
    behind: BTreeMap<(Feed, i32), Behind>,
    app: App,
    metrics: Metrics,
    pulse: Arc<Pulse>,
}

/// A partition that is behind.
struct Behind {
    /// Where it ended.
    end: i64,
    /// When something last came of it, or might have.
    heard: Instant,
}

impl Follower {
    /// Begins where the store has got.
    ///
    /// # Errors
    /// If the brokers do not answer, or refuse this process.
    pub fn open(
        connection: &Connection,
        topics: Topics,
        app: &App,
        metrics: Metrics,
        pulse: Arc<Pulse>,
    ) -> Result<Self, KafkaError> {
        let admin = Admin::new(connection, PATIENCE)?;
        let reader = PartitionReader::new(connection, BUFFER)?;
        let (mut feeds, mut behind) = (Vec::new(), BTreeMap::new());
        for feed in Feed::ALL {
            let topic = topics.name(feed.name());
            let partitions = admin.partitions(&topic)?.unwrap_or_default();
            let starts: Vec<(&str, i32, Start)> = (0..partitions)
                .map(|partition| {
                    let next = app.store.next_offset(feed, partition);
                    (topic.as_str(), partition, next.map_or(Start::Beginning, Start::Offset))
                })
                .collect();
            for (_, partition, start) in &starts {
                let (first, end) = reader.bounds(&topic, *partition, PATIENCE)?;
                let next = if let Start::Offset(next) = start { first.max(*next) } else { first };
                if next < end {
                    behind.insert((feed, *partition), Behind { end, heard: Instant::now() });
                }
            }
            reader.assign(&starts)?;
            feeds.push((topic, feed));
        }
        Ok(Self { reader, feeds, behind, app: app.clone(), metrics, pulse })
    }

    /// Reads until an end is asked for.
    ///
    /// # Errors
    /// If the brokers refuse this process.
    pub fn follow(mut self, stop: &Stop) -> Result<(), KafkaError> {
        while !stop.is_draining() {
            self.pulse.beat();
            let (batch, is_drained) = self.gather()?;
            let lag = batch.last().map_or(Duration::ZERO, |(position, _)| clock::since_ms(position.at_ms));
            self.metrics.feed_lag(lag);
            self.catch_up(&batch, is_drained);
            if let Err(error) = self.app.apply(batch) {
                stop.fail("store", &error);
            }
            if self.behind.is_empty() {
                self.pulse.ready();
            }
        }
        // Else the next one reads again what came since the store was last written.
        if stop.failure().is_none()
            && let Err(error) = self.app.store.flush()
        {
            tracing::warn!(%error, "the store stays as it was");
        }
        Ok(())
    }

    /// Takes note of what was read. The last offsets of a partition may be those of transactions, of which nothing is
    /// read: it has been read to its end, too, when nothing comes of it although there was time and room.
    fn catch_up(&mut self, batch: &[(Position, Read)], is_drained: bool) {
        for (position, _) in batch {
            if let Some(behind) = self.behind.get_mut(&(position.feed, position.partition)) {
                behind.heard = Instant::now();
                if position.offset.saturating_add(1) >= behind.end {
                    self.behind.remove(&(position.feed, position.partition));
                }
            }
        }
        if is_drained {
            self.behind.retain(|_, behind| behind.heard.elapsed() < QUIET);
        } else {
            self.behind.values_mut().for_each(|behind| behind.heard = Instant::now());
        }
    }

    /// A batch, and whether it holds all that there was to be had.
    fn gather(&self) -> Result<(Vec<(Position, Read)>, bool), KafkaError> {
        let (mut batch, mut is_drained) = (Vec::new(), false);
        let mut wait = IDLE;
        let begun = Instant::now();
        while batch.len() < BATCH {
            match self.reader.poll(wait) {
                Ok(Some(record)) => batch.extend(self.read(&record)),
                Ok(None) => {}
                // Passes by itself; until then dashboards show what there was.
                Err(error) if error.kind() == ErrorKind::Transient => {
                    tracing::debug!(%error, "reading on");
                    return Ok((batch, false));
                }
                Err(error) => return Err(error),
            }
            let until = if batch.is_empty() { IDLE } else { GATHER };
            wait = until.saturating_sub(begun.elapsed());
            if wait.is_zero() {
                is_drained = true;
                break;
            }
        }
        Ok((batch, is_drained))
    }

    fn read(&self, record: &Record) -> Option<(Position, Read)> {
        let (_, feed) = self.feeds.iter().find(|(topic, _)| *topic == record.origin.topic)?;
        let position = Position {
            feed: *feed,
            partition: record.origin.partition,
            offset: record.origin.offset,
            at_ms: record.timestamp_ms.unwrap_or_default(),
        };
        let read = read(*feed, record).unwrap_or_else(|error| {
            // Workers have set it aside already, with a dead letter.
            tracing::debug!(topic = record.origin.topic, offset = record.origin.offset, %error, "passed over");
            Read::Skipped
        });
        Some((position, read))
    }
}

/// What a record says.
pub(super) fn read(feed: Feed, record: &Record) -> Result<Read, WireError> {
    if record.value.is_none() {
        let session = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok());
        return Ok(match (feed, session) {
            (Feed::Scores, Some(session)) => Read::Erased(session),
            _ => Read::Skipped,
        });
    }
    Ok(match feed {
        Feed::Sessions => Read::Desk(DeskEntry::Session(wire::decode::<SessionFact>(record)?)),
        Feed::Observations => match wire::kind(record)? {
            Observation::TYPE => Read::Desk(DeskEntry::Observation(Box::new(wire::decode(record)?))),
            Marker::TYPE => Read::Desk(DeskEntry::Marker(wire::decode(record)?)),
            // Orders for the score role.
            _ => Read::Skipped,
        },
        Feed::Incidents => Read::Desk(DeskEntry::Incident(Box::new(wire::decode::<Incident>(record)?))),
        Feed::Scores => Read::Desk(DeskEntry::Score(Box::new(wire::decode::<Score>(record)?))),
        Feed::Reviews => Read::Desk(DeskEntry::Review(wire::decode::<Review>(record)?)),
        Feed::Audit => Read::Audit(wire::decode::<Audit>(record)?),
    })
}
