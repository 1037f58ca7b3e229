//! Recordings uploaded to a gateway the way browsers upload: one byte stream a session, in chunks with numbers.
//!
//! ```text
//! file or stdin ─▶ slices (what a recorder hands over every second) ─▶ pace ─▶ gateway, one chunk after the other
//! ```
//!
//! A chunk is sent again until the gateway has acknowledged it, and the next one goes out only then. What is in the
//! stream is looked at for its times alone: the gateway gets every byte as it is.
//!
//! Not responsible for: which files, and what a person sees of it.

mod client;
mod error;
mod slices;

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use domain::ids::SessionId;
use domain::time::MediaMs;
use tokio::sync::mpsc;
use tokio::time::sleep;

pub use client::{Client, NewSession, Opened};
pub use error::UploadError;

use crate::publish::Pace;
use slices::{Slice, Slices};

/// Slices of a session that are read before they are sent.
const READ_AHEAD: usize = 2;

/// Where a stream comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file that can be read from its beginning to its end: WebM, Matroska, fragmented MP4.
    File(PathBuf),
    /// Whatever another program writes.
    Stdin,
}

/// A session to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPlan {
    /// The stream.
    pub source: Source,
    /// The session's name within its exam; else the gateway makes one.
    pub name: Option<String>,
}

/// How sessions are uploaded. Shared between them.
#[derive(Debug)]
pub struct Uploader {
    /// The gateway.
    pub client: Client,
    /// The exam that all of them are sat in.
    pub exam: String,
    /// Id of the policy that judges them; else the gateway's default.
    pub policy: Option<String>,
    /// How fast.
    pub pace: Pace,
    /// What has been acknowledged so far.
    pub figures: Arc<Figures>,
}

/// What has been acknowledged so far.
#[derive(Debug, Default)]
pub struct Figures {
    chunks: AtomicU64,
    bytes: AtomicU64,
}

impl Figures {
    /// Chunks.
    pub fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }

    /// Bytes of them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A session that was uploaded to its end.
#[derive(Debug)]
pub struct Uploaded {
    /// Its name.
    pub session: SessionId,
    /// How many chunks it has.
    pub chunks: u64,
    /// How long its video is.
    pub length: MediaMs,
}

impl Uploader {
    /// Uploads a session; returns when the gateway has acknowledged its end.
    ///
    /// # Errors
    /// If the stream cannot be read to its end, or the gateway does not take it.
    pub async fn session(&self, plan: &UploadPlan) -> Result<Uploaded, UploadError> {
        let mut slices = read(plan.source.clone())?;
        // A stream that is none makes no session.
        let mut next = slices.recv().await.transpose()?;
        let new = NewSession { exam: &self.exam, name: plan.name.as_deref(), policy: self.policy.as_deref() };
        let mut opened = self.client.create(&new).await?;
        let (pace, mut chunks, mut length) = (self.pace.begin(), 0, MediaMs::ZERO);
        while let Some(slice) = next {
            length = slice.until;
            sleep(pace.left(slice.until)).await;
            for bytes in slice.bytes.chunks(opened.chunk_bytes.max(1)) {
                let number = opened.first_chunk + chunks;
                self.put(&mut opened, number, slice.media_type, bytes).await?;
                chunks += 1;
            }
            next = slices.recv().await.transpose()?;
        }
        self.client.end(&mut opened).await?;
        Ok(Uploaded { session: opened.session, chunks, length })
    }

    async fn put(
        &self,
        opened: &mut Opened,
        number: u64,
        media_type: &'static str,
        bytes: &[u8],
    ) -> Result<(), UploadError> {
        self.client.put(opened, number, media_type, bytes).await?;
        self.figures.chunks.fetch_add(1, Ordering::Relaxed);
        self.figures.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Reads a stream on a thread of its own, since files and pipes make whoever reads them wait.
fn read(source: Source) -> Result<mpsc::Receiver<Result<Slice, UploadError>>, UploadError> {
    let media: Box<dyn Read + Send> = match source {
        Source::File(path) => Box::new(File::open(path)?),
        Source::Stdin => Box::new(io::stdin()),
    };
    let (give, take) = mpsc::channel(READ_AHEAD);
    let read = move || {
        for slice in Slices::new(media) {
            if give.blocking_send(slice).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("upload".to_owned()).spawn(read)?;
    Ok(take)
}
