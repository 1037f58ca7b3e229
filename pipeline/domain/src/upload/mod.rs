//! What is decided about an upload before its bytes are looked at: the order of its chunks, and where its
//! recordings lie on the media clock of its session. A function of the log alone, so that whoever reads it
//! again decides the same.

mod order;

pub use order::{Arrival, Bounds, ChunkOrder, Turn};

use crate::time::{MediaMs, Millis};

/// Where a recording begins on the media clock of its session: when its first chunk came to the broker, after
/// the session's first chunk did, in milliseconds of the broker's clock; but not before the end of what was
/// recorded before.
pub fn epoch_start(end_before: MediaMs, began_at_ms: i64, came_at_ms: i64) -> MediaMs {
    end_before.max(MediaMs::ZERO + Millis(came_at_ms.saturating_sub(began_at_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_begins_when_it_came_and_never_before_the_last_one_ended() {
        assert_eq!(epoch_start(MediaMs(60_000), 1_000, 91_000), MediaMs(90_000));
        assert_eq!(epoch_start(MediaMs(60_000), 1_000, 31_000), MediaMs(60_000));
        assert_eq!(epoch_start(MediaMs(60_000), i64::MAX, i64::MIN), MediaMs(60_000));
    }
}
