//! The product: sessions published to Kafka, and a worker process that works them off.
//!
//! Everything is as in production: the same program, its settings, a real broker. The worker is measured
//! from when it is ready and has nothing to do to when it has observed the last segment and published all
//! scores: whatever it does ahead of what can be counted is in it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kafka::{Admin, Topics};
use rustix::process::{Pid, Signal, kill_process};

use super::processor::{self, Time};
use super::traffic::{self, Traffic};
use super::{BenchError, Setting};

/// A worker that does not get on for so long never will.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the worker is asked how far it is.
const PAUSE: Duration = Duration::from_millis(50);
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
        let mut command = self.program(name, "publish")?;
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
        let mut command = self.program(name, "worker")?;
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

    /// This very program with the same settings, under a name of its own.
    fn program(&self, name: &str, command: &str) -> Result<Command, BenchError> {
        let what = "the program does not know its own file".to_owned();
        let executable = std::env::current_exe().map_err(|source| BenchError::Process { what, source })?;
        let mut program = Command::new(executable);
        program.arg(command).args(&self.setting.arguments);
        program.env("INVIGILATOR__KAFKA__TOPIC_PREFIX", name);
        program.env("INVIGILATOR__KAFKA__GROUP_PREFIX", name);
        Ok(program)
    }
}

/// A process, and a file with what it says; killed when dropped.
struct Process {
    name: &'static str,
    child: Child,
    said: File,
}

impl Process {
    fn start(mut command: Command, name: &'static str) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Process { what: format!("`{name}` cannot be started"), source };
        let said = tempfile::tempfile().map_err(failed)?;
        let (out, errors) = (said.try_clone().map_err(failed)?, said.try_clone().map_err(failed)?);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn().map_err(failed)?;
        Ok(Self { name, child, said })
    }

    /// Waits until something can be made of what it says.
    fn wait_for<T>(&mut self, made: impl Fn(String) -> Option<T>) -> Result<T, BenchError> {
        let began = Instant::now();
        loop {
            if let Some(made) = made(self.all_said()) {
                return Ok(made);
            }
            self.check(began)?;
        }
    }

    /// Waits until its metrics say so; its processor time then, and the time of day.
    fn reach(&mut self, address: &str, is_so: impl Fn(&str) -> bool) -> Result<(Time, Instant), BenchError> {
        let (mut began, mut before) = (Instant::now(), String::new());
        loop {
            let metrics = get(address).unwrap_or_default();
            if is_so(&metrics) {
                return Ok((processor::time(self.child.id()), Instant::now()));
            }
            let progress = value(&metrics, "invigilator_stage_items_total", "").to_string();
            if progress != before {
                (began, before) = (Instant::now(), progress);
            }
            self.check(began)?;
        }
    }

    /// Rests for a moment, unless there is nothing to wait for any more.
    fn check(&mut self, began: Instant) -> Result<(), BenchError> {
        if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            return Err(self.failed(&format!("`{}` ended before its time", self.name)));
        }
        if began.elapsed() > PATIENCE {
            return Err(self.failed(&format!("`{}` does not get on", self.name)));
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }

    fn end(&mut self) {
        // It has nothing left to do; what goes wrong now is its own business.
        let _ = Pid::from_raw(self.child.id() as i32).map(|pid| kill_process(pid, Signal::TERM));
        let _ = self.child.wait();
    }

    fn failed(&mut self, what: &str) -> BenchError {
        let said = self.all_said();
        let lines: Vec<&str> = said.lines().collect();
        let said = lines[lines.len().saturating_sub(10)..].join("\n");
        BenchError::Failed { what: what.to_owned(), said }
    }

    fn all_said(&mut self) -> String {
        let mut said = String::new();
        let read = self.said.seek(SeekFrom::Start(0)).and_then(|_| self.said.read_to_string(&mut said));
        // It goes on writing at the end.
        let _ = self.said.seek(SeekFrom::End(0));
        read.map(|_| said).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address of the metrics, as the worker's log tells it.
fn address(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(entry.get("telemetry")?.as_str()?.to_owned())
    })
}

fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The sum of the samples of a metric whose labels contain a text.
fn value(metrics: &str, name: &str, label: &str) -> f64 {
    let of_metric =
        metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{')));
    let chosen = of_metric.filter(|line| line.contains(label));
    chosen.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_and_the_log_are_read() {
        let metrics =
            "# HELP a_total x\na_total{stage=\"look\"} 3\na_total{stage=\"decode\"} 4\na_total_b{} 9\n";
        assert_eq!(value(metrics, "a_total", "stage=\"look\""), 3.0);
        assert_eq!(value(metrics, "a_total", ""), 7.0);
        let log = "no json\n{\"message\":\"worker started\",\"telemetry\":\"127.0.0.1:4711\"}\n";
        assert_eq!(address(log).as_deref(), Some("127.0.0.1:4711"));
    }
}
