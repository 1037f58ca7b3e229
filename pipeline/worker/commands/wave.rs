//! `invigilator bench wave`: sends a wave, then prints, writes and draws what it took.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use domain::time::Millis;
use domain::words;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::bench::{failure, write, write_json};
use super::table::aligned;
use crate::bench::wave::{Figures, Means, Point, Setting, Wave, svg};
use crate::cli::WaveArgs;
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources, policy};
use crate::topology;

/// Mebibytes, for people.
const MIB: f64 = (1 << 20) as f64;

/// Measures a wave.
///
/// # Errors
/// If the broker refuses, or a worker ends or does not get on. Results that are not what they must be are no error
/// here but an exit code.
pub(super) fn run(args: &WaveArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    let policy = policy::load("standard")?;
    // A broker that is away is told at once, not after everything was computed.
    topology::reach(&settings.connection().context("the client properties cannot be read")?)?;
    let wave = Wave {
        seed: args.seed,
        sessions: args.sessions,
        within: millis(args.within),
        lasts: millis(args.lasts.max(args.within + args.segment)),
        segment: millis(args.segment),
        lateness: policy.policy.timing.lateness_ms,
    };
    let setting = Setting {
        settings,
        arguments: args.same_settings(),
        policy,
        wave,
        workers: args.workers,
        partitions: args.partitions,
        compared: args.compared.min(args.sessions),
        settle_within: args.settle_within,
        broker: args.broker_pid,
    };
    let bar = progress(args);
    let figures = setting.run(&|point| show(&bar, point)).map_err(failure)?;
    bar.finish_and_clear();
    write_json(args.json.as_deref(), &figures)?;
    if let Some(path) = &args.svg {
        write(path, &svg(&figures))?;
    }
    print(&mut io::stdout().lock(), &figures)?;
    Ok(if figures.is_right() { Exit::Ok } else { Exit::Failed })
}

fn millis(time: Duration) -> Millis {
    Millis(time.as_millis().try_into().unwrap_or(i64::MAX))
}

fn progress(args: &WaveArgs) -> ProgressBar {
    let target = if args.no_progress { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(args.sessions.into()), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} final  {elapsed}  {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, point: &Point) {
    bar.set_position(point.finals);
    bar.set_message(format!(
        "{} begun, {} waiting, delay {:.1} s, {:.0} MiB, {:.2} cores",
        point.begun,
        point.sent.saturating_sub(point.taken),
        point.delay,
        point.memory as f64 / MIB,
        point.cores
    ));
}

fn print(out: &mut impl Write, figures: &Figures) -> io::Result<()> {
    let Figures { wave, sent, score, states, check, .. } = figures;
    let seconds = |time: Millis| time.0 as f64 / 1000.0;
    writeln!(
        out,
        "{} sessions that begin within {:.0} s of an exam of {:.0} s, an observation every {:.0} s, seed {}",
        wave.sessions,
        seconds(wave.within),
        seconds(wave.lasts),
        seconds(wave.segment),
        wave.seed
    )?;
    writeln!(
        out,
        "{}, {} partitions, on {}\n",
        words::plural(figures.workers as usize, "worker with the score role", "workers with the score role"),
        figures.partitions,
        figures.machine
    )?;
    let kept_up = if score.kept_up { "yes" } else { "no" };
    let late =
        if sent.latest_s > 5.0 { ": this machine could not send as fast as the wave comes" } else { "" };
    let mut rows = vec![
        ("observations sent", format!("{} of {:.0} bytes", sent.observations, sent.bytes)),
        ("facts and decisions sent", sent.others.to_string()),
        (
            "observations per second",
            format!("{:.0} at most, {:.0} while all are on as planned", sent.most_per_s, sent.wanted_per_s),
        ),
        ("latest sent", format!("{:.1} s after its time{late}", sent.latest_s)),
        ("taken in per second", format!("{:.0} at most", score.most_per_s)),
        ("most that waited", format!("{} observations", score.most_behind)),
        ("scored within 10 s", format!("{:.1} %: kept up: {kept_up}", score.soon_milli / 10.0)),
        (
            "observation to committed score",
            format!("median {:.2} s, 99th percentile {:.2} s", score.delay_s.0, score.delay_s.1),
        ),
        (
            "last record to final score read",
            format!(
                "median {:.2} s, 99th percentile {:.2} s, at most {:.2} s",
                score.final_s.0, score.final_s.1, score.final_s.2
            ),
        ),
        (
            "commit of a transaction",
            format!(
                "median {:.0} ms, 99th percentile {:.0} ms, {} of them",
                score.commit_s.0 * 1000.0,
                score.commit_s.1 * 1000.0,
                score.transactions
            ),
        ),
        ("scores published", score.scores.to_string()),
        (
            "CPU of an observation",
            format!("{:.3} ms, of which {:.3} ms on the folding thread", score.cpu_ms, score.folding_ms),
        ),
        ("cores", format!("{:.2} at most", score.most_cores)),
        (
            "memory",
            format!(
                "{:.0} MiB at most with {} sessions in it: {:.1} KiB each",
                score.most_memory as f64 / MIB,
                score.most_in_memory,
                score.memory_per_session() / 1024.0
            ),
        ),
        (
            "state of a session",
            format!(
                "{:.1} KiB, written {:.2} times for an observation",
                states.bytes_per_session / 1024.0,
                states.per_observation
            ),
        ),
        ("CPU of sender and reader", format!("{:.0} s", sent.cpu_s)),
    ];
    if sent.broker_cpu_s > 0.0 {
        rows.push(("CPU of the broker", format!("{:.0} s", sent.broker_cpu_s)));
    }
    rows.push(("sessions with a final score", format!("{} of {}", check.finals, wave.sessions)));
    rows.push(("said twice", check.doubled.to_string()));
    rows.push((
        "other than the fold of what was sent",
        format!("{} of {}", check.different.len(), check.compared),
    ));
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    print_means(out, &figures.means)
}

fn print_means(out: &mut impl Write, means: &[Means]) -> io::Result<()> {
    writeln!(
        out,
        "\nWhat that means, all of them on at once, folding threads half busy, memory filled to 70 %:\n"
    )?;
    let head = [
        "sessions",
        "observations/s",
        "workers",
        "partitions",
        "cores",
        "GiB each",
        "states MB/s",
        "states GB",
    ];
    let head = head.map(str::to_owned).to_vec();
    let row = |means: &Means| {
        vec![
            means.sessions.to_string(),
            format!("{:.0}", means.observations_per_s),
            means.workers.to_string(),
            means.partitions.to_string(),
            format!("{:.1}", means.cores),
            format!("{:.2}", means.memory_per_worker / MIB / 1024.0),
            format!("{:.0}", means.state_bytes_per_s / 1e6),
            format!("{:.2}", means.state_bytes / 1e9),
        ]
    };
    let table: Vec<Vec<String>> = std::iter::once(head).chain(means.iter().map(row)).collect();
    aligned(&table).iter().try_for_each(|line| writeln!(out, "{line}"))
}
