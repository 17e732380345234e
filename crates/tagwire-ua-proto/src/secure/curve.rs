//! Elliptic curves: keys for one use, what two of them agree on, and the keys derived from that (Part 6, 6.8).

use aws_lc_rs::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
};
use aws_lc_rs::{digest, hkdf};
use zeroize::Zeroizing;

use super::CryptoFailed;

/// What a point in its usual form begins with; OPC UA leaves it out.
const UNCOMPRESSED: u8 = 4;

/// A curve, and with it the hash that all its policies use: SHA-256 or SHA-384.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// NIST P-256 with SHA-256.
    P256,
    /// NIST P-384 with SHA-384.
    P384,
}

impl Curve {
    /// Bytes of a coordinate, and of what two keys agree on.
    pub const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// Bytes of a public key on the wire, which are both coordinates, and of a signature.
    pub const fn point_len(self) -> usize {
        2 * self.coordinate_len()
    }

    /// Length of a private key.
    pub const fn bits(self) -> usize {
        8 * self.coordinate_len()
    }

    /// The curve of a key in its usual form, by its length.
    pub(super) fn of_point(point: &[u8]) -> Option<Self> {
        let (first, coordinates) = point.split_first()?;
        [Self::P256, Self::P384]
            .into_iter()
            .find(|curve| *first == UNCOMPRESSED && coordinates.len() == curve.point_len())
    }

    /// The hash of a certificate in the data that sessions sign (Part 4, 6.1.8).
    pub(super) fn hash(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::P256 => &digest::SHA256,
            Self::P384 => &digest::SHA384,
        };
        digest::digest(algorithm, bytes)
    }

    pub(super) const fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    pub(super) const fn verifying(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
        }
    }

    const fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
        }
    }

    /// `len` bytes of keys for the side that `label` names, from what both keys agree on. Salt and info are the same:
    /// length, label, the public key of that side, the other one (Part 6, 6.8.1).
    pub(super) fn derive(
        self,
        agreed: &[u8],
        label: Label,
        (own, other): (&[u8], &[u8]),
        len: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoFailed> {
        let algorithm = match self {
            Self::P256 => hkdf::HKDF_SHA256,
            Self::P384 => hkdf::HKDF_SHA384,
        };
        let short = u16::try_from(len).map_err(|_| CryptoFailed)?;
        let salt = [&short.to_le_bytes()[..], label.0.as_bytes(), own, other].concat();
        let mut keys = Zeroizing::new(vec![0; len]);
        let extracted = hkdf::Salt::new(algorithm, &salt).extract(agreed);
        let info = [salt.as_slice()];
        let expanded = extracted.expand(&info, OutputLen(len)).map_err(|_| CryptoFailed)?;
        expanded.fill(&mut keys).map_err(|_| CryptoFailed)?;
        Ok(keys)
    }
}

/// Whose keys are derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(&'static str);

impl Label {
    /// What the server sends.
    pub(super) const SERVER: Self = Self("opcua-server");
    /// What the client sends.
    pub(super) const CLIENT: Self = Self("opcua-client");
    /// What a user proves itself with.
    pub(super) const SECRET: Self = Self("opcua-secret");
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

/// The peer's public key has a wrong length or is no point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotOnCurve;

/// A private key that is used once.
pub struct EphemeralKey {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

impl EphemeralKey {
    /// A new key.
    ///
    /// # Errors
    /// [`CryptoFailed`] when the system has no random bytes.
    pub fn new(curve: Curve) -> Result<Self, CryptoFailed> {
        let private =
            EphemeralPrivateKey::generate(curve.agreement(), &SystemRandom::new()).map_err(|_| CryptoFailed)?;
        let public = private.compute_public_key().map_err(|_| CryptoFailed)?;
        let (_, coordinates) = public.as_ref().split_first().ok_or(CryptoFailed)?;
        Ok(Self { public: coordinates.to_vec(), private })
    }

    /// The public key as it is sent: both coordinates, big-endian.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// What this key and the peer's agree on: a coordinate, big-endian. A point that is not on the curve is refused
    /// before it is used.
    pub(super) fn agree(self, curve: Curve, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOnCurve> {
        if peer.len() != curve.point_len() {
            return Err(NotOnCurve);
        }
        let point = [&[UNCOMPRESSED][..], peer].concat();
        let peer = UnparsedPublicKey::new(curve.agreement(), point);
        agree_ephemeral(self.private, peer, NotOnCurve, |agreed| Ok(Zeroizing::new(agreed.to_vec())))
    }
}

/// The public part only.
impl std::fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EphemeralKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_agree_and_both_sides_derive_the_same() {
        for curve in [Curve::P256, Curve::P384] {
            let (one, two) = (EphemeralKey::new(curve).expect("key"), EphemeralKey::new(curve).expect("key"));
            let (first, second) = (one.public().to_vec(), two.public().to_vec());
            assert_eq!(first.len(), curve.point_len());
            let agreed = one.agree(curve, &second).expect("point");
            assert_eq!(agreed, two.agree(curve, &first).expect("point"));
            assert_eq!(agreed.len(), curve.coordinate_len());
            let keys = curve.derive(&agreed, Label::SERVER, (&first, &second), 28).expect("keys");
            assert_ne!(keys, curve.derive(&agreed, Label::CLIENT, (&first, &second), 28).expect("keys"));
            assert_ne!(keys, curve.derive(&agreed, Label::SERVER, (&second, &first), 28).expect("keys"));
        }
    }

    #[test]
    fn points_off_the_curve_and_of_wrong_length_are_refused() {
        for curve in [Curve::P256, Curve::P384] {
            let good = EphemeralKey::new(curve).expect("key").public().to_vec();
            let mut off = good.clone();
            off[curve.point_len() - 1] ^= 1;
            let swapped = [&good[curve.coordinate_len()..], &good[..curve.coordinate_len()]].concat();
            let zero = vec![0; curve.point_len()];
            let whole = [&[UNCOMPRESSED][..], &good].concat();
            let field_limit = vec![0xFF; curve.point_len()];
            for bad in [&off[..], &swapped, &zero, &good[1..], &whole, &[], &field_limit] {
                let key = EphemeralKey::new(curve).expect("key");
                assert_eq!(key.agree(curve, bad).err(), Some(NotOnCurve), "{curve:?} {bad:?}");
            }
        }
    }

    #[test]
    fn the_hash_behind_the_derivation_is_that_of_rfc_5869() {
        // Test case 1 of the RFC, whose salt and info differ, to show which function stands behind `derive`.
        let salt: Vec<u8> = (0..13).collect();
        let info: Vec<u8> = (0xF0..=0xF9).collect();
        let mut out = [0; 42];
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(&[0x0B; 22]);
        extracted.expand(&[&info], OutputLen(42)).and_then(|expanded| expanded.fill(&mut out)).expect("keys");
        assert_eq!(out[..8], [0x3C, 0xB2, 0x5F, 0x25, 0xFA, 0xAC, 0xD5, 0x7A]);
        assert_eq!(out[36..], [0xD5, 0xB8, 0x87, 0x18, 0x58, 0x65]);
    }

    #[test]
    fn another_implementation_derives_the_same() {
        // Made with the HKDF of Python's cryptography package over the salt of Part 6, 6.8.1.
        for (curve, len, start, end) in [
            (Curve::P256, 28, [0x38, 0x33, 0x7C, 0xF1], [0x36, 0x6F, 0x84, 0x50]),
            (Curve::P384, 44, [0x6A, 0xB7, 0x2E, 0x96], [0x9D, 0x71, 0x25, 0xB2]),
        ] {
            let agreed: Vec<u8> = (0..curve.coordinate_len()).map(|idx| idx as u8).collect();
            let (own, other) = (vec![1; curve.point_len()], vec![2; curve.point_len()]);
            let keys = curve.derive(&agreed, Label::SERVER, (&own, &other), len).expect("keys");
            assert_eq!(keys[..4], start, "{curve:?}");
            assert_eq!(keys[len - 4..], end, "{curve:?}");
        }
    }
}
