//! This very program as another process: started, waited for, asked for its metrics, ended.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::BenchError;
use super::processor::{self, Time};

/// A worker that does not get on for so long never will.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often the worker is asked how far it is.
const PAUSE: Duration = Duration::from_millis(50);

/// This program with the same settings, under topics and groups of its own.
///
/// # Errors
/// If the system does not say which file this program is.
pub(super) fn program(name: &str, command: &str, arguments: &[String]) -> Result<Command, BenchError> {
    let what = "the program does not know its own file".to_owned();
    let executable = std::env::current_exe().map_err(|source| BenchError::Process { what, source })?;
    let mut program = Command::new(executable);
    program.arg(command).args(arguments);
    program.env("INVIGILATOR__KAFKA__TOPIC_PREFIX", name);
    program.env("INVIGILATOR__KAFKA__GROUP_PREFIX", name);
    Ok(program)
}

/// A process, and a file with what it says; killed when dropped.
pub(super) struct Process {
    name: &'static str,
    pub child: Child,
    said: File,
}

impl Process {
    pub fn start(mut command: Command, name: &'static str) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Process { what: format!("`{name}` cannot be started"), source };
        let said = tempfile::tempfile().map_err(failed)?;
        let (out, errors) = (said.try_clone().map_err(failed)?, said.try_clone().map_err(failed)?);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn().map_err(failed)?;
        Ok(Self { name, child, said })
    }

    /// Waits until something can be made of what it says.
    pub fn wait_for<T>(&mut self, made: impl Fn(String) -> Option<T>) -> Result<T, BenchError> {
        let began = Instant::now();
        loop {
            if let Some(made) = made(self.all_said()) {
                return Ok(made);
            }
            self.check(began)?;
        }
    }

    /// Waits until its metrics say so; its processor time then, and the time of day.
    pub fn reach(
        &mut self,
        address: &str,
        is_so: impl Fn(&str) -> bool,
    ) -> Result<(Time, Instant), BenchError> {
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
    pub fn check(&mut self, began: Instant) -> Result<(), BenchError> {
        if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            return Err(self.failed(&format!("`{}` ended before its time", self.name)));
        }
        if began.elapsed() > PATIENCE {
            return Err(self.failed(&format!("`{}` does not get on", self.name)));
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }

    pub fn end(&mut self) {
        // It has nothing left to do; what goes wrong now is its own business.
        let _ = Pid::from_raw(self.child.id() as i32).map(|pid| kill_process(pid, Signal::TERM));
        let _ = self.child.wait();
    }

    pub fn failed(&mut self, what: &str) -> BenchError {
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
pub(super) fn address(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(entry.get("telemetry")?.as_str()?.to_owned())
    })
}

pub(super) fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The sum of the samples of a metric whose labels contain a text.
pub(super) fn value(metrics: &str, name: &str, label: &str) -> f64 {
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
