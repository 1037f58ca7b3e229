//! A running system on one machine: recordings as candidates, a broker, a worker, a gateway with the dashboard, and
//! somebody who looks on from outside.
//!
//! ```text
//! candidates ─▶ publish ─▶ ┌ broker (in this process, or a real one) ┐ ─▶ board ─▶ whoever watches
//!                          └ worker: cut, observe, score; gateway    ┘ ─▶ dashboard
//! ```
//!
//! The board is fed by the topics alone, as a dashboard would be; it never looks into the worker. Topics
//! have a prefix of their own for each run. The embedded broker keeps about 5 MiB a partition, so that
//! media go by reference to a folder that lives as long as the run.
//!
//! Not responsible for: what a person sees of it.

pub mod board;
pub mod candidates;
mod door;
mod stage;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use domain::error::ErrorKind;
use kafka::{Connection, KafkaError, PartitionReader, Start, Topics};

use crate::attend::Overdue;
use crate::exit::{Exit, Failure, with_causes};
use crate::privacy::Protection;
use crate::publish::{Carriage, Courier, Pace, Publication, PublishError, SessionPlan, Shelf};
use crate::service::Service;
use crate::settings::policy::{self, LoadedPolicy};
use crate::settings::{Settings, Sources};
use board::{Board, Seat};
use candidates::Candidate;
use door::Door;
pub use door::Links;
use stage::Stage;

/// How many partitions each topic has.
const PARTITIONS: i32 = 4;
/// How long the worker may take to get its partitions.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long all sessions may take to become final.
const FINAL_WITHIN: Duration = Duration::from_secs(420);
/// How long one look at the topics waits; also how often whoever watches is told.
const LOOK: Duration = Duration::from_millis(100);
/// How long to look on after the last score: what it rests on is in another topic and may be read later.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// Budget for records that were fetched and not read.
const BUFFER: usize = 16 << 20;

/// What to show.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Who sits the exam.
    pub candidates: Vec<Candidate>,
    /// Brokers to use instead of the embedded one.
    pub brokers: Option<String>,
    /// How many times as fast as they were recorded.
    pub speed: NonZeroU32,
    /// The policy that judges, by name or file; else the one of the settings.
    pub policy: Option<String>,
    /// Where the dashboard is; else at the usual place, or wherever there is one.
    pub listen: Option<SocketAddr>,
    /// Whether everything goes on when all scores are final, until somebody interrupts it.
    pub stays: bool,
}

/// What there is to see of a run.
#[derive(Debug, Clone, Copy)]
pub enum Scene<'a> {
    /// The dashboard is there.
    Open(&'a Links),
    /// The worker loads its models and gets its partitions.
    Starting(&'a Board),
    /// Candidates are watched.
    Running(&'a Board),
    /// All scores are final.
    Final(&'a Board),
}

impl Demo {
    /// Runs all sessions to their final score. `watch` is told many times a second how things stand.
    ///
    /// # Errors
    /// If a part fails, or a session does not come to its final score in time.
    pub fn run(&self, mut sources: Sources, watch: &mut dyn FnMut(Scene<'_>)) -> Result<(), Failure> {
        let stage = Stage::set(self.brokers.as_deref(), PARTITIONS, door::place(self.listen), &mut sources)?;
        let settings = Settings::load(&sources)?;
        crate::telemetry::logs::begin(&settings.telemetry);
        let policy = policy::load(self.policy.as_deref().unwrap_or(&settings.policy))?;
        let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
        let mut board = Board::new(self.seats()?);
        watch(Scene::Starting(&board));
        stage.create_topics(&connection)?;

        let onlooker = onlooker(&connection, stage.topics()).map_err(service)?;
        let publication = self.publication(&stage, &connection, &policy, &settings)?;
        let worker = Service::new(settings.clone(), policy)?;
        // Temporary files and topics have to go, however long that takes.
        worker.serve(Overdue::Stays)?;
        let door = Door::open(&settings)?;
        watch(Scene::Open(door.links()));
        let (publication, plans, stays) = (&publication, self.plans(), self.stays);
        let run = Run { worker: &worker, publication, onlooker, plans, stays };
        let ended = run.to_the_end(&mut board, watch);
        door.close().and(ended)
    }

    fn seats(&self) -> Result<Vec<Seat>, Failure> {
        let seat = |candidate: &Candidate| {
            let length = candidate.length().map_err(|error| {
                let file = candidate.file.display();
                Failure::new(Exit::Environment, anyhow!("{file}: {}; run `make setup`", with_causes(&error)))
            })?;
            Ok(Seat::new(candidate.clone(), length))
        };
        self.candidates.iter().map(seat).collect()
    }

    fn plans(&self) -> Vec<SessionPlan> {
        let plan = |candidate: &Candidate| SessionPlan {
            file: candidate.file.clone(),
            told: Some(candidate.session()),
            copy: None,
        };
        self.candidates.iter().map(plan).collect()
    }

    fn publication(
        &self,
        stage: &Stage,
        connection: &Connection,
        policy: &LoadedPolicy,
        settings: &Settings,
    ) -> Result<Publication, Failure> {
        let largest = settings.kafka.max_record_bytes as usize;
        let unusable = |error| Failure::new(Exit::Failed, error);
        let shelf = Shelf::folder(stage.media_folder()).map_err(unusable)?;
        Ok(Publication {
            courier: Courier::new(connection, stage.topics().clone(), largest).map_err(service)?,
            carriage: Carriage::new(stage.most_inline(), Some(shelf)),
            // As the worker does beside it.
            protection: Protection::open(&settings.privacy)?,
            pace: Pace::Times(self.speed),
            policy: policy.policy.id.clone(),
            stop: crate::stages::Stop::default(),
        })
    }
}

fn service(error: KafkaError) -> Failure {
    Failure::new(Exit::Service, error)
}

/// Reads everything that is said about the sessions, from its beginning.
fn onlooker(connection: &Connection, topics: &Topics) -> Result<PartitionReader, KafkaError> {
    let onlooker = PartitionReader::new(connection, BUFFER)?;
    let names = [topics.segments(), topics.observations(), topics.incidents(), topics.scores()];
    for name in &names {
        let all: Vec<_> =
            (0..PARTITIONS).map(|partition| (name.as_str(), partition, Start::Beginning)).collect();
        onlooker.assign(&all)?;
    }
    Ok(onlooker)
}

/// The parts of a run.
struct Run<'a> {
    worker: &'a Service,
    publication: &'a Publication,
    onlooker: PartitionReader,
    plans: Vec<SessionPlan>,
    stays: bool,
}

impl Run<'_> {
    /// Starts worker and candidates, and ends them however it goes.
    fn to_the_end(&self, board: &mut Board, watch: &mut dyn FnMut(Scene<'_>)) -> Result<(), Failure> {
        let failed = AtomicBool::new(false);
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                let worked = self.worker.work();
                failed.fetch_or(worked.is_err(), Ordering::Relaxed);
                worked
            });
            let watched = self.wait_until_ready(&failed, board, watch).and_then(|()| {
                let publishing = scope.spawn(|| {
                    let published = self.publish();
                    failed.fetch_or(published.is_err(), Ordering::Relaxed);
                    published
                });
                let watched = self.watch(&failed, board, watch);
                self.publication.stop.now();
                join(publishing).and(watched)
            });
            match &watched {
                Ok(()) => self.worker.stop().drain(),
                Err(_) => self.worker.stop().now(),
            }
            join(working).and(watched)
        })
    }

    /// What would be published before would be late through no fault of the worker.
    fn wait_until_ready(
        &self,
        failed: &AtomicBool,
        board: &Board,
        watch: &mut dyn FnMut(Scene<'_>),
    ) -> Result<(), Failure> {
        let began = Instant::now();
        while let Some(waits_for) = self.worker.health().waits() {
            if self.worker.stop().wait(LOOK) || failed.load(Ordering::Relaxed) {
                return Err(ended_early());
            }
            if began.elapsed() > READY_WITHIN {
                return Err(anyhow!("the worker did not become ready: {waits_for}").into());
            }
            watch(Scene::Starting(board));
        }
        Ok(())
    }

    fn publish(&self) -> Result<(), Failure> {
        let mut failure = None;
        self.publication.all(&self.plans, self.plans.len(), &mut |plan, outcome| {
            if let Err(error) = outcome
                && !matches!(error, PublishError::Stopped)
            {
                let error = anyhow!("{}: {}", plan.file.display(), with_causes(&error));
                failure.get_or_insert(Failure::new(Exit::Failed, error));
            }
        });
        failure.map_or(Ok(()), Err)
    }

    /// Looks on until every score is final, and longer if it is to stay.
    fn watch(
        &self,
        failed: &AtomicBool,
        board: &mut Board,
        watch: &mut dyn FnMut(Scene<'_>),
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let mut told = Instant::now();
        board.begin();
        while !board.is_final() {
            self.look(board)?;
            if told.elapsed() >= LOOK {
                told = Instant::now();
                watch(Scene::Running(board));
            }
            if failed.load(Ordering::Relaxed) || self.worker.stop().is_draining() {
                return Err(ended_early());
            }
            if began.elapsed() > FINAL_WITHIN {
                let (waits, seconds) = (board.not_final().join(", "), FINAL_WITHIN.as_secs());
                return Err(anyhow!("no final score within {seconds} s for {waits}").into());
            }
        }
        let ended = Instant::now();
        while ended.elapsed() < LAST_LOOK {
            self.look(board)?;
        }
        watch(Scene::Final(board));
        while self.stays && !self.worker.stop().wait(LOOK) {
            if failed.load(Ordering::Relaxed) {
                return Err(ended_early());
            }
            // Nobody is shown it any more, but what is not read is kept.
            self.look(board)?;
        }
        Ok(())
    }

    /// Takes in the next record of any topic, if there is one soon.
    fn look(&self, board: &mut Board) -> Result<(), Failure> {
        match self.onlooker.poll(LOOK) {
            Ok(record) => record.iter().for_each(|record| board.record(record)),
            // It passes: the next look tells more.
            Err(error) if error.kind() == ErrorKind::Transient => {}
            Err(error) => return Err(service(error)),
        }
        Ok(())
    }
}

/// Told only if the part that ended gives no better reason.
fn ended_early() -> Failure {
    anyhow!("interrupted before every score was final").into()
}

fn join(thread: thread::ScopedJoinHandle<'_, Result<(), Failure>>) -> Result<(), Failure> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
