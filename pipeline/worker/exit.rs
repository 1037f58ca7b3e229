//! The exit codes: what a calling program can rely on, and what an error inside a command becomes.

use std::error::Error;
use std::process::ExitCode;

use domain::error::ErrorKind;
use infer::InferError;

use crate::settings::SettingsError;
use crate::workshop::WorkshopError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for was done.
    Ok = 0,
    /// Something outside the other cases failed: a report could not be written, a bug.
    Failed = 1,
    /// The arguments make no sense, or no file matches them.
    Usage = 2,
    /// Some inputs could not be analysed; the others were.
    SomeInputs = 3,
    /// No input could be analysed.
    AllInputs = 4,
    /// Settings or policy are invalid.
    Configuration = 5,
    /// The machine lacks something: models, ONNX Runtime, GStreamer elements.
    Environment = 6,
    /// Brokers do not answer or refuse, topics break a promise, or a stage of a service failed for good.
    Service = 7,
}

/// The table for `--help`.
pub const TABLE: &str = "\
Exit codes:
  0  all that was asked for was done
  1  something else failed, for example a report could not be written
  2  the arguments make no sense, or no file matches them
  3  some inputs could not be analysed; the others were
  4  no input could be analysed
  5  settings or policy are invalid
  6  the machine lacks something: models, ONNX Runtime, GStreamer (see `invigilator doctor`)
  7  brokers do not answer or refuse, topics are not as they must be (see `invigilator topics check`),
     or a service failed for good";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The discriminants are the codes.
        Self::from(exit as u8)
    }
}

/// A command that cannot go on.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, with its causes.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure of a given kind.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// What to tell the user: the error and its causes.
    pub fn message(&self) -> String {
        with_causes(self.error.as_ref())
    }

    /// Whether the reader of our output has gone away: nobody is left to tell.
    pub fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            let io = cause.downcast_ref::<std::io::Error>();
            io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        })
    }
}

/// An error and its causes on one line, without those that it already quotes.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    for cause in anyhow::Chain::new(error).skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(Exit::Configuration, error)
    }
}

impl From<WorkshopError> for Failure {
    fn from(error: WorkshopError) -> Self {
        let exit = match &error {
            WorkshopError::Decode(_) => Exit::Environment,
            WorkshopError::Infer(error) => exit_of(error),
        };
        Self::new(exit, error)
    }
}

impl From<InferError> for Failure {
    fn from(error: InferError) -> Self {
        Self::new(exit_of(&error), error)
    }
}

fn exit_of(error: &InferError) -> Exit {
    match error.kind() {
        ErrorKind::Fatal => Exit::Environment,
        ErrorKind::Poison | ErrorKind::Transient => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code() {
        let all = [
            Exit::Ok,
            Exit::Failed,
            Exit::Usage,
            Exit::SomeInputs,
            Exit::AllInputs,
            Exit::Configuration,
            Exit::Environment,
            Exit::Service,
        ];
        for exit in all {
            assert!(TABLE.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("disk full").context("cannot write: disk full").context("no report");
        assert_eq!(Failure::from(error).message(), "no report: cannot write: disk full");
    }

    #[test]
    fn a_reader_that_left_is_recognised_behind_context() {
        let error = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        let failure = Failure::from(anyhow::Error::from(error).context("cannot print"));
        assert!(failure.is_broken_pipe());
        assert!(!Failure::from(anyhow::anyhow!("other")).is_broken_pipe());
    }
}
