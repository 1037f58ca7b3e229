//! Looks at pictures: from planar YUV to faces with pose and gaze, persons and objects.
//!
//! Input: upright [`Picture`](domain::picture::Picture)s of any size, of any number of sessions.
//! Output: for each a [`Sight`](domain::ports::Sight), in the order of the pictures: the quality of
//! the picture, and what the models found in it. A picture too bad to be looked at is no error, its
//! sight says why.
//!
//! What happens to a picture, by file:
//!
//! 1. `vision` gives it, with the others of its segment and other segments, to a thread of one rayon pool,
//!    which looks at it from start to end with sessions of its own;
//! 2. `look` measures its quality, decides which models it needs, and lets each model run on all pictures
//!    that need it; `work` is what is known of a picture meanwhile;
//! 3. `follow` takes the one face of the picture before along, where nothing else changed;
//! 4. `face_finder` looks for faces in the whole picture, and again (`second_look`) where there is
//!    a person without a sure face; in dim pictures the dark-scene detector, if accepted, looks too;
//!    `thing_finder` looks for persons and objects when it is time to, or when faces are in doubt;
//! 5. `face_measure` puts a mesh on the largest faces, from which the head's `pose` follows, and
//!    finds the irises;
//! 6. `credibility` decides by detector and mesh together what was a face.
//!
//! Who it is, is another question, asked more seldom and by a caller who has a template to compare with:
//! `eligibility` says whether a face can be compared, [`Recognizer`] turns it into an embedding.
//!
//! `pixels` makes the inputs of models, `models` reads their outputs, `session` alone knows
//! ONNX Runtime, [`manifest`] says which models there are and refuses those that differ. `provider` decides
//! between processor and GPU; on a GPU the models of all threads are one `runner`'s, which puts inputs together
//! as `batcher` says; `engine` is what the rest sees of that.
//!
//! Promises: a sight is a function of the picture, those before it in its segment, the settings and the
//! model files; it does not depend on the number of threads or on other segments, bit by bit on the processor,
//! but for the rounding of floats on a GPU. A panic costs one picture.
//! No model is loaded whose file or tensors differ from the manifest, and none trained on
//! research-only data unless that was accepted. Pixels are kept nowhere. Does not judge: which
//! confidence counts, who is who and what it means belongs to `domain`.

mod alone;
mod batcher;
mod credibility;
mod eligibility;
mod engine;
mod error;
mod face_finder;
mod face_measure;
mod follow;
#[cfg(test)]
mod golden;
mod look;
pub mod manifest;
mod models;
mod models_in_use;
mod nms;
mod pixels;
mod pose;
mod provider;
mod recognizer;
mod runner;
mod second_look;
mod session;
mod settings;
mod thing_finder;
mod usage;
mod vision;
mod work;

pub use alone::Alone;
pub use batcher::Batching;
pub use eligibility::eligibility;
pub use error::InferError;
pub use models_in_use::{Verified, verify};
pub use provider::{IfMissing, InUse, Provider, in_use};
pub use recognizer::Recognizer;
pub use settings::VisionSettings;
pub use usage::ModelUsage;
pub use vision::Vision;
