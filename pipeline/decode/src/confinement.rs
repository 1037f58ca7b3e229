//! What a decoder child cannot do any more once it is ready: what it says, and what is asked of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Rights that a decoder child has given up, for the rest of its life. Codecs are given hostile bytes: one
/// that is taken over shall find nothing to take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Landlock: no file can be opened by name and, from Linux 6.7 on, no TCP socket bound or connected.
    pub landlock: bool,
    /// A seccomp filter: only calls of the kernel that decoding needs. None that opens files, makes sockets,
    /// or starts, watches or ends processes.
    pub seccomp: bool,
    /// Memory and processor time are limited.
    pub limits: bool,
}

/// One of the means of a [`Confinement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// [`Confinement::landlock`].
    Landlock,
    /// [`Confinement::seccomp`].
    Seccomp,
    /// [`Confinement::limits`].
    Limits,
}

impl Barrier {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Landlock, Self::Seccomp, Self::Limits];

    /// A stable word for settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Limits => "limits",
        }
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Confinement {
    /// Whether a barrier is up.
    pub fn has(self, barrier: Barrier) -> bool {
        match barrier {
            Barrier::Landlock => self.landlock,
            Barrier::Seccomp => self.seccomp,
            Barrier::Limits => self.limits,
        }
    }

    /// The first barrier of those required that is not up.
    pub fn lacks(self, required: &[Barrier]) -> Option<Barrier> {
        required.iter().copied().find(|barrier| !self.has(*barrier))
    }
}
