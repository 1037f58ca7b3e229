//! How mistakes in settings and policies are reported: all at once, each with the key, the place
//! where it was written and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written: `my.toml:12`, a variable or an argument.
    pub place: String,
    /// The dotted key; empty where the text as a whole is meant.
    pub key: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(out, "{}: {}", self.place, self.message)
        } else {
            write!(out, "{}: {}: {}", self.place, self.key, self.message)
        }
    }
}

/// Why there are no settings, or no policy.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file that was asked for cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No policy has this name.
    #[error("no policy is named `{name}`: the built-in ones are {known}; a file is given by its path")]
    PolicyUnknown {
        /// The name.
        name: String,
        /// Names that exist.
        known: String,
    },
    /// Everything that is wrong.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 mistake".to_owned(),
        many => format!("{many} mistakes"),
    };
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    format!("{count} in the configuration\n{}", lines.join("\n"))
}

/// The mistakes that a TOML parser found in a text, with line numbers.
pub(super) fn syntax(place: &str, text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let problem = |error: &toml::de::Error| {
        let place = match error.span() {
            Some(span) => format!("{place}:{}", line_of(text, span.start)),
            None => place.to_owned(),
        };
        Problem { place, key: String::new(), message: error.message().replace('\n', "; ") }
    };
    errors.iter().map(problem).collect()
}

/// The number of the line that holds a byte, from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// The known word that was probably meant.
pub(super) fn meant<'a>(unknown: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let elsewhere = known.clone().find(|candidate| unknown.contains('.') && last(candidate) == last(unknown));
    let close = || {
        let distance = |candidate: &&str| strsim::damerau_levenshtein(unknown, candidate);
        let nearest = known.min_by_key(distance)?;
        (distance(&nearest) <= (unknown.len() / 4).max(2)).then_some(nearest)
    };
    elsewhere.or_else(close)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["sampling.base_fps", "decode.children", "infer.threads", "sampling"];
        let meant = |unknown| meant(unknown, known.iter().copied());
        assert_eq!(meant("sampling.base_fsp"), Some("sampling.base_fps"));
        assert_eq!(meant("decode.threads"), Some("infer.threads"));
        assert_eq!(meant("smapling"), Some("sampling"));
        assert_eq!(meant("colour.of_the_wall"), None);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!((line_of("a\nb\nc", 0), line_of("a\nb\nc", 4)), (1, 3));
    }
}
