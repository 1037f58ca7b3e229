//! How media travel: in their record, or by a shelf that the record refers to, there sealed if their session has a key.

use domain::messages::canonical::sha256_hex;
use kafka::wire::Media;

use super::error::PublishError;
use super::shelf::Shelf;
use crate::piece::Piece;
use crate::privacy::{SessionKey, payload};

/// Decides where media go, and puts them there.
///
/// On the shelf they are named after their content, as it lies there: the same media published twice, by this process
/// or another, lie there once unless they are sealed, and a name never has other bytes. Nobody removes them.
#[derive(Debug)]
pub struct Carriage {
    /// The largest media that travel in their record, in bytes.
    inline: usize,
    shelf: Option<Shelf>,
}

impl Carriage {
    /// Media of up to `inline` bytes travel in their record, larger ones by the shelf.
    pub fn new(inline: usize, shelf: Option<Shelf>) -> Self {
        Self { inline, shelf }
    }

    /// Puts the media of a piece where they travel.
    ///
    /// # Errors
    /// If they fit nowhere, or cannot be stored.
    pub(super) fn load<'a>(
        &self,
        piece: &'a Piece,
        key: Option<&SessionKey>,
    ) -> Result<Media<'a>, PublishError> {
        let media = &piece.media;
        if media.len() <= self.inline {
            return Ok(Media::Inline(media.into()));
        }
        let Some(shelf) = &self.shelf else {
            let (sequence, bytes, most) = (piece.header.sequence, media.len(), self.inline);
            return Err(PublishError::TooLarge { sequence, bytes, most });
        };
        let sealed = key.map(|key| key.seal(&payload::of_segment(&piece.header), media)).transpose()?;
        let media = sealed.as_ref().unwrap_or(media);
        let sha256 = sha256_hex(media);
        let ending = if piece.header.media_type.starts_with("video/webm") { "webm" } else { "mkv" };
        let ending = if key.is_some() { "sealed" } else { ending };
        let uri = shelf.put(&format!("{sha256}.{ending}"), media)?.to_string();
        Ok(Media::Reference { uri, sha256, size: media.len() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use domain::messages::{SegmentHeader, StreamKind, StreamRef};
    use domain::time::{MediaMs, Millis};

    use super::*;

    fn piece(media: &[u8]) -> Piece {
        let header = SegmentHeader {
            session: "t/e/s".parse().unwrap(),
            stream: StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: sha256_hex(b"") },
            sequence: 3,
            attempt: 0,
            start_ms: MediaMs(0),
            end_ms: MediaMs(2_000),
            preroll_ms: Millis(0),
            rotation_deg: None,
            media_type: "video/webm; codecs=vp8".to_owned(),
        };
        Piece { header, media: media.to_vec(), last: MediaMs(1_933) }
    }

    #[test]
    fn small_media_travel_in_their_record_and_large_ones_by_the_shelf() {
        let folder = tempfile::tempdir().unwrap();
        let carriage = Carriage::new(4, Some(Shelf::folder(folder.path()).unwrap()));
        assert!(
            matches!(carriage.load(&piece(b"four"), None).unwrap(), Media::Inline(bytes) if *bytes == *b"four")
        );
        let large = piece(b"large");
        let Media::Reference { uri, sha256, size } = carriage.load(&large, None).unwrap() else {
            panic!("too large for the record");
        };
        assert_eq!((sha256, size), (sha256_hex(b"large"), 5));
        assert_eq!(std::fs::read(uri.strip_prefix("file://").unwrap()).unwrap(), b"large");
    }

    #[test]
    fn on_the_shelf_media_of_a_session_with_a_key_are_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let carriage = Carriage::new(4, Some(Shelf::folder(folder.path()).unwrap()));
        let (key, large) = (SessionKey::of([1; 32]), piece(b"large"));
        let Media::Reference { uri, sha256, size } = carriage.load(&large, Some(&key)).unwrap() else {
            panic!("too large for the record");
        };
        let stored = std::fs::read(uri.strip_prefix("file://").unwrap()).unwrap();
        assert_eq!((sha256, size), (sha256_hex(&stored), stored.len() as u64), "of what lies there");
        assert!(!stored.windows(5).any(|five| five == b"large"));
        assert_eq!(key.open(&payload::of_segment(&large.header), &stored).unwrap(), b"large");
    }

    #[test]
    fn what_fits_nowhere_is_refused() {
        let error = Carriage::new(4, None).load(&piece(b"large"), None).unwrap_err();
        assert_eq!(error.to_string(), "segment 3 has 5 bytes, more than 4, and no place for media is given");
    }
}
