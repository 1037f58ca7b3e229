//! Pictures to detections.
mod credibility;
mod error;
mod face_finder;
mod face_measure;
mod look;
pub mod manifest;
mod models;
mod models_in_use;
mod nms;
mod pixels;
mod pose;
mod second_look;
mod session;
mod settings;
mod vision;

pub use error::InferError;
pub use models_in_use::verify;
pub use settings::VisionSettings;
pub use vision::Vision;
