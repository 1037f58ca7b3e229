//! Media by reference: reads the file that a segment names, from folders that the operator listed.
//!
//! A record says where its media is, and records come from outside: without the list of folders a record
//! could make the worker read any file. What is read must be as long as stated and have the stated hash.
//! Only `file:` so far.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use domain::messages::canonical::sha256_hex;

/// Where media is, and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `file:///...`
    pub uri: String,
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Media that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// No `file:` URI of an absolute path.
    #[error("media can be read from `file:///...` alone, not from this reference")]
    Scheme,
    /// Outside the listed folders.
    #[error("the reference leads outside worker.media_folders")]
    NotAllowed,
    /// More than a segment may have.
    #[error("media of {size} bytes are more than {most}")]
    TooLarge {
        /// As stated.
        size: u64,
        /// As allowed.
        most: u64,
    },
    /// Not what was stated.
    #[error("the media is not what the record states: {what} differs")]
    Different {
        /// Length or hash.
        what: &'static str,
    },
    /// It is not there or cannot be read.
    #[error("cannot read the media: {0}")]
    Unreadable(io::Error),
}

impl MediaError {
    /// A stable word for dead letters and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Scheme => "media_scheme",
            Self::NotAllowed => "media_not_allowed",
            Self::TooLarge { .. } => "media_too_large",
            Self::Different { .. } => "media_different",
            Self::Unreadable(_) => "media_unreadable",
        }
    }
}

/// The folders that media may come from.
#[derive(Debug, Clone)]
pub struct MediaFolders {
    folders: Vec<PathBuf>,
    most_bytes: u64,
}

impl MediaFolders {
    /// These folders, and nothing longer than `most_bytes`.
    pub fn new(folders: Vec<PathBuf>, most_bytes: u64) -> Self {
        Self { folders, most_bytes }
    }

    /// Reads the media of a reference.
    ///
    /// # Errors
    /// If it is not allowed, not there, or not what the reference states.
    pub fn read(&self, reference: &Reference) -> Result<Vec<u8>, MediaError> {
        if reference.size > self.most_bytes {
            return Err(MediaError::TooLarge { size: reference.size, most: self.most_bytes });
        }
        let path = path_of(&reference.uri).ok_or(MediaError::Scheme)?;
        // Resolved on both sides: no `..` and no link leads out.
        let path = path.canonicalize().map_err(MediaError::Unreadable)?;
        let within = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
        if !self.folders.iter().any(within) {
            return Err(MediaError::NotAllowed);
        }
        let mut media = Vec::new();
        let file = File::open(&path).map_err(MediaError::Unreadable)?;
        file.take(reference.size + 1).read_to_end(&mut media).map_err(MediaError::Unreadable)?;
        if media.len() as u64 != reference.size {
            return Err(MediaError::Different { what: "its length" });
        }
        if sha256_hex(&media) != reference.sha256 {
            return Err(MediaError::Different { what: "its hash" });
        }
        Ok(media)
    }
}

/// The path of a `file:` URI with an empty host; escapes are not needed for what `publish` writes and
/// are not understood.
fn path_of(uri: &str) -> Option<&Path> {
    let path = uri.strip_prefix("file://").filter(|path| path.starts_with('/') && !path.contains('%'))?;
    Some(Path::new(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(path: &Path, bytes: &[u8]) -> Reference {
        Reference {
            uri: format!("file://{}", path.display()),
            sha256: sha256_hex(bytes),
            size: bytes.len() as u64,
        }
    }

    #[test]
    fn only_what_was_stated_is_read_and_only_from_the_listed_folders() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = MediaFolders::new(vec![inside.path().to_owned()], 100);
        let good = inside.path().join("a.webm");
        let secret = outside.path().join("secret");
        std::fs::write(&good, b"media").unwrap();
        std::fs::write(&secret, b"media").unwrap();
        std::os::unix::fs::symlink(&secret, inside.path().join("link")).unwrap();
        assert_eq!(folders.read(&reference(&good, b"media")).unwrap(), b"media");

        let around = inside.path().join("..").join(outside.path().file_name().unwrap()).join("secret");
        let reason = |reference: &Reference| folders.read(reference).unwrap_err().reason();
        assert_eq!(reason(&reference(&secret, b"media")), "media_not_allowed");
        assert_eq!(reason(&reference(&around, b"media")), "media_not_allowed");
        assert_eq!(reason(&reference(&inside.path().join("link"), b"media")), "media_not_allowed");
        assert_eq!(reason(&reference(&inside.path().join("none"), b"media")), "media_unreadable");
        assert_eq!(reason(&reference(&good, b"medio")), "media_different");
        assert_eq!(reason(&reference(&good, b"media and more")), "media_different");
        assert_eq!(reason(&reference(&good, b"med")), "media_different");
        assert_eq!(reason(&reference(&good, &[0; 101])), "media_too_large");
        for uri in ["http://host/a.webm", "a.webm", "file://host/a", "file:///%2e%2e/etc/passwd"] {
            let elsewhere = Reference { uri: uri.to_owned(), ..reference(&good, b"media") };
            assert_eq!(reason(&elsewhere), "media_scheme", "{uri}");
        }
    }
}
