//! Photos of `exam.enrolments` become sealed templates.
//!
//! One enrolment after the other: its record is read again, its photos are fetched where they are elsewhere,
//! looked at, and the record is replaced by one with a template, which the partition's reader then sees like any
//! other; compaction removes the photos. Holds no photo longer than that, and nothing that a crash could lose.
//! Photos that cannot be used are told of once: somebody has to enrol the person again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::error::ErrorKind;
use domain::identity::Embedding;
use domain::messages::{Enrolment, Photo, Reference};
use infer::{Recognizer, Vision};
use kafka::wire::{self, Event};
use kafka::{Connection, KafkaError, Outgoing, PartitionReader, Topics};
use tokio::runtime::Runtime;

use super::decode::in_memory;
use super::enrolments::{Enrolments, Unsealed};
use super::stop::Stop;
use crate::identity::reference::Photographs;
use crate::identity::seal;
use crate::media::{self, Library};
use crate::privacy::Protection;
use crate::sending::send_all;
use crate::telemetry::metrics::Metrics;

/// CloudEvents `source` of templates.
const SOURCE: &str = "/invigilator/worker";
/// Records that nobody has polled yet, in bytes.
const BUFFER_BYTES: usize = 1 << 20;
/// How long it is waited for photos to come.
const IDLE: Duration = Duration::from_millis(200);
/// How long it is waited before what failed is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What makes templates of photos.
pub(super) struct Sealing<'a> {
    pub enrolments: Arc<Enrolments>,
    pub connection: &'a Connection,
    pub topics: &'a Topics,
    pub photographs: Photographs<'a, Vision, Recognizer>,
    pub library: &'a Library,
    pub protection: &'a Protection,
    pub metrics: &'a Metrics,
    pub stop: &'a Stop,
}

/// Why there is no template.
enum Failure {
    /// There never will be.
    Photo(String),
    /// Something else is wrong, for now.
    Later(String),
    /// This process cannot do it.
    Fatal(String),
}

impl Sealing<'_> {
    /// Makes templates until the program stops.
    pub(super) fn run(self) {
        let parts = PartitionReader::new(self.connection, BUFFER_BYTES).map_err(|error| error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (reader, runtime) = match (parts, runtime) {
            (Ok(reader), Ok(runtime)) => (reader, runtime),
            (Err(error), _) => return self.stop.fail("sealing", &error),
            (_, Err(error)) => return self.stop.fail("sealing", &error),
        };
        let mut last = None;
        while !self.stop.wait(IDLE) {
            while let Some(next) = self.enrolments.next_unsealed(last.as_ref()) {
                let began = Instant::now();
                match self.seal(&next, &reader, &runtime) {
                    Ok(()) => tracing::info!(session = %next.session, took = ?began.elapsed(), "enrolled"),
                    Err(Failure::Photo(reason)) => {
                        self.metrics.refused("enrolment_photo");
                        let session = &next.session;
                        tracing::error!(%session, reason, "nobody can be verified: a photo cannot be used");
                        self.enrolments.settle(&next);
                    }
                    Err(Failure::Later(reason)) => {
                        tracing::warn!(session = %next.session, reason, "photos are looked at again later");
                        self.stop.wait(PAUSE);
                    }
                    Err(Failure::Fatal(reason)) => return self.stop.fail("sealing", &reason),
                }
                last = Some(next);
                if self.stop.is_draining() {
                    break;
                }
            }
        }
    }

    /// Replaces photos by a template.
    fn seal(&self, next: &Unsealed, reader: &PartitionReader, runtime: &Runtime) -> Result<(), Failure> {
        let topic = self.topics.enrolments();
        let record = reader.read_at(&topic, next.partition, next.offset, PATIENCE).map_err(later)?;
        let record = record.filter(|record| record.origin.offset == next.offset);
        let enrolment = record.and_then(|record| wire::decode::<Enrolment>(&record).ok());
        let Some(Enrolment { session, template, expires_at, reference: Reference::Photos(photos) }) =
            enrolment
        else {
            // Compacted away: what replaced it is on its way.
            self.enrolments.settle(next);
            return Ok(());
        };
        let mut faces = Vec::with_capacity(photos.len());
        for photo in &photos {
            let bytes = self.fetch(photo, runtime)?;
            let told =
                self.photographs.face(in_memory(&bytes), &faces).map_err(|error| match error.kind() {
                    ErrorKind::Poison => Failure::Photo(error.to_string()),
                    ErrorKind::Transient => Failure::Later(error.to_string()),
                    ErrorKind::Fatal => Failure::Fatal(error.to_string()),
                })?;
            faces.push(told.map_err(|unusable| Failure::Photo(unusable.to_string()))?);
        }
        let face =
            Embedding::mean(&faces).ok_or_else(|| Failure::Photo("the faces cancel out".to_owned()))?;
        let key = self.protection.to_write(&session).map_err(|error| match error.kind() {
            ErrorKind::Poison => Failure::Photo(error.to_string()),
            ErrorKind::Transient | ErrorKind::Fatal => Failure::Later(error.to_string()),
        })?;
        let keys = (self.protection.tenants(), key.as_ref());
        let sealed = seal::seal(keys, &session, (&template, &face), &expires_at)
            .map_err(|error| Failure::Photo(error.to_string()))?;
        // Whoever was faster counts.
        if !self.enrolments.is_current(next) {
            return Ok(());
        }
        let record = Outgoing::message(topic, Event::from_source(SOURCE), &sealed);
        let record = Outgoing { partition: Some(next.partition), ..record };
        send_all(self.connection, [record], PATIENCE).map_err(later)?;
        self.enrolments.settle(next);
        Ok(())
    }

    fn fetch(&self, photo: &Photo, runtime: &Runtime) -> Result<Vec<u8>, Failure> {
        match photo {
            Photo::Inline { inline } => {
                STANDARD.decode(inline).map_err(|_| Failure::Photo("it is no base64".to_owned()))
            }
            Photo::Elsewhere { uri, sha256, size } => {
                let (uri, sha256, size) = (uri.clone(), sha256.clone(), *size);
                let reference = media::Reference { uri, sha256, size };
                runtime.block_on(self.library.read(&reference)).map_err(|error| match error.kind() {
                    ErrorKind::Poison => Failure::Photo(error.to_string()),
                    ErrorKind::Transient => Failure::Later(error.to_string()),
                    ErrorKind::Fatal => Failure::Fatal(error.to_string()),
                })
            }
        }
    }
}

fn later(error: KafkaError) -> Failure {
    match error.kind() {
        ErrorKind::Fatal => Failure::Fatal(error.to_string()),
        ErrorKind::Poison | ErrorKind::Transient => Failure::Later(error.to_string()),
    }
}
