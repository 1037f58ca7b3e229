//! observe
pub mod quality;
