//! Keys from nonces: P_SHA256 (Part 6, 6.7.5), and HKDF over what two keys agree on (Part 6, 6.8.1).

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::curve::Label;
use super::link::Role;
use super::{CryptoFailed, Curve, SecurityPolicy, SymmetricSuite};

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

/// What the keys of both directions come from.
pub(super) struct Exchanged<'a> {
    pub(super) own_nonce: &'a [u8],
    pub(super) peer_nonce: &'a [u8],
    /// What the keys behind the nonces agree on, where nonces are public keys.
    pub(super) agreed: Option<&'a [u8]>,
    /// The side we are.
    pub(super) role: Role,
}

/// The key material of one direction: signing key, encryption key, initialization vector. Wiped when dropped.
pub(super) struct KeyMaterial {
    bytes: Zeroizing<Vec<u8>>,
    signing_len: usize,
    key_len: usize,
}

impl KeyMaterial {
    /// The keys that we send with, and those that we receive with.
    pub(super) fn both(
        policy: &SecurityPolicy,
        suite: SymmetricSuite,
        encrypts: bool,
        exchanged: &Exchanged<'_>,
    ) -> Result<(Self, Self), CryptoFailed> {
        let Exchanged { own_nonce, peer_nonce, agreed, role } = *exchanged;
        let (own, peer) = match role {
            Role::Server => (Label::SERVER, Label::CLIENT),
            Role::Client => (Label::CLIENT, Label::SERVER),
        };
        let one = |label, side, other| match (policy.curve(), agreed) {
            (Some(curve), Some(agreed)) => Self::agreed(curve, suite, encrypts, agreed, label, (side, other)),
            (None, None) => Ok(Self::from_nonces(suite, other, side)),
            _ => Err(CryptoFailed),
        };
        Ok((one(own, own_nonce, peer_nonce)?, one(peer, peer_nonce, own_nonce)?))
    }

    /// The keys of the side whose nonce is `seed`, derived with the nonce of its peer as secret.
    fn from_nonces(suite: SymmetricSuite, secret: &[u8], seed: &[u8]) -> Self {
        let (signing_len, key_len) = (signing_len(suite), suite.key_len());
        let mut bytes = Zeroizing::new(vec![0; signing_len + key_len + suite.iv_len()]);
        p_sha256(secret, seed, &mut bytes);
        Self { bytes, signing_len, key_len }
    }

    /// The keys of the side that `label` names. Where one key signs and another one encrypts, a channel that only signs
    /// derives the first alone (Part 6, 6.8.1).
    fn agreed(
        curve: Curve,
        suite: SymmetricSuite,
        encrypts: bool,
        agreed: &[u8],
        label: Label,
        nonces: (&[u8], &[u8]),
    ) -> Result<Self, CryptoFailed> {
        let signing_len = signing_len(suite);
        let key_len = if encrypts || signing_len == 0 { suite.key_len() } else { 0 };
        let iv_len = if key_len == 0 { 0 } else { suite.iv_len() };
        let bytes = curve.derive(agreed, label, nonces, signing_len + key_len + iv_len)?;
        Ok(Self { bytes, signing_len, key_len })
    }

    pub(super) fn signing(&self) -> &[u8] {
        self.bytes.get(..self.signing_len).unwrap_or_default()
    }

    pub(super) fn encryption(&self) -> &[u8] {
        self.bytes.get(self.signing_len..self.signing_len + self.key_len).unwrap_or_default()
    }

    /// Empty where nothing is encrypted.
    pub(super) fn iv(&self) -> &[u8] {
        self.bytes.get(self.signing_len + self.key_len..).unwrap_or_default()
    }
}

const fn signing_len(suite: SymmetricSuite) -> usize {
    match suite {
        SymmetricSuite::AesCbcHmac { hash, .. } => hash.output_len(),
        SymmetricSuite::AesGcm { .. } => 0,
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
