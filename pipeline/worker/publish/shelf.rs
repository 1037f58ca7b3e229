//! Where media lie that records refer to: a folder, or a place in a bucket. They appear whole or not at
//! all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::PublishError;
use crate::media::{Address, Bucket, Origin, Prefix};

/// A place for media.
#[derive(Debug)]
pub enum Shelf {
    /// A folder of this machine, or of a file system that workers share.
    Folder {
        /// Absolute, without links.
        path: PathBuf,
        /// The same as an address.
        prefix: Prefix,
    },
    /// A place in a bucket.
    Bucket(Bucket),
}

impl Shelf {
    /// A shelf as a person names it: a folder, `file:///FOLDER` or `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// If nothing can be put there.
    pub fn named(name: &str) -> Result<Self, PublishError> {
        if !name.contains("://") {
            return Self::folder(Path::new(name));
        }
        let prefix: Prefix = name.parse().map_err(PublishError::Address)?;
        match prefix.origin() {
            Origin::Files => Self::folder(&Path::new("/").join(prefix.path())),
            Origin::Web { .. } => Err(PublishError::ReadOnly),
            Origin::Bucket(_) => {
                let uri = prefix.to_string();
                let bucket = Bucket::open(prefix).map_err(|source| PublishError::Bucket { uri, source })?;
                Ok(Self::Bucket(bucket))
            }
        }
    }

    /// A folder, which is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be had, or its path cannot be written as an address.
    pub fn folder(folder: &Path) -> Result<Self, PublishError> {
        let unusable = |source| PublishError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        let path = folder.canonicalize().map_err(unusable)?;
        match format!("file://{}", path.display()).parse() {
            Ok(prefix) => Ok(Self::Folder { path, prefix }),
            Err(_) => Err(PublishError::FolderName(path)),
        }
    }

    /// Puts media there under a plain name; the address by which they can be read from now on.
    pub(super) fn put(&self, name: &str, media: &[u8]) -> Result<Address, PublishError> {
        match self {
            Self::Folder { path, prefix } => {
                store(path, name, media)
                    .map_err(|source| PublishError::Folder { folder: path.clone(), source })?;
                prefix.join(name).map_err(PublishError::Address)
            }
            Self::Bucket(bucket) => bucket
                .put(name, media.to_vec())
                .map_err(|source| PublishError::Bucket { uri: bucket.prefix().to_string(), source }),
        }
    }
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
    use super::*;

    #[test]
    fn a_folder_is_named_by_path_or_address_and_media_lie_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        for name in [path.clone(), format!("file://{path}/")] {
            let address = Shelf::named(&name).unwrap().put("a.webm", b"media").unwrap();
            let read = fs::read(address.to_string().strip_prefix("file://").unwrap()).unwrap();
            assert_eq!(read, b"media", "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one file, and no part of one");
    }

    #[test]
    fn a_file_that_was_left_half_written_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.webm");
        fs::write(&path, b"med").unwrap();
        Shelf::folder(folder.path()).unwrap().put("a.webm", b"media").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"media");
    }

    #[test]
    fn places_that_nothing_can_be_put_in_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["with space", "100%", "größe"] {
            let error = Shelf::folder(&folder.path().join(name)).unwrap_err();
            assert!(matches!(error, PublishError::FolderName(_)), "{error}");
        }
        assert!(matches!(Shelf::named("https://host/media/"), Err(PublishError::ReadOnly)));
        assert!(matches!(Shelf::named("ftp://host/media/"), Err(PublishError::Address(_))));
        assert!(matches!(Shelf::named("s3://bucket/a/../b"), Err(PublishError::Address(_))));
    }
}
