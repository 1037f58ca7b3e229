//! `invigilator.cut-state.v1`: what cutting a session's upload goes on from, without media.
//!
//! Written together with the segments that it comes after. Chunks before [`CutState::chunk`] are done with;
//! the others are read again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::canonical::{from_hex, hex};
use super::segment::is_near;
use crate::ids::SessionId;
use crate::time::MediaMs;

/// Where cutting an upload has got to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CutState {
    /// The session.
    pub session: SessionId,
    /// When the session's first chunk came to the broker, in milliseconds since 1970: where its media clock
    /// begins.
    pub began_at_ms: i64,
    /// When its last chunk came, in the same time.
    pub heard_at_ms: i64,
    /// Counts the recordings of the session, from 0.
    pub epoch: u32,
    /// Where the recording begins on the media clock of the session.
    pub epoch_start_ms: MediaMs,
    /// Where everything that was cut ends on the media clock of the session.
    pub end_ms: MediaMs,
    /// Number of the next segment of the recording.
    pub sequence: u64,
    /// Number of the first chunk that is still needed, or the next one.
    pub chunk: u64,
    /// Where that chunk begins in its recording, in bytes.
    pub chunk_position: u64,
    /// Offset of the first record that is still needed; `null` if nothing that came is.
    pub offset: Option<i64>,
    /// What is known of the recording.
    pub stream: StreamState,
    /// Nothing has come since an upload was said to be silent.
    pub is_silent: bool,
    /// Breaks up to this record were told of; `null` if there was none.
    pub breaks_until: Option<i64>,
    /// A break that is over, but of which it is not known yet where the next video lies.
    pub break_end: Option<BreakEnd>,
}

/// The end of a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakEnd {
    /// Where it lies on the media clock of the session, if another recording follows.
    pub media_ms: MediaMs,
    /// The record that told of it.
    pub offset: i64,
}

/// What is known of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StreamState {
    /// It begins with the chunk.
    Expected,
    /// It is read on from a point in it.
    Open(CutPoint),
    /// It cannot be read: what comes up to the next header is dropped.
    GivenUp,
    /// The upload is over: of what comes, nothing is read any more.
    Over {
        /// Offset of the record that said so.
        at: i64,
    },
}

/// From where a recording is cut on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CutPoint {
    /// What stands before its first frames: the description of its tracks. Lower-case hex.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    #[schemars(with = "String")]
    pub header: Vec<u8>,
    /// Container time of its first frame, in nanoseconds; `null` before that.
    pub origin_ns: Option<i64>,
    /// Where to read.
    pub from: StreamPoint,
    /// Number of the next segment, before segments of undue length are divided.
    pub sequence: u64,
    /// Where the next segment begins, on the clock of the recording.
    pub start_ms: MediaMs,
    /// The latest frame that comes before the point, on the clock of the recording; `null` if none does.
    pub latest_ms: Option<MediaMs>,
    /// Where the last frame that was read ends, on the clock of the recording.
    pub end_ms: MediaMs,
    /// Frames come in another order than they are shown in.
    pub is_reordered: bool,
}

/// A place in a stream from which it can be read with its header alone, and what a reader knows there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamPoint {
    /// Where a cluster or a fragment begins, in bytes.
    pub position: u64,
    /// So many frames at its beginning were handed on before.
    pub skip: u32,
    /// Time of what came before, in the units of the container: of the last cluster, or the end of the last
    /// fragment.
    pub time: i64,
    /// How often the stream made no sense before, or bytes of it were missing.
    pub damages: u64,
    /// What comes before this position was searched for a cluster.
    pub searched_until: u64,
    /// The next cluster or fragment is still to be found.
    pub is_lost: bool,
    /// Frames are of no use up to the next keyframe.
    pub awaits_keyframe: bool,
    /// The end that the stream stated is to be believed.
    pub is_bounded: bool,
}

impl CutState {
    /// The longest header of a recording, in bytes.
    pub const LONGEST_HEADER: usize = 64 << 10;

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let times =
            [self.epoch_start_ms, self.end_ms].into_iter().chain(self.break_end.map(|end| end.media_ms));
        let (mut own, mut header) = (vec![], 0);
        if let StreamState::Open(point) = &self.stream {
            own.extend([point.start_ms, point.end_ms].into_iter().chain(point.latest_ms));
            header = point.header.len();
        }
        if !times.chain(own).all(is_near) {
            return Err("a state lies within days of its session");
        }
        if header > Self::LONGEST_HEADER {
            return Err("the header of a recording is longer than allowed");
        }
        Ok(())
    }
}

fn write_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

fn read_hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_hex(&text).ok_or_else(|| serde::de::Error::custom("no hexadecimal digits"))
}
