//! What people labelled: reads every label form of a folder into clips with labelled spans.
//!
//! A form is told by its columns, not by its name, in `DIR/*.csv` and one folder down:
//!
//! | Columns | Meaning |
//! |---|---|
//! | clip, faces_min, faces_max, persons | the whole clip |
//! | clip, second, faces_min, faces_max, persons, gaze, phone | one second of it |
//! | image, faces_min, faces_max, phone | a still picture |
//! | clip, from_s, to_s, faces, persons, state | a span of it |
//!
//! Paths are relative to the form. Forms of other tasks (pairs of faces) are left alone. Whatever
//! cannot be read is reported and not guessed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use domain::time::{Interval, MediaMs};

use super::row::Row;

/// A folder's labels.
#[derive(Debug, Default)]
pub struct Labels {
    /// Clips and stills that exist, by path.
    pub clips: Vec<Clip>,
    /// The forms that were read.
    pub forms: Vec<PathBuf>,
    /// What could not be used, as sentences.
    pub problems: Vec<String>,
}

/// A labelled clip or still.
#[derive(Debug, Clone)]
pub struct Clip {
    /// Path relative to the folder that is evaluated.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// A still picture.
    pub is_still: bool,
    /// Labels, in the order of the forms; where they overlap, the shortest holds.
    pub spans: Vec<Span>,
}

/// What holds during one stretch of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Where; a label for the whole clip ends at [`MediaMs::MAX`].
    pub interval: Interval,
    /// How many faces may be counted; `None` where not labelled.
    pub faces: Option<Range>,
    /// How many persons are there; `None` where not labelled.
    pub persons: Option<Range>,
    /// Where the candidate looks; `None` where not labelled.
    pub gaze: Option<Gaze>,
    /// A phone is in the picture.
    pub phone: bool,
    /// What else is the case.
    pub state: State,
}

/// A closed range of counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Range {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// A labelled direction of gaze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaze {
    /// On the screen.
    Screen,
    /// To a side or up.
    Away,
    /// Down: at paper, perhaps.
    Down,
    /// Labelled as not decidable.
    Unknown,
}

/// A labelled state, from its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing special.
    Ordinary,
    /// Nobody is there.
    Absent,
    /// A second person is there, comes or goes.
    SecondPerson,
    /// Persons without a usable face.
    NoUsableFace,
    /// The lens is covered.
    Covered,
    /// Too dark for anybody.
    Dark,
    /// The picture stands.
    Frozen,
    /// Video is missing.
    Gap,
    /// The same pictures again.
    Replayed,
    /// Looking away.
    LookingAway,
    /// Another person than before.
    OtherPerson,
}

impl Range {
    /// Whether `count` is within.
    pub fn allows(self, count: u32) -> bool {
        (self.min..=self.max).contains(&count)
    }

    /// Reads `2` or `1-2`.
    pub fn parse(text: &str) -> Option<Self> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let range = Self { min: min.trim().parse().ok()?, max: max.trim().parse().ok()? };
        (range.min <= range.max).then_some(range)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.min == self.max {
            write!(out, "{}", self.min)
        } else {
            write!(out, "{}-{}", self.min, self.max)
        }
    }
}

impl Gaze {
    /// Reads a label; `None` for a word of no known meaning.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "screen" => Some(Self::Screen),
            "away_down" => Some(Self::Down),
            "unknown" => Some(Self::Unknown),
            other => other.starts_with("away").then_some(Self::Away),
        }
    }
}

impl State {
    /// Reads the words of a label; `None` if none of them has a known meaning.
    pub fn parse(words: &str) -> Option<Self> {
        const MEANINGS: [(&str, State); 14] = [
            ("absent", State::Absent),
            ("no usable face", State::NoUsableFace),
            ("second person", State::SecondPerson),
            ("entering", State::SecondPerson),
            ("leaving", State::SecondPerson),
            ("other person", State::OtherPerson),
            ("covered", State::Covered),
            ("frozen", State::Frozen),
            ("black", State::Dark),
            ("dark", State::Dark),
            ("gap", State::Gap),
            ("replay", State::Replayed),
            ("away", State::LookingAway),
            ("dim", State::Ordinary),
        ];
        if words.is_empty() || words == "ok" || words.starts_with("ok ") {
            return Some(Self::Ordinary);
        }
        MEANINGS.iter().find(|(sign, _)| words.contains(sign)).map(|(_, state)| *state)
    }

    /// Whether people agreed that nothing (or nothing live) can be seen, so that not seeing is no error.
    pub fn is_unusable(self) -> bool {
        matches!(self, Self::Covered | Self::Dark | Self::Frozen | Self::Gap)
    }
}

impl Clip {
    /// The label that holds at an instant: the shortest one around it.
    pub fn at(&self, instant: MediaMs) -> Option<&Span> {
        let around = self.spans.iter().filter(|span| span.interval.contains(instant));
        around.min_by_key(|span| span.interval.length())
    }

    /// Where the labels say the clip ends, if they do.
    pub fn labelled_end(&self) -> Option<MediaMs> {
        self.spans.iter().map(|span| span.interval.end).filter(|end| *end < MediaMs::MAX).max()
    }
}

/// Reads all forms of a folder.
///
/// # Errors
/// If the folder itself cannot be listed.
pub fn read(folder: &Path) -> std::io::Result<Labels> {
    let mut labels = Labels::default();
    let mut clips: BTreeMap<PathBuf, Clip> = BTreeMap::new();
    for form in forms(folder)? {
        let rows = match Row::read_all(&form) {
            Ok(Some(rows)) => rows,
            Ok(None) => continue,
            Err(problem) => {
                labels.problems.push(format!("{}: {problem}", form.display()));
                continue;
            }
        };
        let beside = form.parent().unwrap_or(folder);
        for row in rows {
            let path = beside.join(&row.file);
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let clip = clips.entry(path.clone()).or_insert_with(|| Clip {
                name,
                path,
                is_still: row.is_still,
                spans: Vec::new(),
            });
            match row.span() {
                Ok(span) => clip.spans.push(span),
                Err(problem) => labels.problems.push(format!("{}: {}: {problem}", form.display(), row.file)),
            }
        }
        labels.forms.push(form);
    }
    for clip in clips.into_values().filter(|clip| !clip.spans.is_empty()) {
        if clip.path.is_file() {
            labels.clips.push(clip);
        } else {
            labels.problems.push(format!("{}: labelled but not there", clip.name));
        }
    }
    Ok(labels)
}

/// CSV files of a folder and of its subfolders, sorted.
fn forms(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let list = |folder: &Path| -> std::io::Result<Vec<PathBuf>> {
        let entries: Result<Vec<_>, _> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
        entries
    };
    let mut files = list(folder)?;
    for subfolder in files.clone().iter().filter(|path| path.is_dir()) {
        // A subfolder that cannot be listed holds no labels for us.
        files.extend(list(subfolder).unwrap_or_default());
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    Ok(files)
}
