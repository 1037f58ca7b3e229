//! Runs the decoder on a thread of its own and feeds its samples through a bounded queue.
//!
//! The queue is what makes decoding and looking overlap, and what stops the decoder when looking is
//! slower. Counted in samples, so that its memory is a number of pictures.

use std::fs::File;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use decode::{DecodeError, DecodeEvent, Decoded, DecoderPool, SamplingPlan, StreamInfo};

use crate::observer::Sample;

/// One delivery of the decoder.
pub(super) enum Fed {
    /// The stream was found.
    Started(StreamInfo),
    /// The next planned instant, and the time its decoding took.
    Sample(Sample, Duration),
}

/// A running decode.
pub(super) struct Feed<'scope> {
    /// What the decoder delivers, in order; hangs up at its end.
    pub(super) fed: Receiver<Fed>,
    decoder: ScopedJoinHandle<'scope, Result<Decoded, DecodeError>>,
}

impl<'scope> Feed<'scope> {
    /// Starts decoding `file`; at most `samples` wait in the queue.
    pub(super) fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        pool: &'env DecoderPool,
        file: File,
        plan: SamplingPlan,
        samples: usize,
    ) -> Self {
        let (send, fed) = sync_channel(samples);
        let decoder = thread::Builder::new()
            .name("decode-feed".to_owned())
            .spawn_scoped(scope, move || run(pool, &file, &plan, &send))
            .expect("a process that runs can start one more thread");
        Self { fed, decoder }
    }

    /// How the decode ended. Call when `fed` has hung up, or to give up: the decoder stops then.
    pub(super) fn end(self) -> Result<Decoded, DecodeError> {
        drop(self.fed);
        match self.decoder.join() {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn run(
    pool: &DecoderPool,
    file: &File,
    plan: &SamplingPlan,
    send: &SyncSender<Fed>,
) -> Result<Decoded, DecodeError> {
    let mut resumed = Instant::now();
    pool.decode(file, plan, &mut |event| {
        let took = resumed.elapsed();
        let fed = match event {
            DecodeEvent::Started(stream) => Fed::Started(stream),
            DecodeEvent::Frame(frame) => {
                let sample = Sample { time: frame.time, picture: Some(frame.picture) };
                Fed::Sample(sample, took)
            }
            DecodeEvent::Gap(time) => Fed::Sample(Sample { time, picture: None }, took),
        };
        // The receiver hangs up when looking failed: no need to decode on.
        let sent = send.send(fed);
        resumed = Instant::now();
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}
