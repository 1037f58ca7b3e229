//! What segments lack: media by reference, from the store into memory, and the keys of what is sealed, as often as it
//! takes.
//!
//! In: segments that state where their media are, or of which something is sealed with a key that is not at hand. Out:
//! the same with their media, or with the reason why they have none, in the order in which that is known. Of a session
//! that was erased nothing comes out: a placeholder would bring back what is to be there no more. All fetches run side by side on this one thread;
//! the media permits that their segments hold bound how many there are. A fetch that fails for no fault of
//! the segment is tried again after a pause, and until then its partition is held: nothing more of it is
//! taken in, and the others go on.

use std::future::Future;
use std::time::{Duration, Instant};

use domain::error::ErrorKind;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::runtime::Builder;
use tokio::sync::mpsc::Receiver;

use super::dead_letter::Rejected;
use super::decode::{SegmentMedia, Taken};
use super::holds::Load;
use super::outbox::Outbox;
use super::queue::Entrance;
use super::retry::Retry;
use super::stop::Stop;
use super::unlock::{Lacks, Unlock};
use crate::media::{Library, MediaError};
use crate::privacy::{SessionKey, VaultError, Wish};
use crate::telemetry::metrics::{Metrics, Stage};

/// How often the thread looks whether everything is given up.
const GLANCE: Duration = Duration::from_millis(50);

/// A segment that lacks something.
pub(super) struct Lacking<'a> {
    /// The segment.
    pub segment: Taken,
    /// What.
    pub lacks: Lacks,
    /// Counts it as being fetched.
    pub load: Load<'a>,
}

/// What the fetching thread works with.
pub(super) struct Fetch<'a> {
    pub library: &'a Library,
    pub unlock: Unlock<'a>,
    pub retry: Retry<'a>,
    pub outbox: &'a Outbox,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

impl Fetch<'_> {
    /// Fetches what comes until nothing comes any more.
    pub(super) fn run(self, from: Receiver<Lacking<'_>>, to: &Entrance<'_>) {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.stop.fail("fetch", &error),
        };
        runtime.block_on(async {
            tokio::select! {
                () = self.fetch_all(from, to) => {}
                () = self.given_up() => {}
            }
        });
        // A file that cannot be read and cannot be left is not waited for.
        runtime.shutdown_background();
    }

    async fn fetch_all(&self, mut from: Receiver<Lacking<'_>>, to: &Entrance<'_>) {
        let coming = stream::poll_fn(|context| from.poll_recv(context));
        coming
            .for_each_concurrent(None, |lacking| async {
                let Lacking { mut segment, lacks, load } = lacking;
                let provided = self.provide(&mut segment, &lacks).await;
                drop(load);
                match provided {
                    Ok(()) => to.put(segment),
                    Err(Failure::Rejected(rejected)) => {
                        segment.media = SegmentMedia::Missing(rejected);
                        to.put(segment);
                    }
                    Err(Failure::Erased) => {
                        self.metrics.refused("erased");
                        if let Err(error) = self.outbox.pass_over(segment.place) {
                            self.stop.fail("fetch", &error);
                        }
                    }
                }
            })
            .await;
    }

    /// Has what a segment lacks.
    async fn provide(&self, segment: &mut Taken, lacks: &Lacks) -> Result<(), Failure> {
        let key = match lacks.key() {
            true => match self.key(segment).await {
                Ok(key) => Some(key),
                // It can be looked at all the same.
                Err(Failure::Rejected(rejected)) if !lacks.is_sealed => {
                    self.unlock.give_up(segment, lacks, &rejected);
                    None
                }
                Err(failure) => return Err(failure),
            },
            false => None,
        };
        if let Some(reference) = &lacks.media {
            let read = || async { Ok(self.library.read(reference).await?) };
            segment.media = SegmentMedia::Fetched(self.until_had(segment, read).await?);
        }
        if let Some(key) = key {
            self.unlock.open(segment, lacks, &key);
        }
        Ok(())
    }

    async fn key(&self, segment: &Taken) -> Result<SessionKey, Failure> {
        let session = &segment.header.session;
        let ask = || async {
            // The vault answers whatever happens, unless it is gone.
            let answer = self.unlock.protection.ask(session, Wish::Existing).await;
            Ok(answer.unwrap_or(Err(VaultError::NoVault))?)
        };
        self.until_had(segment, ask).await
    }

    /// Tries as often as it takes, and is of use.
    async fn until_had<T, F>(&self, segment: &Taken, attempt: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Missing>>,
    {
        let mut tries = self.retry.begin(Stage::Fetch, segment.place.partition());
        loop {
            let started = Instant::now();
            let had = attempt().await;
            self.metrics.stage(Stage::Fetch, had.is_ok(), started.elapsed());
            let missing = match had {
                Ok(had) => return Ok(had),
                Err(Missing { is_erased: true, .. }) => return Err(Failure::Erased),
                Err(missing) => missing,
            };
            let pause = tries.failed(missing.kind, missing.reason);
            // Who has the partition now fetches for himself.
            match pause.filter(|_| self.outbox.is_current(&segment.place)) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    let Missing { reason, detail, .. } = missing;
                    let attempts = tries.failures();
                    return Err(Rejected { stage: Stage::Fetch, reason, detail, attempts }.into());
                }
            }
        }
    }

    async fn given_up(&self) {
        while !self.stop.is_immediate() {
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// Why a segment is not provided with what it lacks.
enum Failure {
    /// It cannot be.
    Rejected(Rejected),
    /// It need not be: its session was erased.
    Erased,
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

/// Something that could not be had this time.
struct Missing {
    kind: ErrorKind,
    reason: &'static str,
    detail: String,
    is_erased: bool,
}

impl From<MediaError> for Missing {
    fn from(error: MediaError) -> Self {
        let (kind, reason, detail) = (error.kind(), error.reason(), error.to_string());
        Self { kind, reason, detail, is_erased: false }
    }
}

impl From<VaultError> for Missing {
    fn from(error: VaultError) -> Self {
        let (kind, reason, detail) = (error.kind(), error.reason(), error.to_string());
        Self { kind, reason, detail, is_erased: error == VaultError::Erased }
    }
}
