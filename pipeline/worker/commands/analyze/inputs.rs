//! Which files are meant: files, folders with everything in them, and globs become one list without
//! doubles.
//!
//! A file that is named is taken whatever it is called; in folders and globs only names of videos
//! count, sorted, so that the same arguments give the same order everywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of video files, in lower case.
const VIDEO_EXTENSIONS: [&str; 11] =
    ["webm", "mkv", "mp4", "m4v", "mov", "ts", "mts", "m2ts", "avi", "3gp", "gif"];

/// How deep folders are searched: guards against links that lead in circles.
const DEEPEST: usize = 32;

/// Arguments that name no file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InputError {
    /// There is no such file.
    #[error("no file or folder `{0}`")]
    Missing(String),
    /// A pattern that matches nothing.
    #[error("no video matches `{0}`")]
    NoMatch(String),
    /// A folder without videos.
    #[error("no video in the folder `{folder}` (looked for .{})", VIDEO_EXTENSIONS.join(" ."))]
    NoVideos {
        /// The folder.
        folder: String,
    },
    /// A pattern that is none.
    #[error("`{pattern}` is no pattern: {reason}")]
    BadPattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder that cannot be read.
    #[error("cannot read the folder `{folder}`: {reason}")]
    Unreadable {
        /// The folder.
        folder: String,
        /// What the system says.
        reason: String,
    },
}

/// All files that the arguments name, in the order of the arguments.
///
/// # Errors
/// Every argument that names no file.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<InputError>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for argument in arguments {
        match expand_one(argument) {
            Ok(found) => files.extend(found),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    Ok(files)
}

fn expand_one(argument: &Path) -> Result<Vec<PathBuf>, InputError> {
    let shown = argument.display().to_string();
    if argument.is_dir() {
        let mut found = Vec::new();
        walk(argument, DEEPEST, &mut found)?;
        return if found.is_empty() { Err(InputError::NoVideos { folder: shown }) } else { Ok(found) };
    }
    // A file whose name looks like a pattern is still a file.
    if argument.exists() {
        return Ok(vec![argument.to_owned()]);
    }
    if !shown.contains(['*', '?', '[']) {
        return Err(InputError::Missing(shown));
    }
    let bad = |reason: String| InputError::BadPattern { pattern: shown.clone(), reason };
    let mut found = Vec::new();
    // The crate promises alphabetical order.
    for entry in glob::glob(&shown).map_err(|error| bad(error.to_string()))? {
        let path = entry.map_err(|error| InputError::Unreadable {
            folder: error.path().display().to_string(),
            reason: error.error().to_string(),
        })?;
        if path.is_file() && is_video(&path) {
            found.push(path);
        }
    }
    if found.is_empty() { Err(InputError::NoMatch(shown)) } else { Ok(found) }
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let unreadable = |error: std::io::Error| InputError::Unreadable {
        folder: folder.display().to_string(),
        reason: error.to_string(),
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, found)?;
            }
        } else if is_video(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_video(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    VIDEO_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("deep")).unwrap();
        for name in ["b.webm", "a.MP4", "notes.txt", "deep/c.mkv", "odd[name].webm", "raw"] {
            std::fs::write(root.path().join(name), b"").unwrap();
        }
        root
    }

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_folder_gives_its_videos_sorted() {
        let root = folder();
        let files = expand(&[root.path().to_owned()]).unwrap();
        assert_eq!(names(&files), ["a.MP4", "b.webm", "c.mkv", "odd[name].webm"]);
    }

    #[test]
    fn doubles_are_taken_once_and_named_files_whatever_they_are_called() {
        let root = folder();
        let at = |name: &str| root.path().join(name);
        let doubled = at("deep/../b.webm");
        let files = expand(&[at("raw"), at("b.webm"), doubled, at("*.webm"), at("odd[name].webm")]).unwrap();
        assert_eq!(names(&files), ["raw", "b.webm", "odd[name].webm"]);
    }

    #[test]
    fn every_argument_without_a_file_is_reported() {
        let root = folder();
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("empty")).unwrap();
        let errors = expand(&[at("none.webm"), at("*.avi"), at("b.webm"), at("empty")]).unwrap_err();
        assert!(matches!(
            errors.as_slice(),
            [InputError::Missing(_), InputError::NoMatch(_), InputError::NoVideos { .. }]
        ));
    }
}
