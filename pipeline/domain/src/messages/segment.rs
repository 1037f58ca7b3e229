//! What a segment of video says about itself: the attributes that travel beside its bytes.
//!
//! A segment is no JSON message: its value is media, its header a set of CloudEvents attributes. How
//! they are written in a record is the business of the crate that writes records.

use serde::{Deserialize, Serialize};

use super::StreamRef;
use crate::ids::SessionId;
use crate::time::{Interval, MediaMs, Millis};

/// CloudEvents type of a segment.
pub const SEGMENT_TYPE: &str = "invigilator.segment.v1";

/// A stretch of video that can be decoded alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentHeader {
    /// The session it belongs to.
    pub session: SessionId,
    /// Which of the session's streams it is from.
    pub stream: StreamRef,
    /// Number within the epoch, from 0, without holes.
    pub sequence: u64,
    /// 0, or how often it was driven through again after a dead letter.
    pub attempt: u32,
    /// Media time of its start.
    pub start_ms: MediaMs,
    /// Media time of its end (exclusive).
    pub end_ms: MediaMs,
    /// How much media lies before `start_ms`: there to be decoded from its keyframe on, not to be
    /// looked at.
    pub preroll_ms: Millis,
    /// Clockwise degrees (0, 90, 180, 270) that turn the picture upright, where the container does not
    /// say it.
    pub rotation_deg: Option<u16>,
    /// Media type of the bytes, e.g. `video/webm`.
    pub media_type: String,
}

/// A header that no honest cutter writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// It ends before or at its start, begins before the session, or outlasts the limits.
    #[error("a segment lasts more than 0 ms and at most {} s, within the first {} days of a session",
        SegmentHeader::LONGEST.0 / 1000, SegmentHeader::LATEST.0 / 86_400_000)]
    Interval,
    /// More media before the start than a segment may hold.
    #[error("media before the start of a segment last 0 ms to {} s", SegmentHeader::LONGEST.0 / 1000)]
    Preroll,
    /// No right angle.
    #[error("a rotation is 0, 90, 180 or 270 degrees")]
    Rotation,
    /// No SHA-256.
    #[error("the hash of a stream's header is 64 lower-case hexadecimal digits")]
    InitHash,
    /// No media type of video.
    #[error(
        "the media type of a segment is `video/...`, at most {} visible characters",
        SegmentHeader::LONGEST_MEDIA_TYPE
    )]
    MediaType,
}

impl SegmentHeader {
    /// The longest segment, and the longest stretch before it. Bounds the samples of one segment.
    pub const LONGEST: Millis = Millis::from_secs(600);
    /// The latest end of a segment on the media clock.
    pub const LATEST: MediaMs = MediaMs(7 * 86_400_000);
    /// The longest media type.
    pub const LONGEST_MEDIA_TYPE: usize = 128;

    /// The stretch of media time that is looked at.
    pub fn interval(&self) -> Interval {
        Interval::new(self.start_ms, self.end_ms)
    }

    /// Checks what a header from outside must hold before anything is computed from it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn validate(&self) -> Result<(), SegmentError> {
        if !is_stretch_of_segment(self.start_ms, self.end_ms) {
            return Err(SegmentError::Interval);
        }
        if self.preroll_ms != Millis::ZERO && !Self::may_last(self.preroll_ms) {
            return Err(SegmentError::Preroll);
        }
        if !matches!(self.rotation_deg, None | Some(0 | 90 | 180 | 270)) {
            return Err(SegmentError::Rotation);
        }
        if !is_sha256(&self.stream.init_sha256) {
            return Err(SegmentError::InitHash);
        }
        if !is_media_type_of_video(&self.media_type) {
            return Err(SegmentError::MediaType);
        }
        Ok(())
    }

    fn may_last(length: Millis) -> bool {
        length > Millis::ZERO && length <= Self::LONGEST
    }
}

/// Whether a segment may begin and end there.
pub(super) fn is_stretch_of_segment(start: MediaMs, end: MediaMs) -> bool {
    start >= MediaMs::ZERO && end <= SegmentHeader::LATEST && SegmentHeader::may_last(end - start)
}

/// Whether an instant is so near to a session that arithmetic on it cannot overflow.
pub(super) fn is_near(instant: MediaMs) -> bool {
    let most = SegmentHeader::LATEST.0;
    (-most..=most).contains(&instant.0)
}

/// Whether a text may be the media type of a segment, or of what it was cut from.
pub(super) fn is_media_type_of_video(text: &str) -> bool {
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    text.starts_with("video/") && text.len() <= SegmentHeader::LONGEST_MEDIA_TYPE && is_printable
}

/// Whether a text is a SHA-256 in lower-case hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::StreamKind;

    fn header() -> SegmentHeader {
        SegmentHeader {
            session: "t1/e7/s42".parse().unwrap(),
            stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: "0f".repeat(32) },
            sequence: 17,
            attempt: 0,
            start_ms: MediaMs(34_000),
            end_ms: MediaMs(36_000),
            preroll_ms: Millis(400),
            rotation_deg: Some(90),
            media_type: "video/webm; codecs=vp8".to_owned(),
        }
    }

    #[test]
    fn an_honest_header_is_accepted() {
        assert_eq!(header().validate(), Ok(()));
        assert_eq!(header().interval().length(), Millis(2_000));
    }

    #[test]
    fn every_rule_is_checked() {
        let broken = |breaks: &dyn Fn(&mut SegmentHeader)| {
            let mut header = header();
            breaks(&mut header);
            header.validate().unwrap_err()
        };
        for (start, end) in
            [(2, 2), (3, 2), (-1, 5), (i64::MIN, i64::MAX), (0, 600_001), (604_799_999, 604_800_001)]
        {
            let error = broken(&|header| (header.start_ms, header.end_ms) = (MediaMs(start), MediaMs(end)));
            assert_eq!(error, SegmentError::Interval, "{start}..{end}");
        }
        for preroll in [-1, 600_001, i64::MAX] {
            assert_eq!(broken(&|header| header.preroll_ms = Millis(preroll)), SegmentError::Preroll);
        }
        assert_eq!(broken(&|header| header.rotation_deg = Some(45)), SegmentError::Rotation);
        for hash in ["", "0F0F", &"0F".repeat(32), &"0f".repeat(33)] {
            assert_eq!(broken(&|header| header.stream.init_sha256 = hash.to_owned()), SegmentError::InitHash);
        }
        for kind in ["audio/webm", "video/\n", "", &format!("video/{}", "x".repeat(200))] {
            assert_eq!(broken(&|header| header.media_type = kind.to_owned()), SegmentError::MediaType);
        }
    }
}
