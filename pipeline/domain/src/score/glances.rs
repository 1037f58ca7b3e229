//! Counts short looks to the same place: many of them within minutes are an incident, one is nothing.
//!
//! An excursion leaves the screen and comes back, with a seen on-screen sample before and after and
//! nothing unseen in between, and is shorter than what `gaze_off_screen` reports by itself. Excursions
//! into one sector are counted over a sliding time. Where samples are planned too far apart to catch a
//! glance twice, nothing is evaluated, and the caller lists that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::conditions::is_off_screen;
use super::hysteresis::{Change, Growth};
use super::perception::{FaceView, Perception};
use super::timeline::Slot;
use crate::messages::SampleStats;
use crate::policy::Policy;
use crate::time::Interval;

/// Most excursions remembered.
const MOST_EXCURSIONS: usize = 128;

/// Excursions of the recent past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Glances {
    /// The last judged sample was on the screen, or off it in an excursion that began there.
    bounded: bool,
    going_on: Option<Excursion>,
    done: Vec<Excursion>,
    /// Sectors with an open incident.
    open: BTreeSet<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Excursion {
    span: Interval,
    samples: u16,
    /// Sums of the direction over the samples, in milli-degrees.
    yaw: i32,
    pitch: i32,
    conf: u16,
}

impl Glances {
    /// Takes a slot in; answers with the sector and what changed there.
    pub fn look(
        &mut self,
        slot: &Slot,
        perception: Option<&Perception>,
        policy: &Policy,
        paper: bool,
    ) -> Vec<(u16, Change)> {
        let mut changes = self.expire(slot, policy);
        let face = perception.and_then(|perception| perception.face);
        let Some(FaceView { gaze: Some(gaze), conf, .. }) = face.filter(|_| is_dense(slot, policy)) else {
            self.interrupt();
            return changes;
        };
        if !gaze.calibrated {
            self.interrupt();
            return changes;
        }
        let levels = policy.detect.gaze_off_screen.angle_mdeg;
        if is_off_screen(gaze.direction, levels.on, paper) {
            if self.bounded {
                let excursion = self.going_on.get_or_insert(Excursion {
                    span: Interval::new(slot.span.start, slot.span.start),
                    samples: 0,
                    yaw: 0,
                    pitch: 0,
                    conf,
                });
                excursion.add(slot.span, gaze.direction.yaw, gaze.direction.pitch, conf);
            }
        } else if !is_off_screen(gaze.direction, levels.off, paper) {
            self.bounded = true;
            if let Some(excursion) = self.going_on.take() {
                changes.extend(self.complete(excursion, policy));
            }
        }
        changes
    }

    /// Forgets everything; answers with the sectors whose incident was open.
    pub fn reset(&mut self) -> Vec<u16> {
        std::mem::take(self).open.into_iter().collect()
    }

    fn interrupt(&mut self) {
        self.bounded = false;
        self.going_on = None;
    }

    fn complete(&mut self, excursion: Excursion, policy: &Policy) -> Option<(u16, Change)> {
        let rules = policy.detect.repeated_glances;
        let long = excursion.span.length() >= policy.detect.gaze_off_screen.window.on_ms;
        if excursion.samples < rules.least_samples || long {
            return None;
        }
        if self.done.len() == MOST_EXCURSIONS {
            self.done.remove(0);
        }
        self.done.push(excursion);
        let sector = excursion.sector(rules.sector_mdeg);
        if self.open.contains(&sector) {
            return Some((sector, Change::Grew(growth([&excursion].into_iter()))));
        }
        let same: Vec<&Excursion> =
            self.done.iter().filter(|done| done.sector(rules.sector_mdeg) == sector).collect();
        if same.len() < usize::from(rules.count) {
            return None;
        }
        let opened = Change::Opened(growth(same.into_iter()));
        self.open.insert(sector);
        Some((sector, opened))
    }

    /// Forgets what lies too far back and closes sectors in which too little is left.
    fn expire(&mut self, slot: &Slot, policy: &Policy) -> Vec<(u16, Change)> {
        let rules = policy.detect.repeated_glances;
        let horizon = slot.span.end - rules.within_ms;
        self.done.retain(|done| done.span.start >= horizon);
        let left =
            |sector: u16| self.done.iter().filter(|done| done.sector(rules.sector_mdeg) == sector).count();
        let over: Vec<u16> =
            self.open.iter().copied().filter(|sector| left(*sector) < usize::from(rules.count)).collect();
        for sector in &over {
            self.open.remove(sector);
        }
        over.into_iter().map(|sector| (sector, Change::Closed)).collect()
    }
}

/// Whether samples are close enough together to catch a glance.
pub(super) fn is_dense(slot: &Slot, policy: &Policy) -> bool {
    slot.step <= policy.detect.repeated_glances.sparsest_interval_ms
}

impl Excursion {
    fn add(&mut self, span: Interval, yaw: i32, pitch: i32, conf: u16) {
        self.span = Interval::new(self.span.start, span.end);
        self.samples = self.samples.saturating_add(1);
        self.yaw = self.yaw.saturating_add(yaw);
        self.pitch = self.pitch.saturating_add(pitch);
        self.conf = self.conf.max(conf);
    }

    /// Sector of the mean direction, counted away from the centre on each axis, as one number.
    fn sector(&self, width_mdeg: i32) -> u16 {
        let samples = i32::from(self.samples.max(1));
        let band = |sum: i32| (sum / samples / width_mdeg).clamp(-100, 100) + 100;
        (band(self.yaw) * 256 + band(self.pitch)) as u16
    }
}

fn growth<'a>(excursions: impl Iterator<Item = &'a Excursion>) -> Growth {
    let mut growth = Growth::default();
    for (index, excursion) in excursions.enumerate() {
        if index == 0 {
            growth.start = excursion.span.start;
        }
        growth.end = excursion.span.end;
        growth.seen.insert(excursion.span);
        let samples = u32::from(excursion.samples);
        growth.stats = SampleStats {
            planned: growth.stats.planned + samples,
            valid: growth.stats.valid + samples,
            matched: growth.stats.matched + samples,
        };
        growth.confidence = growth.confidence.max(excursion.conf);
    }
    growth
}
