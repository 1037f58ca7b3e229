//! `invigilator evidence sweep`: pictures of flagged moments that are past their time are deleted.

use std::io::{self, Write};

use anyhow::anyhow;

use crate::cli::{EvidenceAction, EvidenceArgs, SweepArgs};
use crate::evidence::store::Swept;
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;

/// Deletes what is past its time.
///
/// # Errors
/// If settings are invalid or name no store, or the store fails.
pub fn run(args: &EvidenceArgs) -> Result<Exit, Failure> {
    let EvidenceAction::Sweep(SweepArgs { dry_run, config }) = &args.action;
    let settings = Settings::load(&Sources::of_process(config.as_deref()))?;
    logs::begin_for_people();
    let store = settings.pictures()?.ok_or_else(|| {
        Failure::new(Exit::Configuration, anyhow!("evidence.store names no place: there are no pictures"))
    })?;
    let swept = store.sweep(*dry_run).map_err(|error| Failure::new(Exit::Service, error))?;
    let Swept { deleted, kept } = swept;
    let done = if *dry_run { "would be deleted" } else { "deleted" };
    writeln!(io::stdout(), "{deleted} pictures {done}, {kept} kept")?;
    Ok(Exit::Ok)
}
