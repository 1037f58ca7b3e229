//! The one byte form of a message that hashes and comparisons use: JSON with sorted keys, no spaces,
//! and without the `run` object.

mod sorted;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Canonical bytes of a message.
///
/// # Panics
/// Never for the types of this module: their keys are strings and their numbers finite.
pub fn bytes<T: Serialize>(message: &T) -> Vec<u8> {
    // Through text, so that numbers are what a reader of the text gets: another way would widen an f32 4.1 to
    // 4.0999999.
    let text = serde_json::to_string(message).expect("messages have string keys");
    sorted::sorted(&text, "run")
}

/// SHA-256 of `bytes`, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes that [`hex`] made this text of.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_run_is_left_out() {
        let message = json!({"b": 1, "a": {"d": 2, "c": null}, "run": {"at": "now"}});
        assert_eq!(bytes(&message), br#"{"a":{"c":null,"d":2},"b":1}"#);
    }

    #[test]
    fn short_floats_stay_short() {
        assert_eq!(bytes(&[4.1f32]), b"[4.1]");
    }

    #[test]
    fn digits_are_read_back() {
        assert_eq!(from_hex(&hex(&[0, 9, 0xa0, 0xff])), Some(vec![0, 9, 0xa0, 0xff]));
        assert_eq!((from_hex("0"), from_hex("0g"), from_hex("é")), (None, None, None));
    }

    #[test]
    fn known_digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
    }
}
