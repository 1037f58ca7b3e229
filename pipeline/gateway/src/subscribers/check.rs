//! What is wrong with the file of subscribers: all of it at once. No address and no secret is repeated.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use domain::desk::IngestMs;
use domain::ids::SessionId;
use reqwest::Url;

/// The longest name: it is part of the name of a consumer group.
const LONGEST_NAME: usize = 40;

/// What was read so far, and what is wrong with it.
pub(super) struct Check<'a> {
    /// The folder of the file.
    pub folder: Option<&'a Path>,
    /// Names that are taken.
    pub names: BTreeSet<String>,
    /// All that is wrong.
    pub problems: Vec<String>,
    /// The files with secrets.
    pub secret_files: Vec<PathBuf>,
}

impl Check<'_> {
    /// Something is wrong with a subscriber.
    pub(super) fn problem(&mut self, name: &str, problem: &str) {
        self.problems.push(format!("{name}: {problem}"));
    }

    pub(super) fn name(&mut self, name: &str) {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(is_name) {
            self.problem(name, &format!("a name is 1 to {LONGEST_NAME} of a-z 0-9 -"));
        }
        if !self.names.insert(name.to_owned()) {
            self.problem(name, "two subscribers cannot have the same name");
        }
    }

    pub(super) fn tenant(&mut self, name: &str, tenant: &str) {
        if SessionId::new(tenant, "e", "s").is_err() {
            self.problem(name, "tenant must be 1 to 128 of A-Z a-z 0-9 . _ -");
        }
    }

    /// An address of a web server. What was meant for one may hold a password.
    pub(super) fn url(&mut self, name: &str, key: &str, text: &str) -> Option<Url> {
        let is_good = |url: &Url| {
            matches!(url.scheme(), "https" | "http")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let url = Url::parse(text).ok().filter(is_good);
        if url.is_none() {
            self.problem(name, &format!("{key} must be an address such as https://example.org/results"));
        }
        url
    }

    pub(super) fn from(&mut self, name: &str, text: Option<&str>) -> IngestMs {
        let Some(text) = text else { return IngestMs(0) };
        let since = humantime::parse_rfc3339(text).ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        if since.is_none() {
            self.problem(name, "from must be a time such as 2026-12-01T00:00:00Z");
        }
        IngestMs(since.unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX))
    }

    /// What a file holds that is looked for beside the file of subscribers, as `parse` reads it.
    pub(super) fn secret<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        file: &Path,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let path = self.folder.map_or_else(|| file.to_owned(), |folder| folder.join(file));
        let parsed = match fs::read_to_string(&path) {
            Ok(text) => parse(&text).map_err(|error| format!("{} {error}", path.display())),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        };
        self.secret_files.push(path);
        if let Err(problem) = &parsed {
            self.problem(name, problem);
        }
        parsed.ok()
    }
}
