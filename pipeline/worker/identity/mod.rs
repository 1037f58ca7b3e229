//! Who is expected: templates, and the comparison of a sample with one of them.
//!
//! | File | Responsible for |
//! |---|---|
//! | [`seal`] | a template as it travels and rests: encrypted, and bound to its session |
//! | [`compare`] | the faces of a sample → what comparing them came to |
//! | [`reference`] | photos of a person → what is wrong with each, or a template |
//!
//! Embeddings are in memory and in sealed templates, nowhere else: no log, trace or metric has one, and
//! observations have similarities alone. When there is a comparison is the domain's to say, and what it means.

pub mod compare;
pub mod reference;
pub mod seal;

use domain::identity::Embedding;

/// Whom the faces of a session are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// By which observations and scores name it.
    pub id: String,
    /// The enrolled face; `None` where it cannot be opened: then nobody can be verified, and that is told.
    pub face: Option<Embedding>,
}
