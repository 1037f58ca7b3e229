//! Who is in which file: reads `identities.csv`, as `models/webcam` writes it.
//!
//! Columns: `file` (relative to the form), `person`; `made_from`, the photograph that a video was made from,
//! which is never its template; `condition`, what is hard about a video; `group`, for figures by group. The
//! last three may be empty or missing. Stills are templates, videos are samples.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::PairsError;

const FORM: &str = "identities.csv";
const STILLS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// The files of a folder, and who is in them.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// SHA-256 of the form.
    pub sha256: String,
    /// Names of all persons; others refer to them by index.
    pub persons: Vec<String>,
    pub photographs: Vec<Labelled>,
    pub videos: Vec<Labelled>,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Labelled {
    pub file: String,
    pub path: PathBuf,
    pub person: usize,
    pub made_from: Option<String>,
    pub condition: Option<String>,
    pub group: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    file: String,
    person: String,
    made_from: Option<String>,
    condition: Option<String>,
    group: Option<String>,
}

impl Identities {
    /// Reads the form of a folder.
    pub fn read(folder: &Path) -> Result<Self, PairsError> {
        let form = folder.join(FORM);
        let bytes = std::fs::read(&form).map_err(|source| PairsError::Form { form: form.clone(), source })?;
        let sha256 = domain::messages::canonical::sha256_hex(&bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
        let rows = reader.deserialize().collect::<Result<Vec<Row>, _>>();
        let rows = rows.map_err(|source| PairsError::Cells { form, source })?;
        let mut read = Self { sha256, ..Self::default() };
        let mut numbers = BTreeMap::new();
        for row in rows {
            let person = *numbers.entry(row.person.clone()).or_insert_with(|| {
                read.persons.push(row.person.clone());
                read.persons.len() - 1
            });
            let path = folder.join(&row.file);
            let is_still = path
                .extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|extension| STILLS.iter().any(|still| still.eq_ignore_ascii_case(extension)));
            let filled = |cell: Option<String>| cell.filter(|text| !text.is_empty());
            let labelled = Labelled {
                file: row.file,
                path,
                person,
                made_from: filled(row.made_from),
                condition: filled(row.condition),
                group: filled(row.group),
            };
            if is_still { read.photographs.push(labelled) } else { read.videos.push(labelled) }
        }
        Ok(read)
    }
}
