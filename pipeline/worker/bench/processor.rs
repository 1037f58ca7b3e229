//! Processor time and memory of processes, as the system counts them in `/proc`.

use std::collections::BTreeMap;
use std::fs;

use rustix::param::clock_ticks_per_second;

/// Milliseconds of processor time by who used it.
pub type Time = BTreeMap<String, f64>;

/// Processor time of a process by the names of its threads, without the numbers at their ends, and that of
/// its children together, as `child`: those that it has, and those that have ended. Threads that have ended are
/// counted as `other`.
pub fn time(process: u32) -> Time {
    let mut time = Time::new();
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        if let Some((name, Used { own, .. })) = read(&task.path().join("stat").to_string_lossy()) {
            let name = name.trim_end_matches(|end: char| end.is_ascii_digit() || end == '-' || end == ':');
            *time.entry(name.to_owned()).or_default() += own;
        }
    }
    let threads: f64 = time.values().sum();
    let of = |process: u32| read(&format!("/proc/{process}/stat")).map_or(Used::default(), |(_, used)| used);
    let whole = of(process);
    time.insert("other".to_owned(), (whole.own - threads).max(0.0));
    let living: f64 =
        children(process).into_iter().map(|child| of(child).own + of(child).ended_children).sum();
    time.insert("child".to_owned(), living + whole.ended_children);
    time
}

/// Processor time of a process without its children.
pub fn whole(process: u32) -> f64 {
    read(&format!("/proc/{process}/stat")).map_or(0.0, |(_, used)| used.own)
}

/// The most memory that a process and its children had resident, in bytes, each at its own time.
pub fn peak_memory(process: u32) -> u64 {
    let peak = |process: u32| bytes(process, "VmHWM:");
    peak(process) + children(process).into_iter().map(peak).sum::<u64>()
}

/// The memory that a process has resident, in bytes, without that of its children.
pub fn memory(process: u32) -> u64 {
    bytes(process, "VmRSS:")
}

/// A line of a `status` file; see proc(5).
fn bytes(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Processor time, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    own: f64,
    /// Of children that have ended and were waited for.
    ended_children: f64,
}

/// Name and processor time of a `stat` file; see proc(5).
fn read(path: &str) -> Option<(String, Used)> {
    let stat = fs::read_to_string(path).ok()?;
    // PID (NAME) STATE ..., of which NAME may hold anything.
    let (name, rest) = (stat.find('(')?, stat.rfind(')')?);
    let fields: Vec<&str> = stat.get(rest + 2..)?.split_ascii_whitespace().collect();
    let milliseconds = |first: usize| {
        let ticks: u64 =
            fields.get(first)?.parse::<u64>().ok()? + fields.get(first + 1)?.parse::<u64>().ok()?;
        Some(ticks as f64 * 1000.0 / clock_ticks_per_second().max(1) as f64)
    };
    let used = Used { own: milliseconds(11)?, ended_children: milliseconds(13)? };
    Some((stat.get(name + 1..rest)?.to_owned(), used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen_by_its_name() {
        let busy = std::thread::Builder::new().name("burner-7".to_owned()).spawn(|| {
            let mut sum = 0u64;
            while !time(std::process::id()).get("burner").is_some_and(|used| *used >= 50.0) {
                sum = (0..1_000_000u64).fold(sum, |sum, value| sum.wrapping_mul(31).wrapping_add(value));
            }
            std::hint::black_box(sum);
        });
        busy.unwrap().join().unwrap();
        let before = time(std::process::id())["child"];
        let count = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let counted = std::process::Command::new("sh").args(["-c", count]).status();
        assert!(counted.unwrap().success());
        assert!(time(std::process::id())["child"] > before, "a child that has ended is not forgotten");
        assert!(whole(std::process::id()) >= 50.0);
        let resident = memory(std::process::id());
        assert!(resident > 1 << 20 && resident <= peak_memory(std::process::id()));
    }
}
