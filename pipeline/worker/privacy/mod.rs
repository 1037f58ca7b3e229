//! Payloads that only those can read who have the session's key: video, photos, templates, pictures.
//!
//! Each session has a key of its own, made at random when it is first needed and kept in a vault, wrapped by a key of
//! the tenant. What is sealed with it lies in topics, backups and stores that nobody deletes single records of; when
//! the session is erased its key is destroyed, and all of that is unreadable at once, wherever copies are.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`cipher`] | AES-256-GCM with one key: what a tenant's and a session's key have in common |
//! | [`keys`] | the file with the tenants' keys |
//! | [`session_key`] | the key of a session, and the form of what is sealed with it |
//! | [`vault`] | where the sessions' keys lie: made, found, destroyed |
//! | [`cache`] | the keys that this process has asked for lately |
//! | [`error`] | why a key cannot be had, and whether it might be later |
//! | [`payload`] | payloads of records, sealed and opened, each in its place |
//! | [`protection`] | what this process seals, and what it can open |

pub mod cache;
pub mod cipher;
pub mod error;
pub mod keys;
pub(crate) mod payload;
pub mod protection;
pub mod session_key;
pub mod vault;

pub use cipher::SealError;
pub use error::VaultError;
pub use keys::TenantKeys;
pub use protection::{Protection, ProtectionError};
pub use session_key::SessionKey;
pub use vault::{Vault, Wish};
