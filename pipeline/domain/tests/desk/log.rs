//! A session as its topics hold it: written by the real fold, read into a desk.

use domain::desk::{Changes, DeskEntry, IngestMs, LogPlace, SessionDesk};
use domain::messages::{Marker, Observation, Review, SessionFact};
use domain::score::{Output, ScoreInput, SessionFold};

use crate::builder::Script;
use crate::fixtures::{ended, fold_with, session_id, standard, started};

/// When the session was started, by the broker's clock.
pub const BEGIN: i64 = 1_795_000_000_000;

/// The topics that a desk reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Sessions,
    Observations,
    Incidents,
    Scores,
    Reviews,
}

impl Topic {
    pub const ALL: [Self; 5] =
        [Self::Sessions, Self::Observations, Self::Incidents, Self::Scores, Self::Reviews];
}

/// Everything about one session, by topic.
pub struct Log {
    topics: [Vec<(LogPlace, DeskEntry)>; 5],
    fold: SessionFold,
    now: i64,
}

impl Log {
    pub fn new() -> Self {
        let topics = Topic::ALL.map(|_| Vec::new());
        Self { topics, fold: fold_with(&standard()), now: BEGIN }
    }

    /// Started, watched to the end, and ended.
    pub fn of(script: Script) -> Self {
        let end = script.seconds();
        let mut log = Self::running(script);
        log.fact(ended(end));
        log
    }

    /// Started and watched so far.
    pub fn running(script: Script) -> Self {
        let mut log = Self::new();
        log.fact(started(&[], None));
        for observation in script.observations() {
            log.observe(observation);
        }
        log
    }

    pub fn fact(&mut self, fact: SessionFact) {
        let outputs = self.fold.push(ScoreInput::SessionFact(&fact));
        self.write(Topic::Sessions, DeskEntry::Session(fact));
        self.publish(outputs);
    }

    pub fn observe(&mut self, observation: Observation) {
        let length = observation.end_ms - observation.start_ms;
        self.now = self.now.max(BEGIN + observation.start_ms.0) + length.0;
        let outputs = self.fold.push(ScoreInput::Observation(&observation));
        self.write(Topic::Observations, DeskEntry::Observation(Box::new(observation)));
        self.publish(outputs);
    }

    pub fn mark(&mut self, marker: Marker) {
        self.now += marker.silent_ms.0;
        let outputs = self.fold.push(ScoreInput::Marker(&marker));
        self.write(Topic::Observations, DeskEntry::Marker(marker));
        self.publish(outputs);
    }

    pub fn review(&mut self, review: Review) {
        let outputs = self.fold.push(ScoreInput::Review(&review));
        self.write(Topic::Reviews, DeskEntry::Review(review));
        self.publish(outputs);
    }

    /// Writes a record that no fold made.
    pub fn write(&mut self, topic: Topic, entry: DeskEntry) {
        let records = &mut self.topics[topic as usize];
        self.now += 1;
        let place = LogPlace { offset: 10 + 3 * records.len() as i64, at: IngestMs(self.now) };
        records.push((place, entry));
    }

    fn publish(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Incident { incident, .. } => {
                    self.write(Topic::Incidents, DeskEntry::Incident(incident));
                }
                Output::Score(score) => self.write(Topic::Scores, DeskEntry::Score(score)),
            }
        }
    }

    pub fn records(&self, topic: Topic) -> &[(LogPlace, DeskEntry)] {
        &self.topics[topic as usize]
    }

    /// All records, topic by topic.
    pub fn all(&self) -> Vec<(LogPlace, DeskEntry)> {
        self.topics.iter().flatten().cloned().collect()
    }

    /// The desk, read topic by topic.
    pub fn desk(&self) -> SessionDesk {
        let mut desk = SessionDesk::new(session_id());
        read(&mut desk, self.all());
        desk
    }

    /// Just after the last record.
    pub fn now(&self) -> IngestMs {
        IngestMs(self.now)
    }
}

/// Reads records; says what they changed together.
pub fn read(desk: &mut SessionDesk, records: impl IntoIterator<Item = (LogPlace, DeskEntry)>) -> Changes {
    let mut changes = Changes::default();
    for (place, entry) in records {
        changes |= desk.apply(place, entry);
    }
    changes
}

/// Of a session in which much happens.
pub fn eventful() -> Log {
    use domain::messages::{Decision, MarkerKind, SessionEvent};

    use crate::builder::{SCREEN, session};
    use crate::fixtures::{fact, marker};

    let script = session()
        .seated(40)
        .fps(2)
        .second_person(12)
        .fps(1)
        .covered(20)
        .seated(10)
        .lost(8)
        .undecodable(8)
        .reload()
        .frozen()
        .seated(20)
        .thawed()
        .looking(30, SCREEN.turned(40.0))
        .dark(20)
        .seated(20);
    let mut log = Log::running(script.clone());
    log.fact(fact(150_000, SessionEvent::BreakStarted));
    log.fact(fact(160_000, SessionEvent::BreakEnded));
    log.mark(marker(MarkerKind::StreamLost, script.seconds()));
    // The segments that no decoder took are driven through again, and one of them is seen after all.
    let placeholders = script
        .clone()
        .observations()
        .into_iter()
        .filter(|observation| observation.status == domain::messages::SegmentStatus::Undecodable);
    for (index, mut again) in placeholders.enumerate() {
        again.attempt = 1;
        if index == 1 {
            again.status = domain::messages::SegmentStatus::Observed;
            for frame in &mut again.frames {
                frame.status = domain::messages::SampleStatus::Seen;
                frame.reason = None;
            }
        }
        log.observe(again);
    }
    log.fact(ended(script.seconds()));
    log.review(crate::queues::review("r1", Decision::Dismiss, 40, 52));
    log.review(crate::queues::review("r2", Decision::Reopen, 40, 52));
    log.review(crate::queues::review("r3", Decision::Confirm, 40, 46));
    log
}
