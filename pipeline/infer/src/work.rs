//! A picture on its way through the models: what is known of it so far, and what it leaves for the next one of
//! its segment. Runs no model. Positions are pixels until the answer is put together, which speaks in fractions
//! of the picture.

use domain::detections::{DetectedFace, DetectedObject, DetectedPerson, Detections, MeshedFace, Things};
use domain::geometry::{Point, Rect};
use domain::messages::Quality;
use domain::observe::quality::{self, Light, QualityGate, SmallLuma};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Sight};
use domain::sampling::is_somebody_faceless;

use crate::credibility;
use crate::error::InferError;
use crate::follow::Followed;
use crate::look::guarded;
use crate::models::FoundFace;
use crate::models::mesh::Mesh;
use crate::models::nanodet::{FoundThing, Kind};

/// What a picture leaves for the next one of its segment.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Its one face.
    followed: Option<Followed>,
    /// How closely it makes one look.
    attention: Option<Attention>,
}

/// A picture on its way.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) look: &'a Look,
    quality: Quality,
    light: Light,
    pub(crate) luma: SmallLuma,
    /// How closely to look at it.
    pub(crate) attention: Attention,
    /// Whether everything is looked for only because it is time to.
    pub(crate) is_routine: bool,
    /// Whether its faces were looked for at a glance.
    pub(crate) is_glanced_at: bool,
    /// The face to follow into it; afterwards the one to follow out of it.
    pub(crate) followed: Option<Followed>,
    /// Faces without a mesh so far.
    pub(crate) found: Vec<FoundFace>,
    /// Persons and objects; `None` if they were not looked for.
    pub(crate) things: Option<Vec<FoundThing>>,
    /// Credible faces, with their mesh if they are large enough to have one.
    pub(crate) meshed: Vec<(FoundFace, Option<Mesh>)>,
    /// What was measured of each of them.
    pub(crate) measured: Vec<Option<MeshedFace>>,
    error: Option<InferError>,
}

impl<'a> Work<'a> {
    pub(crate) fn begin(look: &'a Look, before: Before, gate: &QualityGate) -> Self {
        let luma = SmallLuma::of(&look.picture);
        let quality = quality::measure_shrunk(&luma);
        let light = quality::light(&quality, gate);
        let attention = match (look.attention, before.attention) {
            (Attention::Unless { .. }, Some(attention)) => attention,
            // In the dark nobody is sure.
            (Attention::Unless { .. }, None) if light == Light::Dim => Attention::Thorough,
            (attention, _) => attention,
        };
        let was_thorough = before.attention == Some(Attention::Thorough);
        let is_followed = light == Light::Normal && attention != Attention::Thorough;
        Self {
            look,
            quality,
            light,
            luma,
            attention,
            is_routine: look.attention == Attention::Thorough && !was_thorough,
            is_glanced_at: false,
            followed: before.followed.filter(|_| is_followed),
            found: Vec::new(),
            things: None,
            meshed: Vec::new(),
            measured: Vec::new(),
            error: None,
        }
    }

    /// Takes a step, unless an earlier one failed.
    pub(crate) fn take(&mut self, step: impl FnOnce(&mut Self) -> Result<(), InferError>) {
        if self.error.is_none() {
            self.error = guarded(|| step(self)).err();
        }
    }

    /// Whether models can see anything in it.
    pub(crate) fn is_looked_at(&self) -> bool {
        !matches!(self.light, Light::Unusable(_))
    }

    /// Whether its faces have to be looked for.
    pub(crate) fn is_to_be_searched(&self) -> bool {
        self.is_looked_at() && self.followed.is_none()
    }

    pub(crate) fn is_dim(&self) -> bool {
        self.light == Light::Dim
    }

    /// Leaves out what detector and mesh together take for no face.
    pub(crate) fn drop_incredible(&mut self) {
        self.meshed.retain(|(face, mesh)| {
            let presence = mesh.as_ref().map(|mesh| mesh.presence);
            credibility::is_face(face.conf, presence, face.rect.h)
        });
    }

    /// What it leaves for the next picture: whoever shows no face is seen by the person model alone, and so has
    /// to be looked for as long as they are there.
    pub(crate) fn leaves(&mut self) -> Before {
        if self.error.is_some() || !self.is_looked_at() {
            return Before::default();
        }
        let attention = match &self.things {
            None => self.attention,
            Some(things) => {
                let bodies: Vec<Rect> = things
                    .iter()
                    .filter(|thing| thing.kind == Kind::Person)
                    .map(|thing| thing.rect)
                    .collect();
                let faces: Vec<Rect> = self.meshed.iter().map(|(face, _)| face.rect).collect();
                match is_somebody_faceless(&bodies, &faces) {
                    true => Attention::Thorough,
                    false => Attention::Unless { faces: faces.len() },
                }
            }
        };
        Before { followed: self.followed.take(), attention: Some(attention) }
    }

    /// What was seen, in fractions of the picture.
    pub(crate) fn told(self) -> Result<Sight, InferError> {
        let Self { look, quality, light, things, meshed, measured, error, .. } = self;
        if let Some(error) = error {
            return Err(error);
        }
        let frame = Frame::of(&look.picture);
        let faces = meshed.iter().zip(measured).map(|((face, _), measured)| frame.face(face, measured));
        let things = things.map(|found| {
            let mut things = Things::default();
            for FoundThing { kind, rect, conf } in found {
                let rect = frame.rect(rect);
                match kind {
                    Kind::Person => things.persons.push(DetectedPerson { rect, conf }),
                    Kind::Object(class) => things.objects.push(DetectedObject { class, rect, conf }),
                }
            }
            things
        });
        Ok(Sight { quality, light, detections: Detections { faces: faces.collect(), things } })
    }
}

/// Turns pixels of a picture into fractions of it.
#[derive(Debug, Clone, Copy)]
struct Frame {
    width: f32,
    height: f32,
}

impl Frame {
    fn of(picture: &Picture) -> Self {
        Self { width: picture.width() as f32, height: picture.height() as f32 }
    }

    fn point(self, point: Point) -> Point {
        Point { x: point.x / self.width, y: point.y / self.height }
    }

    fn rect(self, rect: Rect) -> Rect {
        let (width, height) = (self.width, self.height);
        Rect { x: rect.x / width, y: rect.y / height, w: rect.w / width, h: rect.h / height }
    }

    fn face(self, face: &FoundFace, mesh: Option<MeshedFace>) -> DetectedFace {
        DetectedFace {
            rect: self.rect(face.rect),
            conf: face.conf,
            points: face.points.map(|point| self.point(point)),
            mesh: mesh.map(|mesh| MeshedFace { rect: self.rect(mesh.rect), ..mesh }),
        }
    }
}
