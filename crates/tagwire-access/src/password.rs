//! Argon2id hashes of passwords, as PHC strings.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use parking_lot::Mutex;
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest password accepted, in bytes.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;

/// Largest memory that a hash of the users file may ask for, in KiB.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// Most passes that a hash of the users file may ask for.
const MAX_PASSES: u32 = 32;
/// Most lanes that a hash of the users file may ask for.
const MAX_LANES: u32 = 16;

/// A password that cannot be stored, or a hash that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// An empty password.
    #[error("password is empty")]
    Empty,
    /// A password longer than the limit.
    #[error("password is longer than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// Not a PHC string of Argon2id.
    #[error("not an argon2id hash")]
    NotArgon2id,
    /// The costs are beyond what a server should spend on one login.
    #[error("argon2 costs are larger than {MAX_MEMORY_KIB} KiB, {MAX_PASSES} passes or {MAX_LANES} lanes")]
    TooCostly,
    /// The hash could not be computed.
    #[error("cannot hash the password: {0}")]
    Hashing(String),
}

/// A stored password hash, checked when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredHash(String);

impl StoredHash {
    /// Hashes a password with a fresh salt and the default costs (19 MiB, 2 passes, 1 lane).
    pub(crate) fn of(password: &str) -> Result<Self, PasswordError> {
        if password.is_empty() {
            return Err(PasswordError::Empty);
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordError::TooLong);
        }
        let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
            .hash_password(password.as_bytes())
            .map_err(|error| PasswordError::Hashing(error.to_string()))?;
        Ok(Self(hash.to_string()))
    }

    /// Takes a PHC string from a file.
    pub(crate) fn parse(text: &str) -> Result<Self, PasswordError> {
        let hash = PasswordHash::new(text).map_err(|_| PasswordError::NotArgon2id)?;
        if Algorithm::try_from(hash.algorithm.as_str()) != Ok(Algorithm::Argon2id)
            || hash.hash.is_none()
            || hash.salt.is_none()
        {
            return Err(PasswordError::NotArgon2id);
        }
        let params = Params::try_from(&hash).map_err(|_| PasswordError::NotArgon2id)?;
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES || params.p_cost() > MAX_LANES {
            return Err(PasswordError::TooCostly);
        }
        Ok(Self(text.to_owned()))
    }

    /// The PHC string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one; takes the full time of one hash whatever the answer.
    pub(crate) fn matches(&self, password: &str) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        // An empty or oversize password still costs one hash, so that the time tells nothing.
        let usable = !password.is_empty() && password.len() <= MAX_PASSWORD_BYTES;
        let candidate = Zeroizing::new(if usable { password.to_owned() } else { "-".to_owned() });
        verify(candidate.as_bytes(), &hash).unwrap_or(false) && usable
    }
}

/// Working memory of earlier checks. A fresh 19 MiB for each login ends up in the heap of whichever thread did the
/// check and stays there, so that guessing passwords would make the process grow.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());
/// Most working memories kept, one per check that may run at a time.
const MAX_KEPT: usize = 2;

/// Hashes the candidate as the stored hash was made and compares in constant time; `None` when it cannot be done.
fn verify(candidate: &[u8], stored: &PasswordHash) -> Option<bool> {
    let (salt, expected) = (stored.salt.as_ref()?, stored.hash.as_ref()?);
    let version = stored.version.map_or_else(|| Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(stored).ok()?;
    let n_blocks = params.block_count();
    let mut memory = MEMORY.lock().pop().unwrap_or_default();
    memory.resize(n_blocks, Block::default());
    let mut output = Zeroizing::new(vec![0; expected.len()]);
    let hashed = Argon2::new(Algorithm::Argon2id, version, params).hash_password_into_with_memory(
        candidate,
        salt,
        &mut output,
        &mut memory,
    );
    let mut kept = MEMORY.lock();
    if kept.len() < MAX_KEPT && n_blocks <= Params::DEFAULT.block_count() {
        kept.push(memory);
    }
    drop(kept);
    hashed.ok()?;
    Some(Output::new(&output).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_password_alone_and_survives_its_text_form() {
        let hash = StoredHash::of("corréct horse").expect("hashes");
        assert!(hash.as_str().starts_with("$argon2id$v=19$"));
        let again = StoredHash::parse(hash.as_str()).expect("parses");
        assert!(again.matches("corréct horse"));
        assert!(!again.matches("correct horse"));
        assert!(!again.matches(""));
        assert!(!again.matches(&"x".repeat(MAX_PASSWORD_BYTES + 1)));
        assert_ne!(StoredHash::of("corréct horse").expect("hashes"), hash, "salts differ");
    }

    #[test]
    fn refuses_what_cannot_be_a_password_or_a_hash() {
        assert_eq!(StoredHash::of(""), Err(PasswordError::Empty));
        assert_eq!(StoredHash::of(&"x".repeat(1025)), Err(PasswordError::TooLong));
        for text in ["", "secret", "$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo", "$argon2id$"] {
            assert_eq!(StoredHash::parse(text), Err(PasswordError::NotArgon2id), "{text}");
        }
        let costly = "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        assert_eq!(StoredHash::parse(costly), Err(PasswordError::TooCostly));
    }
}
