//! `invigilator bench`: measures round after round, or only counts; then prints, writes and draws the figures.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::bench::{
    BenchError, Benchmark, Corpus, Counts, Opponent, Parts, Product, Round, Setting, Spread, Work, svg,
};
use crate::cli::{BenchAction, BenchArgs};
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources, places, policy};
use crate::topology;
use crate::workshop::Workshop;

/// Runs the benchmark.
///
/// # Errors
/// If a recording, the broker, a part or the opponent fails.
pub fn run(args: &BenchArgs) -> Result<Exit, Failure> {
    if let Some(BenchAction::Wave(args)) = &args.action {
        return super::wave::run(args);
    }
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let missing = args.files.iter().find(|file| !file.is_file());
    if let Some(file) = missing {
        return Err(Failure::new(Exit::Usage, anyhow!("no file `{}`", file.display())));
    }
    if args.count {
        return count(args, settings);
    }
    // A broker that is away is told at once, not after the models are loaded.
    topology::reach(&settings.connection().context("the client properties cannot be read")?)?;
    let opponent = args.python.as_ref().map(|python| {
        let script = places::resolve(&args.baseline);
        Opponent { python: python.clone(), script }
    });
    let corpus = Corpus::read(args.files.clone()).map_err(BenchError::from).map_err(failure)?;
    let setting = Setting { settings, arguments: args.same_settings(), corpus, copies: args.copies };

    let bar = progress(args);
    bar.set_message("what is decoded and looked at");
    let (work, counts) = {
        let workshop = open(&setting.settings)?;
        let work = Work::of(&setting.corpus.files, &workshop).map_err(failure)?;
        let counts = work.count(workshop.decoder()).map_err(failure)?;
        (work, counts)
    };
    // How a calm session is looked at depends on what was seen by then, which is not the same each time.
    let is_fixed = setting.settings.adaptive.calm_after.is_none();
    let mut parts = is_fixed.then(|| Parts::of(&setting, &work)).transpose().map_err(failure)?;
    let mut rounds = Vec::new();
    for number in 0..args.rounds {
        rounds.push(round(&setting, parts.as_mut(), opponent.as_ref(), number, &bar).map_err(failure)?);
    }
    bar.finish_and_clear();

    let names = setting.corpus.files.iter().map(|file| name(file)).collect();
    let figures = Benchmark::of(names, &setting.corpus, args.copies, counts, &rounds);
    write_json(args.json.as_deref(), &figures)?;
    if let Some(path) = &args.svg {
        write(path, &svg(&figures))?;
    }
    print(&figures, args.broker_pid)?;
    Ok(Exit::Ok)
}

/// What analysing takes, with the models on one thread.
fn open(settings: &Settings) -> Result<Workshop, Failure> {
    let mut one = settings.clone();
    one.infer.threads = NonZeroUsize::MIN;
    super::workshop(one, policy::load(&settings.policy)?, false)
}

/// Counts what is done with each file, and measures nothing.
fn count(args: &BenchArgs, settings: Settings) -> Result<Exit, Failure> {
    let workshop = open(&settings)?;
    let mut all = BTreeMap::new();
    for file in &args.files {
        let work = Work::of(std::slice::from_ref(file), &workshop).map_err(failure)?;
        all.insert(name(file), work.count(workshop.decoder()).map_err(failure)?);
    }
    write_json(args.json.as_deref(), &all)?;
    let mut out = io::stdout().lock();
    for (name, counts) in &all {
        writeln!(out, "{name}, {:.1} s", counts.video_ms as f64 / 1000.0)?;
        print_counts(&mut out, counts)?;
    }
    Ok(Exit::Ok)
}

/// Everybody once, beginning with another one each time.
fn round(
    setting: &Setting,
    mut parts: Option<&mut Parts<'_>>,
    opponent: Option<&Opponent>,
    number: u32,
    bar: &ProgressBar,
) -> Result<Round, BenchError> {
    let mut round = Round::default();
    let prefix = format!("bench-{}-{number}", std::process::id());
    for turn in 0..4 {
        match (turn + number) % 4 {
            0 => {
                bar.set_message("the worker with 1 thread");
                round.product = Product { setting, threads: 1 }.run(&format!("{prefix}-one"))?;
            }
            1 => {
                bar.set_message("the worker with 2 threads");
                round.on_two = Product { setting, threads: 2 }.run(&format!("{prefix}-two"))?;
            }
            2 => {
                bar.set_message("its parts alone");
                round.parts = parts.as_mut().map(|parts| parts.measure()).transpose()?;
            }
            _ => {
                bar.set_message("the worker in Python");
                round.python = opponent.map(|opponent| opponent.run(&setting.corpus)).transpose()?;
            }
        }
        bar.inc(1);
    }
    Ok(round)
}

fn progress(args: &BenchArgs) -> ProgressBar {
    let target = if args.no_progress { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{pos}/{len}  {wide_bar}  {elapsed}  {msg}");
    let bar = ProgressBar::with_draw_target(Some(u64::from(args.rounds) * 4), target);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print(figures: &Benchmark, broker: Option<u32>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let spread = |spread: Spread| format!("{:.1}  ({:.1} to {:.1})", spread.median, spread.low, spread.high);
    writeln!(
        out,
        "{} sessions of each of {}; {} rounds, median (lowest to highest)\n",
        figures.copies,
        figures.recordings.join(", "),
        figures.rounds
    )?;
    for row in &figures.rows {
        writeln!(out, "{}", row.subject.name())?;
        writeln!(out, "  {:<28}{}", "ms of CPU per s of video", spread(row.milliseconds))?;
        writeln!(out, "  {:<28}{}", "sessions per core", spread(row.sessions_per_core))?;
        for (name, used) in row.by.iter().filter(|(_, used)| *used >= 0.05) {
            writeln!(out, "    {name:<26}{used:.2}")?;
        }
    }
    let ratio = |spread: Spread| format!("{:.2}  ({:.2} to {:.2})", spread.median, spread.low, spread.high);
    writeln!(out)?;
    for (name, of) in [
        ("whole by the sum of its parts", figures.whole_by_parts),
        ("two threads by one", figures.two_threads_by_one),
        ("worker in Python by the product", figures.python_by_product),
    ] {
        if let Some(of) = of {
            writeln!(out, "{name:<34}{}", ratio(of))?;
        }
    }
    if let Some(speed) = figures.speed {
        writeln!(out, "{:<34}{}", "s of video per s, two threads", spread(speed))?;
    }
    writeln!(
        out,
        "{:<34}{:.0} MiB",
        "most memory, one thread",
        figures.peak_bytes as f64 / f64::from(1 << 20)
    )?;
    writeln!(out, "\nper second of video")?;
    print_counts(&mut out, &figures.work)?;
    for topic in figures.topics.iter().filter(|topic| topic.records > 0) {
        let per_second = |count: u64| count as f64 / figures.footage.seconds.max(f64::MIN_POSITIVE);
        let (records, bytes) = (per_second(topic.records), per_second(topic.bytes));
        writeln!(out, "  {:<28}{records:.2} records, {bytes:.0} bytes", topic.topic)?;
    }
    if let Some(broker) = broker {
        let used = crate::bench::whole(broker) / 1000.0;
        writeln!(out, "{:<34}{used:.1} s since its start", "the broker's CPU, not counted")?;
    }
    Ok(())
}

/// What was done per second of video.
fn print_counts(out: &mut impl Write, counts: &Counts) -> io::Result<()> {
    let seconds = counts.video_ms.max(1) as f64 / 1000.0;
    let mut line = |name: &str, count: u64| writeln!(out, "  {name:<28}{:.2}", count as f64 / seconds);
    line("frames decoded", counts.frames_decoded)?;
    line("frames passed over", counts.frames_skipped)?;
    line("pictures", counts.pictures)?;
    line("closer looks", counts.closer_looks)?;
    counts.model_runs.iter().try_for_each(|(model, runs)| line(&format!("runs of {model}"), *runs))?;
    let mut glances = counts.model_glances.iter().filter(|(_, glances)| **glances > 0);
    glances.try_for_each(|(model, glances)| line(&format!("glances of {model}"), *glances))
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Writes figures, if that is wanted.
pub(super) fn write_json(path: Option<&Path>, figures: &impl Serialize) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string_pretty(figures).map_err(anyhow::Error::from)?;
    write(path, &(text + "\n"))
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?)
}

/// Brokers are to blame for some of it.
pub(super) fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Kafka(error) => Failure::new(Exit::Service, error),
        other => anyhow::Error::from(other).into(),
    }
}
