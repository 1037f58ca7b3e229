//! What an analysed file is called and hashed as.
//!
//! A file belongs to no tenant and no exam; its session is named after its content, so that the same
//! bytes give the same ids wherever they lie and whatever they are called.

use std::fs::File;
use std::io::{self, Read};

use domain::ids::SessionId;
use domain::messages::{StreamKind, StreamRef};
use sha2::{Digest, Sha256};

/// Session and stream of an analysed file.
#[derive(Debug, Clone)]
pub struct FileSession {
    /// The session.
    pub session: SessionId,
    /// Its only stream.
    pub stream: StreamRef,
}

impl FileSession {
    /// Names a file by its content, or as told.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of(file: &mut File, told: Option<SessionId>) -> io::Result<Self> {
        let sha256 = hash(file)?;
        let session = told.unwrap_or_else(|| {
            SessionId::new("local", "files", &sha256[..16]).expect("hex digits make a session id")
        });
        let stream = StreamRef { kind: StreamKind::Webcam, epoch: 0, init_sha256: sha256 };
        Ok(Self { session, stream })
    }
}

/// SHA-256 of a whole file, lower-case hex.
fn hash(file: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => digest.update(&buffer[..read]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
