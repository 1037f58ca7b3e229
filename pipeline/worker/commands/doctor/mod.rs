//! `invigilator doctor`: what is installed, what is missing, and what to do about it.
//!
//! Runs every check whatever the others say; asks the very code that an analysis would run, so that
//! "ok" means it works here. Changes nothing.

mod machine;
mod media;
mod vision;

use std::io::Write;

use serde::Serialize;

use super::table::aligned;
use crate::cli::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, SettingsError, Sources, layers, policy};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// As it should be.
    Ok,
    /// Analysing works, with a limit.
    Warn,
    /// Analysing does not work.
    Fail,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    /// What was looked at.
    name: String,
    status: Status,
    /// What was found.
    found: String,
    /// What to do; absent where nothing needs to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), status: Status::Ok, found: found.into(), remedy: None }
    }

    fn warn(name: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { name: name.to_owned(), status: Status::Warn, found: found.into(), remedy }
    }

    fn fail(name: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { name: name.to_owned(), status: Status::Fail, found: found.into(), remedy }
    }
}

/// Runs all checks.
///
/// # Errors
/// If they cannot be printed.
pub fn run(args: &DoctorArgs) -> Result<Exit, Failure> {
    let sources = Sources::of_process(args.config.as_deref());
    let loaded = Settings::load(&sources);
    let mut checks = vec![Check::ok("invigilator", env!("CARGO_PKG_VERSION"))];
    let configuration = configuration(&sources, &loaded);
    let is_valid = configuration.iter().all(|check| check.status != Status::Fail);
    checks.extend(configuration);
    // With invalid settings the rest is still worth knowing: under the defaults.
    let settings = loaded.unwrap_or_else(|_| Settings::defaults());
    checks.extend(media::checks(&settings));
    checks.extend(vision::checks(&settings));
    checks.extend(machine::checks(&settings));

    print(&checks, args.json)?;
    Ok(match worst(&checks) {
        _ if !is_valid => Exit::Configuration,
        Status::Fail => Exit::Environment,
        Status::Ok | Status::Warn => Exit::Ok,
    })
}

fn configuration(sources: &Sources, loaded: &Result<Settings, SettingsError>) -> Vec<Check> {
    let remedy = "correct the file; `invigilator check-config` says when it is right";
    let settings = match loaded {
        Ok(settings) => settings,
        Err(error) => return vec![Check::fail("settings", error.to_string(), remedy)],
    };
    let policy = match policy::load(&settings.policy) {
        Ok(loaded) => {
            let reference = loaded.reference;
            let hash = &reference.sha256[..12];
            Check::ok("policy", format!("{} version {}, hash {hash}", reference.id, reference.version))
        }
        Err(error) => Check::fail("policy", error.to_string(), remedy),
    };
    vec![Check::ok("settings", layers::file_in_use(sources)), policy]
}

fn worst(checks: &[Check]) -> Status {
    let has = |status| checks.iter().any(|check| check.status == status);
    if has(Status::Fail) {
        Status::Fail
    } else if has(Status::Warn) {
        Status::Warn
    } else {
        Status::Ok
    }
}

fn print(checks: &[Check], as_json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let report = serde_json::json!({ "status": worst(checks), "checks": checks });
        let text = serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?;
        writeln!(out, "{text}")?;
        return Ok(());
    }
    let mark = |status| match status {
        Status::Ok => "ok",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    };
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| vec![mark(check.status).to_owned(), check.name.clone(), check.found.replace('\n', " ")])
        .collect();
    for (line, check) in aligned(&rows).iter().zip(checks) {
        writeln!(out, "{line}")?;
        if let Some(remedy) = &check.remedy {
            writeln!(out, "      → {remedy}")?;
        }
    }
    let verdict = match worst(checks) {
        Status::Ok => "everything is in place",
        Status::Warn => "analysing works, within the limits above",
        Status::Fail => "analysing does not work yet: follow the arrows at FAIL",
    };
    writeln!(out, "\n{verdict}")?;
    Ok(())
}
