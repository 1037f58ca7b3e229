//! One adapter per model family: the input it wants, and what its outputs mean.
//!
//! Each names the tensors that its decoder reads, so that a model of another shape is refused before
//! it runs. Positions that a decoder returns are pixels of the model's input; whoever cut the input
//! out of a picture maps them back.

pub(crate) mod blazeface;
pub(crate) mod centerface;
pub(crate) mod identity;
pub(crate) mod iris;
pub(crate) mod mesh;
pub(crate) mod nanodet;

use domain::geometry::{Point, Rect};

use crate::error::InferError;
use crate::manifest::{ModelEntry, Task};
use crate::nms::Scored;
use crate::pixels::letterbox::Letterbox;
use crate::pixels::{Region, Size};

/// A face as a detector finds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FoundFace {
    pub(crate) rect: Rect,
    pub(crate) conf: f32,
    /// Right eye, left eye, nose, mouth, right ear, left ear.
    pub(crate) points: [Point; 6],
}

impl Scored for FoundFace {
    fn rect(&self) -> Rect {
        self.rect
    }

    fn conf(&self) -> f32 {
        self.conf
    }
}

/// Refuses a model whose tensors are not the ones that its decoder reads.
pub(crate) fn check(entry: &ModelEntry, signature: &str) -> Result<(), InferError> {
    let found = entry.signature();
    if found == signature {
        return Ok(());
    }
    Err(InferError::ContractDiffers {
        name: entry.name.clone(),
        expecting: "the decoder",
        expected: signature.to_owned(),
        having: "the manifest",
        found,
    })
}

/// The input that a model gets for pictures of a size.
pub(crate) fn input_for(entry: &ModelEntry, picture: Size) -> Size {
    let picture = Region::whole(picture);
    match entry.task {
        Task::Face => Letterbox::snug(picture, blazeface::SIDE).input(),
        Task::FaceDark => centerface::INPUT,
        Task::Mesh => Size::square(mesh::SIDE),
        Task::Iris => Size::square(iris::SIDE),
        Task::Person => Letterbox::snug(picture, nanodet::SIDE).input(),
        Task::Identity => identity::side(entry).map_or(Size::square(1), Size::square),
    }
}

/// The input that a model gets for a glance at pictures of a size; `None` if it always looks closely.
pub(crate) fn glance_for(task: Task, picture: Size) -> Option<Size> {
    glance_side(task).map(|side| Letterbox::snug(Region::whole(picture), side).input())
}

/// Whether an input of this size is that of a glance.
pub(crate) fn is_glance(task: Task, input: Size) -> bool {
    glance_side(task).is_some_and(|side| input.width.max(input.height) == side)
}

fn glance_side(task: Task) -> Option<usize> {
    match task {
        Task::Face => Some(blazeface::GLANCE_SIDE),
        Task::Person => Some(nanodet::GLANCE_SIDE),
        Task::FaceDark | Task::Mesh | Task::Iris | Task::Identity => None,
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
