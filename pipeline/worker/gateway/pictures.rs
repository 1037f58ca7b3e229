//! Pictures of incidents, behind the gateway's port: opened here, with the keys of their sessions.

use std::sync::Arc;

use ::gateway::{Pictures, Unavailable};
use domain::evidence::PictureName;
use domain::ids::SessionId;

use crate::evidence::{Album, PictureStore};
use crate::privacy::Vault;

/// The pictures of an object store.
pub struct SealedPictures {
    store: PictureStore,
    vault: Arc<Vault>,
}

impl SealedPictures {
    /// Those in `store`, which open with keys of `vault`.
    pub fn new(store: PictureStore, vault: Arc<Vault>) -> Self {
        Self { store, vault }
    }
}

impl Pictures for SealedPictures {
    fn list(&self, session: &SessionId) -> Result<Vec<PictureName>, Unavailable> {
        self.store.list(session).map_err(|error| {
            tracing::warn!(%session, %error, "pictures cannot be listed");
            Unavailable
        })
    }

    fn open(&self, session: &SessionId, name: &PictureName) -> Result<Option<Vec<u8>>, Unavailable> {
        let album = Album { store: &self.store, vault: &self.vault };
        album.open(session, name).map_err(|error| {
            tracing::warn!(%session, %name, %error, "a picture cannot be opened");
            Unavailable
        })
    }
}
