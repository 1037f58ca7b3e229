//! Pictures of flagged moments, where a session's policy asks for them and the settings name a place.
//!
//! ```text
//! observer ─▶ keeper: which sample, if any ─▶ at most `WAITING` pictures ─▶ darkroom: hide, look again, JPEG, seal ─▶ store
//!               ▲ consents: exam.sessions                                        score role, sweep: delete ─▶ store
//! ```
//!
//! | File | Responsible for |
//! |---|---|
//! | [`consents`] | sessions whose policy asks for pictures, as their starts say |
//! | [`keeper`] | which sample a picture is kept of |
//! | [`redact`] | what nobody may see, made unrecognisable |
//! | [`darkroom`] | a chosen picture → a sealed one in the store |
//! | [`album`] | sealed pictures, by session and name |
//! | [`store`] | objects of an object store, whatever is in them |
//! | [`tidy`] | pictures that show no incident, deleted when a score is final |
//!
//! Nothing waits for any of this and no result depends on it: a picture for which there is no room, no key or no store is
//! not kept, and counted. What is decided is decided by [`domain::evidence`].

pub mod album;
pub(crate) mod consents;
pub(crate) mod darkroom;
pub(crate) mod keeper;
mod redact;
pub mod store;
pub(crate) mod tidy;

pub use album::{Album, AlbumError};
pub(crate) use consents::Consents;
pub use store::{PictureStore, StoreError};

/// What pictures are kept with.
#[derive(Clone, Copy)]
pub struct Keeping<'a> {
    /// Where they go.
    pub album: Album<'a>,
    /// Of which sessions any are kept.
    pub(crate) consents: &'a Consents,
}

/// Pictures that are chosen and not developed yet, at most: one of the largest takes 14 MiB. More are not kept.
pub(crate) const WAITING: usize = 8;
