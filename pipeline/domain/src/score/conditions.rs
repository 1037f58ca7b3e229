//! Whether each condition holds in one slot, at the level that opens and at the laxer one that keeps
//! open. One function per type, in the order of the incident table. Durations and shares are for
//! [`hysteresis`](super::hysteresis).

use super::calibration::Direction;
use super::coverage::Unseen;
use super::hysteresis::Vote;
use super::perception::{FaceView, Gaze, Perception};
use super::sample::{Object, Scene};
use crate::detections::ObjectClass;
use crate::messages::IncidentType;
use crate::policy::{Detect, Levels, Policy, Window};
use crate::time::Interval;

/// The types that a window decides about, with their windows.
pub(super) fn windows(detect: &Detect) -> [(IncidentType, Window); 10] {
    [
        (IncidentType::PersonAbsent, detect.person_absent.window),
        (IncidentType::FaceNotDetected, detect.face_not_detected.window),
        (IncidentType::FacePartial, detect.face_partial.window),
        (IncidentType::MultiplePersons, detect.multiple_persons.window),
        (IncidentType::GazeOffScreen, detect.gaze_off_screen.window),
        (IncidentType::HeadTurnedAway, detect.head_turned_away.window),
        (IncidentType::PhoneVisible, detect.phone_visible.window),
        (IncidentType::ProhibitedObject, detect.prohibited_object.window),
        (IncidentType::CameraObstructed, detect.camera_obstructed.window),
        (IncidentType::SceneUnusable, detect.scene_unusable.window),
    ]
}

/// Whether "looking at the screen" must be known for this type.
pub(super) fn needs_calibration(kind: IncidentType) -> bool {
    matches!(kind, IncidentType::GazeOffScreen | IncidentType::HeadTurnedAway | IncidentType::RepeatedGlances)
}

/// A valid slot, as all conditions see it.
pub(super) struct Seen<'a> {
    pub span: Interval,
    pub scene: &'a Scene,
    pub perception: &'a Perception,
    pub policy: &'a Policy,
    /// Looking down is granted.
    pub paper: bool,
}

/// A slot that was not seen, for all types.
pub(super) fn unseen_vote(kind: IncidentType, span: Interval, reason: Unseen) -> Vote {
    let dark = matches!(reason, Unseen::Dark | Unseen::Blur);
    let obstructed = reason == Unseen::Obstructed;
    let has_picture = dark || obstructed;
    match kind {
        // These two are about pictures that show nothing: there, such a picture is what is looked for.
        IncidentType::CameraObstructed if has_picture => plain(span, obstructed, 1000),
        IncidentType::SceneUnusable if has_picture => plain(span, dark, 1000),
        _ => Vote::unseen(span),
    }
}

impl Seen<'_> {
    /// What a valid slot says about a type.
    pub fn vote(&self, kind: IncidentType) -> Vote {
        match kind {
            IncidentType::PersonAbsent => self.person_absent(),
            IncidentType::FaceNotDetected => self.face_not_detected(),
            IncidentType::FacePartial => self.face_partial(),
            IncidentType::MultiplePersons => self.multiple_persons(),
            IncidentType::GazeOffScreen => self.gaze_off_screen(),
            IncidentType::HeadTurnedAway => self.head_turned_away(),
            IncidentType::PhoneVisible => self.phone_visible(),
            IncidentType::ProhibitedObject => self.prohibited_object(),
            _ => Vote::no(self.span),
        }
    }

    /// Nobody, and the second witness agrees that the place has changed.
    fn person_absent(&self) -> Vote {
        let somebody = self.policy.detect.person_absent.person_conf_milli;
        let body = i32::from(self.perception.living_body);
        let nobody = self.perception.knows_bodies && !self.perception.living_face;
        let empty = |level: i32, differs: bool| nobody && body < level && differs;
        Vote {
            on: empty(somebody.on, self.perception.seat.on),
            off: empty(somebody.off, self.perception.seat.off),
            may_open: true,
            confidence: 1000 - self.perception.living_body.min(1000),
            ..Vote::no(self.span)
        }
    }

    /// No face, and no reason to call the place empty: a candidate bent down, a detector that fails, a
    /// face lost after a turn of the head. Never costs points.
    fn face_not_detected(&self) -> Vote {
        let no_face = self.scene.faces.is_empty();
        let absent = self.person_absent();
        Vote { on: no_face && !absent.on, off: no_face && !absent.off, ..plain(self.span, no_face, 1000) }
    }

    fn face_partial(&self) -> Vote {
        let cut = self.perception.face.map_or(0, |face| face.cut_milli);
        self.levelled(cut, self.policy.detect.face_partial.cut_milli, 1000)
    }

    fn multiple_persons(&self) -> Vote {
        let Perception { persons, alive, others, others_clear, .. } = *self.perception;
        Vote {
            on: persons >= 2 && others_clear,
            off: persons >= 2,
            // Poster filter: the other one must have moved before anything opens.
            may_open: alive >= 2,
            confidence: others.unwrap_or(0),
            figure: persons,
            ..Vote::no(self.span)
        }
    }

    fn gaze_off_screen(&self) -> Vote {
        let levels = self.policy.detect.gaze_off_screen.angle_mdeg;
        self.looking(|gaze, margin| Vote {
            on: is_off_screen(gaze.direction, levels.on + margin, self.paper),
            off: is_off_screen(gaze.direction, levels.off + margin, self.paper),
            ..Vote::no(self.span)
        })
    }

    fn head_turned_away(&self) -> Vote {
        let rules = self.policy.detect.head_turned_away;
        self.looking(|gaze, margin| {
            let turned =
                |yaw: i32, up: i32| gaze.head.yaw.abs() > yaw + margin || gaze.head.pitch > up + margin;
            Vote {
                on: turned(rules.yaw_mdeg.on, rules.pitch_up_mdeg.on),
                off: turned(rules.yaw_mdeg.off, rules.pitch_up_mdeg.off),
                ..Vote::no(self.span)
            }
        })
    }

    /// A face that was not found or not measured is missing data, which never becomes evidence of
    /// looking away.
    fn looking(&self, decide: impl Fn(Gaze, i32) -> Vote) -> Vote {
        let Some(FaceView { conf, gaze: Some(gaze), .. }) = self.perception.face else {
            return Vote::unseen(self.span);
        };
        let margin = if gaze.calibrated { 0 } else { self.policy.calibration.prior_margin_mdeg };
        Vote { confidence: conf, may_open: true, ..decide(gaze, margin) }
    }

    fn phone_visible(&self) -> Vote {
        let rules = self.policy.detect.phone_visible;
        if !rules.enabled {
            return Vote::no(self.span);
        }
        let conf = self.best_object(|class| class == ObjectClass::Phone);
        self.levelled(i32::from(conf), rules.conf_milli, conf)
    }

    fn prohibited_object(&self) -> Vote {
        let rules = &self.policy.detect.prohibited_object;
        let conf = self.best_object(|class| rules.classes.contains(&class));
        self.levelled(i32::from(conf), rules.conf_milli, conf)
    }

    fn best_object(&self, wanted: impl Fn(ObjectClass) -> bool) -> u16 {
        let wanted = |object: &&Object| wanted(object.class);
        self.perception.objects.iter().filter(wanted).map(|object| object.conf).max().unwrap_or(0)
    }

    fn levelled(&self, value: i32, levels: Levels, confidence: u16) -> Vote {
        Vote {
            on: value >= levels.on,
            off: value >= levels.off,
            may_open: true,
            confidence,
            ..Vote::no(self.span)
        }
    }
}

/// Sideways, up, or (unless paper is granted) down by more than `angle`.
pub(super) fn is_off_screen(direction: Direction, angle: i32, paper: bool) -> bool {
    direction.yaw.abs() > angle || direction.pitch > angle || (!paper && direction.pitch < -angle)
}

fn plain(span: Interval, holds: bool, confidence: u16) -> Vote {
    Vote { on: holds, off: holds, may_open: true, confidence, ..Vote::no(span) }
}
