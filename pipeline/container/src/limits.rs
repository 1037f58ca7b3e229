//! How much of a stream is kept and believed, whatever it says.

use domain::time::Millis;

/// Bounds of what one stream may cost. Nothing is allocated because a stream merely states a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest description in bytes: Matroska's tracks, MP4's movie or fragment header.
    pub header: usize,
    /// Largest frame in bytes.
    pub frame: usize,
    /// Most samples that one MP4 fragment may describe.
    pub fragment_samples: usize,
    /// How far a frame may lie from the first.
    pub duration: Millis,
}

impl Default for Limits {
    /// Three hours of 60 frames a second have an index of about 20 MiB.
    fn default() -> Self {
        Self {
            header: 32 << 20,
            frame: 16 << 20,
            fragment_samples: 1 << 18,
            duration: Millis::from_secs(24 * 3600),
        }
    }
}
