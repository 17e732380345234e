//! Random numbers that nobody can guess.

use thiserror::Error;

/// The random source or a key of our own failed; nothing the peer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("own cryptography failed")]
pub struct CryptoFailed;

/// Bytes of the nonces of a session, whatever the policy (Part 4, 5.7.2.2 asks for at least 32).
pub const SESSION_NONCE_LEN: usize = 32;

/// Fills `place` with random bytes.
///
/// # Errors
/// [`CryptoFailed`] when the system has none.
pub fn fill_random(place: &mut [u8]) -> Result<(), CryptoFailed> {
    aws_lc_rs::rand::fill(place).map_err(|_| CryptoFailed)
}

/// A nonce for CreateSession and ActivateSession.
///
/// # Errors
/// [`CryptoFailed`] when the system has no random bytes.
pub fn session_nonce() -> Result<[u8; SESSION_NONCE_LEN], CryptoFailed> {
    let mut nonce = [0; SESSION_NONCE_LEN];
    fill_random(&mut nonce)?;
    Ok(nonce)
}
