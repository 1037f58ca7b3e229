//! Finds persons and objects in a picture: at a glance where one person is expected, by a look where that is in
//! doubt. Does not know when they are looked for.

use domain::picture::Picture;

use crate::engine::{Engine, Model};
use crate::error::InferError;
use crate::models::nanodet::{self, Floors, FoundThing, Kind};
use crate::models_in_use::ModelsInUse;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Scratch, Size};
use crate::settings::VisionSettings;

/// The person model of one thread.
#[derive(Debug)]
pub(crate) struct ThingFinder {
    model: Model,
    floors: Floors,
    nms_iou: f32,
    input: Vec<u8>,
}

impl ThingFinder {
    pub(crate) fn load(
        models: &ModelsInUse,
        engine: &Engine,
        settings: &VisionSettings,
    ) -> Result<Self, InferError> {
        Ok(Self {
            model: engine.model(&models.person)?,
            floors: Floors { person: settings.person_floor, object: settings.object_floor },
            nms_iou: models.person.entry.thresholds.nms_iou.unwrap_or(DEFAULT_NMS_IOU),
            input: Vec::new(),
        })
    }

    /// One person and the objects around, at a glance; `None` if it is not exactly one person.
    pub(crate) fn glance(
        &mut self,
        picture: &Picture,
        scratch: &mut Scratch,
    ) -> Result<Option<Vec<FoundThing>>, InferError> {
        let things = self.things(picture, nanodet::GLANCE_SIDE, scratch)?;
        let persons = things.iter().filter(|thing| thing.kind == Kind::Person).count();
        Ok((persons == 1).then_some(things))
    }

    /// All persons and objects, in pixels of the picture.
    pub(crate) fn look(
        &mut self,
        picture: &Picture,
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundThing>, InferError> {
        self.things(picture, nanodet::SIDE, scratch)
    }

    fn things(
        &mut self,
        picture: &Picture,
        longer_side: usize,
        scratch: &mut Scratch,
    ) -> Result<Vec<FoundThing>, InferError> {
        let letterbox = Letterbox::snug(Region::whole(Size::of(picture)), longer_side);
        letterbox.fill(picture, scratch, &mut self.input)?;
        let input = letterbox.input();
        let outputs = self.model.run(&self.input, input)?;
        let found = nanodet::decode(&outputs, input, self.floors, self.nms_iou)?;
        let mapped = |thing: FoundThing| FoundThing { rect: letterbox.rect_to_picture(thing.rect), ..thing };
        Ok(found.into_iter().map(mapped).collect())
    }
}

/// NanoDet's own (`nanodet_head.py`).
const DEFAULT_NMS_IOU: f32 = 0.6;
