//! What one valid sample shows, in the light of what the session has shown before: persons with their
//! tracks, the candidate among them, where they look, and whether their place is empty.

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Direction, Look};
use super::persons::persons;
use super::recall::Recall;
use super::sample::{Face, Object, Scene};
use super::timeline::Slot;
use super::tracks::{Life, Tracked, Tracks};
use super::witness::{Seat, Testimony};
use crate::policy::Policy;

/// What a session has to be remembered for, to read its next sample.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Senses {
    tracks: Tracks,
    recall: Recall,
    seat: Seat,
    calibration: Calibration,
}

/// What one valid sample shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Perception {
    /// The candidate, who counts however still they sit, and everybody else who is not a poster.
    pub persons: u16,
    /// Of these, how many have moved.
    pub alive: u16,
    /// Confidence of the best of the others, if there are any.
    pub others: Option<u16>,
    /// Whether one of the others is convincing enough to open an incident.
    pub others_clear: bool,
    /// Whether anybody but a poster shows a face.
    pub living_face: bool,
    /// Confidence of the best body without a face that is no poster.
    pub living_body: u16,
    /// Whether the place is empty, according to the second witness.
    pub seat: Testimony,
    /// Whether persons were looked for, now or so lately that it still holds.
    pub knows_bodies: bool,
    /// Objects, seen or recalled.
    pub objects: Vec<Object>,
    /// The candidate's face, or the only one there is.
    pub face: Option<FaceView>,
}

/// The candidate's face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaceView {
    pub conf: u16,
    /// Thousandths of its box outside the picture.
    pub cut_milli: i32,
    /// Where it looks; `None` if its pose was not measured.
    pub gaze: Option<Gaze>,
}

/// Where the candidate looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaze {
    /// Head and eyes together, from the on-screen centre.
    pub direction: Direction,
    /// The head alone, from its on-screen centre.
    pub head: Direction,
    /// Whether the centre is known; before, a wide prior stands in.
    pub calibrated: bool,
}

impl Senses {
    /// Reads a valid sample and learns from it.
    pub fn perceive(&mut self, slot: &Slot, scene: &Scene, policy: &Policy) -> Perception {
        let rules = &policy.detect.multiple_persons;
        let recalled = scene.things.is_none();
        let things = scene.things.clone().or_else(|| self.recall.things(slot.at, scene));
        let knows_bodies = things.is_some();
        let things = things.unwrap_or_default();
        let persons = persons(&scene.faces, &things.bodies, rules);
        if !recalled {
            self.recall.keep(slot.at, scene, &things, &persons);
        }
        let tracked = self.tracks.follow(slot.at, &persons, recalled, rules);
        let candidate = tracked.iter().min_by_key(|tracked| (tracked.life, tracked.id)).copied();
        let living: Vec<&Tracked> = tracked.iter().filter(|tracked| tracked.life != Life::Poster).collect();
        let is_other = |tracked: &&&Tracked| {
            tracked.person.near && candidate.is_some_and(|candidate| candidate.id != tracked.id)
        };
        let others: Vec<&&Tracked> = living.iter().filter(is_other).collect();
        let candidate_alive = candidate.is_some_and(|candidate| candidate.life == Life::Alive);
        let alive_others = others.iter().filter(|other| other.life == Life::Alive).count();

        self.learn_seat(candidate, living.len(), scene);
        let seat = scene.print.map(|print| self.seat.testify(&print.grid, &policy.detect.person_absent));
        let face = candidate.and_then(|candidate| scene.faces.get(candidate.person.face?));
        Perception {
            persons: others.len() as u16 + u16::from(candidate.is_some()),
            alive: alive_others as u16 + u16::from(candidate_alive),
            others: others.iter().map(|other| other.person.conf).max(),
            others_clear: others.iter().any(|other| other.person.clear),
            living_face: living.iter().any(|living| living.person.face.is_some()),
            living_body: living
                .iter()
                .filter(|living| living.person.face.is_none())
                .map(|living| living.person.conf)
                .max()
                .unwrap_or(0),
            seat: seat.unwrap_or_default(),
            knows_bodies,
            objects: things.objects,
            face: face.map(|face| self.view(face, slot, policy)),
        }
    }

    /// A slot was not seen.
    pub fn missed(&mut self) {
        self.recall.forget();
    }

    /// Whether looking away can be judged.
    pub fn is_calibrated(&self) -> bool {
        self.calibration.is_usable()
    }

    /// How often "looking at the screen" came to mean something else.
    pub fn calibrations(&self) -> u32 {
        self.calibration.changes()
    }

    /// Only a living candidate alone in the picture shows what a taken seat looks like.
    fn learn_seat(&mut self, candidate: Option<Tracked>, living: usize, scene: &Scene) {
        let Some(candidate) = candidate.filter(|candidate| candidate.life == Life::Alive) else { return };
        let Some(print) = scene.print else { return };
        if living == 1 && candidate.person.face.is_some() {
            let body = scene.things.as_ref().map(|_| candidate.person.body);
            self.seat.learn(&print.grid, candidate.person.head, body);
        }
    }

    fn view(&mut self, face: &Face, slot: &Slot, policy: &Policy) -> FaceView {
        let rules = &policy.calibration;
        let gaze = face.pose.map(|pose| {
            let look = Look::of(pose, face.eyes, rules);
            let near = policy.detect.gaze_off_screen.angle_mdeg.off;
            self.calibration.learn(look, slot.span.length(), near, rules);
            Gaze {
                direction: self.calibration.gaze(look, rules),
                head: self.calibration.head(look, rules),
                calibrated: self.calibration.is_usable(),
            }
        });
        FaceView { conf: face.conf, cut_milli: face.region.cut_milli(), gaze }
    }
}
