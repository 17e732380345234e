//! Keys from nonces: P_SHA256 (Part 6, 6.7.5).

use aws_lc_rs::hmac;
use zeroize::Zeroize;

/// Fills `out` with what P_SHA256 makes of secret and seed.
pub(super) fn p_sha256(secret: &[u8], seed: &[u8], out: &mut [u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut chained = hmac::sign(&key, seed);
    for place in out.chunks_mut(32) {
        let mut context = hmac::Context::with_key(&key);
        context.update(chained.as_ref());
        context.update(seed);
        let block = context.sign();
        let (bytes, _) = block.as_ref().split_at(place.len().min(block.as_ref().len()));
        place.copy_from_slice(bytes);
        chained = hmac::sign(&key, chained.as_ref());
    }
}

/// The key material of one direction: signing key, encryption key, initialization vector. Wiped when dropped.
pub(super) struct KeyMaterial {
    pub(super) signing: [u8; 32],
    /// As long as the longest key; shorter ciphers use the start.
    pub(super) encryption: Vec<u8>,
    pub(super) iv: [u8; 16],
}

impl KeyMaterial {
    /// The keys of the side whose nonce is `seed`, derived with the nonce of its peer as secret.
    pub(super) fn derive(secret: &[u8], seed: &[u8], key_len: usize) -> Self {
        let mut bytes = vec![0; 32 + key_len + 16];
        p_sha256(secret, seed, &mut bytes);
        let mut material = Self { signing: [0; 32], encryption: vec![0; key_len], iv: [0; 16] };
        let (signing, rest) = bytes.split_at(32);
        let (encryption, iv) = rest.split_at(key_len);
        material.signing.copy_from_slice(signing);
        material.encryption.copy_from_slice(encryption);
        material.iv.copy_from_slice(iv);
        bytes.zeroize();
        material
    }
}

impl Drop for KeyMaterial {
    fn drop(&mut self) {
        self.signing.zeroize();
        self.encryption.zeroize();
        self.iv.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_of_p_sha256_is_met() {
        // Vector for the function alone, from the collection of TLS 1.2 PRF vectors; label and seed are one string here.
        let secret = [0x9B, 0xBE, 0x43, 0x6B, 0xA9, 0x40, 0xF0, 0x17, 0xB1, 0x76, 0x52, 0x84, 0x9A, 0x71, 0xDB, 0x35];
        let mut seed = b"test label".to_vec();
        seed.extend_from_slice(&[
            0xA0, 0xBA, 0x9F, 0x93, 0x6C, 0xDA, 0x31, 0x18, 0x27, 0xA6, 0xF7, 0x96, 0xFF, 0xD5, 0x19, 0x8C,
        ]);
        let mut out = [0; 100];
        p_sha256(&secret, &seed, &mut out);
        assert_eq!(
            out[..16],
            [0xE3, 0xF2, 0x29, 0xBA, 0x72, 0x7B, 0xE1, 0x7B, 0x8D, 0x12, 0x26, 0x20, 0x55, 0x7C, 0xD4, 0x53]
        );
        assert_eq!(out[96..], [0x87, 0x34, 0x7B, 0x66]);
    }
}
