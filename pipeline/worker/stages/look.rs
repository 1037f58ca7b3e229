//! Pictures to observations: batches over segments of many sessions, all cores on each.
//!
//! Waits for one decoded segment, then takes what else is there, so that a batch is formed at the last
//! moment and nothing waits for a batch to fill. Its segments are looked at in parallel by the pool of
//! `infer`; those with a suspicious sample are decoded once more, for the samples between, and looked at
//! again. The observations go to the outbox. Never waits for the network.

use std::time::Instant;

use crossbeam_channel::Receiver;
use domain::observe::SegmentIdentity;
use domain::ports::Vision;

use super::decode::{Decode, Decoded, Source};
use super::outbox::{Outbox, Place};
use super::plans::Plans;
use super::stop::Stop;
use crate::failpoint::Failpoint;
use crate::observer::Observer;
use crate::telemetry::metrics::{Metrics, Stage};

/// What the looking thread works with.
pub(super) struct Look<'a, V: Vision> {
    pub observer: Observer<'a, V>,
    pub decode: Decode<'a>,
    pub plans: &'a Plans<'a>,
    pub batch: usize,
    pub outbox: &'a Outbox,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

impl<V: Vision> Look<'_, V> {
    /// Looks at what comes until nothing comes any more.
    pub(super) fn run(self, from: &Receiver<Decoded>) {
        while let Ok(first) = from.recv() {
            if self.stop.is_immediate() {
                return;
            }
            let batch: Vec<Decoded> =
                std::iter::once(first).chain(from.try_iter().take(self.batch - 1)).collect();
            if let Err(error) = self.look(batch) {
                return self.stop.fail("look", &error);
            }
        }
    }

    fn look(&self, batch: Vec<Decoded>) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut origins: Vec<(SegmentIdentity, Source, Place)> = Vec::with_capacity(batch.len());
        let mut permits = Vec::with_capacity(batch.len());
        let mut segments = Vec::with_capacity(batch.len());
        for Decoded { segment, source, permit, place } in batch {
            origins.push((segment.identity.clone(), source, place));
            permits.push(permit);
            segments.push(segment);
        }
        if Failpoint::LookModels.fails() {
            anyhow::bail!("a failpoint lets the models fail");
        }
        let observations = self.observer.observe(segments, |suspicious| {
            let closer = suspicious.iter().map(|segment| {
                let (_, source, place) = &origins[*segment];
                self.decode.closer(source, place)
            });
            closer.collect()
        })?;
        drop(permits);
        let each = started.elapsed() / observations.len().max(1) as u32;
        for ((identity, _, place), observation) in origins.into_iter().zip(observations) {
            match observation {
                Ok(observation) => {
                    self.metrics.stage(Stage::Look, true, each);
                    self.metrics.observed(&observation);
                    self.plans.learn(&observation);
                    self.outbox.tell_step(&place, Stage::Look, started.elapsed(), None);
                    self.outbox.publish(place, &observation)?;
                }
                Err(failure) => {
                    if !self.decode.fail(failure, identity, place) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}
