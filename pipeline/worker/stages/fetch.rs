//! Media by reference: from the store into memory, as often as it takes.
//!
//! In: segments that state where their media are. Out: the same with their media, or with the reason why
//! they have none, in the order in which that is known. All fetches run side by side on this one thread;
//! the media permits that their segments hold bound how many there are. A fetch that fails for no fault of
//! the segment is tried again after a pause, and until then its partition is held: nothing more of it is
//! taken in, and the others go on.

use std::time::{Duration, Instant};

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
use crate::media::{Library, Reference};
use crate::telemetry::metrics::{Metrics, Stage};

/// How often the thread looks whether everything is given up.
const GLANCE: Duration = Duration::from_millis(50);

/// A segment whose media are elsewhere.
pub(super) struct Referring<'a> {
    /// The segment.
    pub segment: Taken,
    /// Where they are.
    pub reference: Reference,
    /// Counts it as being fetched.
    pub load: Load<'a>,
}

/// What the fetching thread works with.
pub(super) struct Fetch<'a> {
    pub library: &'a Library,
    pub retry: Retry<'a>,
    pub outbox: &'a Outbox,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

impl Fetch<'_> {
    /// Fetches what comes until nothing comes any more.
    pub(super) fn run(self, from: Receiver<Referring<'_>>, to: &Entrance<'_>) {
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

    async fn fetch_all(&self, mut from: Receiver<Referring<'_>>, to: &Entrance<'_>) {
        let coming = stream::poll_fn(|context| from.poll_recv(context));
        coming
            .for_each_concurrent(None, |referring| async {
                let Referring { mut segment, reference, load } = referring;
                segment.media = match self.fetch(&segment, &reference).await {
                    Ok(media) => SegmentMedia::Fetched(media),
                    Err(rejected) => SegmentMedia::Missing(rejected),
                };
                drop(load);
                to.put(segment);
            })
            .await;
    }

    async fn fetch(&self, segment: &Taken, reference: &Reference) -> Result<Vec<u8>, Rejected> {
        let mut tries = self.retry.begin(Stage::Fetch, segment.place.partition());
        loop {
            let started = Instant::now();
            let fetched = self.library.read(reference).await;
            self.metrics.stage(Stage::Fetch, fetched.is_ok(), started.elapsed());
            let error = match fetched {
                Ok(media) => return Ok(media),
                Err(error) => error,
            };
            let pause = tries.failed(error.kind(), error.reason());
            // Who has the partition now fetches for himself.
            match pause.filter(|_| self.outbox.is_current(&segment.place)) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    let (reason, detail) = (error.reason(), error.to_string());
                    return Err(Rejected { stage: Stage::Fetch, reason, detail, attempts: tries.failures() });
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
