//! One subscriber, one topic: reads records, tells the subscriber of one after the other, and commits an offset when it
//! has heard of everything before it.
//!
//! What fails for reasons that may pass is told again, after pauses that grow; all else waits meanwhile, so that the
//! order of each session stays. What the subscriber refuses for good is counted, logged and passed over. After a crash
//! what was not committed is told again: receivers know it by its id.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::gateway::subscribers::{Subscriber, TellError, Told};
use domain::desk::DeskEntry;
use domain::error::ErrorKind;
use domain::ports::{Feed, Position, Read};
use kafka::{GroupConsumer, KafkaError, Record};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use super::share::Share;
use crate::clock;
use crate::gateway::feed;
use crate::stages::{Schedule, Stop};
use crate::telemetry::health::Pulse;
use crate::telemetry::logs::Trouble;
use crate::telemetry::metrics::Metrics;

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(250);
/// How often offsets are committed of which nobody was told.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// How long a request may go on after the end was asked for.
const GRACE: Duration = Duration::from_secs(3);
/// It is tried for as long as the log has it.
const SCHEDULE: Schedule = Schedule { give_up_after: Duration::MAX };

/// Tells one subscriber of one topic.
pub(super) struct Courier {
    pub subscriber: Arc<dyn Subscriber>,
    pub feed: Feed,
    pub consumer: GroupConsumer,
    pub share: Arc<Share>,
    pub runtime: Handle,
    pub metrics: Metrics,
    pub pulse: Arc<Pulse>,
    pub stop: Stop,
    pub closing: watch::Receiver<bool>,
}

/// Something to be told.
struct Letter {
    position: Position,
    /// By which assignment it came.
    turn: u64,
    /// `None` for what nobody can read.
    entry: Option<DeskEntry>,
}

/// What the courier has in hand.
#[derive(Default)]
struct Round {
    /// The first one is being told. Others came before the partitions were paused.
    waiting: VecDeque<Letter>,
    /// How often the first one failed, since when, and until when it rests.
    failures: u32,
    first_failure: Option<Instant>,
    rests_until: Option<Instant>,
}

impl Courier {
    /// Tells until the end is asked for.
    pub(super) fn run(self) {
        if let Err(error) = self.tell_all() {
            self.stop.fail("tell", &error);
        }
        if let Err(error) = self.consumer.commit_sync(&self.share.take_done()) {
            tracing::warn!(subscriber = self.subscriber.name(), %error, "what was told last is told again");
        }
        self.consumer.close();
    }

    fn tell_all(&self) -> Result<(), KafkaError> {
        let (mut round, mut committed, mut trouble) = (Round::default(), Instant::now(), Trouble::default());
        while !self.stop.is_draining() {
            self.pulse.beat();
            self.take_in(&mut round, &mut trouble)?;
            let waited =
                round.waiting.front().map_or(Duration::ZERO, |letter| clock::since_ms(letter.position.at_ms));
            self.metrics.telling_lag(self.subscriber.name(), self.feed.name(), waited);
            let is_told = round.is_due() && self.tell_first(&mut round, &mut trouble)?;
            if is_told || committed.elapsed() >= COMMIT_EVERY {
                self.consumer.commit(&self.share.take_done())?;
                committed = Instant::now();
            }
        }
        Ok(())
    }

    /// Takes in what there is, and lets go of what is not ours any more.
    fn take_in(&self, round: &mut Round, trouble: &mut Trouble) -> Result<(), KafkaError> {
        match self.consumer.poll(round.patience()) {
            Ok(record) => round.waiting.extend(record.and_then(|record| self.letter(&record))),
            Err(error) if error.kind() == ErrorKind::Transient => {
                if trouble.is_news() {
                    tracing::warn!(%error, "subscribers are told again when the brokers answer");
                }
            }
            Err(error) => return Err(error),
        }
        let is_ours = |letter: &Letter| self.share.turn(letter.position.partition) == Some(letter.turn);
        if round.waiting.front().is_some_and(|first| !is_ours(first)) {
            self.go_on(round)?;
        }
        round.waiting.retain(is_ours);
        if round.failures > 0 {
            // Partitions that came meanwhile wait, too.
            self.consumer.pause(&self.consumer.assigned())?;
        }
        Ok(())
    }

    fn letter(&self, record: &Record) -> Option<Letter> {
        let entry = match feed::read(self.feed, record) {
            Ok(Read::Desk(entry)) => Some(entry),
            Ok(_) => None,
            Err(error) => {
                let (topic, offset) = (&record.origin.topic, record.origin.offset);
                tracing::warn!(topic, offset, %error, "subscribers are not told of what cannot be read");
                None
            }
        };
        let position = Position {
            feed: self.feed,
            partition: record.origin.partition,
            offset: record.origin.offset,
            at_ms: record.timestamp_ms.unwrap_or_default(),
        };
        Some(Letter { position, turn: self.share.turn(position.partition)?, entry })
    }

    /// Tells the first one. Returns whether the subscriber has heard of it.
    fn tell_first(&self, round: &mut Round, trouble: &mut Trouble) -> Result<bool, KafkaError> {
        let Some(letter) = round.waiting.front() else { return Ok(false) };
        let name = self.subscriber.name();
        let told = letter.entry.as_ref().map_or(Ok(Told::Passed), |entry| self.tell(entry, letter.position));
        match &told {
            Ok(Told::Passed) => {}
            Ok(Told::Delivered) => self.metrics.told(name, "delivered"),
            Err(error) if error.kind() == ErrorKind::Transient => {
                self.metrics.told(name, "failed");
                if trouble.is_news() {
                    tracing::warn!(subscriber = name, %error, failures = round.failures, "it is told again");
                }
                round.rest(error.pause());
                return Ok(false);
            }
            Err(error) => {
                self.metrics.told(name, "refused");
                let session = letter.entry.as_ref().map(|entry| entry.session().as_str());
                let (topic, offset) = (self.feed.name(), letter.position.offset);
                tracing::error!(subscriber = name, session, topic, offset, %error, "it is not told of this");
            }
        }
        self.share.done(letter.position.partition, letter.position.offset.saturating_add(1));
        round.waiting.pop_front();
        self.go_on(round)?;
        Ok(!matches!(told, Ok(Told::Passed)))
    }

    fn tell(&self, entry: &DeskEntry, position: Position) -> Result<Told, TellError> {
        let mut closing = self.closing.clone();
        self.runtime.block_on(async {
            let ending = async {
                // Nobody may be there any more to say so.
                let _closing = closing.wait_for(|closing| *closing).await;
                sleep(GRACE).await;
            };
            tokio::select! {
                told = self.subscriber.tell(entry, position) => told,
                () = ending => Err(TellError::Unreachable("this gateway ends".to_owned())),
            }
        })
    }

    /// Goes on with the next one.
    fn go_on(&self, round: &mut Round) -> Result<(), KafkaError> {
        if round.failures > 0 {
            (round.failures, round.first_failure, round.rests_until) = (0, None, None);
            self.consumer.resume(&self.consumer.assigned())?;
        }
        Ok(())
    }
}

impl Round {
    fn is_due(&self) -> bool {
        self.rests_until.is_none_or(|until| until <= Instant::now())
    }

    /// How long to wait for more: not at all while there is something to tell.
    fn patience(&self) -> Duration {
        match self.rests_until {
            Some(until) => until.saturating_duration_since(Instant::now()).min(POLL),
            None if self.waiting.is_empty() => POLL,
            None => Duration::ZERO,
        }
    }

    /// The first one has failed, and rests: at least for so long.
    fn rest(&mut self, least: Duration) {
        let now = Instant::now();
        self.failures = self.failures.saturating_add(1);
        let since = now.saturating_duration_since(*self.first_failure.get_or_insert(now));
        let pause = SCHEDULE.pause(self.failures, since, fastrand::f64()).unwrap_or_default();
        self.rests_until = now.checked_add(pause.max(least));
    }
}
