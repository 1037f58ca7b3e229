//! Payloads of records, sealed and opened: each is bound to its kind, its session and its place in that, none of which
//! changes when a record is set aside and sent again.

use domain::messages::{CHUNK_TYPE, ChunkHeader, SEGMENT_TYPE, SegmentHeader};
use kafka::{Outgoing, Record, wire};

use super::cipher::bound;
use super::{SealError, SessionKey};

/// What the bytes of a chunk are bound to.
pub(crate) fn of_chunk(header: &ChunkHeader) -> Vec<u8> {
    bound(&[CHUNK_TYPE, header.session.as_str(), &header.number.to_string()])
}

/// What the media of a segment are bound to, in a record or elsewhere.
pub(crate) fn of_segment(header: &SegmentHeader) -> Vec<u8> {
    let (epoch, sequence) = (header.stream.epoch.to_string(), header.sequence.to_string());
    bound(&[SEGMENT_TYPE, header.session.as_str(), &epoch, &sequence])
}

/// A record whose payload is sealed, where there is a key: its value, if it has one that is not empty. What it refers
/// to is sealed already.
///
/// # Errors
/// If the machine gives no random numbers.
pub(crate) fn seal(
    mut record: Outgoing,
    key: Option<&SessionKey>,
    bound_to: &[u8],
) -> Result<Outgoing, SealError> {
    let Some(key) = key else { return Ok(record) };
    if let Some(value) = record.value.as_mut().filter(|value| !value.is_empty()) {
        *value = key.seal(bound_to, value)?;
    }
    wire::mark_sealed(&mut record.headers);
    Ok(record)
}

/// Opens the value of a record that is sealed. Its headers go on to say that it is: see [`seal_again`].
///
/// # Errors
/// If it does not open, or nothing is in it.
pub(crate) fn open(record: &mut Record, key: &SessionKey, bound_to: &[u8]) -> Result<(), SealError> {
    let opened = key.open(bound_to, record.value.as_deref().unwrap_or_default())?;
    if opened.is_empty() {
        return Err(SealError::DoesNotOpen);
    }
    record.value = Some(opened);
    Ok(())
}

/// Seals the value of a record again that was [opened](open), before it goes anywhere.
///
/// # Errors
/// If the machine gives no random numbers.
pub(crate) fn seal_again(record: &mut Record, key: &SessionKey, bound_to: &[u8]) -> Result<(), SealError> {
    record.value = Some(key.seal(bound_to, record.value.as_deref().unwrap_or_default())?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::messages::Chunk;
    use kafka::wire::Event;
    use kafka::{Origin, Record};

    use super::*;

    fn outgoing(number: u64) -> (ChunkHeader, Outgoing) {
        let chunk = Chunk::new("t/e/s".parse().unwrap(), number, "video/webm", b"pixels of a face".to_vec());
        (chunk.header.clone(), Outgoing::chunk("exam.chunks", Event::from_source("/test"), chunk))
    }

    fn read(Outgoing { topic, key, value, headers, .. }: Outgoing) -> Record {
        Record { origin: Origin { topic, partition: 0, offset: 0 }, key, value, headers, timestamp_ms: None }
    }

    #[test]
    fn a_payload_is_sealed_and_all_else_of_its_record_is_as_it_was() {
        let (header, plain) = outgoing(7);
        let key = SessionKey::of([1; 32]);
        let sealed = seal(plain.clone(), Some(&key), &of_chunk(&header)).unwrap();
        assert_eq!(
            sealed.bytes() - plain.bytes(),
            SessionKey::OVERHEAD + "ce_encryptionsession-a256gcm".len()
        );
        let mut record = read(sealed);
        assert!(wire::is_sealed(&record.headers).unwrap());
        assert_eq!(wire::decode_chunk(&record).unwrap(), header, "whose it is can be read without the key");
        let is_in = |record: &Record| record.value.as_deref().unwrap().windows(6).any(|six| six == b"pixels");
        assert!(!is_in(&record));
        open(&mut record, &key, &of_chunk(&header)).unwrap();
        assert_eq!(record.value, plain.value);
        seal_again(&mut record, &key, &of_chunk(&header)).unwrap();
        assert!(!is_in(&record));
        open(&mut record, &key, &of_chunk(&header)).unwrap();
        assert_eq!(record.value, plain.value);
        assert_eq!(seal(plain.clone(), None, b"").unwrap(), plain, "without a key nothing is");
    }

    #[test]
    fn no_payload_opens_in_the_place_of_another() {
        let key = SessionKey::of([1; 32]);
        let (header, plain) = outgoing(7);
        let sealed = seal(plain, Some(&key), &of_chunk(&header)).unwrap();
        let (other, _) = outgoing(8);
        assert_eq!(open(&mut read(sealed), &key, &of_chunk(&other)), Err(SealError::DoesNotOpen));
    }
}
