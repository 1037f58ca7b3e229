//! Policies: found by name or by file, parsed, checked, and named by id, version and hash.
//!
//! The policies of `config/policies/` are embedded, so that a lost file changes no score.

use std::path::Path;

use domain::messages::{PolicyRef, canonical};
use domain::policy::Policy;

use super::places;
use super::problem::{Problem, SettingsError, syntax};

/// The embedded policies, by name.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("standard", include_str!("../../../config/policies/standard.toml")),
    ("standard-accommodated", include_str!("../../../config/policies/standard-accommodated.toml")),
];

/// A policy that can judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedPolicy {
    /// Its rules.
    pub policy: Policy,
    /// How results name it.
    pub reference: PolicyRef,
}

/// Loads a policy by the name of an embedded one, or by the path of a file.
///
/// # Errors
/// If there is none, or with everything that is wrong with it.
pub fn load(name_or_path: &str) -> Result<LoadedPolicy, SettingsError> {
    if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        return parse(&format!("policy {name}"), text);
    }
    let looks_like_path = name_or_path.contains(['/', '.']);
    let path = places::resolve(Path::new(name_or_path));
    if !looks_like_path && !path.is_file() {
        let known = BUILT_IN.map(|(name, _)| name).join(", ");
        return Err(SettingsError::PolicyUnknown { name: name_or_path.to_owned(), known });
    }
    let unreadable = |source| SettingsError::Unreadable { path: path.clone(), source };
    let text = std::fs::read_to_string(&path).map_err(unreadable)?;
    parse(&path.display().to_string(), &text)
}

fn parse(place: &str, text: &str) -> Result<LoadedPolicy, SettingsError> {
    let policy: Policy =
        toml::from_str(text).map_err(|error| SettingsError::Invalid(syntax(place, text, &[error])))?;
    if let Err(found) = policy.validate() {
        let problem = |found: domain::policy::PolicyProblem| Problem {
            place: place.to_owned(),
            key: found.field,
            message: found.problem,
        };
        return Err(SettingsError::Invalid(found.into_iter().map(problem).collect()));
    }
    let sha256 = canonical::sha256_hex(text.as_bytes());
    let reference = PolicyRef { id: policy.id.clone(), version: policy.version, sha256 };
    Ok(LoadedPolicy { policy, reference })
}
