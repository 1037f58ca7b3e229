//! `invigilator eval`: runs the product on labelled footage and prints how right it was; or judges what
//! another program saw there; or tells how well it tells persons apart.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use decode::DecoderPool;
use domain::policy::Policy;
use domain::time::{MediaMs, Millis};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::analyze::{AnalyzeError, Analyzed, Collected, Finding, JudgedBy, RecordedAnalyzer};
use crate::cli::EvalArgs;
use crate::eval::pairs::{self, PairsError};
use crate::eval::{self, Analysed, Analyzer, Evaluation, Recorded};
use crate::exit::{Exit, Failure};
use crate::settings::policy::LoadedPolicy;
use crate::settings::{Settings, Sources, policy};
use crate::workshop::Workshop;

/// Evaluates a folder.
///
/// # Errors
/// If nothing could be started or evaluated, or the figures cannot be written.
pub fn run(args: &EvalArgs) -> Result<Exit, Failure> {
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.common.overrides();
    let settings = Settings::load(&sources)?;
    let judged_by = policy::load(args.common.policy.as_deref().unwrap_or(&settings.policy))?;
    if !args.folder.is_dir() {
        let message = format!("no folder `{}`", args.folder.display());
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    if args.pairs {
        return evaluate_pairs(args, &settings, &judged_by.policy);
    }
    let evaluation = match &args.observations {
        None => evaluate(args, &Product(super::workshop(settings, judged_by, true)?))?,
        Some(folder) => {
            let mut evaluation = evaluate(args, &Others::open(folder, &settings, judged_by)?)?;
            evaluation.operating_point.observations = Some(folder.display().to_string());
            evaluation
        }
    };

    write_json(args, &evaluation)?;
    write!(std::io::stdout().lock(), "{evaluation}")?;
    let refused = evaluation.clips.iter().any(|clip| clip.refused.is_some());
    Ok(if refused { Exit::SomeInputs } else { Exit::Ok })
}

/// Evaluates who is told from whom.
fn evaluate_pairs(args: &EvalArgs, settings: &Settings, policy: &Policy) -> Result<Exit, Failure> {
    let bar = progress_bar(!args.no_progress);
    let evaluation = pairs::run(&args.folder, settings, &policy.detect.identity, |done, all, next| {
        show(&bar, done, all, next);
    });
    let evaluation = evaluation.map_err(|error| Failure::new(exit_of(&error), error))?;
    bar.finish_and_clear();
    write_json(args, &evaluation)?;
    let drawn = args.plot.as_ref().map(|path| (path, evaluation.plot()));
    let levels = args.thresholds.as_ref().map(|path| (path, evaluation.thresholds.to_string()));
    for (path, text) in drawn.into_iter().chain(levels) {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    write!(std::io::stdout().lock(), "{evaluation}")?;
    Ok(Exit::Ok)
}

fn exit_of(error: &PairsError) -> Exit {
    match error {
        PairsError::Form { .. } | PairsError::Cells { .. } => Exit::Usage,
        PairsError::Decode(_) | PairsError::Infer(_) | PairsError::Spawn(_) => Exit::Environment,
        PairsError::Nothing { .. } => Exit::AllInputs,
    }
}

fn write_json(args: &EvalArgs, evaluation: &impl Serialize) -> Result<(), Failure> {
    let Some(path) = &args.json else { return Ok(()) };
    let mut text = serde_json::to_string_pretty(evaluation).map_err(anyhow::Error::from)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn evaluate(args: &EvalArgs, analyzer: &impl Analyzer) -> Result<Evaluation, Failure> {
    let bar = progress_bar(!args.no_progress);
    let evaluation = eval::run(&args.folder, analyzer, |done, all, next| show(&bar, done, all, next))
        .map_err(|error| Failure::new(Exit::AllInputs, error))?;
    bar.finish_and_clear();
    Ok(evaluation)
}

fn show(bar: &ProgressBar, done: usize, all: usize, next: &str) {
    bar.set_length(all as u64);
    bar.set_position(done as u64);
    bar.set_message(next.to_owned());
}

fn progress_bar(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{pos}/{len} clips  {wide_bar}  ETA {eta}  {msg}");
    ProgressBar::with_draw_target(None, target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The whole product, as `analyze` runs it.
struct Product(Workshop);

impl Analyzer for Product {
    fn analyze(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        collect(|found| self.0.analyzer().analyze(file, None, found))
    }

    fn analyze_still(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        collect(|found| self.0.analyzer().analyze_still(file, found))
    }

    fn policy(&self) -> &Policy {
        &self.0.judged_by().policy
    }
}

/// What others saw, judged as the product judges.
struct Others {
    recorded: Recorded,
    analyzer: RecordedAnalyzer,
}

impl Others {
    fn open(folder: &Path, settings: &Settings, policy: LoadedPolicy) -> Result<Self, Failure> {
        let recorded = Recorded::read(folder).map_err(|error| Failure::new(Exit::Usage, error))?;
        let decoder = DecoderPool::new(settings.decoder()?);
        decoder.warm_up().map_err(|error| Failure::new(Exit::Environment, error))?;
        let judged_by = JudgedBy { policy: policy.policy, policy_ref: policy.reference, trace: true };
        let analyzer = RecordedAnalyzer { decoder, judged_by, hold: settings.sampling.hold };
        Ok(Self { recorded, analyzer })
    }
}

impl Analyzer for Others {
    fn analyze(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        let observations = self.recorded.of(file)?;
        collect(|found| self.analyzer.analyze(file, observations, found))
    }

    fn analyze_still(&self, file: &Path) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
        let observations = self.recorded.of(file)?;
        collect(|found| self.analyzer.analyze_still(file, observations, found))
    }

    fn policy(&self) -> &Policy {
        &self.analyzer.judged_by.policy
    }
}

/// All findings of an analysis together.
fn collect(
    run: impl FnOnce(&mut dyn FnMut(Finding)) -> Result<Analyzed, AnalyzeError>,
) -> Result<Analysed, Box<dyn Error + Send + Sync>> {
    let mut collected = Collected::default();
    let mut end = MediaMs::ZERO;
    let analyzed = run(&mut |finding| {
        if let Finding::Observation(observation) = &finding {
            end = end.max(observation.end_ms);
        }
        collected.add(finding);
    })?;
    let score = collected.score.ok_or("an analysis ended without a score: this is a bug")?;
    Ok(Analysed {
        observations: collected.observations,
        incidents: collected.incidents,
        score,
        traces: collected.traces,
        duration: analyzed.stream.duration.unwrap_or(Millis::ZERO).max(end - MediaMs::ZERO),
    })
}
