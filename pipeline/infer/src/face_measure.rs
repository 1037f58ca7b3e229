//! Measures a found face: the mesh, the pose of the head, and where both irises are.

use domain::detections::{Eyes, MeshedFace};
use domain::picture::Picture;

use crate::engine::{Engine, Model};
use crate::error::InferError;
use crate::models::FoundFace;
use crate::models::iris::{self, EyeGaze, Side};
use crate::models::mesh::{self, Mesh};
use crate::models_in_use::ModelsInUse;
use crate::pixels::{Scratch, Size};
use crate::pose;

/// Corners of an eye closer than this, in pixels, show too little of an iris to place it.
const SMALLEST_EYE: f32 = 12.0;

/// Lids closer than this, in eye widths, hide the iris.
const LEAST_OPENNESS: f32 = 0.1;

/// MediaPipe's own (`face_landmark` graphs).
const DEFAULT_LEAST_PRESENCE: f32 = 0.5;

/// The models that measure faces, of one thread.
#[derive(Debug)]
pub(crate) struct FaceMeasure {
    mesh: Model,
    least_presence: f32,
    iris: Model,
    input: Vec<u8>,
}

impl FaceMeasure {
    pub(crate) fn load(models: &ModelsInUse, engine: &Engine) -> Result<Self, InferError> {
        Ok(Self {
            mesh: engine.model(&models.mesh)?,
            least_presence: models.mesh.entry.thresholds.score.unwrap_or(DEFAULT_LEAST_PRESENCE),
            iris: engine.model(&models.iris)?,
            input: Vec::new(),
        })
    }

    /// Puts the mesh on a face, or on the place where one may be.
    pub(crate) fn mesh(
        &mut self,
        picture: &Picture,
        face: &FoundFace,
        scratch: &mut Scratch,
    ) -> Result<Mesh, InferError> {
        put_mesh(&mut self.mesh, picture, face, scratch, &mut self.input)
    }

    /// Measures a face with a mesh on it; the box of the answer is in pixels. `None` if the mesh says that there
    /// is none.
    pub(crate) fn measure(
        &mut self,
        picture: &Picture,
        mesh: &Mesh,
        scratch: &mut Scratch,
    ) -> Result<Option<MeshedFace>, InferError> {
        if mesh.presence < self.least_presence {
            return Ok(None);
        }
        let pose = pose::measure(mesh);
        let eyes = mean(
            self.eye(picture, mesh, Side::Right, scratch)?,
            self.eye(picture, mesh, Side::Left, scratch)?,
        );
        let rect = mesh.rect();
        Ok(Some(MeshedFace {
            presence: mesh.presence,
            rect,
            yaw: pose.yaw,
            pitch: pose.pitch,
            roll: pose.roll,
            eyes,
        }))
    }

    fn eye(
        &mut self,
        picture: &Picture,
        mesh: &Mesh,
        side: Side,
        scratch: &mut Scratch,
    ) -> Result<Option<EyeGaze>, InferError> {
        if iris::corner_distance(mesh, side) < SMALLEST_EYE {
            return Ok(None);
        }
        let crop = iris::crop(mesh, side);
        crop.cut(picture, iris::SIDE, scratch, &mut self.input)?;
        let gaze = iris::decode(&self.iris.run(&self.input, Size::square(iris::SIDE))?, side)?;
        Ok((gaze.openness >= LEAST_OPENNESS).then_some(gaze))
    }
}

/// Puts the mesh of a model on a face; `input` is memory to work in.
pub(crate) fn put_mesh(
    model: &mut Model,
    picture: &Picture,
    face: &FoundFace,
    scratch: &mut Scratch,
    input: &mut Vec<u8>,
) -> Result<Mesh, InferError> {
    let crop = mesh::crop(face);
    crop.cut(picture, mesh::SIDE, scratch, input)?;
    mesh::decode(&model.run(input, Size::square(mesh::SIDE))?, &crop)
}

/// The mean of both eyes; `None` unless both could be measured.
fn mean(right: Option<EyeGaze>, left: Option<EyeGaze>) -> Option<Eyes> {
    let (right, left) = (right?, left?);
    Some(Eyes {
        gaze_x: (right.x + left.x) / 2.0,
        gaze_y: (right.y + left.y) / 2.0,
        openness: (right.openness + left.openness) / 2.0,
    })
}
