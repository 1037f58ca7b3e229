//! One picture from start to end: quality, faces, persons and objects, pose and gaze.
//!
//! Here the models meet, and here it is decided which of them a picture needs: a face is followed from the
//! picture before where that is reliable ([`follow`](crate::follow)), looked for otherwise; persons and
//! objects are looked for when it is their turn, whenever there is not exactly one face for sure (once, until
//! the number of faces changes again), and as long as somebody shows no face. Each step is a file of its own. Positions are pixels until the answer is put together, which speaks in
//! fractions of the picture.

use domain::detections::{DetectedFace, DetectedObject, DetectedPerson, Detections, MeshedFace, Things};
use domain::geometry::{Point, Rect};
use domain::observe::quality::{self, Light, QualityGate, SmallLuma};
use domain::picture::Picture;
use domain::ports::{Attention, Look, Sight};
use domain::sampling::is_somebody_faceless;

use crate::credibility;
use crate::error::InferError;
use crate::face_finder::FaceFinder;
use crate::face_measure::{FaceMeasure, MeasuredFace};
use crate::follow::{self, Followed};
use crate::models::FoundFace;
use crate::models::nanodet::{self, Floors, FoundThing, Kind};
use crate::models_in_use::ModelsInUse;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Scratch, Size};
use crate::second_look;
use crate::session::{Model, Runtime};
use crate::settings::VisionSettings;

/// Everything that one thread needs to look at pictures.
#[derive(Debug)]
pub(crate) struct Looker {
    gate: QualityGate,
    person: Model,
    person_floors: Floors,
    person_nms_iou: f32,
    person_input: Vec<u8>,
    faces: FaceFinder,
    measure: FaceMeasure,
    max_measured_faces: usize,
    scratch: Scratch,
}

impl Looker {
    pub(crate) fn load(
        models: &ModelsInUse,
        runtime: &Runtime,
        settings: &VisionSettings,
    ) -> Result<Self, InferError> {
        Ok(Self {
            gate: settings.gate,
            person: models.person.load(runtime)?,
            person_floors: Floors { person: settings.person_floor, object: settings.object_floor },
            person_nms_iou: models.person.entry.thresholds.nms_iou.unwrap_or(DEFAULT_NMS_IOU),
            person_input: Vec::new(),
            faces: FaceFinder::load(models, runtime, settings)?,
            measure: FaceMeasure::load(models, runtime)?,
            max_measured_faces: settings.max_measured_faces,
            scratch: Scratch::default(),
        })
    }

    /// Looks at one picture of a segment. `before` is what the picture before it left, and becomes what this
    /// one leaves.
    pub(crate) fn look(&mut self, look: &Look, before: &mut Before) -> Result<Sight, InferError> {
        let picture = look.picture.as_ref();
        let luma = SmallLuma::of(picture);
        let quality = quality::measure_shrunk(picture, &luma);
        let light = quality::light(&quality, &self.gate);
        let Before { followed, attention } = std::mem::take(before);
        let detections = match light {
            Light::Unusable(_) => Detections::default(),
            Light::Normal | Light::Dim => {
                let dim = light == Light::Dim;
                let attention = match (look.attention, attention) {
                    (Attention::Unless { .. }, Some(attention)) => attention,
                    // In the dark nobody is sure.
                    (Attention::Unless { .. }, None) if dim => Attention::Thorough,
                    (attention, _) => attention,
                };
                let followed = followed.filter(|_| !dim && attention != Attention::Thorough);
                let (found, followed) = match self.follow(picture, &luma, followed)? {
                    Some((found, followed)) => (found, Some(followed)),
                    None => {
                        let found = self.detect(picture, dim, attention)?;
                        let followed = match found.faces.as_slice() {
                            [(face, Some(measured))] => {
                                Followed::begin(face, measured, Size::of(picture), &luma)
                            }
                            _ => None,
                        };
                        (found, followed)
                    }
                };
                *before = Before { followed, attention: Some(found.attention(attention)) };
                found.told(picture)
            }
        };
        Ok(Sight { quality, light, detections })
    }

    /// The one face of the picture before, measured where it was; `None` if it has to be looked for.
    fn follow(
        &mut self,
        picture: &Picture,
        luma: &SmallLuma,
        before: Option<Followed>,
    ) -> Result<Option<(Found, Followed)>, InferError> {
        let Some(before) = before else { return Ok(None) };
        let Some(expected) = before.expected(Size::of(picture), luma) else { return Ok(None) };
        let mut mesh = self.measure.mesh(picture, expected, &mut self.scratch)?;
        let Some(mut followed) = before.moved(&mesh) else { return Ok(None) };
        if followed.is_off_centre() {
            // Nearer to the edge of its crop a mesh is less exact, and half out of it wrong.
            mesh = self.measure.mesh(picture, followed.face(), &mut self.scratch)?;
            match followed.moved(&mesh) {
                Some(centred) if !centred.is_off_centre() => followed = centred,
                _ => return Ok(None),
            }
        }
        if !follow::is_sure(&mesh) {
            return Ok(None);
        }
        let measured = self.measure.measure_meshed(picture, &mesh, &mut self.scratch)?;
        let face = (followed.face().clone(), Some(measured));
        if !is_credible(&face) {
            return Ok(None);
        }
        let found = Found { faces: vec![face], things: None };
        Ok(Some((found, followed.onwards())))
    }

    /// Looks for faces; and for persons and objects as well, if attention demands it.
    fn detect(&mut self, picture: &Picture, dim: bool, attention: Attention) -> Result<Found, InferError> {
        let mut found = self.faces.find(picture, dim, &mut self.scratch)?;
        let is_sure = found.iter().all(|face| face.conf >= second_look::SURE);
        if is_sure && attention == (Attention::Unless { faces: found.len() }) {
            let faces = self.measure_all(picture, found)?;
            if attention == (Attention::Unless { faces: faces.len() }) {
                return Ok(Found { faces, things: None });
            }
            found = faces.into_iter().map(|(face, _)| face).collect();
        }
        self.detect_with_things(picture, found)
    }

    fn detect_with_things(&mut self, picture: &Picture, found: Vec<FoundFace>) -> Result<Found, InferError> {
        let things = self.find_things(picture)?;
        let persons: Vec<Rect> =
            things.iter().filter(|thing| thing.kind == Kind::Person).map(|thing| thing.rect).collect();
        let found = self.faces.look_again(picture, found, &persons, &mut self.scratch)?;
        Ok(Found { faces: self.measure_all(picture, found)?, things: Some(things) })
    }

    /// The credible ones of the faces, the largest of them measured.
    fn measure_all(
        &mut self,
        picture: &Picture,
        mut faces: Vec<FoundFace>,
    ) -> Result<Vec<MaybeMeasured>, InferError> {
        faces.sort_by(|one, other| other.rect.area().total_cmp(&one.rect.area()));
        let mut credible = Vec::with_capacity(faces.len());
        for (rank, face) in faces.into_iter().enumerate() {
            let measured = match rank < self.max_measured_faces {
                true => Some(self.measure.measure(picture, &face, &mut self.scratch)?),
                false => None,
            };
            let face = (face, measured);
            if is_credible(&face) {
                credible.push(face);
            }
        }
        Ok(credible)
    }

    fn find_things(&mut self, picture: &Picture) -> Result<Vec<FoundThing>, InferError> {
        let letterbox = Letterbox::snug(Region::whole(Size::of(picture)), nanodet::SIDE);
        letterbox.fill(picture, &mut self.scratch, &mut self.person_input)?;
        let input = letterbox.input();
        let outputs = self.person.run(&self.person_input, input)?;
        let found = nanodet::decode(&outputs, input, self.person_floors, self.person_nms_iou)?;
        let mapped = |thing: FoundThing| FoundThing { rect: letterbox.rect_to_picture(thing.rect), ..thing };
        Ok(found.into_iter().map(mapped).collect())
    }
}

/// What a picture leaves for the next one of its segment.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Its one face.
    followed: Option<Followed>,
    /// How closely it makes one look.
    attention: Option<Attention>,
}

/// A face with what the mesh says about it, if it was asked.
type MaybeMeasured = (FoundFace, Option<MeasuredFace>);

fn is_credible((face, measured): &MaybeMeasured) -> bool {
    let presence = measured.as_ref().map(|measured| measured.presence);
    credibility::is_face(face.conf, presence, face.rect.h)
}

/// What a picture shows, in pixels.
#[derive(Debug)]
struct Found {
    faces: Vec<MaybeMeasured>,
    /// `None` if they were not looked for.
    things: Option<Vec<FoundThing>>,
}

impl Found {
    /// How closely to look at the picture after this one, which was looked at with `attention`: whoever shows
    /// no face is seen by the person model alone, and so has to be looked for as long as they are there.
    fn attention(&self, attention: Attention) -> Attention {
        let Some(things) = &self.things else { return attention };
        let bodies: Vec<Rect> =
            things.iter().filter(|thing| thing.kind == Kind::Person).map(|thing| thing.rect).collect();
        let faces: Vec<Rect> = self.faces.iter().map(|(face, _)| face.rect).collect();
        match is_somebody_faceless(&bodies, &faces) {
            true => Attention::Thorough,
            false => Attention::Unless { faces: faces.len() },
        }
    }

    /// The same in fractions of the picture.
    fn told(self, picture: &Picture) -> Detections {
        let frame = Frame::of(picture);
        let faces = self
            .faces
            .iter()
            .map(|(face, measured)| frame.face(face, measured.as_ref().and_then(|measured| measured.mesh)));
        let things = self.things.map(|found| {
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
        Detections { faces: faces.collect(), things }
    }
}

/// NanoDet's own (`nanodet_head.py`).
const DEFAULT_NMS_IOU: f32 = 0.6;

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
