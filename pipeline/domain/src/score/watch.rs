//! Looks at segments in order and tells the ledger what opens, grows and closes.
//!
//! The order of steps for every slot: is the picture frozen, was it seen, what does it show, which
//! conditions hold, which windows react. All media-time logic of the fold meets here; arrival order,
//! human decisions, points and messages do not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::compact::is_default;
use super::conditions::{Seen, needs_calibration, unseen_vote, windows};
use super::coverage::{CoverageLedger, Unseen};
use super::freeze::{Freeze, Picture};
use super::gaps::{Before, Gaps, ran_back};
use super::glances::{Glances, is_dense};
use super::hysteresis::{Change, Growth, Hysteresis, Vote};
use super::identity::{Identity, Look};
use super::ledger::{Lane, Ledger, Moment};
use super::perception::{Perception, Senses};
use super::reorder::Released;
use super::sample::Segment;
use super::timeline::{Sight, Slot, Timeline};
use super::trace::SampleTrace;
use crate::messages::{IncidentType, Marker, NotEvaluatedReason};
use crate::policy::Policy;
use crate::time::{Interval, IntervalSet, MediaMs, Millis};

/// Everything remembered of the video itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watch {
    timeline: Timeline,
    senses: Senses,
    windows: BTreeMap<IncidentType, Hysteresis>,
    glances: Glances,
    freeze: Freeze,
    gaps: Gaps,
    #[serde(default, skip_serializing_if = "is_default")]
    pub identity: Identity,
    pub coverage: CoverageLedger,
    pub not_evaluated: BTreeMap<IncidentType, BTreeMap<NotEvaluatedReason, Millis>>,
    /// Starts of segments, still to come, before which others were deleted unseen.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    overtaken: BTreeSet<MediaMs>,
    epoch: u32,
    /// Start of the first segment.
    pub first: Option<MediaMs>,
}

/// What a session is watched under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub policy: &'a Policy,
    /// Looking down is granted.
    pub paper: bool,
}

impl Watch {
    /// Media time up to which the video has been watched.
    pub fn frontier(&self) -> MediaMs {
        self.timeline.frontier()
    }

    /// Watches the next segment.
    pub fn segment(
        &mut self,
        released: Released,
        terms: Terms<'_>,
        ledger: &mut Ledger,
        traces: &mut Option<Vec<SampleTrace>>,
    ) {
        let Released { segment, after_hole } = released;
        let start = segment.interval.start;
        let before = match after_hole {
            true if self.overtaken.contains(&start) => Before::Deleted,
            true => Before::Missing,
            false => Before::Complete,
        };
        let hole = Interval::new(self.frontier(), start);
        self.overtaken = self.overtaken.split_off(&(start + Millis(1)));
        self.first.get_or_insert(start);
        if segment.epoch != self.epoch {
            self.begin_epoch(segment.epoch, terms, ledger);
        }
        if let Some(template) = &segment.template {
            self.identity.enrolled(template, start);
        }
        ledger.segment(segment.sequence, segment.interval);
        self.clock(&segment, terms, ledger);
        let resumed = self.gaps.segment(start, before, segment.undecodable);
        if let Some((kind, change)) = resumed {
            self.apply(kind.into(), change, start, terms, ledger);
            ledger.close(kind.into());
        }
        for slot in self.timeline.slots(segment) {
            let trace = self.slot(&slot, terms, ledger);
            if let Some(traces) = traces {
                traces.push(trace);
            }
        }
        if before == Before::Deleted {
            self.coverage.explain(hole, Unseen::Overtaken);
        }
        ledger.remind(self.frontier(), terms.policy.timing.update_every_ms);
    }

    /// Segments before the one that begins here were deleted unseen.
    pub fn overtaken(&mut self, start: MediaMs) {
        self.overtaken.insert(start);
    }

    /// A clock noticed silence.
    pub fn silent(&mut self, marker: &Marker, terms: Terms<'_>, ledger: &mut Ledger) {
        if let Some((kind, change)) = self.gaps.silent(marker) {
            self.apply(kind.into(), change, marker.media_ms, terms, ledger);
        }
    }

    /// Nothing more comes: accounts for what is left up to `expected_end` and ends what is open.
    pub fn finish(&mut self, expected_end: MediaMs, terms: Terms<'_>, ledger: &mut Ledger) {
        let (observed, hole) = self.timeline.tail(expected_end);
        if let Some(observed) = observed.filter(|_| !self.freeze.is_frozen()) {
            self.coverage.extend_last(observed);
        }
        if let Some(hole) = hole {
            // Only reported: should the video go on after all, its slots still find their place.
            for (kind, change) in self.gaps.look(&hole, &terms.policy.detect) {
                self.apply(kind.into(), change, hole.at, terms, ledger);
            }
        }
        self.gaps = Gaps::default();
        self.identity.close();
        self.forget_windows(|_| true, ledger);
        self.forget_glances(ledger);
        ledger.close_all();
    }

    /// Another encoder, perhaps another camera: nothing learned about the picture holds any more.
    fn begin_epoch(&mut self, epoch: u32, terms: Terms<'_>, ledger: &mut Ledger) {
        self.epoch = epoch;
        self.identity.view_breaks(&terms.policy.detect.identity);
        self.senses = Senses::default();
        self.forget_windows(|_| true, ledger);
        self.forget_glances(ledger);
        if self.freeze.reset() {
            ledger.close(IncidentType::VideoFrozen.into());
        }
    }

    fn clock(&mut self, segment: &Segment, terms: Terms<'_>, ledger: &mut Ledger) {
        if let Some(stretch) = self.timeline.runs_back(segment) {
            let kind = IncidentType::ClockDiscontinuity;
            self.apply(kind.into(), ran_back(stretch), stretch.start, terms, ledger);
            ledger.close(kind.into());
        }
    }

    fn slot(&mut self, slot: &Slot, terms: Terms<'_>, ledger: &mut Ledger) -> SampleTrace {
        for (kind, change) in self.gaps.look(slot, &terms.policy.detect) {
            self.apply(kind.into(), change, slot.at, terms, ledger);
        }
        self.look_for_freeze(slot, terms, ledger);
        let reason = match &slot.sight {
            _ if self.freeze.is_frozen() => Some(Unseen::Frozen),
            Sight::Unseen(reason) => Some(*reason),
            Sight::Seen(_) => None,
        };
        match reason {
            Some(Unseen::Frozen) => self.coverage.reclassify(slot.span, Unseen::Frozen),
            Some(reason) => self.coverage.miss(slot.span, reason),
            None => self.coverage.observe(slot.span),
        }
        let perception = match (&slot.sight, reason) {
            (Sight::Seen(scene), None) => {
                let before = self.senses.calibrations();
                let perception = self.senses.perceive(slot, scene, terms.policy);
                if self.senses.calibrations() != before {
                    // Angles mean something else from here on.
                    self.forget_windows(needs_calibration, ledger);
                    self.forget_glances(ledger);
                    ledger.void_calibration(self.epoch, needs_calibration);
                }
                Some(perception)
            }
            _ => {
                self.senses.missed();
                None
            }
        };
        self.vote(slot, reason, perception.as_ref(), terms, ledger);
        self.look_for_glances(slot, perception.as_ref(), terms, ledger);
        self.compare(slot, perception.is_some(), terms, ledger);
        SampleTrace::of(slot, reason, perception.as_ref())
    }

    fn look_for_freeze(&mut self, slot: &Slot, terms: Terms<'_>, ledger: &mut Ledger) {
        let print = match &slot.sight {
            Sight::Seen(scene) => scene.print,
            Sight::Unseen(_) => None,
        };
        let was_frozen = self.freeze.is_frozen();
        let change = match self.freeze.look(slot.span, print, &terms.policy.detect.video_frozen) {
            Picture::Live => return,
            Picture::Thawed => Change::Closed,
            Picture::Frozen(stretch) => {
                self.coverage.reclassify(stretch, Unseen::Frozen);
                let seen: IntervalSet = [stretch].into_iter().collect();
                let growth = Growth {
                    start: stretch.start,
                    end: stretch.end,
                    seen,
                    confidence: 1000,
                    ..Growth::default()
                };
                if was_frozen { Change::Grew(growth) } else { Change::Opened(growth) }
            }
        };
        self.apply(IncidentType::VideoFrozen.into(), change, slot.at, terms, ledger);
    }

    fn vote(
        &mut self,
        slot: &Slot,
        reason: Option<Unseen>,
        perception: Option<&Perception>,
        terms: Terms<'_>,
        ledger: &mut Ledger,
    ) {
        let policy = terms.policy;
        let seen = match (&slot.sight, perception) {
            (Sight::Seen(scene), Some(perception)) => {
                Some(Seen { span: slot.span, scene, perception, policy, paper: terms.paper })
            }
            _ => None,
        };
        for (kind, window) in windows(&policy.detect) {
            let vote = match (&seen, reason) {
                (Some(seen), _) => seen.vote(kind),
                (None, Some(reason)) => unseen_vote(kind, slot.span, reason),
                (None, None) => Vote::unseen(slot.span),
            };
            let hysteresis = self.windows.entry(kind).or_default();
            if let Some(change) = hysteresis.vote(vote, window, policy.timing.merge_gap_ms) {
                self.apply(kind.into(), change, slot.at, terms, ledger);
            }
        }
    }

    fn look_for_glances(
        &mut self,
        slot: &Slot,
        perception: Option<&Perception>,
        terms: Terms<'_>,
        ledger: &mut Ledger,
    ) {
        let kind = IncidentType::RepeatedGlances;
        for (sector, change) in self.glances.look(slot, perception, terms.policy, terms.paper) {
            self.apply(Lane { kind, branch: sector }, change, slot.at, terms, ledger);
        }
        if perception.is_none() {
            return;
        }
        if !self.senses.is_calibrated() {
            for kind in [IncidentType::GazeOffScreen, IncidentType::HeadTurnedAway, kind] {
                self.leave_out(kind, NotEvaluatedReason::Uncalibrated, slot.span);
            }
        } else if !is_dense(slot, terms.policy) {
            self.leave_out(kind, NotEvaluatedReason::SparsePlan, slot.span);
        }
    }

    /// Whether it is still the enrolled person; `is_seen` says whether the slot was seen, and not frozen.
    fn compare(&mut self, slot: &Slot, is_seen: bool, terms: Terms<'_>, ledger: &mut Ledger) {
        let scene = match &slot.sight {
            Sight::Seen(scene) if is_seen => Some(scene),
            _ => None,
        };
        let look = Look {
            span: slot.span,
            in_view: scene.is_some_and(|scene| !scene.faces.is_empty()),
            check: scene.and_then(|scene| scene.check),
        };
        for (kind, change) in self.identity.look(look, &terms.policy.detect.identity) {
            self.apply(kind.into(), change, slot.at, terms, ledger);
        }
    }

    fn leave_out(&mut self, kind: IncidentType, reason: NotEvaluatedReason, span: Interval) {
        *self.not_evaluated.entry(kind).or_default().entry(reason).or_default() += span.length();
    }

    fn forget_windows(&mut self, which: impl Fn(IncidentType) -> bool, ledger: &mut Ledger) {
        for (kind, hysteresis) in self.windows.iter_mut().filter(|(kind, _)| which(**kind)) {
            if hysteresis.reset() {
                ledger.close((*kind).into());
            }
        }
    }

    fn forget_glances(&mut self, ledger: &mut Ledger) {
        for sector in self.glances.reset() {
            ledger.close(Lane { kind: IncidentType::RepeatedGlances, branch: sector });
        }
    }

    fn apply(&self, lane: Lane, change: Change, at: MediaMs, terms: Terms<'_>, ledger: &mut Ledger) {
        let calibrated = self.senses.is_calibrated() || !needs_calibration(lane.kind);
        let moment = Moment { at, epoch: self.epoch, calibrated };
        ledger.apply(lane, change, moment, &terms.policy.timing);
    }
}
