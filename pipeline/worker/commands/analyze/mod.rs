//! `invigilator analyze`: files in, findings out, in the forms that were asked for.
//!
//! ```text
//! arguments ─▶ inputs ─▶ Analyzer, file by file ─┬▶ lines      --json, as they are found
//!                            │                   ├▶ summary    otherwise, at the end of each file
//!                            ▼                   ├▶ pictures   --evidence, by a second pass
//!                         progress               └▶ report     --html, at the end of all
//! ```
//!
//! One file that cannot be analysed is reported and the others go on; the exit code tells. Everything
//! that can be wrong with arguments, settings and outputs is found before the first file is opened.

pub(super) mod inputs;
mod lines;
mod pictures;
mod progress;
mod summary;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use decode::StreamInfo;
use domain::error::ErrorKind;
use domain::identity::Embedding;
use domain::messages::Score;

use crate::analyze::{AnalyzeError, Analyzed, Collected, Finding};
use crate::cli::AnalyzeArgs;
use crate::exit::{Exit, Failure, with_causes};
use crate::identity::Template;
use crate::report::{self, MediaFacts, SessionReport};
use crate::settings::{Override, Settings, Sources, policy};
use crate::workshop::Workshop;
use progress::Progress;

/// Name of the template that `--reference` makes, in observations and scores.
const REFERENCE: &str = "reference";

/// Analyses all inputs.
///
/// # Errors
/// If nothing could be started, or an output cannot be written. Inputs that cannot be analysed are no
/// error here but part of the exit code.
pub fn run(args: &AnalyzeArgs) -> Result<Exit, Failure> {
    let files = inputs::expand(&args.inputs).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Usage, anyhow!(lines.join("\nerror: ")))
    })?;
    if args.session.is_some() && files.len() != 1 {
        let message = format!("--session names one input, but there are {}", files.len());
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    check_outputs(args)?;
    let settings = Settings::load(&sources(args))?;
    let judged_by = policy::load(args.common.policy.as_deref().unwrap_or(&settings.policy))?;
    let workshop = super::workshop(settings, judged_by, args.html.is_some())?;
    let workshop = if args.reference.is_empty() { workshop } else { workshop.recognizing()? };
    let template = expected(args, &workshop)?;

    let mut analysis = Analysis {
        args,
        workshop: &workshop,
        template,
        progress: Progress::new(files.len(), !args.no_progress),
        reports: Vec::new(),
    };
    let mut refused = 0;
    for file in &files {
        match analysis.file(file) {
            Ok(()) => {}
            Err(NotAnalysed::Input(error)) => {
                refused += 1;
                analysis.progress.say(&format!("error: {}: {}", file.display(), with_causes(&error)));
            }
            Err(NotAnalysed::Failed(failure)) => return Err(failure),
        }
    }
    analysis.finish()?;
    Ok(match refused {
        0 => Exit::Ok,
        all if all == files.len() => Exit::AllInputs,
        _ => Exit::SomeInputs,
    })
}

/// The settings' sources, with what the arguments say about sampling.
fn sources(args: &AnalyzeArgs) -> Sources {
    let mut sources = Sources::of_process(args.common.config.as_deref());
    sources.arguments = args.common.overrides();
    if let Some(fps) = args.fps {
        sources.arguments.push(Override { argument: "--fps", key: "sampling.base_fps", value: fps.into() });
        // The escalated grid contains the base grid; 2 is its default.
        if fps > 2.0 {
            let key = "sampling.escalated_fps";
            sources.arguments.push(Override { argument: "--fps", key, value: fps.into() });
        }
    }
    sources
}

/// An hour of work should not end with a misspelt folder.
fn check_outputs(args: &AnalyzeArgs) -> Result<(), Failure> {
    let Some(html) = &args.html else { return Ok(()) };
    let folder = html.parent().filter(|folder| !folder.as_os_str().is_empty());
    if html.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
        let message = format!("--html {}: there is no such folder, or it is a folder itself", html.display());
        return Err(Failure::new(Exit::Usage, anyhow!(message)));
    }
    Ok(())
}

/// Whoever is expected in all inputs. One photo that cannot be used is enough to stop: whoever names it relies on
/// it.
fn expected(args: &AnalyzeArgs, workshop: &Workshop) -> Result<Option<Arc<Template>>, Failure> {
    let Some(photographs) = workshop.photographs() else { return Ok(None) };
    let mut faces = Vec::new();
    for photo in &args.reference {
        match photographs.face(File::open(photo), &faces)? {
            Ok(face) => faces.push(face),
            Err(unusable) => {
                let message = format!("--reference {}: {unusable}", photo.display());
                return Err(Failure::new(Exit::Usage, anyhow!(message)));
            }
        }
    }
    let face = Embedding::mean(&faces);
    Ok(face.map(|face| Arc::new(Template { id: REFERENCE.to_owned(), face: Some(face) })))
}

/// Why a file was not analysed.
enum NotAnalysed {
    /// The file's own fault: others can be.
    Input(AnalyzeError),
    /// Nothing more can be done.
    Failed(Failure),
}

impl From<AnalyzeError> for NotAnalysed {
    fn from(error: AnalyzeError) -> Self {
        match error.kind() {
            ErrorKind::Fatal => Self::Failed(Failure::new(Exit::Environment, error)),
            ErrorKind::Poison | ErrorKind::Transient => Self::Input(error),
        }
    }
}

impl From<io::Error> for NotAnalysed {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The run of one command.
struct Analysis<'a> {
    args: &'a AnalyzeArgs,
    workshop: &'a Workshop,
    /// Whom the faces are compared with.
    template: Option<Arc<Template>>,
    progress: Progress,
    reports: Vec<SessionReport>,
}

impl Analysis<'_> {
    fn file(&mut self, path: &Path) -> Result<(), NotAnalysed> {
        self.progress.next_file(path);
        let mut collected = Collected::default();
        let mut analyzer = self.workshop.analyzer();
        analyzer.template = self.template.clone();
        let analyzed = analyzer.analyze(path, self.args.session.clone(), &mut |finding| {
            self.found(finding, &mut collected);
        })?;
        let Some(score) = collected.score.take() else {
            return Err(NotAnalysed::Failed(
                anyhow!("an analysis ended without a score: this is a bug").into(),
            ));
        };
        if !self.args.json {
            self.progress.aside(|| {
                let title = path.display().to_string();
                let mut out = io::stdout().lock();
                summary::print(
                    &mut out,
                    &title,
                    &collected.incidents,
                    &score,
                    analyzed.cut_short.as_deref(),
                )?;
                writeln!(out)
            })?;
        }
        self.report(path, analyzed, score, collected)
    }

    /// Passes a finding on while the file is still being analysed.
    fn found(&self, finding: Finding, collected: &mut Collected) {
        match &finding {
            Finding::Started(stream) => {
                if let Some(length) = stream.duration {
                    self.progress.expect(length);
                }
            }
            Finding::Observation(observation) => self.progress.reached(observation.end_ms),
            Finding::Incident(_) | Finding::Score(_) | Finding::Traced(_) => {}
        }
        if self.args.json {
            let printed = self.progress.aside(|| lines::print(&mut io::stdout().lock(), &finding));
            if let Err(error) = printed {
                stop_printing(&error);
            }
        }
        // Without a report nobody reads observations again, and an exam has thousands.
        if self.args.html.is_some() || !matches!(finding, Finding::Observation(_)) {
            collected.add(finding);
        }
    }

    /// Pictures and the entry in the report, as far as they were asked for.
    fn report(
        &mut self,
        path: &Path,
        analyzed: Analyzed,
        score: Score,
        collected: Collected,
    ) -> Result<(), NotAnalysed> {
        let mut pictures = Vec::new();
        if let Some(folder) = &self.args.evidence {
            pictures = pictures::take(self.workshop, path, &collected.incidents)?;
            let written = report::evidence::write(folder, &score.session, &collected.incidents, &pictures)?;
            self.progress.say(&format!("{} pictures in {}", written.len(), folder.display()));
        }
        if self.args.html.is_some() {
            self.reports.push(SessionReport {
                title: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
                media: media_facts(analyzed.stream, &analyzed.expected),
                observations: collected.observations,
                incidents: collected.incidents,
                score,
                bands: self.workshop.judged_by().policy.bands,
                traces: collected.traces,
                pictures,
            });
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Failure> {
        if let Some(html) = &self.args.html
            && !self.reports.is_empty()
        {
            std::fs::write(html, report::render(&self.reports))
                .with_context(|| format!("cannot write the report {}", html.display()))?;
            self.progress.say(&format!("report: {}", html.display()));
        }
        self.progress.finish();
        Ok(())
    }
}

fn media_facts(stream: StreamInfo, expected: &domain::time::Interval) -> MediaFacts {
    let known = stream.width > 0 && stream.height > 0;
    MediaFacts {
        duration: stream.duration.unwrap_or(expected.length()),
        size: known.then_some((stream.width, stream.height)),
        codec: Some(stream.codec),
        container: Some(stream.container),
    }
}

/// Ends the process when findings cannot be printed any more: an analysis may have hours to go, and
/// nothing half-written is left behind. A reader that has read enough (`| head`) is no failure.
fn stop_printing(error: &io::Error) -> ! {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(Exit::Ok as i32);
    }
    eprintln!("error: cannot print: {error}");
    std::process::exit(Exit::Failed as i32);
}
