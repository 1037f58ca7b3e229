//! AES-256-GCM with one key, a nonce at random for each sealing: 2^32 of them are safe with one key, which no
//! session comes near.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// A key, ready to be used. Not cloned and never printed.
pub(crate) struct Cipher(LessSafeKey);

/// What is sealed, and the nonce that it is opened with.
pub(crate) struct Sealed {
    pub nonce: [u8; NONCE_LEN],
    /// Ends with the tag.
    pub ciphertext: Vec<u8>,
}

/// Why something cannot be sealed or opened. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The machine gives no random numbers.
    #[error("this machine gives no random numbers")]
    NoRandomNumbers,
    /// It was sealed with another key, for another place, or has been altered.
    #[error("it does not open: it is of another session, key or place, or was altered")]
    DoesNotOpen,
}

impl SealError {
    /// A stable word for dead letters and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoRandomNumbers => "no_random_numbers",
            Self::DoesNotOpen => "does_not_open",
        }
    }
}

impl Cipher {
    /// Of the bytes of a key; `None` if it has not 32 of them.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new).map(Self)
    }

    /// Seals bytes. What they are bound to has to be said again to open them.
    pub(crate) fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Result<Sealed, SealError> {
        let nonce = random()?;
        let mut ciphertext = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        ciphertext.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to),
                &mut ciphertext,
            )
            .map_err(|_| SealError::DoesNotOpen)?;
        Ok(Sealed { nonce, ciphertext })
    }

    /// Opens what [`seal`](Self::seal) made, in place.
    pub(crate) fn open(
        &self,
        bound_to: &[u8],
        nonce: &[u8],
        mut ciphertext: Vec<u8>,
    ) -> Result<Vec<u8>, SealError> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::DoesNotOpen)?;
        let opened = self.0.open_in_place(nonce, Aad::from(bound_to), &mut ciphertext);
        let length = opened.map_err(|_| SealError::DoesNotOpen)?.len();
        ciphertext.truncate(length);
        Ok(ciphertext)
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::NoRandomNumbers)?;
    Ok(bytes)
}

/// Parts of what something is bound to, in one: lengths keep them apart.
pub(crate) fn bound(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| format!("{}:{part}", part.len()).into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_cut_elsewhere_bind_to_something_else() {
        assert_ne!(bound(&["ab", "c"]), bound(&["a", "bc"]));
        assert_ne!(bound(&["a", ""]), bound(&["", "a"]));
        assert_ne!(bound(&["a:1", "b"]), bound(&["a", "1b"]));
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert!(Cipher::new(&[7; 32]).is_some());
        assert!(Cipher::new(&[7; 16]).is_none() && Cipher::new(&[]).is_none());
    }
}
