//! Merges the sources of settings key by key, and remembers where each key was set.
//!
//! Each key is checked against the form of the file on its own, so that one mistake never hides
//! another. Bounds are not checked here but in [`validate`](super::validate).

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::problem::{Problem, SettingsError, line_of, meant, syntax};
use super::raw::RawSettings;
use super::{CONFIG_VARIABLE, DEFAULT_TOML, Sources, VARIABLE_PREFIX};

/// Settings of the right form, and where each came from.
#[derive(Debug)]
pub struct Merged {
    /// The settings.
    pub raw: RawSettings,
    places: BTreeMap<String, String>,
}

impl Merged {
    /// Whether any source set a key.
    pub fn is_set(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// Where a key was set last.
    pub fn place(&self, key: &str) -> String {
        self.places.get(key).cloned().unwrap_or_else(|| "config/default.toml".to_owned())
    }
}

/// One key of one source.
struct Entry {
    key: String,
    value: Value,
    place: String,
}

/// Lays file, environment and command line over the defaults.
///
/// # Errors
/// If the file cannot be read or is no TOML, or with every unknown key and every value of the wrong
/// type in any source.
pub fn merge(sources: &Sources) -> Result<Merged, SettingsError> {
    let defaults = default_table();
    let mut problems = Vec::new();
    let mut entries = Vec::new();
    if let Some(path) = &sources.file {
        entries.extend(file_entries(path)?);
    }
    let variables = sources.environment.iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
    entries.extend(variables.map(|(name, value)| variable_entry(name, value)));
    entries.extend(sources.arguments.iter().map(|argument| Entry {
        key: argument.key.to_owned(),
        value: argument.value.clone(),
        place: argument.argument.to_owned(),
    }));

    let known = known_keys(&defaults);
    let mut merged = defaults.clone();
    let mut places = BTreeMap::new();
    for entry in entries {
        match check(&entry, &defaults, &known) {
            Ok(()) => {
                set(&mut merged, &entry.key, entry.value);
                places.insert(entry.key, entry.place);
            }
            Err(message) => problems.push(Problem { place: entry.place, key: entry.key, message }),
        }
    }
    if !problems.is_empty() {
        return Err(SettingsError::Invalid(problems));
    }
    let raw = RawSettings::deserialize(merged).map_err(|error| {
        let message = error.message().to_owned();
        SettingsError::Invalid(vec![Problem { place: "settings".to_owned(), key: String::new(), message }])
    })?;
    Ok(Merged { raw, places })
}

/// The embedded defaults as a table.
pub(super) fn default_table() -> Table {
    DEFAULT_TOML.parse().expect("config/default.toml is TOML: a test reads it")
}

/// Sections and keys, dotted.
fn known_keys(defaults: &Table) -> Vec<String> {
    let mut known = Vec::new();
    for (section, content) in defaults {
        known.push(section.clone());
        let keys = content.as_table().into_iter().flatten().map(|(key, _)| format!("{section}.{key}"));
        known.extend(keys);
    }
    known
}

fn file_entries(path: &Path) -> Result<Vec<Entry>, SettingsError> {
    let unreadable = |source| SettingsError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let place = path.display().to_string();
    let (spanned, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Err(SettingsError::Invalid(syntax(&place, &text, &errors)));
    }
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| SettingsError::Invalid(syntax(&place, &text, &[error])))?;
    let mut entries = Vec::new();
    collect(spanned.get_ref(), &table, "", &mut entries);
    // In the order in which they were written: that is how they will be corrected.
    entries.sort_by_key(|(byte, ..)| *byte);
    let entry = |(byte, key, value)| Entry { key, value, place: format!("{place}:{}", line_of(&text, byte)) };
    Ok(entries.into_iter().map(entry).collect())
}

/// Lists the keys of a table, each with the byte of the text where it begins.
fn collect(spanned: &DeTable<'_>, table: &Table, prefix: &str, entries: &mut Vec<(usize, String, Value)>) {
    for (name, content) in spanned {
        let key = format!("{prefix}{}", name.get_ref());
        let Some(value) = table.get(name.get_ref().as_ref()) else { continue };
        match (content.get_ref(), value) {
            (DeValue::Table(inner), Value::Table(values)) if !values.is_empty() => {
                collect(inner, values, &format!("{key}."), entries);
            }
            _ => entries.push((name.span().start, key, value.clone())),
        }
    }
}

fn variable_entry(name: &str, value: &str) -> Entry {
    let key = name.trim_start_matches(VARIABLE_PREFIX).to_lowercase().replace("__", ".");
    // `2`, `0.5` and `true` mean what TOML means by them; everything else is a text.
    let typed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let value = typed.unwrap_or_else(|| Value::String(value.to_owned()));
    Entry { key, value, place: name.to_owned() }
}

/// Whether a key exists and takes such a value; else what is wrong.
fn check(entry: &Entry, defaults: &Table, known: &[String]) -> Result<(), String> {
    let empty_section = matches!(&entry.value, Value::Table(table) if table.is_empty());
    match lookup(defaults, &entry.key) {
        None => {
            let hint = match meant(&entry.key, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`invigilator check-config --schema` lists all keys".to_owned(),
            };
            Err(format!("unknown key; {hint}"))
        }
        Some(Value::Table(_)) if empty_section => Ok(()),
        Some(Value::Table(_)) => Err("is a section and takes no value".to_owned()),
        Some(_) => {
            let mut candidate = defaults.clone();
            set(&mut candidate, &entry.key, entry.value.clone());
            RawSettings::deserialize(candidate).map(|_| ()).map_err(|error| error.message().to_owned())
        }
    }
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((section, rest)) => lookup(table.get(section)?.as_table()?, rest),
    }
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        // An empty section of a file changes nothing.
        None if value.is_table() => {}
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(section) {
                set(inner, rest, value);
            }
        }
    }
}

/// The file that would be read without `--config`, for `doctor` and `check-config`.
pub fn file_in_use(sources: &Sources) -> String {
    match &sources.file {
        Some(path) => path.display().to_string(),
        None => format!("built-in defaults (no --config, no {CONFIG_VARIABLE})"),
    }
}
