//! `invigilator bench wave`: thousands of candidates who begin within minutes, at the level of observations, through
//! a real Kafka and the real score role.
//!
//! ```text
//! seed ─▶ life ─▶ records ─┬▶ sender ─▶ Kafka ─▶ `invigilator worker --role score` ─▶ Kafka ─▶ verdicts
//!  (what happens to whom)  │                       └ watch: lag, memory, cores            │ the same?
//!                          └▶ expected: the fold of what was sent, without Kafka ─────────┘
//! ```
//!
//! What is sent is a function of the seed ([`life`], [`seen`], [`records`]); when it arrives is not, and must not
//! matter. Measured are the worker's processes, as the system and their own metrics count them; broker and sender are
//! told apart. Not responsible for: video, see [`bench`](super); the size of a whole cluster, see
//! [`plan`](crate::plan).

mod figures;
mod life;
mod means;
mod plot;
mod records;
mod seen;
mod sender;
mod verdicts;
mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use domain::time::Millis;
use kafka::{Admin, Connection, Topics};
use serde::Serialize;

use super::BenchError;
use super::process::{PATIENCE, Process, address, program, value};
use crate::settings::Settings;
use crate::settings::policy::LoadedPolicy;
use sender::Sender;
use verdicts::Verdicts;
use watch::Watch;

pub use figures::Figures;
pub use life::Life;
pub use means::Means;
pub use plot::svg;
pub use records::Verdict;
pub use watch::Point;

/// Who comes, when, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// Decides everything.
    pub seed: u64,
    /// How many candidates.
    pub sessions: u32,
    /// All of them begin within this time.
    pub within: Millis,
    /// When the exam is over, counted from the first beginning.
    pub lasts: Millis,
    /// Length of a segment: an observation each.
    pub segment: Millis,
    /// What comes later than this after others has lost its place, as the policy has it.
    pub lateness: Millis,
}

/// What works on a wave, and how it is looked at.
#[derive(Debug)]
pub struct Setting {
    /// The settings in use.
    pub settings: Settings,
    /// Arguments that make a worker use them.
    pub arguments: Vec<String>,
    /// What judges.
    pub policy: LoadedPolicy,
    /// The wave.
    pub wave: Wave,
    /// Processes with the score role.
    pub workers: u32,
    /// Partitions of each topic.
    pub partitions: i32,
    /// Sessions whose results are compared with what they must be.
    pub compared: u32,
    /// How long it may take after the last record until every session is final.
    pub settle_within: Duration,
    /// The broker's process, if it runs here.
    pub broker: Option<u32>,
}

impl Setting {
    /// Sends the wave under topics of its own, and measures what it takes; tells how it goes every second.
    ///
    /// # Errors
    /// If the broker refuses, or a process ends or does not get on.
    pub fn run(&self, tell: &dyn Fn(&Point)) -> Result<Figures, BenchError> {
        let what = "the client properties cannot be read".to_owned();
        let connection = self.settings.connection().map_err(|source| BenchError::Process { what, source })?;
        let name = format!("wave-{}", std::process::id());
        let topics = Topics::new(&name)?;
        let admin = Admin::new(&connection, PATIENCE)?;
        admin.create_topics(&topics.specs(self.partitions, 1))?;
        let figures = self.measure(&name, &connection, &topics, tell);
        // What is left behind takes disk, and is in nobody's way otherwise.
        let names: Vec<String> = topics.specs(1, 1).into_iter().map(|spec| spec.name).collect();
        let _ = admin.delete_topics(&names.iter().map(String::as_str).collect::<Vec<_>>());
        figures
    }

    fn measure(
        &self,
        name: &str,
        connection: &Connection,
        topics: &Topics,
        tell: &dyn Fn(&Point),
    ) -> Result<Figures, BenchError> {
        let mut workers = (0..self.workers).map(|index| self.worker(name, index));
        let mut workers = workers.by_ref().collect::<Result<Vec<_>, _>>()?;
        let addresses: Vec<String> = workers
            .iter_mut()
            .map(|worker| worker.wait_for(|said| address(&said)))
            .collect::<Result<_, _>>()?;
        let mut watch = Watch::new(&workers, addresses, self.broker, self.settle_within);
        self.wait_until_shared_out(&mut workers, &watch)?;
        watch.begin();

        let began = Instant::now();
        let (sender, stop) =
            (Sender::new(self.wave.clone(), connection, topics, began)?, AtomicBool::new(false));
        let verdicts = Verdicts::new(self, &sender, began);
        thread::scope(|scope| {
            let sending = scope.spawn(|| sender.send(&stop));
            let reading = scope.spawn(|| verdicts.follow(connection, topics, self.partitions, &stop));
            let watched = watch.until_settled(&sender, &verdicts, &mut workers, tell);
            stop.store(true, Ordering::Relaxed);
            sending.join().unwrap_or(Ok(()))?;
            reading.join().unwrap_or(Ok(()))?;
            watched
        })?;
        let states = verdicts::states(connection, topics)?;
        let check = verdicts.check(connection, topics, self.partitions)?;
        workers.iter_mut().for_each(Process::end);
        Ok(Figures::of(self, &watch, &sender, &verdicts, states, check))
    }

    /// The score role as it is deployed: known to brokers by its name.
    fn worker(&self, name: &str, index: u32) -> Result<Process, BenchError> {
        let mut command = program(name, "worker", &self.arguments)?;
        command
            .args(["--role", "score"])
            .env("INVIGILATOR__KAFKA__INSTANCE", format!("{name}-{index}"))
            .env("INVIGILATOR__KAFKA__STATIC_MEMBERSHIP", "true")
            .env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0");
        Process::start(command, "worker")
    }

    fn wait_until_shared_out(&self, workers: &mut [Process], watch: &Watch) -> Result<(), BenchError> {
        let began = Instant::now();
        let of = |metrics: &String| value(metrics, "invigilator_partitions", "role=\"score\"");
        loop {
            let metrics = watch.metrics();
            let shares: Vec<f64> = metrics.iter().map(of).collect();
            if shares.iter().sum::<f64>() >= f64::from(self.partitions)
                && shares.iter().all(|share| *share > 0.0)
            {
                return Ok(());
            }
            workers.iter_mut().try_for_each(|worker| worker.check(began))?;
        }
    }
}
