//! Why a face allows no comparison.

use std::fmt;

/// Why a face is not compared: nothing could be said of it that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ineligible {
    /// No mesh lies on it, so nobody knows how it is turned.
    Unmeasured,
    /// Too few pixels.
    Small,
    /// Turned too far to a side.
    Turned,
    /// Raised or lowered too far.
    Nodding,
    /// Too little contrast, in the dark or against the light.
    Dark,
    /// Too blurred.
    Blurred,
}

impl Ineligible {
    /// A stable word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unmeasured => "unmeasured",
            Self::Small => "small",
            Self::Turned => "turned",
            Self::Nodding => "nodding",
            Self::Dark => "dark",
            Self::Blurred => "blurred",
        }
    }
}

/// What to do about it, for whoever took the picture.
impl fmt::Display for Ineligible {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unmeasured => "the face is partly hidden or cut: show all of it",
            Self::Small => "the face is too small: come closer to the camera",
            Self::Turned => "the face is turned to a side: look into the camera",
            Self::Nodding => "the face is raised or lowered: hold the camera at the height of the eyes",
            Self::Dark => "the face is too dark, or against the light: put a light in front of it",
            Self::Blurred => "the face is blurred: hold still, and clean the lens",
        })
    }
}
