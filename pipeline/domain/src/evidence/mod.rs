//! Pictures of flagged moments, where a policy asks for them ([`EvidenceRules`](crate::policy::EvidenceRules)):
//! everything about them that is decided, and nothing that has pixels.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`spacing`] | how often one is taken of a session |
//! | [`candidate`] | where the candidate's face surely is |
//! | [`hidden`] | what of a picture nobody may see |
//! | [`name`] | what a picture is called, and which incidents it belongs to |
//!
//! Which sample of a segment shows most is told by [`score::telling`](crate::score::telling), which counts persons
//! as the score does.

mod candidate;
mod hidden;
mod name;
mod spacing;

#[cfg(test)]
mod tests;

pub use candidate::Whereabouts;
pub use hidden::Hidden;
pub use name::{PictureName, PictureNameError, Span};
pub use spacing::Spacing;
