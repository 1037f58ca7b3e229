//! Why the key of a session cannot be had, and whether it might be later.

use domain::error::ErrorKind;

use super::SealError;

/// A key that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The session was erased: there never will be one again.
    #[error("the session was erased, and its key destroyed")]
    Erased,
    /// Something is sealed, and nobody told this process where the keys lie.
    #[error("there is no vault (privacy.vault), and something is sealed")]
    NoVault,
    /// There is none, though something is sealed with it: this is another vault, or it was lost.
    #[error("the vault has no key of the session")]
    Missing,
    /// The key is there, and this process cannot unwrap it, or wrap a new one.
    #[error("there is no key `{key_id}` of tenant {tenant} (privacy.keys_file)")]
    NoTenantKey {
        /// The tenant.
        tenant: String,
        /// Which of its keys: `*` for any.
        key_id: String,
    },
    /// What is in the vault is no key, or does not unwrap.
    #[error("what the vault has of the session cannot be used")]
    Unusable,
    /// The machine gives no random numbers.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The vault fails.
    #[error("the vault cannot be used: {reason}")]
    Store {
        /// A stable word.
        reason: &'static str,
    },
}

impl VaultError {
    /// What to do with whatever needs the key. All but one of these are no fault of it: somebody has to mend the
    /// vault or the settings, and nothing is lost if it waits for that.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Erased => ErrorKind::Poison,
            _ => ErrorKind::Transient,
        }
    }

    /// A stable word for dead letters and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::NoVault => "no_vault",
            Self::Missing => "key_missing",
            Self::NoTenantKey { .. } => "no_tenant_key",
            Self::Unusable => "key_unusable",
            Self::Seal(error) => error.reason(),
            Self::Store { reason } => reason,
        }
    }
}
