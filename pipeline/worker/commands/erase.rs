//! `invigilator erase`: what is kept of a session by its name is deleted, and a receipt says so.

use std::io::{self, Write};

use anyhow::Context as _;

use crate::cli::EraseArgs;
use crate::erase::{EraseError, Erasing};
use crate::exit::{Exit, Failure};
use crate::privacy::Protection;
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;

/// Erases a session.
///
/// # Errors
/// If settings are invalid, the session goes on, brokers fail, or something of it is found afterwards.
pub fn run(args: &EraseArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    logs::begin_for_people();
    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let topics = settings.topics().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let protection = Protection::open(&settings.privacy)?;
    let pictures = settings.pictures()?;
    let exit_of = |error: &EraseError| match error {
        EraseError::GoesOn => Exit::Usage,
        EraseError::NoTopic(_)
        | EraseError::Found(_)
        | EraseError::Vault(_)
        | EraseError::Pictures(_)
        | EraseError::Kafka(_) => Exit::Service,
    };
    let erased = Erasing::open(connection, topics, protection, pictures)
        .and_then(|erasing| erasing.erase(&args.session));
    let receipt = erased.map_err(|error| Failure::new(exit_of(&error), error))?;
    let text = serde_json::to_string_pretty(&receipt).context("a receipt is JSON")? + "\n";
    match &args.receipt {
        Some(file) => std::fs::write(file, text).with_context(|| {
            format!("the session is erased, but its receipt cannot be written to {}", file.display())
        })?,
        None => io::stdout().write_all(text.as_bytes())?,
    }
    Ok(Exit::Ok)
}
