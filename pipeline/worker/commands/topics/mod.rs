//! `invigilator topics`: creates the topics, compares them with what they should be, and says what a
//! principal must be allowed to do with them.

mod acls;
mod check;
mod create;

use crate::cli::{PlaceArgs, TopicsAction, TopicsArgs};
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;

/// Does what was asked for.
///
/// # Errors
/// If brokers do not answer or refuse, or settings are invalid.
pub fn run(args: &TopicsArgs) -> Result<Exit, Failure> {
    match &args.action {
        TopicsAction::Create(args) => create::run(args, &settings(&args.place)?),
        TopicsAction::Check(args) => check::run(args, &settings(&args.place)?),
        TopicsAction::Acls(args) => acls::run(args, &settings(&args.place)?),
    }
}

fn settings(place: &PlaceArgs) -> Result<Settings, Failure> {
    let mut sources = Sources::of_process(place.config.as_deref());
    sources.arguments = place.overrides();
    let settings = Settings::load(&sources)?;
    logs::begin_for_people();
    Ok(match &place.shadow {
        Some(shadow) => settings.in_shadow(shadow.clone()),
        None => settings,
    })
}

fn configuration(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Configuration, error)
}

fn service(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Service, error)
}
