//! `invigilator.rescore.v1`: an operator's order to judge a session again, written into the observation log
//! so that a replay sees it too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// Judge a session again, from its whole log up to here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rescore {
    /// The session.
    pub session: SessionId,
    /// Id of the policy that judges from here on.
    pub policy: String,
    /// The revision of the score that whoever ordered this had in view.
    pub supersedes: u32,
}
