//! `invigilator demo`: a running system to look at, and what it came to.
//!
//! While it runs: the dashboard in a browser, and a live view where a person watches, else a line every few seconds,
//! on stderr. At the end: a table of final scores with their reasons, on stdout. Where a person watches, everything
//! stays open then, so that they can look around, and sit the exam themselves.

mod live;
mod table;

use std::io::{self, IsTerminal, Write};

use crate::cli::DemoArgs;
use crate::demo::board::Board;
use crate::demo::{Demo, Links, Scene, candidates};
use crate::exit::{Exit, Failure};
use crate::settings::{Sources, places};
use live::Live;

/// What has to be known about a run without a real broker.
const EMBEDDED: [&str; 2] = [
    "media travelled by reference: the embedded broker keeps about 5 MiB of a partition, in memory, and",
    "promises nothing; nobody may be judged by what went through it (--brokers HOST:PORT for a real one)",
];

/// Runs the demonstration.
///
/// # Errors
/// If a part fails, or a session does not come to its final score in time.
pub fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    let clips = places::resolve(&args.clips);
    let candidates =
        candidates::choose(&clips, &args.only).map_err(|error| Failure::new(Exit::Usage, error))?;
    let demo = Demo {
        candidates,
        brokers: args.brokers.clone(),
        speed: args.speed,
        policy: args.common.policy.clone(),
        listen: args.listen,
        stays: args.stay || (io::stdin().is_terminal() && io::stderr().is_terminal()),
    };
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.common.overrides();
    let mut live = Live::new(&demo);
    let (mut links, mut printed) = (None, Ok(()));
    demo.run(sources, &mut |scene| {
        live.show(scene);
        match scene {
            Scene::Open(open) => links = Some(open.clone()),
            Scene::Final(board) => {
                live.finish();
                printed = print(&demo, board, links.as_ref());
            }
            Scene::Starting(_) | Scene::Running(_) => {}
        }
    })?;
    printed?;
    Ok(Exit::Ok)
}

/// What it came to.
fn print(demo: &Demo, board: &Board, links: Option<&Links>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    table::print(&mut out, board)?;
    if demo.brokers.is_none() {
        for line in EMBEDDED {
            writeln!(out, "{line}")?;
        }
    }
    if let Some(links) = links.filter(|_| demo.stays) {
        writeln!(out)?;
        writeln!(out, "look around:          {}", links.dashboard)?;
        writeln!(out, "sit the exam yourself: {}", links.candidate)?;
        writeln!(out, "Ctrl-C ends it")?;
    }
    Ok(())
}
