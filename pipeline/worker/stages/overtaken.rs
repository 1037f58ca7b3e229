//! Which sessions lost segments that were deleted before this role had read them.
//!
//! Brokers say only that records of a partition are gone, not whose they were. So the next segment of each
//! session after that says that some before it may be: where none is missing, that means nothing. Beginning
//! sessions and, an hour of the log later, all others have nothing to do with it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::SessionId;
use domain::messages::SegmentHeader;

/// How long after it, by the brokers' clock, a session may go on that was overtaken: longer than any break.
const LASTS_MS: i64 = 60 * 60 * 1000;

/// The partitions that were overtaken, and who has been told so.
#[derive(Debug, Default)]
pub(super) struct Overtaken(Mutex<BTreeMap<i32, Telling>>);

#[derive(Debug, Default)]
struct Telling {
    /// When the first record after what was deleted came to the broker.
    since_ms: Option<i64>,
    told: BTreeSet<SessionId>,
}

impl Overtaken {
    /// Records of a partition were deleted unread.
    pub(super) fn add(&self, partition: i32) {
        self.tellings().insert(partition, Telling::default());
    }

    /// The partition has gone to others.
    pub(super) fn forget(&self, partition: i32) {
        self.tellings().remove(&partition);
    }

    /// Whether this is the first segment of a session since records of its partition were deleted, so that
    /// others may be missing before it. Each is to be asked about once, in the order of the log.
    pub(super) fn may_miss_some(&self, partition: i32, header: &SegmentHeader, arrived_ms: i64) -> bool {
        let mut tellings = self.tellings();
        let Some(telling) = tellings.get_mut(&partition) else { return false };
        let since = *telling.since_ms.get_or_insert(arrived_ms);
        if arrived_ms.saturating_sub(since) > LASTS_MS {
            tellings.remove(&partition);
            return false;
        }
        let begins = (header.stream.epoch, header.sequence) == (0, 0);
        telling.told.insert(header.session.clone()) && !begins
    }

    fn tellings(&self) -> MutexGuard<'_, BTreeMap<i32, Telling>> {
        // Whole whatever happened to a thread that held them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::messages::{StreamKind, StreamRef};
    use domain::time::{MediaMs, Millis};

    use super::*;

    fn header(session: &str, sequence: u64) -> SegmentHeader {
        let stream = StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: String::new() };
        SegmentHeader {
            session: session.parse().unwrap(),
            stream,
            sequence,
            attempt: 0,
            start_ms: MediaMs(0),
            end_ms: MediaMs(2000),
            preroll_ms: Millis::ZERO,
            rotation_deg: None,
            media_type: "video/webm".into(),
        }
    }

    #[test]
    fn each_session_is_told_once_unless_it_begins() {
        let overtaken = Overtaken::default();
        assert!(!overtaken.may_miss_some(0, &header("t/e/a", 7), 0), "nothing was deleted");
        overtaken.add(0);
        assert!(overtaken.may_miss_some(0, &header("t/e/a", 8), 1000));
        assert!(!overtaken.may_miss_some(0, &header("t/e/a", 9), 1000), "told");
        assert!(!overtaken.may_miss_some(0, &header("t/e/b", 0), 1000), "it begins");
        assert!(!overtaken.may_miss_some(0, &header("t/e/b", 1), 1000), "it has begun");
        assert!(!overtaken.may_miss_some(1, &header("t/e/c", 1), 1000), "another partition");
        overtaken.add(0);
        assert!(overtaken.may_miss_some(0, &header("t/e/a", 12), 2000), "overtaken again");
    }

    #[test]
    fn it_is_over_after_a_while_and_when_the_partition_goes() {
        let overtaken = Overtaken::default();
        overtaken.add(0);
        assert!(overtaken.may_miss_some(0, &header("t/e/a", 1), 1000));
        assert!(!overtaken.may_miss_some(0, &header("t/e/b", 1), 1001 + LASTS_MS));
        overtaken.add(0);
        overtaken.forget(0);
        assert!(!overtaken.may_miss_some(0, &header("t/e/c", 1), 1000));
    }
}
