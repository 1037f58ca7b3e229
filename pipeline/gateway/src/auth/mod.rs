//! Who asks: tokens, the keys that vouch for them, roles, and what each caller may touch.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`claims`] | what a token says |
//! | [`crypto`] | signatures, by `ring` |
//! | [`keys`] | whom to believe: the gateway's own key, an identity provider's keys |
//! | [`refresh`] | fetching the identity provider's keys, again and again |
//! | [`caller`] | what the bearer of a token may touch |
//! | [`guard`] | the one place where requests are let in or not |
//!
//! Tokens and keys are in no log and no error.

pub mod caller;
pub mod claims;
mod crypto;
pub mod guard;
pub mod keys;
pub mod refresh;

pub use caller::{Caller, Target};
pub use claims::{Claims, Role};
pub use keys::{Keys, Secret, SecretError, Trust};
