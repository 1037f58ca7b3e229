//! Processor time and memory of processes, as the system counts them in `/proc`.

use std::collections::BTreeMap;
use std::fs;

use rustix::param::clock_ticks_per_second;

/// Milliseconds of processor time by who used it.
pub type Time = BTreeMap<String, f64>;

/// Processor time of a process by the names of its threads, without the numbers at their ends, and that of
/// its children together, as `child`. Threads that have ended are counted as `other`.
pub fn time(process: u32) -> Time {
    let mut time = Time::new();
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    for task in tasks.into_iter().flatten().flatten() {
        if let Some((name, used)) = read(&task.path().join("stat").to_string_lossy()) {
            let name = name.trim_end_matches(|end: char| end.is_ascii_digit() || end == '-' || end == ':');
            *time.entry(name.to_owned()).or_default() += used;
        }
    }
    let threads: f64 = time.values().sum();
    if let Some((_, whole)) = read(&format!("/proc/{process}/stat")) {
        time.insert("other".to_owned(), (whole - threads).max(0.0));
    }
    let children = children(process).into_iter().filter_map(|child| read(&format!("/proc/{child}/stat")));
    time.insert("child".to_owned(), children.map(|(_, used)| used).sum());
    time
}

/// Processor time of a process and its children that were waited for, without regard to who used it.
pub fn whole(process: u32) -> f64 {
    read(&format!("/proc/{process}/stat")).map_or(0.0, |(_, used)| used)
}

/// The most memory that a process and its children had resident, in bytes, each at its own time.
pub fn peak_memory(process: u32) -> u64 {
    let peak = |process: u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    };
    peak(process) + children(process).into_iter().map(peak).sum::<u64>()
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Name and processor time of a `stat` file; see proc(5).
fn read(path: &str) -> Option<(String, f64)> {
    let stat = fs::read_to_string(path).ok()?;
    // PID (NAME) STATE ..., of which NAME may hold anything.
    let (name, rest) = (stat.find('(')?, stat.rfind(')')?);
    let fields: Vec<&str> = stat.get(rest + 2..)?.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let milliseconds = ticks as f64 * 1000.0 / clock_ticks_per_second().max(1) as f64;
    Some((stat.get(name + 1..rest)?.to_owned(), milliseconds))
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
        assert!(whole(std::process::id()) >= 50.0);
        assert!(peak_memory(std::process::id()) > 1 << 20);
    }
}
