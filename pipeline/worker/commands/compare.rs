//! `invigilator compare`: a shadow beside what counts, as tables or JSON.

use std::io::{self, Write};
use std::time::Duration;

use domain::messages::Band;
use domain::words;

use super::table::aligned;
use crate::cli::CompareArgs;
use crate::compare::{Comparison, Differences, Makers};
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources};
use crate::telemetry::logs;

/// How long brokers may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Hashes are told as far as people compare them.
const HASH: usize = 12;

/// Compares, and prints what differs.
///
/// # Errors
/// If settings are invalid, the shadow has no topics, or brokers fail. More differences than were allowed are no error
/// here but an exit code.
pub fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.config.as_deref());
    sources.arguments = args.overrides();
    let settings = Settings::load(&sources)?;
    logs::begin_for_people();
    let connection = settings.connection().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let topics = settings.topics().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let comparison = Comparison::read(&connection, &topics, &args.shadow, PATIENCE)
        .map_err(|error| Failure::new(Exit::Service, error))?;
    let mut out = io::stdout().lock();
    if args.json {
        let json = serde_json::to_string_pretty(&comparison).map_err(anyhow::Error::from)?;
        writeln!(out, "{json}")?;
    } else {
        print(&mut out, &comparison)?;
    }
    let Differences { sessions, .. } = comparison.differences;
    let changed = comparison.differences.changed_percent();
    Ok(match args.most_changed {
        Some(most) if sessions == 0 || changed > most => {
            eprintln!(
                "error: of {} {changed:.1} % have another score; {most} % are allowed",
                words::plural(sessions, "session", "sessions")
            );
            Exit::Failed
        }
        _ => Exit::Ok,
    })
}

fn print(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let all = &comparison.differences;
    writeln!(
        out,
        "{} are final on both sides, {} only where they count, {} only in the shadow {}",
        words::plural(all.sessions, "session", "sessions"),
        all.only_counting,
        all.only_shadow,
        comparison.shadow
    )?;
    makers(out, comparison)?;
    writeln!(
        out,
        "\n{} have the same score, {} ({:.1} %) another one, of which {} another band",
        all.equal,
        all.sessions - all.equal,
        all.changed_percent(),
        all.other_band()
    )?;
    bands(out, all)?;
    if let Some(spread) = all.integrity {
        writeln!(
            out,
            "\nintegrity, shadow less counting, {}: mean {:+.2}, median {:+}, 5 % below {:+}, 95 % below {:+}, \
             from {:+} to {:+}",
            words::plural(spread.sessions, "session", "sessions"),
            spread.mean,
            spread.median,
            spread.p5,
            spread.p95,
            spread.low,
            spread.high
        )?;
    }
    if all.integrity_on_one_side > 0 {
        writeln!(out, "{} have an integrity on one side alone", all.integrity_on_one_side)?;
    }
    incidents(out, all)?;
    if !all.largest.is_empty() {
        writeln!(out, "\nlargest differences")?;
        all.largest.iter().try_for_each(|session| writeln!(out, "  {session}"))?;
    }
    Ok(())
}

fn makers(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    let changed = comparison.changed_models();
    let row = |name: &str, of: &dyn Fn(&Makers) -> String| {
        vec![name.to_owned(), of(&comparison.counting), of(&comparison.shadows)]
    };
    let short = |hash: &str| hash.get(..HASH).unwrap_or(hash).to_owned();
    let hashes = |makers: &Makers| {
        let hashes: Vec<String> = makers.config_hashes.iter().map(|hash| short(hash)).collect();
        hashes.join(" ")
    };
    let policies = |makers: &Makers| {
        let names = makers.policies.iter().map(|policy| policy.rsplit_once(' ').unwrap_or((policy, "")));
        let names: Vec<String> = names.map(|(name, hash)| format!("{name} {}", short(hash))).collect();
        names.join(", ")
    };
    let mut rows = vec![
        vec![String::new(), "counting".to_owned(), "shadow".to_owned()],
        row("policies", &policies),
        row("settings", &hashes),
    ];
    for model in changed {
        let hash = |makers: &Makers| makers.models.get(model).map_or("-".to_owned(), |hash| short(hash));
        rows.push(row(model, &hash));
    }
    let same = comparison
        .counting
        .models
        .iter()
        .filter(|pair| comparison.shadows.models.get(pair.0) == Some(pair.1));
    writeln!(out)?;
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "{} the same on both sides", words::plural(same.count(), "model", "models"))
}

/// A matrix: one row for each band that counts, one column for each of the shadow.
fn bands(out: &mut impl Write, all: &Differences) -> io::Result<()> {
    if all.bands.is_empty() {
        return Ok(());
    }
    let bands = [Band::Green, Band::Amber, Band::Red, Band::Grey];
    let head = std::iter::once("counting \\ shadow".to_owned());
    let head: Vec<String> = head.chain(bands.map(|band| words::band(band).to_owned())).collect();
    let count = |counting: Band, shadow: Band| {
        let cell = all.bands.iter().find(|each| each.counting == counting && each.shadow == shadow);
        cell.map_or("-".to_owned(), |cell| cell.sessions.to_string())
    };
    let row = |counting: Band| {
        let cells = bands.map(|shadow| count(counting, shadow));
        std::iter::once(words::band(counting).to_owned()).chain(cells).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(bands.map(row)).collect();
    writeln!(out)?;
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn incidents(out: &mut impl Write, all: &Differences) -> io::Result<()> {
    if all.incidents.is_empty() {
        return Ok(());
    }
    let head = ["incidents", "both", "only counting", "only shadow"].map(str::to_owned).to_vec();
    let rows = all.incidents.iter().map(|(kind, of)| {
        let counts = [of.both, of.only_counting, of.only_shadow].map(|count| count.to_string());
        std::iter::once(words::incident(*kind).to_owned()).chain(counts).collect()
    });
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    writeln!(out)?;
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}
