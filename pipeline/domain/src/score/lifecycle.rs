//! What the exam system says about the session: when video is expected, breaks, accommodations, end.
//!
//! A set of facts, not a state machine: facts may arrive in any order and twice, and the answers only
//! depend on which ones are known.

use serde::{Deserialize, Serialize};

use crate::messages::{Accommodation, SessionEvent, SessionFact};
use crate::policy::Accommodations;
use crate::time::{Interval, IntervalSet, MediaMs};

/// The facts known so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lifecycle {
    /// In order of media time.
    facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fact {
    at: MediaMs,
    event: SessionEvent,
}

impl Lifecycle {
    /// Takes a fact in; `false` if it is known already.
    pub fn add(&mut self, fact: &SessionFact) -> bool {
        let fact = Fact { at: fact.media_ms, event: fact.event.clone() };
        if self.facts.contains(&fact) {
            return false;
        }
        let place = self.facts.partition_point(|have| (have.at, have.rank()) <= (fact.at, fact.rank()));
        self.facts.insert(place, fact);
        true
    }

    /// What is known, in order of media time.
    pub fn facts(&self) -> impl ExactSizeIterator<Item = (MediaMs, &SessionEvent)> {
        self.facts.iter().map(|fact| (fact.at, &fact.event))
    }

    /// Whether the session is known to have begun.
    pub fn started(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact.event, SessionEvent::Started { .. }))
    }

    /// When the session ended, if it did.
    pub fn ended(&self) -> Option<MediaMs> {
        let ends = self.facts.iter().filter(|fact| matches!(fact.event, SessionEvent::Ended { .. }));
        ends.map(|fact| fact.at).next_back()
    }

    /// The whole time for which video is expected, as far as anybody said so.
    pub fn expected(&self) -> Option<Interval> {
        let told = self.facts.iter().rev().find_map(|fact| match fact.event {
            SessionEvent::Started { expected, .. } | SessionEvent::Ended { expected } => expected,
            SessionEvent::Linked { .. } | SessionEvent::BreakStarted | SessionEvent::BreakEnded => None,
        });
        told.or_else(|| {
            let started =
                self.facts.iter().find(|fact| matches!(fact.event, SessionEvent::Started { .. }))?;
            Some(Interval::new(started.at, self.ended()?))
        })
    }

    /// Approved breaks: planned ones and, where breaks are granted, recorded ones. A break that nobody
    /// ended lasts until `until`.
    pub fn breaks(&self, granted: &Accommodations, until: MediaMs) -> IntervalSet {
        if !granted.breaks {
            return IntervalSet::new();
        }
        let mut breaks: IntervalSet = granted.planned_breaks.iter().copied().collect();
        let mut since = None;
        for fact in &self.facts {
            match fact.event {
                SessionEvent::BreakStarted => since = since.or(Some(fact.at)),
                SessionEvent::BreakEnded => {
                    if let Some(start) = since.take() {
                        breaks.insert(Interval::new(start, fact.at));
                    }
                }
                SessionEvent::Started { .. } | SessionEvent::Linked { .. } | SessionEvent::Ended { .. } => {}
            }
        }
        if let Some(start) = since {
            breaks.insert(Interval::new(start, until));
        }
        breaks
    }

    /// What the policy grants and what the session's start grants on top.
    pub fn granted(&self, policy: &Accommodations) -> Accommodations {
        let mut granted = policy.clone();
        for fact in &self.facts {
            if let SessionEvent::Started { accommodations, .. } = &fact.event {
                for accommodation in accommodations {
                    match accommodation {
                        Accommodation::Breaks => granted.breaks = true,
                        Accommodation::ExtraTime => granted.extra_time = true,
                        Accommodation::Paper => granted.paper = true,
                        Accommodation::SecondPerson => granted.second_person = true,
                        Accommodation::HeadCovering => granted.head_covering = true,
                    }
                }
            }
        }
        granted
    }
}

impl Fact {
    /// Order of facts that hold at the same instant: a break that begins where one ends is a new one.
    fn rank(&self) -> u8 {
        match self.event {
            SessionEvent::Started { .. } => 0,
            SessionEvent::BreakEnded => 1,
            SessionEvent::BreakStarted => 2,
            SessionEvent::Ended { .. } => 3,
            SessionEvent::Linked { .. } => 4,
        }
    }
}
