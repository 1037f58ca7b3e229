//! Names that nobody can guess.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Problem;

/// 128 random bits as hex.
///
/// # Errors
/// If the system has no random numbers.
pub fn name() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Problem::internal())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
