//! A timetable of exams, and the number of pods that it wants over time.
//!
//! Exams overlap, and what scales pods takes the largest of several wishes and never their sum: so they are added up
//! here, into floors of which no two hold at the same time.
//!
//! Not responsible for: how many pods a number of sessions takes ([`super::Plan`]), or how a floor is written down
//! ([`super::keda`]).

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// Schedulers know no seconds.
const MINUTE: u64 = 60;

/// One exam of a timetable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exam {
    /// Its name.
    pub exam: String,
    /// When candidates are let in.
    pub begins: SystemTime,
    /// When the last one has to hand in.
    pub ends: SystemTime,
    /// Candidates that are expected.
    pub sessions: u64,
}

/// From when to when there are so many sessions; the end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// From then on, a whole minute.
    pub from: SystemTime,
    /// Until then, a whole minute.
    pub until: SystemTime,
    /// Sessions, of all exams together.
    pub sessions: u64,
}

/// Why a timetable cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TimetableError {
    /// It is no table of exams.
    #[error("the timetable has to be CSV with the columns exam, begins, ends and sessions")]
    Form(#[from] csv::Error),
    /// A line makes no sense.
    #[error("line {line} of the timetable: {problem}")]
    Line {
        /// Which one, from 1; the first one names the columns.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    exam: String,
    begins: String,
    ends: String,
    sessions: u64,
}

/// Reads a timetable.
///
/// # Errors
/// If it is none, or an exam ends before it begins.
pub fn read(table: impl Read) -> Result<Vec<Exam>, TimetableError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(table);
    let mut exams = Vec::new();
    for row in reader.deserialize() {
        let row: Row = row?;
        let wrong = |problem| TimetableError::Line { line: exams.len() + 2, problem };
        let time = |text: &str| {
            humantime::parse_rfc3339(text).map_err(|_| wrong("times are UTC, like 2026-12-14T09:00:00Z"))
        };
        let exam = Exam {
            begins: time(&row.begins)?,
            ends: time(&row.ends)?,
            exam: row.exam,
            sessions: row.sessions,
        };
        if exam.ends <= exam.begins {
            return Err(wrong("an exam ends after it begins"));
        }
        // Calendars of schedulers know no years.
        if exam.ends.duration_since(exam.begins).is_ok_and(|length| length > Duration::from_secs(31 * 86_400))
        {
            return Err(wrong("an exam lasts for a month at most"));
        }
        exams.push(exam);
    }
    Ok(exams)
}

/// How many sessions there are over time. Every exam counts from `ahead` of its beginning on, since pods and their
/// nodes take a while to come.
pub fn floors(exams: &[Exam], ahead: Duration) -> Vec<Floor> {
    let mut changes: BTreeMap<u64, i128> = BTreeMap::new();
    for exam in exams {
        let begins = seconds(exam.begins).saturating_sub(ahead.as_secs()) / MINUTE * MINUTE;
        *changes.entry(begins).or_default() += i128::from(exam.sessions);
        *changes.entry(seconds(exam.ends).next_multiple_of(MINUTE)).or_default() -= i128::from(exam.sessions);
    }
    let times: Vec<u64> = changes.keys().copied().collect();
    let totals = changes.values().scan(0_i128, |total, change| {
        *total += change;
        Some(*total)
    });
    times
        .windows(2)
        .zip(totals)
        .filter(|(_, total)| *total > 0)
        .map(|(span, total)| Floor {
            from: time(span[0]),
            until: time(span[1]),
            sessions: u64::try_from(total).unwrap_or(u64::MAX),
        })
        .collect()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "exam,begins,ends,sessions\n";

    fn exams(lines: &str) -> Vec<Exam> {
        read(format!("{HEAD}{lines}").as_bytes()).unwrap()
    }

    fn told(floors: &[Floor]) -> Vec<(String, String, u64)> {
        let clock = |time| humantime::format_rfc3339_seconds(time).to_string()[11..16].to_owned();
        floors.iter().map(|floor| (clock(floor.from), clock(floor.until), floor.sessions)).collect()
    }

    #[test]
    fn exams_at_the_same_time_add_up_and_floors_never_overlap() {
        let table = exams(
            "a,2026-12-14T09:00:00Z,2026-12-14T12:00:00Z,100\n\
             b,2026-12-14T10:00:00Z,2026-12-14T11:00:00Z,50\n\
             c,2026-12-14T14:00:00Z,2026-12-14T15:00:30Z,7\n",
        );
        let floors = floors(&table, Duration::from_secs(600));
        let expected = [
            ("08:50", "09:50", 100),
            ("09:50", "11:00", 150),
            ("11:00", "12:00", 100),
            ("13:50", "15:01", 7),
        ];
        assert_eq!(told(&floors), expected.map(|(from, until, n)| (from.to_owned(), until.to_owned(), n)));
        assert!(floors.windows(2).all(|two| two[0].until <= two[1].from));
    }

    #[test]
    fn no_exams_want_nothing() {
        assert_eq!(floors(&exams(""), Duration::ZERO), []);
    }

    #[test]
    fn mistakes_name_their_line() {
        let problem = |line: &str| {
            let table = format!("{HEAD}a,2026-12-14T09:00:00Z,2026-12-14T12:00:00Z,1\n{line}\n");
            read(table.as_bytes()).unwrap_err().to_string()
        };
        assert!(problem("b,2026-12-14T09:00:00+01:00,2026-12-14T12:00:00Z,1").contains("line 3"));
        assert!(problem("b,2026-12-14T12:00:00Z,2026-12-14T09:00:00Z,1").contains("ends after"));
        assert!(problem("b,2026-12-14T12:00:00Z,2027-12-14T09:00:00Z,1").contains("a month"));
        assert!(problem("b,2026-12-14T12:00:00Z").contains("columns"));
        assert!(read("exam,begins\n1,2\n".as_bytes()).unwrap_err().to_string().contains("columns"));
    }
}
