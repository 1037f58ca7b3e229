//! The product: sessions published to Kafka, and a worker process that works them off.
//!
//! Everything is as in production: the same program, its settings, a real broker. The worker is measured
//! from when it is ready and has nothing to do to when it has observed the last segment and published all
//! scores: whatever it does ahead of what can be counted is in it.

use kafka::{Admin, Topics};

use super::process::{PATIENCE, Process, address, program, value};
use super::processor::{self, Time};
use super::traffic::{self, Traffic};
use super::{BenchError, Setting};

/// Partitions of each topic.
const PARTITIONS: i32 = 4;

/// The product under measurement.
#[derive(Debug)]
pub struct Product<'a> {
    /// What works on what.
    pub setting: &'a Setting,
    /// How many pictures are looked at at once, and how many segments decoded.
    pub threads: u16,
}

/// What one run used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Milliseconds of processor time per second of video, by who used it.
    pub time: Time,
    /// The most memory of all its processes together.
    pub peak_bytes: u64,
    /// Seconds of video per second.
    pub speed: f64,
    /// What it left in each topic.
    pub topics: Vec<Traffic>,
}

impl Measured {
    /// Milliseconds of processor time per second of video.
    pub fn total(&self) -> f64 {
        self.time.values().sum()
    }
}

impl Product<'_> {
    /// One run over all sessions, under names that nothing else uses.
    ///
    /// # Errors
    /// If the broker refuses, or a process ends or does not get on.
    pub fn run(&self, name: &str) -> Result<Measured, BenchError> {
        let admin = Admin::new(&self.connection()?, PATIENCE)?;
        let topics = Topics::new(name)?;
        admin.create_topics(&topics.specs(PARTITIONS, 1))?;
        let outcome = self.work(name).and_then(|measured| {
            let topics = traffic::count(&self.connection()?, &topics, PARTITIONS, PATIENCE)?;
            Ok(Measured { topics, ..measured })
        });
        // What is left behind takes disk, and is in nobody's way otherwise.
        let names: Vec<String> = topics.specs(1, 1).into_iter().map(|spec| spec.name).collect();
        let _ = admin.delete_topics(&names.iter().map(String::as_str).collect::<Vec<_>>());
        outcome
    }

    fn connection(&self) -> Result<kafka::Connection, BenchError> {
        let what = "the client properties cannot be read".to_owned();
        self.setting.settings.connection().map_err(|source| BenchError::Process { what, source })
    }

    fn publish(&self, name: &str) -> Result<(), BenchError> {
        let copies = self.setting.copies.to_string();
        let sessions = (self.setting.corpus.files.len() as u32 * self.setting.copies).to_string();
        let mut command = program(name, "publish", &self.setting.arguments)?;
        // Side by side, as live sessions come: a worker never has all of one at once.
        command.args(["--loop", &copies, "--parallel", &sessions, "--no-progress"]);
        command.args(&self.setting.corpus.files);
        let mut process = Process::start(command, "publish")?;
        let status = process.child.wait();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err(process.failed("sessions could not be published")),
        }
    }

    fn work(&self, name: &str) -> Result<Measured, BenchError> {
        let mut command = program(name, "worker", &self.setting.arguments)?;
        let threads = self.threads.to_string();
        command
            .args(["--role", "observe,score", "--threads", &threads])
            .env("INVIGILATOR__DECODE__CHILDREN", &threads);
        command.env("INVIGILATOR__TELEMETRY__LISTEN", "127.0.0.1:0");
        let mut process = Process::start(command, "worker")?;
        let address = process.wait_for(|said| address(&said))?;
        let all = (self.setting.corpus.segments * u64::from(self.setting.copies)) as f64;
        let sessions = (self.setting.corpus.files.len() as u32 * self.setting.copies) as f64;
        let observed = |metrics: &str| value(metrics, "invigilator_stage_items_total", "stage=\"look\"");
        let scored = |metrics: &str| value(metrics, "invigilator_scores_total", "status=\"final\"");
        let roles = f64::from(PARTITIONS) * 2.0;
        let ready = |metrics: &str| value(metrics, "invigilator_partitions", "") >= roles;
        let (from, began) = process.reach(&address, ready)?;
        self.publish(name)?;
        let done = |metrics: &str| observed(metrics) >= all && scored(metrics) >= sessions;
        let (until, ended) = process.reach(&address, done)?;
        let peak_bytes = processor::peak_memory(process.child.id());
        process.end();
        let seconds = self.setting.corpus.seconds(all);
        let used = |name: &String, used: f64| (used - from.get(name).copied().unwrap_or(0.0)) / seconds;
        let time = until.iter().map(|(name, until)| (name.clone(), used(name, *until))).collect();
        let speed = seconds / (ended - began).as_secs_f64();
        Ok(Measured { time, peak_bytes, speed, topics: Vec::new() })
    }
}
