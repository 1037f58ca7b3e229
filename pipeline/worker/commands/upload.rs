//! `invigilator upload`: recordings in, uploads of live sessions out.
//!
//! A recording that cannot be uploaded is reported and the others go on; a gateway that fails ends it all. Ends when
//! everything is acknowledged.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;
use domain::error::ErrorKind;
use domain::words;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::runtime::Builder;

use super::analyze::inputs;
use super::progress::Progress;
use crate::cli::UploadArgs;
use crate::exit::{Exit, Failure, with_causes};
use crate::publish::Pace;
use crate::upload::{Client, Figures, Source, UploadError, UploadPlan, Uploaded, Uploader};

/// Standard input, as an argument.
const STDIN: &str = "-";
/// Sessions uploaded at once where nothing makes them wait.
const FAST: usize = 4;

/// Uploads all inputs.
///
/// # Errors
/// If nothing could be started, or the gateway fails. Inputs that cannot be uploaded are no error here but part of
/// the exit code.
pub fn run(args: &UploadArgs) -> Result<Exit, Failure> {
    let plans = plans(args)?;
    let token = fs::read_to_string(&args.token_file)
        .map_err(|source| failure(UploadError::Token { path: args.token_file.clone(), source }))?;
    let figures = Arc::<Figures>::default();
    let uploader = Uploader {
        client: Client::new(&args.gateway, &token, args.retry_for).map_err(failure)?,
        exam: args.exam.clone(),
        policy: args.policy.clone(),
        pace: if args.realtime { Pace::REALTIME } else { Pace::Free },
        figures: Arc::clone(&figures),
    };
    let parallel = match args.parallel {
        Some(parallel) => parallel as usize,
        None if args.realtime => plans.len(),
        None => FAST,
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(upload(&uploader, &plans, parallel, !args.no_progress))
}

fn failure(error: UploadError) -> Failure {
    let exit = match &error {
        UploadError::Address(_) | UploadError::Token { .. } => Exit::Usage,
        _ => Exit::Service,
    };
    Failure::new(exit, error)
}

fn plans(args: &UploadArgs) -> Result<Vec<UploadPlan>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, anyhow!(message));
    let sources = if args.inputs.iter().any(|input| input == Path::new(STDIN)) {
        if args.inputs.len() > 1 || args.copies > 1 {
            return Err(usage("standard input is one session: name nothing else, and no --loop".to_owned()));
        }
        vec![Source::Stdin]
    } else {
        let files = inputs::expand(&args.inputs).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            usage(lines.join("\nerror: "))
        })?;
        files.into_iter().map(Source::File).collect()
    };
    let count = sources.len() * args.copies as usize;
    if args.session.is_some() && count != 1 {
        return Err(usage(format!("--session names one session, but there are {count}")));
    }
    let plan = |source| UploadPlan { source, name: args.session.clone() };
    Ok(sources.into_iter().cycle().take(count).map(plan).collect())
}

async fn upload(
    uploader: &Uploader,
    plans: &[UploadPlan],
    parallel: usize,
    shown: bool,
) -> Result<Exit, Failure> {
    let (began, figures) = (Instant::now(), Arc::clone(&uploader.figures));
    let progress = Progress::new(plans.len(), shown, move |out, seconds| {
        let mib = figures.bytes() as f64 / f64::from(1 << 20);
        write!(out, "{} chunks, {mib:.1} MiB, {:.1} MiB/s", figures.chunks(), mib / seconds)
    });
    let sessions = stream::iter(plans).map(|plan| async move { (plan, uploader.session(plan).await) });
    let mut outcomes = std::pin::pin!(sessions.buffer_unordered(parallel));
    let mut refused = 0;
    while let Some((plan, outcome)) = outcomes.next().await {
        progress.one_done();
        match outcome {
            Ok(uploaded) => progress.aside(|| tell(plan, &uploaded))?,
            Err(error) if error.kind() == ErrorKind::Fatal => {
                progress.finish();
                return Err(failure(error));
            }
            Err(error) => {
                refused += 1;
                progress.aside(|| eprintln!("error: {}: {}", name(plan), with_causes(&error)));
            }
        }
    }
    progress.finish();
    let sessions = words::plural(plans.len() - refused, "session", "sessions");
    let (took, figures) = (began.elapsed().as_secs_f64(), &uploader.figures);
    let mib = figures.bytes() as f64 / f64::from(1 << 20);
    writeln!(
        io::stdout(),
        "{sessions}, {} chunks, {mib:.1} MiB in {took:.1} s ({:.1} MiB/s), all acknowledged",
        figures.chunks(),
        mib / took
    )?;
    Ok(match refused {
        0 => Exit::Ok,
        all if all == plans.len() => Exit::AllInputs,
        _ => Exit::SomeInputs,
    })
}

fn tell(plan: &UploadPlan, uploaded: &Uploaded) -> io::Result<()> {
    let Uploaded { session, chunks, length } = uploaded;
    let length = words::length(*length - domain::time::MediaMs::ZERO);
    writeln!(io::stdout(), "{session}  {chunks} chunks, {length}  {}", name(plan))
}

fn name(plan: &UploadPlan) -> String {
    match &plan.source {
        Source::File(file) => file.display().to_string(),
        Source::Stdin => "standard input".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn args(line: &str) -> UploadArgs {
        let words = ["invigilator", "upload", "--exam", "e7", "--token-file", "none"];
        match Cli::try_parse_from(words.into_iter().chain(line.split_whitespace())).unwrap().command {
            Command::Upload(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn standard_input_is_one_session() {
        let stdin = [UploadPlan { source: Source::Stdin, name: Some("s42".to_owned()) }];
        assert_eq!(plans(&args("- --session s42")).unwrap(), stdin);
        for line in ["- Cargo.toml", "- --loop 2"] {
            assert_eq!(plans(&args(line)).unwrap_err().exit, Exit::Usage, "{line}");
        }
    }

    #[test]
    fn recordings_alternate_and_a_name_is_for_one() {
        let named = |line: &str| plans(&args(line)).map(|plans| plans.iter().map(name).collect::<Vec<_>>());
        let files = "Cargo.toml README.md --loop 2";
        assert_eq!(named(files).unwrap(), ["Cargo.toml", "README.md", "Cargo.toml", "README.md"]);
        assert_eq!(named("Cargo.toml --loop 2 --session s1").unwrap_err().exit, Exit::Usage);
    }
}
