//! The worker: all stages wired, in the order in which data meets them, with every queue and its bound.
//!
//! ```text
//! exam.chunks
//!    │  cut         1 thread: consume → order → cut → produce, in transactions; holds at most `chunks` (bytes)
//!    ▼
//! exam.segments
//!    │  enrolments  1 thread: exam.enrolments beside it; a partition waits until it is known who is expected
//!    │  sealing     1 thread: photos in it become sealed templates, one after the other
//!    │  ingest      1 thread: polls; pauses partitions while there is no room for media, those with a backlog
//!    │              earlier than those with live video
//!    ├─▶ fetch      1 thread: media by reference and keys of sessions, all at once; tries again and holds the
//!    │              partition meanwhile
//!    ▼  queue       bounded by `media` (bytes): a permit each, held until there is a verdict; the most urgent
//!    │              first, tenants in turn
//!    │  decode      1 thread per decoder child; each segment by the plan that is decided for it then
//!    ▼  decoded     bounded by `pictures` (bytes), a permit each, held until they were looked at, and by two
//!    │              batches
//!    │  look        1 thread: batches over sessions; all cores through the pool of `infer`; has decoded again
//!    │              what it looks at more closely
//!    │    ├─▶ darkroom  1 thread: pictures of flagged moments, where they are kept; at most 8 wait, others are not kept
//!    │    ╰── consents  1 thread: exam.sessions, of which sessions any are
//!    ▼  outbox      in log order per session; bounded by the producer's bytes
//! exam.observations (or exam.dead-letters and a placeholder) ── acknowledged ──▶ ledger ──▶ ingest commits
//!    │  score       1 thread: consume → fold → produce, in transactions
//!    ▼
//! exam.incidents · exam.scores · exam.score-state
//!    ╰─▶ tidying    1 thread: pictures that show no incident are deleted; at most 4096 sessions wait, others are left
//! ```
//!
//! Kept apart on purpose: the observe role holds nothing that a crash can lose, and repeats what was not
//! acknowledged; the cut and score roles say and count nothing twice. They can run in one process or in many.
//! An end is asked for with [`Stop`]: `ingest` takes in nothing more, the queues run dry in order, what is
//! acknowledged is committed.

mod budget;
mod cut;
mod dead_letter;
mod decode;
mod enrolments;
mod fetch;
mod following;
mod holds;
mod in_order;
mod ingest;
mod look;
mod outbox;
mod overtaken;
mod plans;
mod queue;
mod retry;
mod score;
mod sealing;
mod stop;
mod transactions;
mod unlock;

use std::sync::{Arc, Mutex};
use std::thread;

use ::decode::DecoderPool;
use crossbeam_channel::bounded;
use domain::delivery::OffsetLedger;
use infer::{Recognizer, Vision};
use kafka::topics::LARGEST_RECORD;
use kafka::{Connection, GroupConsumer, GroupSettings, KafkaError, Topics};
use tokio::sync::mpsc;

pub use budget::Budget;
pub(crate) use outbox::ARRIVED;
pub(crate) use retry::Schedule;
pub(crate) use score::{Policies, Preview};
pub use stop::Stop;

use crate::evidence::consents::Asking;
use crate::evidence::darkroom::Darkroom;
use crate::evidence::keeper::Keeper;
use crate::evidence::tidy::{self, Tidier, Tidying};
use crate::evidence::{self, Keeping, PictureStore};
use crate::identity::reference::Photographs;
use crate::media::Library;
use crate::observer::{Observer, Placeholders, Witness};
use crate::privacy::Protection;
use crate::settings::policy::LoadedPolicy;
use crate::settings::{Role, Settings};
use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Metrics, Pool};
use crate::telemetry::spans::Spans;
use cut::{Cut, Cutting};
use decode::Decode;
use enrolments::Enrolments;
use fetch::Fetch;
use following::Following;
use holds::Holds;
use ingest::{Ingest, LEAST_COST, Leases};
use look::Look;
use outbox::Outbox;
use overtaken::Overtaken;
use plans::Plans;
use queue::Queue;
use retry::Retry;
use score::Score;
use sealing::Sealing;
use unlock::Unlock;

/// Batches that are decoded and wait for the models, at most: enough for these never to wait. (Their pictures
/// are bounded in bytes, too.) More would be decoded by plans that are decided too early.
const BATCHES_AHEAD: usize = 2;

/// What the stages work with.
pub struct Worker<'a> {
    /// All settings.
    pub settings: &'a Settings,
    /// The policy that judges where a session names none.
    pub policy: LoadedPolicy,
    /// How to reach the brokers.
    pub connection: Connection,
    /// The names of the topics.
    pub topics: Topics,
    /// What the observe role needs; without it, that role does not run.
    pub eyes: Option<Eyes<'a>>,
    /// What chunks, segments and templates are sealed and opened with.
    pub protection: &'a Protection,
    /// Where pictures lie, if any are kept.
    pub pictures: Option<&'a PictureStore>,
    /// Counts.
    pub metrics: Metrics,
    /// Takes the spans of traced segments.
    pub spans: Spans,
    /// Tells who is alive and ready.
    pub health: Health,
    /// Ends everything.
    pub stop: Stop,
}

/// Media, decoders and models.
pub struct Eyes<'a> {
    /// Fetches media by reference.
    pub library: &'a Library,
    /// Decodes.
    pub decoder: &'a DecoderPool,
    /// Looks.
    pub observer: Observer<'a, Vision>,
    /// Makes templates of photos, where faces can be compared.
    pub photographs: Option<Photographs<'a, Vision, Recognizer>>,
    /// Keeps pictures of flagged moments, where any are kept.
    pub keeping: Option<Keeping<'a>>,
}

/// The memory that work in hand may take.
#[derive(Debug, Clone)]
pub struct Budgets {
    /// Segments without a verdict.
    pub media: Budget,
    /// Pictures that were not looked at.
    pub pictures: Budget,
}

impl Budgets {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            media: Budget::new(settings.worker.media_bytes),
            pictures: Budget::new(settings.worker.picture_bytes),
        }
    }

    /// Tells how full they are.
    pub fn tell(&self, metrics: &Metrics) {
        metrics.pool(Pool::Media, self.media.used(), self.media.blocked());
        metrics.pool(Pool::Pictures, self.pictures.used(), self.pictures.blocked());
    }
}

impl Worker<'_> {
    /// Runs the roles until [`Stop`] or an error ends them; the error is then in [`Stop::failure`].
    ///
    /// # Errors
    /// If a client cannot be made.
    pub fn run(&mut self, budgets: &Budgets) -> Result<(), KafkaError> {
        let eyes = self.eyes.take();
        let this = &*self;
        let cuts = self.settings.worker.roles.contains(&Role::Cut).then(|| self.cut());
        let (to_tidy, settled) = bounded(tidy::WAITING);
        let tidier = self.pictures.map(|_| Tidier::new(to_tidy));
        let scores = self.settings.worker.roles.contains(&Role::Score).then(|| self.score(tidier));
        thread::scope(|scope| {
            if let (Some(store), Some(_)) = (this.pictures, &scores) {
                let tidying = Tidying { store, metrics: &this.metrics, stop: &this.stop };
                spawn(scope, &this.stop, "tidying".to_owned(), move || tidying.run(&settled));
            }
            if let Some(cut) = cuts {
                spawn(scope, &this.stop, "cut".to_owned(), || cut.run());
            }
            if let Some(score) = scores {
                spawn(scope, &this.stop, "score".to_owned(), || score.run());
            }
            match eyes {
                Some(eyes) => {
                    this.observe(eyes, budgets).inspect_err(|error| this.stop.fail("observe", error))
                }
                None => Ok(()),
            }
        })
    }

    /// The observe role, from its topic to its topics.
    fn observe(&self, eyes: Eyes<'_>, budgets: &Budgets) -> Result<(), KafkaError> {
        let (worker, kafka) = (&self.settings.worker, &self.settings.kafka);
        let (metrics, stop) = (&self.metrics, &self.stop);
        let ledger = Arc::new(Mutex::new(OffsetLedger::new()));
        let outbox = Outbox::new(
            &self.connection,
            self.topics.clone(),
            Arc::clone(&ledger),
            (metrics.clone(), self.spans.clone()),
            stop.clone(),
        )?;
        let pulse = self.health.register(ingest::ROLE.name());
        let overtaken = Arc::new(Overtaken::default());
        let enrolments = Arc::new(Enrolments::default());
        let place = (&self.connection, &self.topics);
        let following = Following::new(place, &enrolments, self.protection, metrics, stop)?;
        // Templates are for all: a shadow waits for those that others make.
        let photographs = eyes.photographs.filter(|_| !self.topics.is_shadow());
        let sealing = photographs.map(|photographs| Sealing {
            enrolments: Arc::clone(&enrolments),
            connection: &self.connection,
            topics: &self.topics,
            photographs,
            library: eyes.library,
            protection: self.protection,
            metrics,
            stop,
        });
        let leases = Leases {
            ledger: Arc::clone(&ledger),
            overtaken: Arc::clone(&overtaken),
            enrolments: Arc::clone(&enrolments),
            metrics: metrics.clone(),
            pulse: Arc::clone(&pulse),
        };
        let group = GroupSettings {
            instance_id: kafka.static_membership.then(|| format!("{}-observe", kafka.instance)),
            protocol: kafka.group_protocol,
            session_timeout: kafka.session_timeout,
            ..GroupSettings::new(format!("{}-observe", kafka.group_prefix))
        };
        let consumer =
            GroupConsumer::new(&self.connection, &self.topics.segments(), &group, Arc::new(leases))?;
        let placeholders = Placeholders {
            grid: eyes.observer.grid,
            by: eyes.observer.by.clone(),
            worker: eyes.observer.worker.clone(),
        };
        let plans = Plans::new(&self.settings.adaptive, self.settings.suspicion, metrics);
        let (chosen, to_develop) = bounded(evidence::WAITING);
        let darkroom = eyes.keeping.map(|Keeping { album, .. }| Darkroom {
            album,
            vision: eyes.observer.vision,
            reporting: eyes.observer.reporting,
            metrics,
            stop,
        });
        let consents = eyes.keeping.map(|Keeping { consents, .. }| consents);
        let witness = consents.map(|consents| {
            let keeper = Keeper::new(consents, self.settings.evidence.apart, chosen, metrics.clone());
            Box::new(keeper) as Box<dyn Witness + '_>
        });
        let observer = Observer { witness, ..eyes.observer };
        let (holds, queue) = (Holds::default(), Queue::default());
        let schedule = Schedule { give_up_after: worker.retry_for };
        let retry = Retry { schedule, holds: &holds, metrics };

        let unlock = Unlock { protection: self.protection, enrolments: &enrolments, metrics };
        let most_taken = (worker.media_bytes / LEAST_COST) as usize + 1;
        let (lacking, to_fetch) = mpsc::channel(most_taken);
        let (taken, fetched) = (queue.entrance(), queue.entrance());
        let (decoded, to_look) = bounded(BATCHES_AHEAD * worker.batch);
        let ingest = Ingest {
            consumer,
            ledger,
            overtaken,
            enrolments: &enrolments,
            outbox: &outbox,
            media: &budgets.media,
            most_media: kafka.max_record_bytes.into(),
            holds: &holds,
            to_fetch: lacking,
            unlock,
            to_decode: taken,
            plans: &plans,
            metrics,
            pulse,
            stop,
        };
        let fetch = Fetch { library: eyes.library, unlock, retry, outbox: &outbox, metrics, stop };
        let decode = Decode {
            pool: eyes.decoder,
            sampling: &self.settings.sampling,
            plans: &plans,
            pictures: &budgets.pictures,
            placeholders: &placeholders,
            outbox: &outbox,
            retry,
            metrics,
            stop,
        };
        let look =
            Look { observer, decode, plans: &plans, batch: worker.batch, outbox: &outbox, metrics, stop };
        thread::scope(|scope| {
            spawn(scope, stop, "enrolments".to_owned(), || following.run());
            if let Some(sealing) = sealing {
                spawn(scope, stop, "sealing".to_owned(), || sealing.run());
            }
            if let Some(consents) = consents {
                let (connection, topics) = place;
                let asking = Asking { consents, connection, topics, stop };
                spawn(scope, stop, "consents".to_owned(), || asking.run());
            }
            if let Some(darkroom) = darkroom {
                spawn(scope, stop, "darkroom".to_owned(), move || darkroom.run(&to_develop));
            }
            spawn(scope, stop, "ingest".to_owned(), || ingest.run());
            spawn(scope, stop, "fetch".to_owned(), move || fetch.run(to_fetch, &fetched));
            for child in 0..self.settings.decode.children.get() {
                let (from, to) = (&queue, decoded.clone());
                spawn(scope, stop, format!("decode-{child}"), move || decode.run(from, &to));
            }
            // The threads have theirs: the queue ends when the last of those is gone.
            drop(decoded);
            spawn(scope, stop, "look".to_owned(), move || look.run(&to_look));
        });
        Ok(())
    }

    fn cut(&self) -> Cut {
        let (kafka, worker) = (&self.settings.kafka, &self.settings.worker);
        let name = format!("{}-cut", kafka.group_prefix);
        // Larger records no transaction writes.
        let record = (kafka.max_record_bytes as usize).min(LARGEST_RECORD);
        Cut {
            connection: self.connection.clone(),
            topics: self.topics.clone(),
            instance_id: kafka.static_membership.then(|| format!("{}-cut", kafka.instance)),
            group_protocol: kafka.group_protocol,
            session_timeout: kafka.session_timeout,
            transactional_id: format!("{name}-{}", kafka.instance),
            transaction_timeout: kafka.transaction_timeout,
            group_id: name,
            how: Cutting::within(record, worker.cut_silence),
            protection: self.protection.clone(),
            budget: usize::try_from(worker.chunk_bytes).unwrap_or(usize::MAX),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            pulse: self.health.register(cut::ROLE.name()),
            stop: self.stop.clone(),
        }
    }

    fn score(&self, tidier: Option<Tidier>) -> Score {
        let (kafka, worker) = (&self.settings.kafka, &self.settings.worker);
        let name = format!("{}-score", kafka.group_prefix);
        Score {
            connection: self.connection.clone(),
            topics: self.topics.clone(),
            instance_id: kafka.static_membership.then(|| format!("{}-score", kafka.instance)),
            group_protocol: kafka.group_protocol,
            session_timeout: kafka.session_timeout,
            transactional_id: format!("{name}-{}", kafka.instance),
            group_id: name,
            observe_group_id: format!("{}-observe", kafka.group_prefix),
            policy: self.policy.clone(),
            linger: worker.score_linger,
            transaction_timeout: kafka.transaction_timeout,
            patience: score::Patience {
                end: worker.idle_after_end,
                silence: worker.idle_after,
                stream: worker.stream_lost_after,
            },
            final_in_memory: worker.final_in_memory,
            tidier,
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            pulse: self.health.register(score::ROLE.name()),
            stop: self.stop.clone(),
        }
    }
}

/// Starts a stage's thread. A panic in one ends all: nobody would take its work over.
fn spawn<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    stop: &'scope Stop,
    name: String,
    body: impl FnOnce() + Send + 'scope,
) {
    let guarded = move || {
        let _guard = EndOnPanic(stop);
        body();
    };
    thread::Builder::new()
        .name(name)
        .spawn_scoped(scope, guarded)
        .expect("a process that runs can start one more thread");
}

struct EndOnPanic<'a>(&'a Stop);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(thread::current().name().unwrap_or("a stage"), &"panicked");
        }
    }
}
