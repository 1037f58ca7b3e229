//! The candidates: sample clips, and what happens in each.

use std::fs::File;
use std::path::{Path, PathBuf};

use container::{ContainerError, CutSettings, Limits, Segments};
use domain::ids::SessionId;
use domain::time::MediaMs;

use crate::publish::PublishError;

/// Somebody who sits the exam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// A name without meaning to the system.
    pub name: &'static str,
    /// What happens, in words.
    pub story: &'static str,
    /// The recording.
    pub file: PathBuf,
}

/// Name, story, clip.
const ALL: [(&str, &str, &str); 7] = [
    ("calm", "sits and writes", "c01_calm_vp8.webm"),
    ("leaves", "leaves the desk for 24 s", "c03_leaves_vp8.webm"),
    ("second-person", "somebody leans in for 20 s", "c05_second_person_vp8.webm"),
    ("low-light", "sits in a dim room", "c10_dim_vp8.webm"),
    ("covered", "covers the camera for 14 s", "c08_covered_vp8.webm"),
    ("looks-aside", "turns a little aside for 20 s", "c13_looks_aside_vp8.webm"),
    ("frozen", "the picture freezes for 24 s", "c11_frozen_vp8.webm"),
];

/// No such candidate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no candidate `{0}`; there are {names}", names = ALL.map(|(name, ..)| name).join(", "))]
pub struct UnknownCandidate(String);

/// All candidates, or those of these names, with their clips in `folder`.
///
/// # Errors
/// If there is no candidate of a name.
pub fn choose(folder: &Path, names: &[String]) -> Result<Vec<Candidate>, UnknownCandidate> {
    let is_known = |name: &&String| ALL.iter().any(|(known, ..)| known == name);
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(UnknownCandidate(unknown.clone()));
    }
    let is_chosen = |name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
    let chosen = ALL.into_iter().filter(|(name, ..)| is_chosen(name));
    Ok(chosen.map(|(name, story, clip)| Candidate { name, story, file: folder.join(clip) }).collect())
}

impl Candidate {
    /// The session.
    ///
    /// # Panics
    /// Never: a test names all.
    pub fn session(&self) -> SessionId {
        SessionId::new("demo", "exam", self.name).expect("names are short and plain")
    }

    /// How long the recording is. Live recordings do not say, so that it is read to its end.
    ///
    /// # Errors
    /// If it is missing or no recording.
    pub fn length(&self) -> Result<MediaMs, PublishError> {
        let file = File::open(&self.file)?;
        let segments = Segments::open(file, Limits::default(), CutSettings::default())?;
        let ends: Result<Vec<_>, ContainerError> =
            segments.map(|segment| Ok(segment?.interval.end)).collect();
        Ok(ends?.into_iter().max().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_chosen_by_name_and_every_name_makes_a_session() {
        let all = choose(Path::new("clips"), &[]).unwrap();
        assert_eq!(all.len(), ALL.len());
        assert_eq!(all[0].session().as_str(), "demo/exam/calm");
        assert!(all.iter().all(|candidate| candidate.session().tenant() == "demo"));
        let some = choose(Path::new("clips"), &["covered".to_owned(), "calm".to_owned()]).unwrap();
        let names: Vec<_> = some.iter().map(|candidate| candidate.name).collect();
        assert_eq!(names, ["calm", "covered"]);
        let error = choose(Path::new("clips"), &["cheats".to_owned()]).unwrap_err();
        assert!(error.to_string().starts_with("no candidate `cheats`; there are calm, leaves, "), "{error}");
    }
}
