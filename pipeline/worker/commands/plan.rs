//! `invigilator plan`: reads figures, computes, prints a table, JSON, or what scales pods for a timetable.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::table::aligned;
use crate::cli::PlanArgs;
use crate::exit::{Exit, Failure};
use crate::plan::timetable::{self, Exam};
use crate::plan::{Ask, Bound, Cost, Figures, FiguresError, Plan, Prices, Stored, keda};
use crate::settings::{Settings, Sources};

/// Plans.
///
/// # Errors
/// If settings, figures or the timetable cannot be read.
pub fn run(args: &PlanArgs) -> Result<Exit, Failure> {
    let settings = Settings::load(&Sources::of_process(args.config.as_deref()))?;
    let figures = match &args.figures {
        Some(path) => Figures::read(path),
        None => Figures::bundled(args.codec),
    };
    let figures = figures.map_err(failure)?;
    let calm = args.calm_figures.as_deref().map(Figures::read).transpose().map_err(failure)?;
    let plan = |sessions| Plan::of(ask(args, &settings, sessions), &figures, calm.as_ref());
    let mut out = io::stdout().lock();
    if let Some(path) = &args.timetable {
        // KEDA is the only one of args.emit.
        let floors = timetable::floors(&read(path)?, args.ahead);
        let pods = keda::pods(&floors, |sessions| plan(sessions).workers.pods);
        keda::write(&mut out, &pods, args.cores_per_pod)?;
        return Ok(Exit::Ok);
    }
    let sessions =
        args.sessions.ok_or_else(|| Failure::new(Exit::Usage, anyhow!("--sessions is missing")))?;
    let plan = plan(sessions);
    if args.json {
        let text = serde_json::to_string_pretty(&plan).map_err(anyhow::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        print(&mut out, &plan)?;
    }
    Ok(Exit::Ok)
}

fn read(path: &Path) -> Result<Vec<Exam>, Failure> {
    let place = || format!("--timetable {}", path.display());
    let file = File::open(path).with_context(place).map_err(|error| Failure::new(Exit::Usage, error))?;
    timetable::read(file).with_context(place).map_err(|error| Failure::new(Exit::Usage, error))
}

fn ask(args: &PlanArgs, settings: &Settings, sessions: u64) -> Ask {
    Ask {
        sessions,
        bitrate: args.bitrate,
        segment: args.segment,
        calm: args.calm,
        utilisation: args.utilisation,
        utilisation_zone_down: args.utilisation_zone_down,
        cores_per_pod: args.cores_per_pod,
        zones: args.zones,
        replication: args.replication,
        hours_a_day: args.hours_a_day,
        session_length: args.session_length,
        retention: args.retention.iter().cloned().collect(),
        keep: args.keep,
        queue_bytes: settings.worker.media_bytes + settings.worker.picture_bytes,
        prices: Prices {
            core_hour: args.price_core_hour,
            gb_month: args.price_gb_month,
            gb_between_zones: args.price_gb_between_zones,
        },
    }
}

fn failure(error: FiguresError) -> Failure {
    Failure::new(Exit::Usage, error)
}

fn print(out: &mut impl Write, plan: &Plan) -> io::Result<()> {
    let Plan { ask, figures, workers, partitions, traffic, cost, assumptions, warnings } = plan;
    writeln!(
        out,
        "{} sessions of {} kbit/s; figures of {}, measured on {}: {:.1} ms of a core per second of video{}\n",
        ask.sessions,
        ask.bitrate as f64 / 1000.0,
        figures.from,
        figures.machine,
        figures.milliseconds,
        figures.calm_milliseconds.map_or(String::new(), |calm| format!(
            ", {calm:.1} ms for the {:.0} % that are calm",
            ask.calm * 100.0
        )),
    )?;
    let bound = match workers.bound {
        Bound::Utilisation => format!("at most {:.0} % busy", ask.utilisation * 100.0),
        Bound::ZoneDown => {
            format!("at most {:.0} % busy while a zone is down", ask.utilisation_zone_down * 100.0)
        }
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let zone_down =
        workers.utilisation_zone_down.map(|share| format!(", {} while a zone is down", percent(share)));
    let rows = [
        ("cores", workers.cores.to_string(), format!("{:.0} busy; {bound}", workers.busy_cores)),
        (
            "pods",
            workers.pods.to_string(),
            format!("of {} cores, {:.0} sessions each", ask.cores_per_pod, workers.sessions_per_pod),
        ),
        (
            "busy",
            percent(workers.utilisation),
            format!(
                "on average{}; the busiest pod about {}",
                zone_down.unwrap_or_default(),
                percent(workers.utilisation_busiest_pod)
            ),
        ),
        (
            "memory",
            bytes(workers.memory as f64),
            format!(
                "{} a pod, limit {}",
                bytes(workers.memory_per_pod as f64),
                bytes(workers.memory_limit_per_pod as f64)
            ),
        ),
        (
            "partitions",
            partitions.each_topic.to_string(),
            format!(
                "of each topic; of the segments {}/s and {} in each",
                bytes(partitions.segment_bytes_per_s),
                bytes(partitions.segment_bytes)
            ),
        ),
        (
            "network",
            format!("{}/s", bytes(traffic.written_bytes_per_s)),
            format!(
                "written, {}/s copied between brokers, {}/s read; {}/s of it between zones",
                bytes(traffic.copied_bytes_per_s),
                bytes(traffic.read_bytes_per_s),
                bytes(traffic.between_zones_bytes_per_s)
            ),
        ),
        ("disks", bytes(traffic.disk_bytes), format!("in {} copies", ask.replication)),
    ];
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value, more)| vec![name.to_owned(), value, more]).collect();
    lines(out, &aligned(&rows))?;

    let mut rows = vec![["topic", "records/s", "bytes/s", "kept", "bytes"].map(str::to_owned).to_vec()];
    rows.extend(traffic.topics.iter().map(|topic| {
        vec![
            topic.topic.clone(),
            format!("{:.*}", if topic.records_per_s < 10.0 { 2 } else { 0 }, topic.records_per_s),
            bytes(topic.bytes_per_s),
            kept(topic.stored),
            bytes(topic.kept_bytes),
        ]
    }));
    writeln!(out, "\nTopics, in one copy")?;
    lines(out, &aligned(&rows))?;
    print_cost(out, cost)?;
    for (title, texts) in [("Taken for granted", assumptions), ("Mind", warnings)] {
        if !texts.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        texts.iter().try_for_each(|text| writeln!(out, "- {text}"))?;
    }
    Ok(())
}

fn print_cost(out: &mut impl Write, cost: &Cost) -> io::Result<()> {
    let Cost { cores, disks, between_zones, total, session_hour } = *cost;
    let rows = [("cores", cores), ("disks", disks), ("between zones", between_zones), ("together", total)];
    let rows = rows.into_iter().filter_map(|(name, cost)| Some((name, format!("{:.0}", cost?))));
    let each = session_hour.map(|cost| ("a session for an hour", format!("{cost:.5}")));
    let rows: Vec<Vec<String>> = rows.chain(each).map(|(name, cost)| vec![name.to_owned(), cost]).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nCost of a month of 30 days, of what has a price")?;
    lines(out, &aligned(&rows))
}

fn lines(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn kept(stored: Stored) -> String {
    let time = |seconds: u64| match (seconds / 86_400, seconds % 86_400) {
        (days, 0) => format!("{days} d"),
        _ => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    };
    match stored {
        Stored::Everything(seconds) => time(seconds),
        Stored::Last(seconds) => format!("the last, {}", time(seconds)),
    }
}

/// Bytes for people, in powers of ten as networks and disks are sold.
fn bytes(count: f64) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = units.into_iter().find(|(_, size)| count >= *size);
    let (name, size) = unit.unwrap_or(("B", 1.0));
    let value = count / size;
    if value < 10.0 && size > 1.0 { format!("{value:.1} {name}") } else { format!("{value:.0} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_two_digits_or_more() {
        assert_eq!(
            [12.0, 1_200.0, 999_999.0, 2.5e9, 216e12].map(bytes),
            ["12 B", "1.2 kB", "1000 kB", "2.5 GB", "216 TB"]
        );
    }
}
