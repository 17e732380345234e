//! A fast hash of short byte strings. Keys come from the configuration, never from a client, so it needs no secret.

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const PRIME: u64 = 0xD6E8_FEB8_6659_FD93;

/// Hashes up to a few dozen bytes in a few nanoseconds.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(PRIME);
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(word);
        hash = mix(hash, u64::from_le_bytes(buffer));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut buffer = [0; 8];
        buffer[..rest.len()].copy_from_slice(rest);
        hash = mix(hash, u64::from_le_bytes(buffer));
    }
    hash ^ (hash >> 29)
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(PRIME);
    (product as u64) ^ ((product >> 64) as u64)
}
