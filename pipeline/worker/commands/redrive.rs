//! `invigilator redrive`: segments that were set aside get another try.
//!
//! Prints what was found as a table before anything is sent, and what was done after it.

use domain::words::plural;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka::KafkaError;

use super::table::aligned;
use crate::cli::RedriveArgs;
use crate::exit::{Exit, Failure};
use crate::redrive::{Found, Letter, Redrive, Selection};
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;

/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Redrives what is meant.
///
/// # Errors
/// If settings are invalid, or brokers fail. Letters that cannot go back are none.
pub fn run(args: &RedriveArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    logs::begin_for_people();

    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let topics = settings.topics().map_err(service)?;
    let largest = settings.kafka.max_record_bytes as usize;
    let topic = topics.dead_letters();
    let Some(redrive) = Redrive::open(&connection, topics, largest, PATIENCE).map_err(service)? else {
        return Err(Failure::new(Exit::Service, anyhow!("there is no topic {topic}")));
    };
    let bar = bar(!args.no_progress);
    let found = redrive.find(&selection(args), &|| bar.inc(1)).map_err(service)?;
    bar.suspend(|| tell(&mut io::stdout(), &found))?;
    if !args.dry_run {
        bar.reset();
        bar.set_message("segments sent back");
        redrive.send(&found, &|| bar.inc(1)).map_err(service)?;
    }
    bar.finish_and_clear();
    let segments = plural(found.ready(), "segment", "segments");
    let done = if args.dry_run { "would be sent back; nothing was changed" } else { "sent back" };
    writeln!(io::stdout(), "{segments} {done}")?;
    Ok(Exit::Ok)
}

fn service(error: KafkaError) -> Failure {
    Failure::new(Exit::Service, error)
}

fn selection(args: &RedriveArgs) -> Selection {
    Selection {
        reasons: args.reason.clone(),
        stage: args.stage.clone(),
        session: args.session.clone(),
        since: args.since,
        until: args.until,
    }
}

/// Progress on stderr, where a person watches.
fn bar(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{spinner} {pos} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message("letters read");
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// How many letters there are for each reason, stage and session, and what becomes of them.
fn tell(out: &mut impl Write, found: &Found) -> io::Result<()> {
    let mut counts: BTreeMap<[String; 4], usize> = BTreeMap::new();
    let ready = found.ready.values().flat_map(BTreeMap::values);
    for letter in ready.chain(&found.unfit) {
        *counts.entry(columns(letter)).or_default() += 1;
    }
    if !counts.is_empty() {
        let head = ["letters", "reason", "stage", "session", "what"].map(str::to_owned).to_vec();
        let rows = counts.into_iter().map(|(columns, count)| {
            let mut row = vec![count.to_string()];
            row.extend(columns);
            row
        });
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
        aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    if found.redriven > 0 {
        let letters = plural(found.redriven, "letter was", "letters were");
        writeln!(out, "{letters} sent back before")?;
    }
    Ok(())
}

fn columns(letter: &Letter) -> [String; 4] {
    let session = letter.session.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    let what = match letter.fit {
        Ok(()) => "goes back".to_owned(),
        Err(unfit) => format!("stays: {unfit}"),
    };
    [letter.reason.clone(), letter.stage.clone(), session, what]
}
