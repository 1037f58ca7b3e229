//! Who sat there, told from many comparisons with the enrolled face and never from one.
//!
//! A comparison above `high` is a match, one below `low` is unlike, what lies between is doubt, and neither
//! speaks for nor against anybody. `identity_mismatch`: the last few comparisons are no match, none of them,
//! and unlike in their mean; over when matches follow. `identity_switch`: matches up to a moment at which
//! nobody was seen, unlike ones after it. `identity_unverifiable`: nothing that could be compared for minutes.
//! Whatever was not seen or not compared leaves everything as it was, but for the last. What an incident shows
//! is the samples that were unlike, not the time between them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::compact::is_default;
use super::hysteresis::{Change, Growth};
use super::sample::Check;
use crate::messages::{IdentityLedger, IdentityState, IncidentType, SampleStats};
use crate::policy::IdentityRules;
use crate::time::{Interval, MediaMs};

/// What is remembered of all comparisons of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Template that faces were compared with last.
    template: Option<String>,
    checks: u32,
    eligible: u32,
    matched: u32,
    last_match: Option<MediaMs>,
    /// The last comparisons, oldest first: as many as are fused.
    recent: VecDeque<Compared>,
    /// `identity_mismatch` is open.
    #[serde(default, skip_serializing_if = "is_default")]
    mismatch: bool,
    view: View,
    /// Since when nothing could be compared; known once somebody is enrolled.
    since: Option<MediaMs>,
    /// `identity_unverifiable` is open.
    #[serde(default, skip_serializing_if = "is_default")]
    unverifiable: bool,
}

/// One comparison of an eligible sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Interval, i32)", into = "(Interval, i32)")]
struct Compared {
    span: Interval,
    /// Thousandths.
    similarity: i32,
}

/// The present stretch in which somebody is seen, and whether there was a match before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct View {
    /// Matches in it without an unlike one between.
    matches: u16,
    /// The one before ended in matches, and there has been none since.
    follows_matches: bool,
    /// Unlike samples since then.
    unlike: Vec<Compared>,
}

/// A slot, as identity sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub span: Interval,
    /// Somebody shows a face.
    pub in_view: bool,
    /// What a comparison said, where one was tried.
    pub check: Option<Check>,
}

impl Identity {
    /// A segment begins whose faces are compared with a template.
    pub fn enrolled(&mut self, template: &str, from: MediaMs) {
        self.since.get_or_insert(from);
        if self.template.as_deref() != Some(template) {
            // Similarities to another template are not to be mixed with these.
            self.recent.clear();
            self.view = View::default();
            self.template = Some(template.to_owned());
        }
    }

    /// Takes one slot in.
    pub fn look(&mut self, look: Look, rules: &IdentityRules) -> Vec<(IncidentType, Change)> {
        let mut changes = Vec::new();
        if self.template.is_none() {
            return changes;
        }
        if !look.in_view {
            self.view_breaks(rules);
        }
        self.checks += u32::from(look.check.is_some());
        let compared = look.check.and_then(|check| check.similarity);
        let compared = compared.map(|similarity| Compared { span: look.span, similarity });
        changes.extend(self.wait(look.span, compared.is_some(), rules));
        if let Some(compared) = compared {
            self.count(compared, rules);
            changes.extend(self.fuse(compared, rules));
            changes.extend(self.step_down(compared, rules));
        }
        changes
    }

    /// Nobody is seen for a moment, or the camera is another: who comes next may be somebody else.
    pub fn view_breaks(&mut self, rules: &IdentityRules) {
        self.view.follows_matches |= self.view.matches >= rules.switch_samples;
        self.view.matches = 0;
    }

    /// Nothing more comes: what was open is over.
    pub fn close(&mut self) {
        self.mismatch = false;
        self.unverifiable = false;
    }

    /// What the score says of it. `pending`: a human has to look; `confirmed`: one found another person.
    pub fn ledger(&self, pending: bool, confirmed: bool, rules: &IdentityRules) -> IdentityLedger {
        let mostly = self.matched >= u32::from(rules.match_samples) && self.matched * 2 >= self.eligible;
        let state = match self.template {
            _ if pending => IdentityState::PendingReview,
            None => IdentityState::NotRequired,
            Some(_) if mostly && !confirmed => IdentityState::Verified,
            Some(_) => IdentityState::Unverifiable,
        };
        IdentityLedger {
            state,
            template: self.template.clone(),
            checks: self.checks,
            eligible: self.eligible,
            matched: self.matched,
            last_match_ms: self.last_match,
        }
    }

    fn count(&mut self, compared: Compared, rules: &IdentityRules) {
        self.eligible += 1;
        if compared.matches(rules) {
            self.matched += 1;
            self.last_match = Some(compared.span.end);
        }
        if self.recent.len() >= usize::from(rules.mismatch_samples.max(rules.match_samples)) {
            self.recent.pop_front();
        }
        self.recent.push_back(compared);
    }

    /// How long nothing could be compared.
    fn wait(
        &mut self,
        span: Interval,
        eligible: bool,
        rules: &IdentityRules,
    ) -> Option<(IncidentType, Change)> {
        let kind = IncidentType::IdentityUnverifiable;
        if eligible {
            self.since = Some(span.end);
            return std::mem::take(&mut self.unverifiable).then_some((kind, Change::Closed));
        }
        let since = *self.since.get_or_insert(span.start);
        if span.end - since < rules.unverifiable_after_ms {
            return None;
        }
        let was_open = std::mem::replace(&mut self.unverifiable, true);
        let added = Interval::new(if was_open { span.start } else { since }, span.end);
        let growth = Growth {
            start: added.start,
            end: added.end,
            seen: [added].into_iter().collect(),
            confidence: 1000,
            ..Growth::default()
        };
        Some((kind, if was_open { Change::Grew(growth) } else { Change::Opened(growth) }))
    }

    /// `identity_mismatch`, from the last few comparisons together.
    fn fuse(&mut self, newest: Compared, rules: &IdentityRules) -> Option<(IncidentType, Change)> {
        let kind = IncidentType::IdentityMismatch;
        let last = |count: u16| {
            let skipped = self.recent.len().checked_sub(usize::from(count))?;
            Some(self.recent.iter().skip(skipped).copied().collect::<Vec<Compared>>())
        };
        if self.mismatch {
            let matches = |all: Vec<Compared>| all.iter().all(|compared| compared.matches(rules));
            if last(rules.match_samples).is_some_and(matches) {
                self.mismatch = false;
                return Some((kind, Change::Closed));
            }
            let unlike = newest.is_unlike(rules);
            return unlike.then(|| (kind, Change::Grew(growth(&[newest], rules))));
        }
        let fused = last(rules.mismatch_samples)?;
        let is_match = fused.iter().any(|compared| compared.matches(rules));
        if is_match || mean(&fused) >= rules.low_milli {
            return None;
        }
        self.mismatch = true;
        Some((kind, Change::Opened(growth(&fused, rules))))
    }

    /// `identity_switch`: over as soon as it is found.
    fn step_down(&mut self, compared: Compared, rules: &IdentityRules) -> Vec<(IncidentType, Change)> {
        let kind = IncidentType::IdentitySwitch;
        let view = &mut self.view;
        if compared.matches(rules) {
            *view = View { matches: view.matches.saturating_add(1), ..View::default() };
            return Vec::new();
        }
        if !compared.is_unlike(rules) {
            view.unlike.clear();
            return Vec::new();
        }
        view.matches = 0;
        if !view.follows_matches {
            return Vec::new();
        }
        view.unlike.push(compared);
        if view.unlike.len() < usize::from(rules.switch_samples) {
            return Vec::new();
        }
        let found = std::mem::take(view).unlike;
        vec![(kind, Change::Opened(growth(&found, rules))), (kind, Change::Closed)]
    }
}

impl Compared {
    fn matches(&self, rules: &IdentityRules) -> bool {
        self.similarity > rules.high_milli
    }

    fn is_unlike(&self, rules: &IdentityRules) -> bool {
        self.similarity < rules.low_milli
    }
}

fn mean(of: &[Compared]) -> i32 {
    let sum: i32 = of.iter().map(|compared| compared.similarity).sum();
    sum / (of.len() as i32).max(1)
}

/// What these comparisons show. Half confident at `low`, fully as far below it again as twice the doubt is wide.
fn growth(of: &[Compared], rules: &IdentityRules) -> Growth {
    let below = (rules.low_milli - mean(of)).max(0);
    let far = 2 * (rules.high_milli - rules.low_milli).max(1);
    let count = of.len() as u32;
    Growth {
        start: of.first().map_or(MediaMs::ZERO, |first| first.span.start),
        end: of.last().map_or(MediaMs::ZERO, |last| last.span.end),
        seen: of.iter().map(|compared| compared.span).collect(),
        stats: SampleStats { planned: count, valid: count, matched: count },
        confidence: (500 + 500 * below.min(far) / far) as u16,
        figure: 0,
    }
}

impl From<(Interval, i32)> for Compared {
    fn from((span, similarity): (Interval, i32)) -> Self {
        Self { span, similarity }
    }
}

impl From<Compared> for (Interval, i32) {
    fn from(compared: Compared) -> Self {
        (compared.span, compared.similarity)
    }
}
