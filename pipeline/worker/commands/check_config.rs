//! `invigilator check-config`: are settings and policy valid? Prints every mistake of both at once.

use std::io::Write;

use anyhow::anyhow;

use crate::cli::CheckConfigArgs;
use crate::exit::{Exit, Failure};
use crate::settings::{Settings, Sources, layers, policy, schema};

/// Checks settings and policy.
///
/// # Errors
/// With everything that is wrong with them.
pub fn run(args: &CheckConfigArgs) -> Result<Exit, Failure> {
    let mut out = std::io::stdout().lock();
    if args.schema {
        let schema = serde_json::to_string_pretty(&schema::settings()).map_err(anyhow::Error::from)?;
        writeln!(out, "{schema}")?;
        return Ok(Exit::Ok);
    }
    let sources = Sources::of_process(args.file.as_deref());
    let settings = Settings::load(&sources);
    let named =
        args.policy.clone().or_else(|| settings.as_ref().ok().map(|settings| settings.policy.clone()));
    let judged_by = named.as_deref().map(policy::load).transpose();

    let errors: Vec<String> = [settings.as_ref().err(), judged_by.as_ref().err()]
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    if !errors.is_empty() {
        return Err(Failure::new(Exit::Configuration, anyhow!(errors.join("\nerror: "))));
    }
    if let (Ok(settings), Ok(Some(loaded))) = (settings, judged_by) {
        let reference = loaded.reference;
        writeln!(out, "settings    valid: {}", layers::file_in_use(&sources))?;
        writeln!(out, "config hash {}", settings.config_hash)?;
        writeln!(out, "policy      valid: {} version {}", reference.id, reference.version)?;
        writeln!(out, "policy hash {}", reference.sha256)?;
    }
    Ok(Exit::Ok)
}
