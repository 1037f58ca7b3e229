//! Sealed pictures: each opens with the key of its session alone, and for its own name. Without the key, which is
//! destroyed when the session is erased, what is in the store tells nothing.

use domain::error::ErrorKind;
use domain::evidence::PictureName;
use domain::ids::SessionId;

use super::store::{PictureStore, StoreError};
use crate::privacy::{SealError, Vault, VaultError};

/// Pictures and the keys that open them.
#[derive(Clone, Copy)]
pub struct Album<'a> {
    /// The pictures.
    pub store: &'a PictureStore,
    /// The keys.
    pub vault: &'a Vault,
}

/// A picture that cannot be put there, or opened.
#[derive(Debug, thiserror::Error)]
pub enum AlbumError {
    /// The key of the session.
    #[error(transparent)]
    Key(#[from] VaultError),
    /// What is there is no picture of this name, or was altered.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AlbumError {
    /// What to do with the picture.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Key(error) => error.kind(),
            Self::Seal(_) => ErrorKind::Poison,
            Self::Store(error) => error.kind(),
        }
    }
}

impl Album<'_> {
    /// Seals a picture and puts it in the store.
    ///
    /// # Errors
    /// If there is no key, or the store fails.
    pub fn put(&self, session: &SessionId, name: &PictureName, jpeg: &[u8]) -> Result<(), AlbumError> {
        let key = self.vault.wait(self.vault.key(session))?;
        let sealed = key.seal(&bound_to(session, name), jpeg)?;
        Ok(self.store.put(session, name, sealed)?)
    }

    /// A picture; nothing, if it is not there or its session was erased.
    ///
    /// # Errors
    /// If there is no key, the picture does not open, or the store fails.
    pub fn open(&self, session: &SessionId, name: &PictureName) -> Result<Option<Vec<u8>>, AlbumError> {
        let Some(sealed) = self.store.get(session, name)? else { return Ok(None) };
        let key = match self.vault.wait(self.vault.existing(session)) {
            Err(VaultError::Erased) => return Ok(None),
            key => key?,
        };
        Ok(Some(key.open(&bound_to(session, name), &sealed)?))
    }
}

/// A picture opens as this one of this session alone.
fn bound_to(session: &SessionId, name: &PictureName) -> Vec<u8> {
    format!("invigilator.evidence.v1 {session} {name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::privacy::TenantKeys;

    #[test]
    fn a_picture_opens_under_its_own_name_alone_and_not_when_its_session_was_erased() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| format!("file://{}/{name}/", folder.path().display()).parse().unwrap();
        let keys = folder.path().join("keys");
        std::fs::write(&keys, "t1 test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        let store = PictureStore::open(&place("pictures"), Duration::from_secs(86_400)).unwrap();
        let vault = Vault::open(&place("vault"), TenantKeys::read(&keys).unwrap().into()).unwrap();
        let album = Album { store: &store, vault: &vault };
        let (session, other): (SessionId, SessionId) =
            ("t1/e7/s42".parse().unwrap(), "t1/e7/s43".parse().unwrap());
        let [one, two] = ["0-1-2000", "0-2-4000"].map(|name| name.parse::<PictureName>().unwrap());
        album.put(&session, &one, b"a picture").unwrap();
        assert_eq!(album.open(&session, &one).unwrap().unwrap(), b"a picture");
        assert!(album.open(&session, &two).unwrap().is_none());

        let sealed = store.get(&session, &one).unwrap().unwrap();
        assert!(!sealed.windows(9).any(|nine| nine == b"a picture"));
        // Whoever may write to the store exchanges pictures.
        store.put(&session, &two, sealed.clone()).unwrap();
        assert!(matches!(album.open(&session, &two), Err(AlbumError::Seal(_))));
        album.put(&other, &one, b"another").unwrap();
        store.put(&other, &one, sealed).unwrap();
        assert!(matches!(album.open(&other, &one), Err(AlbumError::Seal(_))));

        vault.wait(vault.destroy(&session)).unwrap();
        assert!(album.open(&session, &one).unwrap().is_none());
        assert!(matches!(album.put(&session, &one, b"late"), Err(AlbumError::Key(VaultError::Erased))));
        let stranger: SessionId = "t9/e7/s1".parse().unwrap();
        assert!(matches!(album.put(&stranger, &one, b"no key"), Err(AlbumError::Key(_))));
    }
}
