//! Finds the faces of a picture: a glance at the whole, a look at it where that leaves doubt, then second
//! looks at parts of it where a face may be too small in the whole.

use domain::geometry::Rect;
use domain::picture::Picture;

use crate::engine::{Engine, Model};
use crate::error::InferError;
use crate::models::{FoundFace, blazeface, centerface};
use crate::models_in_use::ModelsInUse;
use crate::nms::suppress;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Scratch, Size};
use crate::second_look;
use crate::settings::VisionSettings;

/// The face detectors of one thread.
#[derive(Debug)]
pub(crate) struct FaceFinder {
    model: Model,
    dark_model: Option<Model>,
    floor: f32,
    nms_iou: f32,
    max_second_looks: usize,
    input: Vec<u8>,
}

impl FaceFinder {
    pub(crate) fn load(
        models: &ModelsInUse,
        engine: &Engine,
        settings: &VisionSettings,
    ) -> Result<Self, InferError> {
        Ok(Self {
            model: engine.model(&models.face)?,
            dark_model: models.face_dark.as_ref().map(|model| engine.model(model)).transpose()?,
            floor: settings.face_floor,
            nms_iou: models.face.entry.thresholds.nms_iou.unwrap_or(DEFAULT_NMS_IOU),
            max_second_looks: settings.max_second_looks,
            input: Vec::new(),
        })
    }

    /// The faces of a picture at a glance: that many, all of them large and sure; `None` if it takes a closer
    /// look to tell.
    pub(crate) fn glance(
        &mut self,
        picture: &Picture,
        expected: usize,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<FoundFace>>, InferError> {
        let whole = Region::whole(Size::of(picture));
        let found = suppress(self.look(picture, whole, blazeface::GLANCE_SIDE, scratch)?, self.nms_iou);
        let smallest = SMALLEST_AT_A_GLANCE * whole.size.width.min(whole.size.height) as f32;
        let is_clear = |face: &FoundFace| face.conf >= second_look::SURE && face.rect.h >= smallest;
        let is_enough = found.len() == expected && found.iter().all(is_clear);
        Ok(is_enough.then_some(found))
    }

    /// The faces of a picture, in pixels, as far as the whole shows them; in a dim picture the dark-scene
    /// detector, where there is one, looks too.
    pub(crate) fn find(
        &mut self,
        picture: &Picture,
        dim: bool,
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundFace>, InferError> {
        let whole = Region::whole(Size::of(picture));
        let mut found = self.look(picture, whole, blazeface::SIDE, scratch)?;
        if dim {
            found.extend(self.look_in_the_dark(picture, whole, scratch)?);
        }
        Ok(of_our_size(suppress(found, self.nms_iou), whole.size))
    }

    /// The faces that were found, and those that show where a person is and a face is not.
    pub(crate) fn look_again(
        &mut self,
        picture: &Picture,
        mut found: Vec<FoundFace>,
        persons: &[Rect],
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundFace>, InferError> {
        let whole = Region::whole(Size::of(picture));
        let mut looks_left = self.max_second_looks;
        for person in persons {
            let Some(region) = second_look::region(*person, &found, whole.size) else { continue };
            if looks_left == 0 {
                break;
            }
            looks_left -= 1;
            found.extend(self.look(picture, region, blazeface::SIDE, scratch)?);
            found = suppress(found, self.nms_iou);
        }
        Ok(of_our_size(found, whole.size))
    }

    fn look(
        &mut self,
        picture: &Picture,
        region: Region,
        longer_side: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundFace>, InferError> {
        let letterbox = Letterbox::snug(region, longer_side);
        letterbox.fill(picture, scratch, &mut self.input)?;
        let input = letterbox.input();
        let found = blazeface::decode(&self.model.run(&self.input, input)?, input, self.floor)?;
        Ok(in_picture(found, &letterbox))
    }

    fn look_in_the_dark(
        &mut self,
        picture: &Picture,
        region: Region,
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundFace>, InferError> {
        let Some(model) = &mut self.dark_model else { return Ok(Vec::new()) };
        let letterbox = Letterbox::new(region, centerface::INPUT);
        letterbox.fill(picture, scratch, &mut self.input)?;
        let found = centerface::decode(&model.run(&self.input, centerface::INPUT)?, self.floor)?;
        Ok(in_picture(found, &letterbox))
    }
}

/// One face has been reported twice with an overlap of 0.288 (`models/cards/blazeface_back.md`).
const DEFAULT_NMS_IOU: f32 = 0.2;

/// A face that is smaller than this part of the picture's shorter side is looked at closely: around one of that
/// size others begin to be too small for a glance.
const SMALLEST_AT_A_GLANCE: f32 = 0.1;

/// Faces smaller than this part of the picture's shorter side are left out: nothing can be measured on
/// them, passers-by in the far background have them, and so does much that is no face.
const SMALLEST_FACE: f32 = 0.05;

/// A box larger than this many times the picture's longer side is no face but a number gone wild.
const LARGEST_FACE: f32 = 2.0;

fn of_our_size(mut found: Vec<FoundFace>, picture: Size) -> Vec<FoundFace> {
    let smallest = SMALLEST_FACE * picture.width.min(picture.height) as f32;
    let largest = LARGEST_FACE * picture.width.max(picture.height) as f32;
    found.retain(|face| (smallest..=largest).contains(&face.rect.h) && face.rect.w <= largest);
    found
}

fn in_picture(found: Vec<FoundFace>, letterbox: &Letterbox) -> Vec<FoundFace> {
    let mapped = |face: FoundFace| FoundFace {
        rect: letterbox.rect_to_picture(face.rect),
        points: face.points.map(|point| letterbox.to_picture(point)),
        ..face
    };
    found.into_iter().map(mapped).collect()
}
