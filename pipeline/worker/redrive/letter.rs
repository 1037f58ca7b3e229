//! One record of the topic of dead letters: what it is, whether it can go back, and as what.
//!
//! The original came from outside and its headers are in the letter, so nothing in it is believed that a
//! worker did not write: of headers with one name the last counts, which a worker's are; a note that a
//! letter was redriven ends with the header that says so, which no letter does; and whatever topic a letter
//! names, records go back to the topic of segments or nowhere.

use std::time::SystemTime;

use domain::ids::SessionId;
use domain::messages::envelope::event_id;
use domain::messages::{SEGMENT_TYPE, SegmentHeader};
use kafka::{Headers, Outgoing, Record, Topics, wire};

/// Of a note: the offset, in the same partition, of the letter that was redriven.
const REDRIVEN: &str = "dlq-redriven";
/// Of a segment: the letter that it was redriven from.
const REDRIVEN_FROM: &str = "ce_redrivenfrom";
/// Of a segment, see [`SegmentHeader::attempt`].
const ATTEMPT: &str = "ce_attempt";
const ID: &str = "ce_id";
/// What all headers begin with that a worker adds to a letter.
const LETTER: &str = "dlq-";
/// Words of a letter that are shown: longer ones are cut.
const LONGEST_WORD: usize = 64;

/// What a record of the topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A record that was set aside.
    Letter(Letter),
    /// A note that the letter at this offset was redriven.
    Redriven(i64),
}

/// A record that was set aside, without its media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Why.
    pub reason: String,
    /// Where it failed.
    pub stage: String,
    /// Whose it is, if anybody knows.
    pub session: Option<SessionId>,
    /// When it was set aside.
    pub at: Option<SystemTime>,
    /// Whether it can go back.
    pub fit: Result<(), Unfit>,
}

/// Why a letter stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unfit {
    /// Nothing can be read from it, now as then.
    #[error("no segment")]
    NoSegment,
    /// It came from another topic.
    #[error("from another topic")]
    OtherTopic,
}

impl Kind {
    /// What a record is.
    pub fn of(record: Record, topics: &Topics) -> Self {
        if let Some(offset) = note(&record) {
            return Self::Redriven(offset);
        }
        let at = word(&record, "dlq-at").and_then(|at| humantime::parse_rfc3339(&at).ok());
        Self::Letter(Letter {
            reason: word(&record, "dlq-reason").unwrap_or_default(),
            stage: word(&record, "dlq-stage").unwrap_or_default(),
            session: std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok()),
            at,
            fit: original(record, topics).map(drop),
        })
    }
}

/// The segment of a letter as it goes back: untouched, but for what says that it was tried before.
///
/// # Errors
/// If the letter holds none.
pub fn redriven(letter: Record, topics: &Topics) -> Result<Outgoing, Unfit> {
    let (header, Record { origin, key, value, headers, .. }) = original(letter, topics)?;
    let header = SegmentHeader { attempt: header.attempt.saturating_add(1), ..header };
    let again = |(name, value): (&str, &[u8])| match name {
        REDRIVEN_FROM => None,
        ATTEMPT => Some((name.to_owned(), header.attempt.to_string().into_bytes())),
        ID => Some((name.to_owned(), event_id(SEGMENT_TYPE, &header).into_bytes())),
        _ => Some((name.to_owned(), value.to_vec())),
    };
    let mut headers: Headers = headers.iter().filter_map(again).collect();
    headers.push(REDRIVEN_FROM, format!("{}/{}", origin.partition, origin.offset));
    // By its key, as everything of its session.
    Ok(Outgoing { topic: topics.segments(), partition: None, key, value, headers })
}

/// The note that a letter was redriven: its own headers, and no value.
pub fn receipt(letter: &Record) -> Outgoing {
    let own = letter.headers.iter().filter(|(name, _)| name.starts_with(LETTER));
    let mut headers: Headers = own.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    headers.push(REDRIVEN, letter.origin.offset.to_string());
    Outgoing {
        topic: letter.origin.topic.clone(),
        partition: Some(letter.origin.partition),
        key: letter.key.clone(),
        value: None,
        headers,
    }
}

/// The record that a letter holds, and its header; it keeps the letter's place.
fn original(letter: Record, topics: &Topics) -> Result<(SegmentHeader, Record), Unfit> {
    if letter.headers.get("dlq-topic") != Some(topics.segments().as_bytes()) {
        return Err(Unfit::OtherTopic);
    }
    let own = letter.headers.iter().filter(|(name, _)| !name.starts_with(LETTER));
    let headers: Headers = own.map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    let segment = Record { headers, ..letter };
    let (header, _media) = wire::decode_segment(&segment).map_err(|_| Unfit::NoSegment)?;
    Ok((header, segment))
}

fn note(record: &Record) -> Option<i64> {
    let (name, offset) = record.headers.iter().last()?;
    let is_note = record.value.is_none() && name == REDRIVEN;
    is_note.then(|| std::str::from_utf8(offset).ok()?.parse().ok()).flatten()
}

/// A word that a worker wrote.
fn word(record: &Record, header: &str) -> Option<String> {
    let text = std::str::from_utf8(record.headers.get(header)?).ok()?;
    Some(text.chars().filter(|letter| !letter.is_control()).take(LONGEST_WORD).collect())
}

#[cfg(test)]
mod tests {
    use domain::messages::{StreamKind, StreamRef};
    use domain::time::{MediaMs, Millis};
    use kafka::Origin;
    use kafka::wire::{Event, Media, encode_segment};

    use super::*;

    fn header(attempt: u32) -> SegmentHeader {
        SegmentHeader {
            session: "t1/e7/s42".parse().unwrap(),
            stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: "0f".repeat(32) },
            sequence: 17,
            attempt,
            start_ms: MediaMs(34_000),
            end_ms: MediaMs(36_000),
            preroll_ms: Millis(0),
            rotation_deg: None,
            media_type: "video/webm; codecs=vp8".to_owned(),
        }
    }

    fn letter(headers: Headers, topic: &str) -> Record {
        let mut headers = headers;
        for (name, value) in
            [("dlq-reason", "media_unreadable"), ("dlq-stage", "fetch"), ("dlq-topic", topic)]
        {
            headers.push(name, value);
        }
        headers.push("dlq-at", "2026-11-24T14:03:22.114Z");
        Record {
            origin: Origin { topic: "exam.dead-letters".to_owned(), partition: 2, offset: 40 },
            key: b"t1/e7/s42".to_vec(),
            value: Some(vec![7; 10]),
            headers,
            timestamp_ms: None,
        }
    }

    fn segment(attempt: u32) -> Headers {
        let event = Event::from_source("/test");
        encode_segment(event, &header(attempt), Media::Inline(vec![7; 10].into())).0
    }

    #[test]
    fn a_segment_goes_back_as_it_came_but_for_its_attempt() {
        let topics = Topics::default();
        let back = redriven(letter(segment(2), "exam.segments"), &topics).unwrap();
        let mut expected = segment(3);
        expected.push("ce_redrivenfrom", "2/40");
        assert_eq!((back.topic.as_str(), back.partition, back.headers), ("exam.segments", None, expected));
        assert_eq!((back.key, back.value), (b"t1/e7/s42".to_vec(), Some(vec![7; 10])));
    }

    #[test]
    fn a_second_failure_names_the_latest_letter_only() {
        let mut headers = segment(1);
        headers.push("ce_redrivenfrom", "0/1");
        let back = redriven(letter(headers, "exam.segments"), &Topics::default()).unwrap();
        let from: Vec<_> = back.headers.iter().filter(|(name, _)| *name == "ce_redrivenfrom").collect();
        assert_eq!(from, [("ce_redrivenfrom", b"2/40".as_slice())]);
    }

    #[test]
    fn what_came_with_a_record_chooses_no_topic_and_hides_no_letter() {
        let topics = Topics::default();
        for elsewhere in ["exam.scores", "other.segments", ""] {
            let stray = letter(segment(0), elsewhere);
            assert_eq!(redriven(stray, &topics), Err(Unfit::OtherTopic), "{elsewhere}");
        }
        let mut forged = segment(0);
        forged.push("dlq-redriven", "40");
        forged.push("dlq-topic", "exam.scores");
        let forged = letter(forged, "exam.segments");
        let valueless = Record { value: None, ..forged.clone() };
        assert!(matches!(Kind::of(valueless, &topics), Kind::Letter(_)));
        let back = redriven(forged, &topics).unwrap();
        assert!(back.headers.iter().all(|(name, _)| !name.starts_with("dlq-")), "{back:?}");
        assert_eq!(back.topic, "exam.segments");
    }

    #[test]
    fn a_receipt_is_told_from_a_letter() {
        let topics = Topics::default();
        let letter = letter(segment(0), "exam.segments");
        let Outgoing { key, value, headers, .. } = receipt(&letter);
        let note = Record { key, value, headers, ..letter.clone() };
        assert_eq!(Kind::of(note, &topics), Kind::Redriven(40));
        let Kind::Letter(read) = Kind::of(letter, &topics) else { panic!("a letter is no note") };
        assert_eq!(
            (read.reason.as_str(), read.stage.as_str(), read.fit),
            ("media_unreadable", "fetch", Ok(()))
        );
        assert!(read.at.is_some());
    }

    #[test]
    fn what_was_no_segment_is_none_now() {
        let topics = Topics::default();
        let noise = letter(Headers::new(), "exam.segments");
        assert_eq!(redriven(noise, &topics), Err(Unfit::NoSegment));
    }
}
