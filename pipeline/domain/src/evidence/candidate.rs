//! Where the candidate's face surely is: the only face that a picture may show.
//!
//! Whoever is enrolled is known by comparison; without an enrolment the candidate is whoever sits there alone. From
//! such a sample on the face is followed from sample to sample while there is no doubt which one it is. Where there is
//! any, nobody is the candidate: better a picture that shows no face than one that shows somebody else's.

use crate::geometry::Rect;
use crate::messages::{FaceObservation, FrameObservation, SampleStatus};
use crate::sampling::is_somebody_faceless;
use crate::time::{MediaMs, Millis};

/// Between two samples further apart than this people may have changed places.
const STEP: Millis = Millis(2500);
/// The same face overlaps itself by this much from one sample to the next.
const SAME_IOU: f32 = 0.3;

/// Where the candidate's face was last seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whereabouts {
    /// The face's box.
    pub face: Rect,
    /// When.
    pub at: MediaMs,
}

impl Whereabouts {
    /// Where the candidate's face is in a sample, if that is sure; `before` is from the last sample. `alike`: somebody is
    /// enrolled, and a similarity from this on is theirs.
    pub fn after(before: Option<Self>, sample: &FrameObservation, alike: Option<f32>) -> Option<Self> {
        if sample.status == SampleStatus::NotSeen {
            return before;
        }
        let here = |face: &FaceObservation| Self { face: face.rect, at: sample.media_ms };
        match alike {
            Some(alike) => {
                let is_theirs = |face: &&FaceObservation| similarity(face).is_some_and(|one| one >= alike);
                let mut theirs = sample.faces.iter().filter(is_theirs);
                match (theirs.next(), theirs.next()) {
                    (Some(face), None) => return Some(here(face)),
                    (Some(_), Some(_)) => return None,
                    (None, _) => {}
                }
            }
            None => {
                if let Some(face) = alone(sample) {
                    return Some(here(face));
                }
            }
        }
        let before = before.filter(|before| (1..=STEP.0).contains(&(sample.media_ms - before.at).0))?;
        let mut near = sample.faces.iter().filter(|face| face.rect.intersection(before.face).area() > 0.0);
        let (Some(face), None) = (near.next(), near.next()) else { return None };
        // What was compared and is not alike was settled above.
        let is_same = face.rect.iou(before.face) >= SAME_IOU && similarity(face).is_none();
        is_same.then(|| here(face))
    }

    /// Whether a box is this face, or may be.
    pub fn touches(&self, rect: Rect) -> bool {
        self.face.intersection(rect).area() > 0.0
    }
}

/// The only face, if nobody else is there as far as it was looked for.
fn alone(sample: &FrameObservation) -> Option<&FaceObservation> {
    let [face] = sample.faces.as_slice() else { return None };
    let bodies: Vec<Rect> = sample.persons.iter().flatten().map(|person| person.rect).collect();
    (!is_somebody_faceless(&bodies, &[face.rect])).then_some(face)
}

fn similarity(face: &FaceObservation) -> Option<f32> {
    face.identity.as_ref().filter(|compared| compared.eligible)?.similarity
}
