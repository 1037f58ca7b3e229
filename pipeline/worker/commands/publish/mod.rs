//! `invigilator publish`: recordings in, records of live sessions out.
//!
//! Files, settings and brokers are checked before the first record is sent. A file that cannot be cut is
//! reported and the others go on; brokers that fail end it all. Ends when everything is acknowledged.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::anyhow;
use domain::error::ErrorKind;
use domain::words;
use kafka::{Connection, KafkaError, Topics};

use super::analyze::inputs;
use super::progress::Progress;
use crate::cli::PublishArgs;
use crate::exit::{Exit, Failure, with_causes};
use crate::privacy::Protection;
use crate::publish::{Carriage, Courier, Pace, Publication, PublishError, Published, SessionPlan, Shelf};
use crate::settings::{Settings, Sources, policy};
use crate::stages::Stop;
use crate::telemetry::logs;
use crate::topology;

/// Room in a record for what comes beside the media.
const HEADERS: usize = 16 << 10;

/// As many copies of a new topic as the brokers make by default.
const BROKERS_DEFAULT: i32 = -1;

/// Publishes all inputs.
///
/// # Errors
/// If nothing could be started, or brokers or disks fail. Inputs that cannot be published are no error
/// here but part of the exit code.
pub fn run(args: &PublishArgs) -> Result<Exit, Failure> {
    let files = inputs::expand(&args.inputs).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Usage, anyhow!(lines.join("\nerror: ")))
    })?;
    if args.session.is_some() && files.len() != 1 {
        let message = format!("--session names one input, but there are {}", files.len());
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let judged_by = policy::load(args.policy.as_deref().unwrap_or(&settings.policy))?;
    logs::begin_for_people();

    let carriage = carriage(args, &settings)?;
    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let topics = settings.topics().map_err(service)?;
    prepare(&connection, &topics, args.create_topics)?;
    let largest = settings.kafka.max_record_bytes as usize;
    let publication = Publication {
        courier: Courier::new(&connection, topics, largest).map_err(service)?,
        carriage,
        protection: Protection::open(&settings.privacy)?,
        pace: if args.realtime { Pace::REALTIME } else { Pace::Free },
        policy: judged_by.policy.id,
        stop: Stop::default(),
    };
    let plans = plans(&files, args);
    let parallel = parallel(args, plans.len());
    publish(&publication, &plans, parallel, !args.no_progress)
}

fn service(error: KafkaError) -> Failure {
    Failure::new(Exit::Service, error)
}

/// Where media go, checked before anything is sent.
fn carriage(args: &PublishArgs, settings: &Settings) -> Result<Carriage, Failure> {
    let most = (settings.kafka.max_record_bytes as usize).saturating_sub(HEADERS);
    let inline = if args.by_reference { 0 } else { (args.inline_max as usize * 1024).min(most) };
    let shelf = args.media.as_deref().map(Shelf::named).transpose().map_err(|error| {
        let exit = match error {
            PublishError::FolderName(_) | PublishError::Address(_) | PublishError::ReadOnly => Exit::Usage,
            _ => Exit::Failed,
        };
        Failure::new(exit, error)
    })?;
    Ok(Carriage::new(inline, shelf))
}

/// Creates the topics if that was asked for, and looks whether those that are needed are there: a
/// producer would wait for brokers and topics for a long time.
fn prepare(connection: &Connection, topics: &Topics, create: Option<i32>) -> Result<(), Failure> {
    let admin = topology::reach(connection)?;
    if let Some(partitions) = create {
        let found = topology::describe(&admin, topics).map_err(service)?;
        let missing = topology::plan(topics, partitions, BROKERS_DEFAULT, &found)?;
        admin.create_topics(&missing).map_err(service)?;
    }
    for topic in [topics.sessions(), topics.segments()] {
        if admin.partitions(&topic).map_err(service)?.is_none() {
            let message =
                format!("there is no topic {topic}; --create-topics PARTITIONS creates all of them");
            return Err(Failure::new(Exit::Service, anyhow!(message)));
        }
    }
    Ok(())
}

/// The sessions: each file once, or as often as asked for.
fn plans(files: &[PathBuf], args: &PublishArgs) -> Vec<SessionPlan> {
    let copies = match args.copies {
        1 => vec![None],
        several => (1..=several).map(Some).collect(),
    };
    // Copies of a file lie apart: at any time different recordings are on their way.
    let plan =
        |copy| move |file: &PathBuf| SessionPlan { file: file.clone(), told: args.session.clone(), copy };
    copies.into_iter().flat_map(|copy| files.iter().map(plan(copy))).collect()
}

/// How many sessions at once: all of them live, else one for each core, since a disk is read and hashed.
fn parallel(args: &PublishArgs, sessions: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let default = if args.realtime { sessions } else { cores };
    args.parallel.map_or(default, |parallel| parallel as usize)
}

fn publish(
    publication: &Publication,
    plans: &[SessionPlan],
    parallel: usize,
    shown: bool,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let figures = publication.courier.figures();
    let shown_figures = Arc::clone(figures);
    let progress = Progress::new(plans.len(), shown, move |out, seconds| {
        let mib = shown_figures.bytes() as f64 / f64::from(1 << 20);
        write!(out, "{} segments, {mib:.1} MiB, {:.1} MiB/s", shown_figures.segments(), mib / seconds)
    });
    let (mut refused, mut failure) = (0, None);
    publication.all(plans, parallel, &mut |plan, outcome| {
        progress.one_done();
        match outcome {
            Ok(published) => {
                if let Err(error) = progress.aside(|| tell(&plan.file, &published)) {
                    publication.stop.now();
                    failure.get_or_insert(Failure::from(error));
                }
            }
            // What it was stopped for is told.
            Err(PublishError::Stopped) => {}
            Err(error) if error.kind() == ErrorKind::Fatal => {
                let is_service = matches!(error, PublishError::Kafka(_) | PublishError::Vault(_));
                let exit = if is_service { Exit::Service } else { Exit::Failed };
                failure.get_or_insert(Failure::new(exit, error));
            }
            Err(error) => {
                refused += 1;
                progress.aside(|| eprintln!("error: {}: {}", plan.file.display(), with_causes(&error)));
            }
        }
    });
    progress.finish();
    if let Some(failure) = failure {
        return Err(failure);
    }
    let sessions = words::plural(plans.len() - refused, "session", "sessions");
    let took = began.elapsed().as_secs_f64();
    let mib = figures.bytes() as f64 / f64::from(1 << 20);
    writeln!(
        io::stdout(),
        "{sessions}, {} segments, {mib:.1} MiB in {took:.1} s ({:.1} MiB/s), all acknowledged",
        figures.segments(),
        mib / took
    )?;
    Ok(match refused {
        0 => Exit::Ok,
        all if all == plans.len() => Exit::AllInputs,
        _ => Exit::SomeInputs,
    })
}

fn tell(file: &Path, published: &Published) -> io::Result<()> {
    let Published { session, segments, expected, cut_short } = published;
    let length = words::length(expected.length());
    writeln!(io::stdout(), "{session}  {segments} segments, {length}  {}", file.display())?;
    if let Some(error) = cut_short {
        eprintln!("warning: {}: not all of it could be read: {error}", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(line: &str) -> PublishArgs {
        let words = std::iter::once("invigilator").chain(line.split_whitespace());
        match Cli::try_parse_from(words).unwrap().command {
            Command::Publish(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn copies_are_numbered_and_recordings_alternate() {
        let files = [PathBuf::from("a.webm"), PathBuf::from("b.webm")];
        let planned = |line: &str| -> Vec<(String, Option<u32>)> {
            let plans = plans(&files, &args(line)).into_iter();
            plans.map(|plan| (plan.file.display().to_string(), plan.copy)).collect()
        };
        let one = |name: &str, copy| (name.to_owned(), copy);
        assert_eq!(planned("publish a.webm b.webm"), [one("a.webm", None), one("b.webm", None)]);
        let twice = ["a.webm", "b.webm", "a.webm", "b.webm"];
        let copies = [Some(1), Some(1), Some(2), Some(2)];
        let expected: Vec<_> = twice.into_iter().zip(copies).map(|(name, copy)| one(name, copy)).collect();
        assert_eq!(planned("publish a.webm b.webm --loop 2"), expected);
    }

    #[test]
    fn live_sessions_run_side_by_side() {
        assert_eq!(parallel(&args("publish a.webm --realtime"), 500), 500);
        assert_eq!(parallel(&args("publish a.webm --realtime --parallel 3"), 500), 3);
        assert!(parallel(&args("publish a.webm"), 5_000) < 5_000);
    }
}
