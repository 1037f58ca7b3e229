//! The policies that a worker can judge by: those built in, and the one that its settings name.

use std::collections::BTreeSet;

use domain::messages::PolicyRef;

use crate::settings::SettingsError;
use crate::settings::policy::{self, LoadedPolicy};

/// Policies by id.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    default: LoadedPolicy,
    others: Vec<LoadedPolicy>,
}

impl Policies {
    /// The built-in policies, and `default` before them.
    pub(crate) fn load(default: LoadedPolicy) -> Result<Self, SettingsError> {
        let built_in = policy::BUILT_IN.map(|(name, _)| policy::load(name));
        let others = built_in.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { default, others })
    }

    /// What judges where nothing else is said.
    pub(crate) fn default(&self) -> &LoadedPolicy {
        &self.default
    }

    /// The policy of an id.
    pub(crate) fn named(&self, id: &str) -> Option<&LoadedPolicy> {
        self.all().find(|policy| policy.reference.id == id)
    }

    /// Ids of all policies, each once.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        self.all().map(|policy| policy.reference.id.as_str()).collect()
    }

    /// This very policy, to the byte.
    pub(super) fn exactly(&self, reference: &PolicyRef) -> Option<&LoadedPolicy> {
        self.all().find(|policy| policy.reference == *reference)
    }

    fn all(&self) -> impl Iterator<Item = &LoadedPolicy> {
        std::iter::once(&self.default).chain(&self.others)
    }
}
