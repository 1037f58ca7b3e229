//! Floors of pods as triggers of KEDA: a patch for the `ScaledObject` of the observers
//! (`k8s/components/keda`).
//!
//! Not responsible for: anything that is scaled by what happens; that object has triggers of its own, and the largest
//! wish of all wins.

use std::io::{self, Write};
use std::time::SystemTime;

use super::timetable::Floor;

/// Pods from a floor's beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pods {
    /// From then on.
    pub from: SystemTime,
    /// Until then.
    pub until: SystemTime,
    /// So many at least.
    pub pods: u64,
}

/// How many pods each floor takes; what follows without a change is one.
pub fn pods(floors: &[Floor], of: impl Fn(u64) -> u64) -> Vec<Pods> {
    let mut all: Vec<Pods> = Vec::new();
    for floor in floors {
        let pods = of(floor.sessions);
        match all.last_mut() {
            Some(last) if last.until == floor.from && last.pods == pods => last.until = floor.until,
            _ => all.push(Pods { from: floor.from, until: floor.until, pods }),
        }
    }
    all
}

/// Writes the patch: operations on a list (RFC 6902), as kustomize takes them.
///
/// # Errors
/// If `out` takes no more.
pub fn write(out: &mut impl Write, floors: &[Pods], cores_per_pod: u64) -> io::Result<()> {
    let most = floors.iter().map(|floor| floor.pods).max().unwrap_or_default();
    writeln!(
        out,
        "# Floors of observers for exams, by `invigilator plan --emit keda`: {most} pods of {cores_per_pod} cores at \
         most.\n# maxReplicaCount has to allow them, and topics to have {} partitions. Times are UTC. Cron knows no \
         years:\n# make this anew when exams are over.",
        most * 2
    )?;
    if floors.is_empty() {
        return writeln!(out, "[]");
    }
    for floor in floors {
        let (from, until) = (Cron::of(floor.from), Cron::of(floor.until));
        writeln!(
            out,
            "- op: add\n  path: /spec/triggers/-\n  value:\n    type: cron\n    name: exams-{}\n    metadata:\n      \
             timezone: Etc/UTC\n      start: {}\n      end: {}\n      desiredReplicas: \"{}\"",
            from.name, from.line, until.line, floor.pods
        )?;
    }
    Ok(())
}

/// A minute of a day of the year.
struct Cron {
    /// In a name.
    name: String,
    /// As cron has it.
    line: String,
}

impl Cron {
    fn of(time: SystemTime) -> Self {
        // 2026-12-14T08:50:00Z
        let text = humantime::format_rfc3339_seconds(time).to_string();
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let number = |from: usize, to: usize| part(from, to).parse::<u8>().unwrap_or_default();
        let (month, day, hour, minute) = (number(5, 7), number(8, 10), number(11, 13), number(14, 16));
        Self {
            name: format!("{}-{}{}", part(0, 10), part(11, 13), part(14, 16)),
            line: format!("{minute} {hour} {day} {month} *"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(from: &str, until: &str, sessions: u64) -> Floor {
        let time = |clock: &str| humantime::parse_rfc3339(&format!("2026-12-04T{clock}:00Z")).unwrap();
        Floor { from: time(from), until: time(until), sessions }
    }

    #[test]
    fn a_floor_becomes_a_trigger_and_equal_ones_become_one() {
        let floors = [
            floor("08:50", "09:50", 100),
            floor("09:50", "11:00", 101),
            floor("11:00", "12:00", 300),
            floor("13:00", "14:00", 300),
        ];
        let all = pods(&floors, |sessions| sessions.div_ceil(172) * 3);
        assert_eq!(all.iter().map(|pods| pods.pods).collect::<Vec<_>>(), [3, 6, 6]);
        let mut text = Vec::new();
        write(&mut text, &all, 4).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("6 pods of 4 cores") && text.contains("12 partitions"), "{text}");
        for part in [
            "name: exams-2026-12-04-0850\n",
            "start: 50 8 4 12 *\n      end: 0 11 4 12 *\n      desiredReplicas: \"3\"\n",
            "start: 0 11 4 12 *\n      end: 0 12 4 12 *\n      desiredReplicas: \"6\"\n",
        ] {
            assert!(text.contains(part), "{part} is missing from\n{text}");
        }
    }

    #[test]
    fn without_exams_the_patch_changes_nothing() {
        let mut text = Vec::new();
        write(&mut text, &[], 4).unwrap();
        assert!(String::from_utf8(text).unwrap().ends_with("\n[]\n"));
    }
}
