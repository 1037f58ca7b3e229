//! What of a picture nobody may see: the faces and bodies of everybody but the candidate.
//!
//! A detector misses somebody now and then, and people move little in two seconds: what was found shortly before or
//! after hides as well. Boxes are widened, because a detector's ends at the skin and what surrounds it tells who
//! somebody is, too.

use super::candidate::Whereabouts;
use crate::geometry::Rect;
use crate::messages::{FrameObservation, SampleStatus};
use crate::time::{MediaMs, Millis};

/// Samples this close to the picture hide what they found.
const AROUND: Millis = Millis(2000);
/// By how much the box of a face is widened to each side, in its own size.
const FACE_MARGIN: f32 = 0.35;
/// The same of a body.
const BODY_MARGIN: f32 = 0.05;
/// How much is shown around the candidate's face.
const SPARED_MARGIN: f32 = 0.1;
/// A body with this much of its area inside the candidate's is a part of it.
const PART: f32 = 0.7;

/// What is made unrecognisable.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hidden {
    /// Faces, hidden wherever they are.
    pub faces: Vec<Rect>,
    /// Bodies, hidden but for what lies in `spared`.
    pub bodies: Vec<Rect>,
    /// The candidate's face, if it is known which one that is.
    pub spared: Option<Rect>,
}

impl Hidden {
    /// In the picture of the sample at `at`, one of `samples`, in which the candidate's face is there if anywhere.
    pub fn of(samples: &[FrameObservation], at: MediaMs, candidate: Option<Whereabouts>) -> Self {
        let is_around = |sample: &&FrameObservation| {
            sample.status == SampleStatus::Seen && (sample.media_ms - at).0.abs() <= AROUND.0
        };
        let candidate = candidate.filter(|candidate| candidate.at == at);
        let (mut faces, mut bodies) = (Vec::new(), Vec::new());
        for sample in samples.iter().filter(is_around) {
            let is_theirs = |face: &Rect| match candidate {
                // The candidate's own, a moment before or after, is about there.
                Some(candidate) if sample.media_ms != at => candidate.touches(*face),
                Some(candidate) => candidate.face == *face,
                None => false,
            };
            faces.extend(sample.faces.iter().map(|face| face.rect).filter(|face| !is_theirs(face)));
            bodies.extend(sample.persons.iter().flatten().map(|person| person.rect));
        }
        if let Some(candidate) = candidate {
            let (own, others): (Vec<Rect>, Vec<Rect>) =
                bodies.into_iter().partition(|body| body.contains(candidate.face.centre()));
            let is_part = |body: &Rect| {
                let holds_another = faces.iter().any(|face| body.contains(face.centre()));
                !holds_another && own.iter().any(|whole| body.share_inside(*whole) >= PART)
            };
            bodies = others.into_iter().filter(|body| !is_part(body)).collect();
        }
        let widened = |boxes: Vec<Rect>, margin| boxes.into_iter().map(|each| widen(each, margin)).collect();
        Self {
            faces: widened(faces, FACE_MARGIN),
            bodies: widened(bodies, BODY_MARGIN),
            spared: candidate.map(|candidate| widen(candidate.face, SPARED_MARGIN)),
        }
    }

    /// Hides a face that was found when the picture was looked at again, unless it is the candidate's; says whether
    /// it was not.
    pub fn add(&mut self, face: Rect) -> bool {
        let is_spared = self.spared.is_some_and(|spared| spared.contains(face.centre()));
        if !is_spared {
            self.faces.push(widen(face, FACE_MARGIN));
        }
        !is_spared
    }
}

fn widen(rect: Rect, margin: f32) -> Rect {
    let (x, y) = (rect.w * margin, rect.h * margin);
    Rect { x: rect.x - x, y: rect.y - y, w: rect.w + 2.0 * x, h: rect.h + 2.0 * y }
}
