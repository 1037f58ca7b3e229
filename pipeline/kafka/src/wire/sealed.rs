//! Whether the payload of a record is sealed with the key of its session: said by an attribute, since bytes from
//! outside may look like anything. Not responsible for keys, nor for what is in it.

use super::attributes::optional;
use super::error::WireError;
use crate::headers::Headers;

const ENCRYPTION: &str = "ce_encryption";
/// AES-256-GCM with a key of the session.
const SESSION: &str = "session-a256gcm";

/// Whether the payload is sealed: the value of the record, or what it refers to.
///
/// # Errors
/// If it is, in a way that this program does not know.
pub fn is_sealed(headers: &Headers) -> Result<bool, WireError> {
    match optional(headers, ENCRYPTION)? {
        None => Ok(false),
        Some(SESSION) => Ok(true),
        Some(_) => Err(WireError::InvalidHeader { header: ENCRYPTION }),
    }
}

/// Says that the payload is sealed.
pub fn mark_sealed(headers: &mut Headers) {
    headers.push(ENCRYPTION, SESSION);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_says_so_in_a_way_that_is_known() {
        let mut headers = Headers::new();
        assert_eq!(is_sealed(&headers), Ok(false));
        mark_sealed(&mut headers);
        assert_eq!(is_sealed(&headers), Ok(true));
        headers.push("ce_encryption", "rot13");
        assert_eq!(is_sealed(&headers).unwrap_err().reason(), "invalid_header");
    }
}
