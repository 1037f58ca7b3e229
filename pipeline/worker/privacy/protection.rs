//! What this process seals, and what it can open: by its settings.

use std::sync::Arc;

use domain::ids::SessionId;
use tokio::sync::oneshot;

use super::keys::{KeysError, TenantKeys};
use super::vault::{OpenError, Vault, Wish};
use super::{SessionKey, VaultError};
use crate::exit::{Exit, Failure};
use crate::settings;

/// The keys that a process works with. Clones share them.
#[derive(Clone, Default)]
pub struct Protection {
    tenants: Arc<TenantKeys>,
    vault: Option<Arc<Vault>>,
    encrypts: bool,
}

/// Settings that lead to no keys.
#[derive(Debug, thiserror::Error)]
pub enum ProtectionError {
    /// The file of tenants' keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The vault.
    #[error("the vault of the sessions' keys (privacy.vault): {0}")]
    Vault(#[from] OpenError),
}

impl From<ProtectionError> for Failure {
    fn from(error: ProtectionError) -> Self {
        Self::new(Exit::Configuration, error)
    }
}

impl Protection {
    /// As the settings say. No vault is asked yet.
    ///
    /// # Errors
    /// If the tenants' keys cannot be read, or the vault cannot be reached from here.
    pub fn open(settings: &settings::Privacy) -> Result<Self, ProtectionError> {
        let tenants = settings.keys_file.as_deref().map(TenantKeys::read).transpose()?;
        let tenants = Arc::new(tenants.unwrap_or_default());
        let vault = settings.vault.as_ref().map(|place| Vault::open(place, Arc::clone(&tenants)));
        Ok(Self { vault: vault.transpose()?.map(Arc::new), tenants, encrypts: settings.encrypt })
    }

    /// The tenants' keys.
    pub fn tenants(&self) -> &TenantKeys {
        &self.tenants
    }

    /// Where the sessions' keys lie, if anywhere.
    pub fn vault(&self) -> Option<&Arc<Vault>> {
        self.vault.as_ref()
    }

    /// What has to be wished for to write of a session: nothing where nothing is sealed.
    pub fn wish_to_write(&self) -> Option<Wish> {
        self.encrypts.then_some(Wish::New)
    }

    /// The key of a session, if this process has asked for it lately.
    pub fn at_hand(&self, session: &SessionId) -> Option<SessionKey> {
        self.vault.as_ref()?.at_hand(session)
    }

    /// Asks for the key of a session: see [`Vault::ask`].
    pub fn ask(&self, session: &SessionId, wish: Wish) -> oneshot::Receiver<Result<SessionKey, VaultError>> {
        if let Some(vault) = &self.vault {
            return vault.ask(session, wish);
        }
        let (tell, told) = oneshot::channel();
        // Whoever asked is still there.
        drop(tell.send(Err(VaultError::NoVault)));
        told
    }

    /// The key that a session is written with, waited for; `None` where nothing is sealed.
    ///
    /// # Errors
    /// If the session was erased, or the key cannot be had now.
    pub fn to_write(&self, session: &SessionId) -> Result<Option<SessionKey>, VaultError> {
        let Some(wish) = self.wish_to_write() else { return Ok(None) };
        // The vault answers whatever happens, unless it is gone.
        self.ask(session, wish).blocking_recv().unwrap_or(Err(VaultError::NoVault)).map(Some)
    }
}
