//! One picture from start to end: quality, persons and things, faces, their pose and gaze.
//!
//! Here the models meet; each step is a file of its own. Positions are pixels until the answer is put
//! together, which speaks in fractions of the picture.

use domain::detections::{DetectedFace, DetectedObject, DetectedPerson, Detections, MeshedFace};
use domain::geometry::{Point, Rect};
use domain::observe::quality::{self, Light, QualityGate};
use domain::picture::Picture;
use domain::ports::Sight;

use crate::credibility;
use crate::error::InferError;
use crate::face_finder::FaceFinder;
use crate::face_measure::FaceMeasure;
use crate::models::FoundFace;
use crate::models::nanodet::{self, Floors, FoundThing, Kind};
use crate::models_in_use::ModelsInUse;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Scratch, Size};
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

    /// Looks at one picture.
    pub(crate) fn look(&mut self, picture: &Picture) -> Result<Sight, InferError> {
        let quality = quality::measure(picture);
        let light = quality::light(&quality, &self.gate);
        let detections = match light {
            Light::Unusable(_) => Detections::default(),
            Light::Normal | Light::Dim => self.detect(picture, light == Light::Dim)?,
        };
        Ok(Sight { quality, light, detections })
    }

    fn detect(&mut self, picture: &Picture, dim: bool) -> Result<Detections, InferError> {
        let things = self.find_things(picture)?;
        let persons: Vec<Rect> =
            things.iter().filter(|thing| thing.kind == Kind::Person).map(|thing| thing.rect).collect();
        let mut faces = self.faces.find(picture, dim, &persons, &mut self.scratch)?;
        faces.sort_by(|one, other| other.rect.area().total_cmp(&one.rect.area()));
        let mut detections = Detections::default();
        let frame = Frame::of(picture);
        for (rank, face) in faces.iter().enumerate() {
            let measured = match rank < self.max_measured_faces {
                true => Some(self.measure.measure(picture, face, &mut self.scratch)?),
                false => None,
            };
            let presence = measured.as_ref().map(|measured| measured.presence);
            if credibility::is_face(face.conf, presence, face.rect.h) {
                detections.faces.push(frame.face(face, measured.and_then(|measured| measured.mesh)));
            }
        }
        for thing in things {
            let (rect, conf) = (frame.rect(thing.rect), thing.conf);
            match thing.kind {
                Kind::Person => detections.persons.push(DetectedPerson { rect, conf }),
                Kind::Object(class) => detections.objects.push(DetectedObject { class, rect, conf }),
            }
        }
        Ok(detections)
    }

    fn find_things(&mut self, picture: &Picture) -> Result<Vec<FoundThing>, InferError> {
        let letterbox = Letterbox::new(Region::whole(Size::of(picture)), nanodet::INPUT);
        letterbox.fill(picture, &mut self.scratch, &mut self.person_input)?;
        let outputs = self.person.run(&self.person_input)?;
        let found = nanodet::decode(&outputs, self.person_floors, self.person_nms_iou)?;
        let mapped = |thing: FoundThing| FoundThing { rect: letterbox.rect_to_picture(thing.rect), ..thing };
        Ok(found.into_iter().map(mapped).collect())
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
