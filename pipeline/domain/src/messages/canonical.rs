//! The one byte form of a message that hashes and comparisons use: JSON with sorted keys, no spaces,
//! and without the `run` object.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Canonical bytes of a message.
///
/// # Panics
/// Never for the types of this module: their keys are strings and their numbers finite.
pub fn bytes<T: Serialize>(message: &T) -> Vec<u8> {
    // `serde_json::Value` keeps objects in sorted maps, so printing it sorts the keys.
    let mut value = serde_json::to_value(message).expect("messages have string keys");
    if let Value::Object(fields) = &mut value {
        fields.remove("run");
    }
    value.to_string().into_bytes()
}

/// SHA-256 of `bytes`, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
