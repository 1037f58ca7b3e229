//! `invigilator rescore`: sessions judged again under another policy, and a table of what that changes.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::anyhow;
use domain::messages::Score;
use domain::words;
use kafka::KafkaError;

use super::table::aligned;
use crate::cli::RescoreArgs;
use crate::exit::{Exit, Failure};
use crate::rescore::{Judged, RescoreError, Rescoring, Selection};
use crate::settings::{Settings, Sources, policy};
use crate::telemetry::logs;

/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rescores what is meant, or says what would come of it.
///
/// # Errors
/// If settings or the policy are invalid, no session is meant, or brokers fail. Sessions that were not
/// judged again are no error here but part of the exit code.
pub fn run(args: &RescoreArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let default = policy::load(&settings.policy)?;
    logs::begin_for_people();

    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let topics = settings.topics().map_err(service)?;
    let opened = Rescoring::open(&connection, topics, default, &args.policy, PATIENCE);
    let mut rescoring = opened.map_err(|error| Failure::new(exit_of(&error), error))?;
    let found = rescoring.find(&selection(args)).map_err(service)?;
    let named = args.session.iter().collect::<BTreeSet<_>>().len();
    if found == 0 || found < named {
        let message = if named > 0 {
            "not every session that is named has a final score"
        } else {
            "no session has a final score"
        };
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    let judged = if args.dry_run { rescoring.preview() } else { rescoring.order(args.wait) };
    let judged = judged.map_err(service)?;
    tell(&mut io::stdout(), &judged)?;
    let missing = judged.iter().filter(|judged| judged.after.is_none()).count();
    let sessions = words::plural(judged.len() - missing, "session", "sessions");
    let done = if args.dry_run { "would be judged again; nothing was changed" } else { "judged again" };
    writeln!(io::stdout(), "{sessions} {done}")?;
    if missing > 0 {
        eprintln!(
            "error: {} not judged again: is a worker with the role score running, does it know the policy, \
             is the log still whole? Its log says so.",
            words::plural(missing, "session was", "sessions were")
        );
    }
    Ok(match missing {
        0 => Exit::Ok,
        all if all == judged.len() => Exit::AllInputs,
        _ => Exit::SomeInputs,
    })
}

fn service(error: KafkaError) -> Failure {
    Failure::new(Exit::Service, error)
}

fn exit_of(error: &RescoreError) -> Exit {
    match error {
        RescoreError::UnknownPolicy { .. } | RescoreError::Settings(_) => Exit::Configuration,
        RescoreError::NoTopic(_) | RescoreError::Kafka(_) => Exit::Service,
    }
}

fn selection(args: &RescoreArgs) -> Selection {
    match args.since {
        Some(since) => Selection::Since(since),
        None if args.all => Selection::All,
        None => Selection::Sessions(args.session.clone()),
    }
}

fn tell(out: &mut impl Write, judged: &[Judged]) -> io::Result<()> {
    let head = ["session", "before", "after", "reasons before", "reasons after"].map(str::to_owned).to_vec();
    let rows = judged.iter().map(|Judged { before, after }| {
        let after_figure = after.as_ref().map_or_else(|| "not judged again".to_owned(), figure);
        let after_reasons = after.as_ref().map_or_else(String::new, reasons);
        vec![before.session.to_string(), figure(before), after_figure, reasons(before), after_reasons]
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Integrity and band, and how much was seen.
fn figure(score: &Score) -> String {
    let integrity = score.integrity.map_or_else(|| "–".to_owned(), |integrity| integrity.to_string());
    let (band, seen) = (words::band(score.band).to_lowercase(), words::percent(score.coverage.ratio_milli));
    format!("{integrity} {band}, {seen} seen")
}

/// Where points went.
fn reasons(score: &Score) -> String {
    let points = score.contributions.iter().map(|contribution| {
        let (points, kind) = (words::milli(contribution.applied_milli), words::incident(contribution.kind));
        format!("−{points} {}", kind.to_lowercase())
    });
    let reasons: Vec<String> = points.collect();
    if reasons.is_empty() { "none".to_owned() } else { reasons.join("; ") }
}
