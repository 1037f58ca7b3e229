//! Points at which a running worker can be made to fail: for tests and for drills, so that what is
//! promised about crashes (docs/guarantees.md) can be seen on the program that is deployed.
//!
//! `INVIGILATOR_FAILPOINTS=score.sent=kill@3,look.models=error@1` kills the process when it passes
//! `score.sent` for the third time, and lets the models fail the first time. Each fires once. Without the
//! variable a point costs one load. Not responsible for: what happens next.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// Arms points: `POINT=ACTION@N`, separated by commas.
pub const VARIABLE: &str = "INVIGILATOR_FAILPOINTS";

/// Where a process can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// The segments and states of a transaction were given to the producer.
    CutSent,
    /// The offsets are part of the transaction too; it is not committed.
    CutOffsets,
    /// A transaction of segments was committed.
    CutCommitted,
    /// An observation was given to the producer.
    ObserveSent,
    /// An observation was acknowledged; the offset of its segment is not committed.
    ObserveAcknowledged,
    /// Offsets of segments were given to the group.
    ObserveCommitted,
    /// A batch is given to the models.
    LookModels,
    /// The records of a transaction were given to the producer.
    ScoreSent,
    /// The offsets are part of the transaction too; it is not committed.
    ScoreOffsets,
    /// A transaction was committed.
    ScoreCommitted,
}

impl Failpoint {
    /// All of them, in the order in which data meets them.
    pub const ALL: [Self; 10] = [
        Self::CutSent,
        Self::CutOffsets,
        Self::CutCommitted,
        Self::LookModels,
        Self::ObserveSent,
        Self::ObserveAcknowledged,
        Self::ObserveCommitted,
        Self::ScoreSent,
        Self::ScoreOffsets,
        Self::ScoreCommitted,
    ];

    /// As the variable names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CutSent => "cut.sent",
            Self::CutOffsets => "cut.offsets",
            Self::CutCommitted => "cut.committed",
            Self::LookModels => "look.models",
            Self::ObserveSent => "observe.sent",
            Self::ObserveAcknowledged => "observe.acknowledged",
            Self::ObserveCommitted => "observe.committed",
            Self::ScoreSent => "score.sent",
            Self::ScoreOffsets => "score.offsets",
            Self::ScoreCommitted => "score.committed",
        }
    }

    /// Passes the point. Returns whether the caller has to fail here.
    pub fn fails(self) -> bool {
        let Some(armed) = ARMED.get() else { return false };
        armed.iter().filter(|armed| armed.point == self).any(Armed::pass)
    }

    /// Passes a point where nothing but the process can fail.
    pub fn pass(self) {
        let _nothing_to_fail = self.fails();
    }
}

/// By then a signal has been delivered to every thread.
const REACHED_AFTER: Duration = Duration::from_millis(100);

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The process is gone at once (SIGKILL).
    Kill,
    /// The process stands still (SIGSTOP) until somebody lets it go on.
    Stop,
    /// The call there fails.
    Error,
}

#[derive(Debug)]
struct Armed {
    point: Failpoint,
    action: Action,
    at: u64,
    passed: AtomicU64,
}

static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

impl Armed {
    fn pass(&self) -> bool {
        if self.passed.fetch_add(1, Ordering::Relaxed) + 1 != self.at {
            return false;
        }
        tracing::warn!(point = self.point.name(), action = ?self.action, "a failpoint fires");
        let signal = match self.action {
            Action::Kill => Signal::KILL,
            Action::Stop => Signal::STOP,
            Action::Error => return true,
        };
        // A process may always signal itself.
        let _sent = kill_process(getpid(), signal);
        // It takes the kernel a moment to reach this thread: not a step further until it has.
        std::thread::sleep(REACHED_AFTER);
        false
    }

    fn parse(text: &str) -> Option<Self> {
        let (point, action) = text.split_once('=')?;
        let (action, at) = action.split_once('@').unwrap_or((action, "1"));
        let point = Failpoint::ALL.into_iter().find(|known| known.name() == point.trim())?;
        let action = match action {
            "kill" => Action::Kill,
            "stop" => Action::Stop,
            "error" => Action::Error,
            _ => return None,
        };
        let at = at.parse().ok().filter(|at| *at > 0)?;
        Some(Self { point, action, at, passed: AtomicU64::new(0) })
    }
}

/// What is wrong with the variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{VARIABLE}: `{part}` is none of POINT=kill|stop|error@N with a POINT of {}",
    Failpoint::ALL.map(Failpoint::name).join(", ")
)]
pub struct BadFailpoint {
    part: String,
}

/// Arms the points that the environment names, for the whole process.
///
/// # Errors
/// If it names one that there is not.
pub fn arm() -> Result<(), BadFailpoint> {
    let Ok(text) = std::env::var(VARIABLE) else { return Ok(()) };
    let armed = parse(&text)?;
    if !armed.is_empty() {
        tracing::warn!(points = text, "this process is made to fail: {VARIABLE} is set");
        // Armed once: the first call counts.
        let _before = ARMED.set(armed);
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Armed>, BadFailpoint> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| Armed::parse(part).ok_or_else(|| BadFailpoint { part: part.to_owned() })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_fires_once_when_it_is_passed_for_the_nth_time() {
        let armed = &parse("look.models=error@3, score.sent=kill").unwrap()[0];
        let fired: Vec<bool> = (0..5).map(|_| armed.pass()).collect();
        assert_eq!(fired, [false, false, true, false, false]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for bad in
            ["score.sent", "score.sent=explode", "nowhere=kill", "score.sent=kill@0", "score.sent=kill@x"]
        {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("score.offsets"), "{error}");
        }
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn an_unarmed_point_does_nothing() {
        assert!(!Failpoint::LookModels.fails());
    }
}
