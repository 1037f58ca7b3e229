//! The records that cross process borders: field names here are the public contract.
//!
//! Every payload is the `data` of a CloudEvent ([`envelope`]). Readers ignore unknown fields; `null`
//! means "not known" and never 0. Wall-clock values sit in the `run` object alone, which is outside
//! ids, hashes and equality ([`canonical`]).

mod audit;
pub mod canonical;
mod chunk;
mod cut_state;
mod enrolment;
pub mod envelope;
mod incident;
mod marker;
mod observation;
mod rescore;
mod review;
mod score;
mod segment;
mod session;
mod upload;

pub use audit::*;
pub use chunk::*;
pub use cut_state::*;
pub use enrolment::*;
pub use incident::*;
pub use marker::*;
pub use observation::*;
pub use rescore::*;
pub use review::*;
pub use score::*;
pub use segment::*;
pub use session::*;
pub use upload::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy that a result was computed under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRef {
    /// Name of the policy, as in its file.
    pub id: String,
    /// Its version, as in its file.
    pub version: u32,
    /// SHA-256 of the policy file's bytes, lower-case hex.
    pub sha256: String,
}
