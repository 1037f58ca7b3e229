//! Which machine figures were measured on: they say little about another one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A machine, as far as figures depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
}

impl Machine {
    /// The one that this is.
    pub fn this() -> Self {
        let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let processor = name.map_or(std::env::consts::ARCH, |(_, name)| name.trim()).to_owned();
        Self { processor, cores: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} cores of {}", self.cores, self.processor)
    }
}
