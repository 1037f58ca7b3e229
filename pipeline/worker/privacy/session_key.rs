//! The key of a session, and the form of what is sealed with it: `IVS1`, a nonce of 12 bytes, the ciphertext with its
//! tag of 16 bytes. The first four bytes name the form, so that a later one can be told from it.

use std::fmt;
use std::sync::Arc;

use ring::aead::NONCE_LEN;

use super::cipher::{Cipher, SealError, Sealed};

/// How everything begins that is sealed with the key of a session.
const FORM: [u8; 4] = *b"IVS1";

/// The key of a session. Clones share it.
#[derive(Clone)]
pub struct SessionKey(Arc<Cipher>);

impl SessionKey {
    /// By how many bytes what is sealed is longer than what is in it.
    pub const OVERHEAD: usize = FORM.len() + NONCE_LEN + 16;

    pub(super) fn new(cipher: Cipher) -> Self {
        Self(Arc::new(cipher))
    }

    /// Seals bytes. They open for whoever has the key and says the same of what they are bound to: their kind and
    /// their place, so that nothing can be exchanged for something else of the session.
    ///
    /// # Errors
    /// If the machine gives no random numbers.
    pub fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let Sealed { nonce, ciphertext } = self.0.seal(bound_to, plain)?;
        Ok([FORM.as_slice(), &nonce, &ciphertext].concat())
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    /// If it is of another form, key or place, or was altered.
    pub fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let rest = sealed.strip_prefix(&FORM).ok_or(SealError::DoesNotOpen)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::DoesNotOpen)?;
        self.0.open(bound_to, nonce, ciphertext.to_vec())
    }

    /// A key for tests.
    #[cfg(test)]
    pub(crate) fn of(bytes: [u8; 32]) -> Self {
        Self::new(Cipher::new(&bytes).unwrap())
    }

    /// What seals where nonce and ciphertext are written apart.
    pub(crate) fn cipher(&self) -> &Cipher {
        &self.0
    }
}

/// Tells nothing.
impl fmt::Debug for SessionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SessionKey")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> SessionKey {
        SessionKey::of([byte; 32])
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_key_in_its_place_and_not_otherwise(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            place in prop::collection::vec(any::<u8>(), 0..20),
            altered in any::<prop::sample::Index>(),
            by in 1u8..,
        ) {
            let sealed = key(1).seal(&place, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + SessionKey::OVERHEAD);
            prop_assert_eq!(key(1).open(&place, &sealed), Ok(plain));
            prop_assert_eq!(key(2).open(&place, &sealed), Err(SealError::DoesNotOpen));
            let elsewhere = [place.as_slice(), b"x"].concat();
            prop_assert_eq!(key(1).open(&elsewhere, &sealed), Err(SealError::DoesNotOpen));
            let mut other = sealed.clone();
            other[altered.index(sealed.len())] ^= by;
            prop_assert_eq!(key(1).open(&place, &other), Err(SealError::DoesNotOpen));
            let shorter = &sealed[..altered.index(sealed.len())];
            prop_assert_eq!(key(1).open(&place, shorter), Err(SealError::DoesNotOpen));
        }
    }

    #[test]
    fn no_two_are_alike_and_no_key_is_printed() {
        assert_ne!(key(1).seal(b"", b"the same").unwrap(), key(1).seal(b"", b"the same").unwrap());
        assert_eq!(format!("{:?}", key(1)), "SessionKey");
    }
}
