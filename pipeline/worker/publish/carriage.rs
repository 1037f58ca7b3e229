//! How media travel: in their record, or in a folder that the record refers to.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::messages::canonical::sha256_hex;
use kafka::wire::Media;

use super::error::PublishError;
use super::recording::Piece;

/// Decides where media go, and puts them there.
///
/// Files are named after their content: the same media published twice, by this process or another, lie
/// there once, and a name never has other bytes. They appear whole or not at all. Nobody removes them.
#[derive(Debug, Clone)]
pub struct Carriage {
    /// The largest media that travel in their record, in bytes.
    inline: usize,
    folder: Option<PathBuf>,
}

impl Carriage {
    /// Media of up to `inline` bytes travel in their record, larger ones by `folder`, which is made if it
    /// is not there.
    ///
    /// # Errors
    /// If the folder cannot be had, or its path cannot be written as an address.
    pub fn new(inline: usize, folder: Option<&Path>) -> Result<Self, PublishError> {
        let folder = folder.map(prepare).transpose()?;
        Ok(Self { inline, folder })
    }

    /// Puts the media of a piece where they travel.
    ///
    /// # Errors
    /// If they fit nowhere, or cannot be stored.
    pub(super) fn load<'a>(&self, piece: &'a Piece) -> Result<Media<'a>, PublishError> {
        let media = &piece.media;
        if media.len() <= self.inline {
            return Ok(Media::Inline(media.into()));
        }
        let Some(folder) = &self.folder else {
            let (sequence, bytes, most) = (piece.header.sequence, media.len(), self.inline);
            return Err(PublishError::TooLarge { sequence, bytes, most });
        };
        let sha256 = sha256_hex(media);
        let ending = if piece.header.media_type.starts_with("video/webm") { "webm" } else { "mkv" };
        let name = format!("{sha256}.{ending}");
        store(folder, &name, media)
            .map_err(|source| PublishError::Folder { folder: folder.clone(), source })?;
        let uri = format!("file://{}", folder.join(name).display());
        Ok(Media::Reference { uri, sha256, size: media.len() as u64 })
    }
}

fn prepare(folder: &Path) -> Result<PathBuf, PublishError> {
    let unusable = |source| PublishError::Folder { folder: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(unusable)?;
    let absolute = folder.canonicalize().map_err(unusable)?;
    // Readers of the address resolve no escapes.
    let is_plain = absolute
        .to_str()
        .is_some_and(|path| path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%'));
    if is_plain { Ok(absolute) } else { Err(PublishError::FolderName(absolute)) }
}

/// Writes a file under another name and renames it once it is safe: whoever reads the reference finds it
/// whole.
fn store(folder: &Path, name: &str, media: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    if fs::metadata(&path).is_ok_and(|found| found.len() == media.len() as u64) {
        return Ok(());
    }
    // Workers may run as somebody else.
    let readable = fs::Permissions::from_mode(0o644);
    let mut part = tempfile::Builder::new().prefix(".part-").permissions(readable).tempfile_in(folder)?;
    part.write_all(media)?;
    part.as_file().sync_all()?;
    part.persist(path)?;
    Ok(())
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
    fn small_media_travel_in_their_record_and_large_ones_by_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let carriage = Carriage::new(4, Some(folder.path())).unwrap();
        assert!(
            matches!(carriage.load(&piece(b"four")).unwrap(), Media::Inline(bytes) if *bytes == *b"four")
        );
        for _again in 0..2 {
            let large = piece(b"large");
            let Media::Reference { uri, sha256, size } = carriage.load(&large).unwrap() else {
                panic!("too large for the record");
            };
            assert_eq!((sha256, size), (sha256_hex(b"large"), 5));
            assert_eq!(fs::read(uri.strip_prefix("file://").unwrap()).unwrap(), b"large");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one file, and no part of one");
    }

    #[test]
    fn a_file_that_was_left_half_written_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{}.webm", sha256_hex(b"large")));
        fs::write(&path, b"lar").unwrap();
        Carriage::new(0, Some(folder.path())).unwrap().load(&piece(b"large")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"large");
    }

    #[test]
    fn what_fits_nowhere_is_refused_and_addresses_need_plain_names() {
        let error = Carriage::new(4, None).unwrap().load(&piece(b"large")).unwrap_err();
        assert_eq!(error.to_string(), "segment 3 has 5 bytes, more than 4, and no folder for media is given");
        let folder = tempfile::tempdir().unwrap();
        for name in ["with space", "100%", "größe"] {
            let error = Carriage::new(4, Some(&folder.path().join(name))).unwrap_err();
            assert!(matches!(error, PublishError::FolderName(_)), "{error}");
        }
    }
}
