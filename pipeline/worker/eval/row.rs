//! One line of a label form, in any of the forms, as text and as a labelled span.

use std::path::Path;

use domain::time::{Interval, MediaMs};
use serde::Deserialize;

use super::labels::{Gaze, Range, Span, State};

/// A line of a form whose columns say that it is about counting, gaze or states.
#[derive(Debug, Clone)]
pub struct Row {
    /// The clip or still, relative to the form.
    pub file: String,
    /// A still picture.
    pub is_still: bool,
    cells: Cells,
}

/// All columns of all forms.
#[derive(Debug, Clone, Deserialize)]
struct Cells {
    clip: Option<String>,
    image: Option<String>,
    second: Option<i64>,
    from_s: Option<f64>,
    to_s: Option<f64>,
    faces: Option<String>,
    faces_min: Option<u32>,
    faces_max: Option<u32>,
    persons: Option<String>,
    gaze: Option<String>,
    phone: Option<u8>,
    state: Option<String>,
}

impl Row {
    /// All lines of a file; `None` if its columns belong to no form of ours.
    ///
    /// # Errors
    /// If the file cannot be read or a cell does not hold what its column asks for.
    pub fn read_all(file: &Path) -> Result<Option<Vec<Self>>, csv::Error> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_path(file)?;
        let has = |columns: &[&str], header: &csv::StringRecord| {
            columns.iter().all(|column| header.iter().any(|have| have == *column))
        };
        let header = reader.headers()?.clone();
        let counts = has(&["faces_min", "faces_max"], &header);
        let is_ours = (counts && (has(&["clip"], &header) || has(&["image"], &header)))
            || has(&["clip", "from_s", "to_s"], &header);
        if !is_ours {
            return Ok(None);
        }
        let rows = reader.deserialize().map(|cells| cells.map(Self::new));
        Ok(Some(rows.collect::<Result<_, _>>()?))
    }

    fn new(cells: Cells) -> Self {
        let is_still = cells.image.is_some();
        let file = cells.image.clone().or(cells.clip.clone()).unwrap_or_default();
        Self { file, is_still, cells }
    }

    /// What the line says.
    ///
    /// # Errors
    /// A sentence, if a word or a range has no meaning.
    pub fn span(&self) -> Result<Span, String> {
        let cells = &self.cells;
        let text = |cell: &Option<String>| cell.clone().filter(|text| !text.is_empty());
        let range = |cell: &Option<String>| match text(cell) {
            None => Ok(None),
            Some(text) => Range::parse(&text).map(Some).ok_or(format!("`{text}` is no count and no range")),
        };
        let faces = match (cells.faces_min, cells.faces_max) {
            (Some(min), Some(max)) if min <= max => Some(Range { min, max }),
            (None, None) => range(&cells.faces)?,
            _ => return Err("faces_min and faces_max are no range".to_owned()),
        };
        let gaze = match text(&cells.gaze) {
            None => None,
            Some(word) => Some(Gaze::parse(&word).ok_or(format!("`{word}` is no direction of gaze"))?),
        };
        let words = text(&cells.state).unwrap_or_default();
        let state = State::parse(&words).ok_or(format!("`{words}` is no known state"))?;
        let phone = cells.phone.is_some_and(|phone| phone > 0);
        Ok(Span { interval: self.interval()?, faces, persons: range(&cells.persons)?, gaze, phone, state })
    }

    fn interval(&self) -> Result<Interval, String> {
        let millis = |seconds: f64| MediaMs((seconds * 1000.0).round() as i64);
        match (self.cells.second, self.cells.from_s, self.cells.to_s) {
            (Some(second), _, _) => Ok(Interval::new(MediaMs(second * 1000), MediaMs(second * 1000 + 1000))),
            (None, Some(from), Some(to)) if from < to => Ok(Interval::new(millis(from), millis(to))),
            (None, None, None) => Ok(Interval::new(MediaMs::ZERO, MediaMs::MAX)),
            _ => Err("from_s and to_s are no span".to_owned()),
        }
    }
}
