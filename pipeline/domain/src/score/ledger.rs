//! The incidents of a session, as they open, grow, merge and close. Revisions are counted here; what
//! an incident means for the score is not known here.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::compact;
use super::hysteresis::{Change, Growth};
use crate::evidence::Span;
use crate::ids::SessionId;
use crate::messages::{IncidentClass, IncidentType, SampleStats};
use crate::policy::Timing;
use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// Most segments named by one incident.
const MOST_REFS: usize = 8;
/// Segments remembered for incidents that turn out to have begun in them.
const MOST_SEGMENTS: usize = 40;
/// Incidents remembered one by one. When there are more, coverage incidents that are over are forgotten,
/// oldest first (they count nothing), and evidence goes on in the last incident of its type.
const MOST_RECORDS: usize = 48;

/// All incidents of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    records: Vec<Record>,
    segments: VecDeque<Shown>,
    /// Number of an incident's first revision: 0 until the session is folded again.
    #[serde(default, skip_serializing_if = "compact::is_default")]
    first_rev: u32,
    /// The highest number of a next revision among incidents that were forgotten.
    #[serde(default, skip_serializing_if = "compact::is_default")]
    forgotten_rev: u32,
}

/// A segment, as incidents refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    #[serde(rename = "n")]
    sequence: u64,
    #[serde(rename = "s")]
    start: MediaMs,
    #[serde(rename = "e")]
    end: MediaMs,
}

/// Where incidents of a type run beside each other (sectors of `repeated_glances`), which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lane {
    #[serde(rename = "k")]
    pub kind: IncidentType,
    #[serde(rename = "b", default, skip_serializing_if = "compact::is_default")]
    pub branch: u16,
}

/// One incident. The written names are short: a state must fit 32 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "l")]
    pub lane: Lane,
    #[serde(rename = "o", default, skip_serializing_if = "compact::is_default")]
    pub epoch: u32,
    #[serde(rename = "s")]
    pub start: MediaMs,
    #[serde(rename = "e")]
    pub end: MediaMs,
    /// The time that was seen; for types about missing video, the time that is missing.
    #[serde(rename = "i", with = "compact")]
    pub seen: IntervalSet,
    #[serde(rename = "n", with = "compact::stats")]
    pub stats: SampleStats,
    /// Thousandths.
    #[serde(rename = "c")]
    pub confidence: u16,
    /// The highest figure worth telling.
    #[serde(rename = "f", default, skip_serializing_if = "compact::is_default")]
    pub figure: u16,
    /// Whether "looking at the screen" was known, where it matters.
    #[serde(rename = "u")]
    pub calibrated: bool,
    #[serde(rename = "w", default, skip_serializing_if = "compact::is_default")]
    pub open: bool,
    /// Start of the first incident of the episode.
    #[serde(rename = "p")]
    pub episode: MediaMs,
    /// From the start of the condition to the sample that opened the incident.
    #[serde(rename = "t")]
    pub time_to_flag: Millis,
    /// Numbers of the first segments that show it.
    #[serde(rename = "r")]
    pub refs: Vec<u64>,
    #[serde(rename = "x")]
    pub reporting: Reporting,
}

/// What has been said about an incident.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reporting {
    /// Number of the next revision.
    #[serde(rename = "v")]
    pub next_rev: u32,
    /// Media time of the last one.
    #[serde(rename = "a")]
    pub at: MediaMs,
    /// Something has to be said.
    #[serde(rename = "d", default, skip_serializing_if = "compact::is_default")]
    pub due: bool,
    /// Fingerprint of what was said last.
    #[serde(rename = "h")]
    pub said: u32,
}

/// What a change needs to know of its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Instant of the sample.
    pub at: MediaMs,
    pub epoch: u32,
    pub calibrated: bool,
}

impl From<IncidentType> for Lane {
    fn from(kind: IncidentType) -> Self {
        Self { kind, branch: 0 }
    }
}

impl Ledger {
    /// A segment begins.
    pub fn segment(&mut self, sequence: u64, interval: Interval) {
        if self.segments.len() == MOST_SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(Shown { sequence, start: interval.start, end: interval.end });
    }

    /// Writes down what changed in a lane.
    pub fn apply(&mut self, lane: Lane, change: Change, moment: Moment, timing: &Timing) {
        match change {
            Change::Opened(growth) => self.open(lane, growth, moment, timing),
            Change::Merged(growth) => self.grow(lane, growth, moment, true),
            Change::Grew(growth) => self.grow(lane, growth, moment, false),
            Change::Closed => self.close(lane),
        }
    }

    /// An open incident is reported again from time to time.
    pub fn remind(&mut self, now: MediaMs, every: Millis) {
        for record in self.records.iter_mut().filter(|record| record.open) {
            record.reporting.due |= now - record.reporting.at >= every;
        }
    }

    /// Ends an open incident.
    pub fn close(&mut self, lane: Lane) {
        if let Some(record) = self.records.iter_mut().rev().find(|record| record.open && record.lane == lane)
        {
            record.open = false;
            record.reporting.due = true;
        }
    }

    /// What was found of these types so far was measured from a wrong centre.
    pub fn void_calibration(&mut self, epoch: u32, which: impl Fn(IncidentType) -> bool) {
        let measured = |record: &&mut Record| record.epoch == epoch && which(record.lane.kind);
        for record in self.records.iter_mut().filter(measured) {
            record.reporting.due |= record.calibrated;
            record.calibrated = false;
        }
    }

    /// Ends all open incidents: nothing more comes.
    pub fn close_all(&mut self) {
        for record in self.records.iter_mut().filter(|record| record.open) {
            record.open = false;
            record.reporting.due = true;
        }
    }

    /// Whether something has to be said about any incident.
    pub fn has_due(&self) -> bool {
        self.records.iter().any(|record| record.reporting.due)
    }

    /// All incidents, in order of opening.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Number of an incident's first revision.
    pub fn first_rev(&self) -> u32 {
        self.first_rev
    }

    /// Goes on from what was said about the same session `before`. An incident that was known keeps
    /// counting its revisions; one that is new begins above all of them, in case it was known earlier
    /// still. Returns those that are not found any more.
    pub fn go_on_from(&mut self, before: &Ledger) -> Vec<Record> {
        let said = before.records.iter().map(|record| record.reporting.next_rev).max().unwrap_or(0);
        self.first_rev = 1 + said.max(before.forgotten_rev).max(before.first_rev);
        for record in &mut self.records {
            let known = before.records.iter().find(|known| known.is_same(record));
            record.reporting.next_rev = known.map_or(self.first_rev, |known| known.reporting.next_rev);
            record.reporting.said = known.map_or(0, |known| known.reporting.said);
        }
        let is_gone = |known: &&Record| !self.records.iter().any(|record| record.is_same(known));
        before.records.iter().filter(is_gone).cloned().collect()
    }

    /// All incidents, to note what has been said about them.
    pub fn records_mut(&mut self) -> &mut [Record] {
        &mut self.records
    }

    fn open(&mut self, lane: Lane, growth: Growth, moment: Moment, timing: &Timing) {
        let episode = self
            .last(lane)
            .filter(|last| growth.start - last.end <= timing.episode_gap_ms)
            .map_or(growth.start, |last| last.episode);
        if self.records.len() >= MOST_RECORDS && !self.forget_one() && self.last(lane).is_some() {
            self.grow(lane, growth, moment, true);
            return;
        }
        let mut record = Record {
            lane,
            epoch: moment.epoch,
            start: growth.start,
            end: growth.end,
            seen: IntervalSet::new(),
            stats: SampleStats::default(),
            confidence: 0,
            figure: 0,
            calibrated: moment.calibrated,
            open: true,
            episode,
            time_to_flag: moment.at - growth.start,
            refs: Vec::new(),
            reporting: Reporting {
                due: true,
                at: moment.at,
                next_rev: self.first_rev,
                ..Reporting::default()
            },
        };
        record.add(growth, &self.segments);
        self.records.push(record);
    }

    /// Forgets the oldest coverage incident of which everything has been said.
    fn forget_one(&mut self) -> bool {
        let over = |record: &Record| {
            let said = !record.open && !record.reporting.due;
            said && record.lane.kind.class() == IncidentClass::Coverage
        };
        let Some(oldest) = self.records.iter().position(over) else { return false };
        let forgotten = self.records.remove(oldest);
        self.forgotten_rev = self.forgotten_rev.max(forgotten.reporting.next_rev);
        true
    }

    fn grow(&mut self, lane: Lane, growth: Growth, moment: Moment, reopen: bool) {
        let segments = std::mem::take(&mut self.segments);
        if let Some(record) = self.last(lane) {
            record.add(growth, &segments);
            record.calibrated &= moment.calibrated;
            record.open |= reopen;
            record.reporting.due |= reopen;
        }
        self.segments = segments;
    }

    fn last(&mut self, lane: Lane) -> Option<&mut Record> {
        self.records.iter_mut().rev().find(|record| record.lane == lane)
    }
}

impl Record {
    /// The same on every machine and every replay, for all revisions.
    pub fn id(&self, session: &SessionId) -> Uuid {
        let Lane { kind, branch } = self.lane;
        session.derive(&format!("{}:{}:{}:{branch}", kind.name(), self.start.0, self.epoch))
    }

    /// Where it shows.
    pub fn span(&self) -> Span {
        Span { interval: Interval::new(self.start, self.end), segments: self.refs.clone() }
    }

    /// Whether both have the same id.
    fn is_same(&self, other: &Self) -> bool {
        (self.lane, self.start, self.epoch) == (other.lane, other.start, other.epoch)
    }

    fn add(&mut self, growth: Growth, segments: &VecDeque<Shown>) {
        self.end = self.end.max(growth.end);
        for part in growth.seen.iter() {
            self.seen.insert(part);
        }
        self.stats.planned += growth.stats.planned;
        self.stats.valid += growth.stats.valid;
        self.stats.matched += growth.stats.matched;
        // Never falls when the incident grows.
        self.confidence = self.confidence.max(growth.confidence);
        self.figure = self.figure.max(growth.figure);
        for shown in segments {
            let shows = shown.start < self.end && self.start < shown.end;
            if shows && self.refs.len() < MOST_REFS && !self.refs.contains(&shown.sequence) {
                self.refs.push(shown.sequence);
            }
        }
    }
}
