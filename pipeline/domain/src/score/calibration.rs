//! Learns where "the screen" is for this candidate and this camera, from the first minute.
//!
//! Before [`usable_after_ms`](CalibrationRules::usable_after_ms) of measured time there is only a wide
//! prior. From then on the centre is the median of one sample per measured second, refined until
//! [`refined_until_ms`](CalibrationRules::refined_until_ms); samples far from the present centre take
//! no part as long as a third of all agree with it, so that looking away in the first minute does not
//! move the centre. If fewer agree, the first impression was wrong: another centre is taken, and what
//! was found from the old one is void. Afterwards it drifts slowly with on-screen samples. Whole numbers only.

use serde::{Deserialize, Serialize};

use super::sample::{Eyes, Pose};
use crate::policy::CalibrationRules;
use crate::time::Millis;

/// Centres are kept in millionths of a unit, so that slow drift is not rounded away.
const FINE: i64 = 1000;

/// What has been learned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// Time in which the head was measured.
    measured: Millis,
    /// One sample per measured second, until refinement is over.
    samples: Vec<Look>,
    /// In [`FINE`] parts.
    head: Option<(i64, i64)>,
    eyes: Option<(i64, i64)>,
    /// How often the centre was found or given up for another one.
    changes: u32,
}

/// One measurement: head in milli-degrees, eyes in thousandths of an eye width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    /// (yaw, pitch)
    pub head: (i32, i32),
    /// (x, y); `None` if closed or not measured.
    pub eyes: Option<(i32, i32)>,
}

/// Direction from the on-screen centre in milli-degrees: yaw > 0 to the picture's right, pitch > 0 up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direction {
    /// To the side.
    pub yaw: i32,
    /// Up.
    pub pitch: i32,
}

impl Look {
    /// Reads a face; closed eyes say nothing about where they look.
    pub fn of(pose: Pose, eyes: Option<Eyes>, rules: &CalibrationRules) -> Self {
        let open = eyes.filter(|eyes| eyes.open >= i32::from(rules.eyes_open_milli));
        Self { head: (pose.yaw, pose.pitch), eyes: open.map(|eyes| (eyes.x, eyes.y)) }
    }
}

impl Calibration {
    /// Whether enough has been measured to judge by.
    pub fn is_usable(&self) -> bool {
        self.head.is_some()
    }

    /// How often the centre was found or given up for another one: what was measured from the one
    /// before does not hold any more.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// Direction of the head alone.
    pub fn head(&self, look: Look, rules: &CalibrationRules) -> Direction {
        let (yaw, pitch) = self.head.map_or((0, rules.prior_pitch_mdeg), coarse);
        Direction { yaw: look.head.0 - yaw, pitch: look.head.1 - pitch }
    }

    /// Direction of head and eyes together; of the head alone where the eyes cannot be read.
    pub fn gaze(&self, look: Look, rules: &CalibrationRules) -> Direction {
        let head = self.head(look, rules);
        // Eyes that were not measured while the centre was learned have no centre to differ from.
        let centre = if self.is_usable() { self.eyes.map(coarse) } else { Some((0, 0)) };
        let Some((eyes, centre)) = look.eyes.zip(centre) else { return head };
        Direction {
            yaw: head.yaw + (eyes.0 - centre.0) * (rules.yaw_mdeg_per_eye_width / 1000),
            pitch: head.pitch + (eyes.1 - centre.1) * (rules.pitch_mdeg_per_eye_width / 1000),
        }
    }

    /// Learns from a measurement that stands for `length`. `near` is the angle within which a sample
    /// agrees with the centre.
    pub fn learn(&mut self, look: Look, length: Millis, near: i32, rules: &CalibrationRules) {
        if self.measured >= rules.refined_until_ms {
            self.drift(look, length, near, rules);
            return;
        }
        let second_before = self.measured.0 / 1000;
        self.measured += length;
        if self.measured.0 / 1000 > second_before {
            self.samples.push(look);
            self.refine(near, rules);
        }
        if self.measured >= rules.refined_until_ms {
            self.samples.clear();
        }
    }

    fn refine(&mut self, near: i32, rules: &CalibrationRules) {
        if self.measured < rules.usable_after_ms {
            return;
        }
        let agrees = |look: &&Look| self.gaze(**look, rules).within(near);
        let agreeing: Vec<&Look> =
            if self.is_usable() { self.samples.iter().filter(agrees).collect() } else { Vec::new() };
        let holds = self.is_usable() && agreeing.len() * 3 >= self.samples.len();
        let basis: Vec<&Look> = if holds { agreeing } else { self.samples.iter().collect() };
        let head = median(basis.iter().map(|look| look.head));
        let eyes = median(basis.iter().filter_map(|look| look.eyes));
        self.head = head.map(fine);
        self.eyes = eyes.map(fine);
        self.changes += u32::from(!holds);
    }

    fn drift(&mut self, look: Look, length: Millis, near: i32, rules: &CalibrationRules) {
        if !self.gaze(look, rules).within(near) {
            return;
        }
        let angle = i64::from(rules.drift_mdeg_per_s) * FINE * length.0 / 1000;
        step(&mut self.head, look.head, (angle, angle));
        if let Some(eyes) = look.eyes {
            // The same angle in thousandths of an eye width.
            let scaled = |per_eye_width: i32| angle * 1000 / i64::from(per_eye_width.max(1));
            let most = (scaled(rules.yaw_mdeg_per_eye_width), scaled(rules.pitch_mdeg_per_eye_width));
            step(&mut self.eyes, eyes, most);
        }
    }
}

impl Direction {
    /// Whether it is within `angle` of the centre on both axes.
    pub fn within(self, angle: i32) -> bool {
        self.yaw.abs() <= angle && self.pitch.abs() <= angle
    }
}

fn fine((x, y): (i32, i32)) -> (i64, i64) {
    (i64::from(x) * FINE, i64::from(y) * FINE)
}

fn coarse((x, y): (i64, i64)) -> (i32, i32) {
    (x.div_euclid(FINE) as i32, y.div_euclid(FINE) as i32)
}

/// Moves a centre towards a measurement by at most `most`.
fn step(centre: &mut Option<(i64, i64)>, to: (i32, i32), most: (i64, i64)) {
    if let Some((x, y)) = centre {
        let to = fine(to);
        *x += (to.0 - *x).clamp(-most.0, most.0);
        *y += (to.1 - *y).clamp(-most.1, most.1);
    }
}

/// Median of each axis; of an even number the upper one.
fn median(pairs: impl Iterator<Item = (i32, i32)>) -> Option<(i32, i32)> {
    let (mut xs, mut ys): (Vec<i32>, Vec<i32>) = pairs.unzip();
    xs.sort_unstable();
    ys.sort_unstable();
    Some((*xs.get(xs.len() / 2)?, *ys.get(ys.len() / 2)?))
}
