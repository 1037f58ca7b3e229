//! quality
/// What the light of a picture allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// Every model may look.
    Normal,
    /// Dark: only the dark-scene face detector can be trusted.
    Dim,
    /// No model can see anything; the reason says why.
    Unusable(crate::messages::UnseenReason),
}
