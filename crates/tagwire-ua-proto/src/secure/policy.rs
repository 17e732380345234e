//! Security policies as rows of one table (OPC UA Part 7, 6.6).

use super::Curve;
use crate::transport::SequenceRule;

/// How messages of the OpenSecureChannel service and signatures of sessions are made.
#[derive(Debug, PartialEq, Eq)]
pub struct AsymmetricSuite {
    /// Signature algorithm.
    pub signature: AsymmetricSignature,
    /// How both sides come to a common secret, and which keys of certificates fit.
    pub exchange: KeyExchange,
}

/// How both sides come to a common secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchange {
    /// Each side encrypts a nonce for the RSA key of the other.
    Encrypted {
        /// Encryption algorithm.
        algorithm: AsymmetricEncryption,
        /// Shortest key in bits.
        min_key_bits: usize,
        /// Longest key in bits.
        max_key_bits: usize,
    },
    /// Nonces are public keys for one use; certificates have a key on the same curve and only sign.
    Agreed(Curve),
}

/// Signature with a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsymmetricSignature {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256.
    RsaPssSha256,
    /// ECDSA with the hash of the curve; both numbers one after the other.
    Ecdsa(Curve),
}

impl AsymmetricSignature {
    /// The name of the algorithm in a SignatureData; signatures over a curve have none, the policy says it all.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaPssSha256 => "http://opcfoundation.org/UA/security/rsa-pss-sha2-256",
            Self::Ecdsa(_) => "",
        }
    }
}

/// Encryption for a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsymmetricEncryption {
    /// RSAES-OAEP with SHA-1.
    RsaOaepSha1,
    /// RSAES-OAEP with SHA-256.
    RsaOaepSha256,
}

impl AsymmetricEncryption {
    /// The name of the algorithm in a user token.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaOaepSha1 => "http://www.w3.org/2001/04/xmlenc#rsa-oaep",
            Self::RsaOaepSha256 => "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256",
        }
    }
}

/// How all other messages are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymmetricSuite {
    /// AES in CBC mode with a key of this many bytes, an HMAC before it.
    AesCbcHmac {
        /// 16 or 32.
        key_len: usize,
        /// Hash of the HMAC.
        hash: MacHash,
    },
    /// AES in Galois/counter mode with a key of this many bytes: encryption and signature in one.
    AesGcm {
        /// 16 or 32.
        key_len: usize,
    },
}

/// Hash of an HMAC, whose keys are as long as its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacHash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
}

impl MacHash {
    /// Bytes of the result.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

impl SymmetricSuite {
    /// Bytes of an AES block.
    pub(super) const BLOCK_LEN: usize = 16;
    /// Bytes of the initialization vector in Galois/counter mode.
    pub(super) const GCM_IV_LEN: usize = 12;

    /// Bytes of the key that encrypts.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCbcHmac { key_len, .. } | Self::AesGcm { key_len } => key_len,
        }
    }

    /// Bytes of the initialization vector that is derived.
    pub const fn iv_len(self) -> usize {
        match self {
            Self::AesCbcHmac { .. } => Self::BLOCK_LEN,
            Self::AesGcm { .. } => Self::GCM_IV_LEN,
        }
    }
}

/// A row of the table: what one policy prescribes.
#[derive(Debug)]
pub struct SecurityPolicy {
    /// The name on the wire.
    pub uri: &'static str,
    /// The name in configuration and logs.
    pub name: &'static str,
    /// `None` for the policy None.
    pub asymmetric: Option<AsymmetricSuite>,
    /// `None` for the policy None.
    pub symmetric: Option<SymmetricSuite>,
    /// Bytes of the nonces that keys are derived from.
    pub nonce_len: usize,
    /// How chunks are numbered.
    pub sequence: SequenceRule,
    /// Whether signatures and keys are bound to the channel (Part 6, 6.7.5 and 6.8.1): a session is worth nothing on
    /// another channel, and a renewal builds on the keys before it.
    pub is_bound: bool,
    /// Whether Part 7 has replaced it by a better one, so that it is offered only where the operator names it.
    pub is_deprecated: bool,
    /// The higher the safer, for the security level of endpoints.
    pub strength: u8,
}

impl PartialEq for SecurityPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri
    }
}

impl Eq for SecurityPolicy {}

impl SecurityPolicy {
    /// No security at all.
    pub const NONE: &'static Self = &POLICIES[0];
    /// RSA signatures with SHA-256, RSA-OAEP, AES-256.
    pub const BASIC256_SHA256: &'static Self = &POLICIES[1];
    /// As Basic256Sha256 with AES-128.
    pub const AES128_SHA256_RSA_OAEP: &'static Self = &POLICIES[2];
    /// RSA-PSS signatures, RSA-OAEP with SHA-256, AES-256.
    pub const AES256_SHA256_RSA_PSS: &'static Self = &POLICIES[3];
    /// ECDSA and ECDH on P-256, AES-128-GCM.
    pub const ECC_NIST_P256_AES_GCM: &'static Self = &POLICIES[4];
    /// ECDSA and ECDH on P-384, AES-256-GCM.
    pub const ECC_NIST_P384_AES_GCM: &'static Self = &POLICIES[5];
    /// ECDSA and ECDH on P-256, AES-128-CBC.
    pub const ECC_NIST_P256: &'static Self = &POLICIES[6];
    /// ECDSA and ECDH on P-384, AES-256-CBC.
    pub const ECC_NIST_P384: &'static Self = &POLICIES[7];

    /// The policy with this URI.
    pub fn from_uri(uri: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.uri == uri)
    }

    /// The policy with this name, whatever its case.
    pub fn from_name(name: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))
    }

    /// Whether this is the policy None.
    pub const fn is_none(&self) -> bool {
        self.symmetric.is_none()
    }

    /// The curve of its keys; `None` for RSA policies and the policy None.
    pub const fn curve(&self) -> Option<Curve> {
        match &self.asymmetric {
            Some(AsymmetricSuite { exchange: KeyExchange::Agreed(curve), .. }) => Some(*curve),
            _ => None,
        }
    }

    /// How secrets are encrypted for an RSA key; `None` for all other policies.
    pub(super) const fn encryption(&self) -> Option<AsymmetricEncryption> {
        match &self.asymmetric {
            Some(AsymmetricSuite { exchange: KeyExchange::Encrypted { algorithm, .. }, .. }) => Some(*algorithm),
            _ => None,
        }
    }
}

/// An RSA policy. All of them take the same keys.
const fn rsa(
    (uri, name): (&'static str, &'static str),
    signature: AsymmetricSignature,
    algorithm: AsymmetricEncryption,
    key_len: usize,
    strength: u8,
) -> SecurityPolicy {
    let exchange = KeyExchange::Encrypted { algorithm, min_key_bits: 2048, max_key_bits: 4096 };
    SecurityPolicy {
        uri,
        name,
        asymmetric: Some(AsymmetricSuite { signature, exchange }),
        symmetric: Some(SymmetricSuite::AesCbcHmac { key_len, hash: MacHash::Sha256 }),
        nonce_len: 32,
        sequence: SequenceRule::Legacy,
        is_bound: false,
        is_deprecated: false,
        strength,
    }
}

/// A policy over a curve.
const fn ecc(
    (uri, name): (&'static str, &'static str),
    curve: Curve,
    symmetric: SymmetricSuite,
    strength: u8,
) -> SecurityPolicy {
    let is_bound = matches!(symmetric, SymmetricSuite::AesGcm { .. });
    SecurityPolicy {
        uri,
        name,
        asymmetric: Some(AsymmetricSuite {
            signature: AsymmetricSignature::Ecdsa(curve),
            exchange: KeyExchange::Agreed(curve),
        }),
        symmetric: Some(symmetric),
        nonce_len: curve.point_len(),
        sequence: SequenceRule::Strict,
        is_bound,
        is_deprecated: !is_bound,
        strength,
    }
}

/// Every policy that can be spoken. Basic128Rsa15 and Basic256 are left out for good: their padding leaks.
pub static POLICIES: [SecurityPolicy; 8] = [
    SecurityPolicy {
        uri: "http://opcfoundation.org/UA/SecurityPolicy#None",
        name: "None",
        asymmetric: None,
        symmetric: None,
        nonce_len: 0,
        sequence: SequenceRule::Legacy,
        is_bound: false,
        is_deprecated: false,
        strength: 0,
    },
    rsa(
        ("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256", "Basic256Sha256"),
        AsymmetricSignature::RsaPkcs1Sha256,
        AsymmetricEncryption::RsaOaepSha1,
        32,
        20,
    ),
    rsa(
        ("http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep", "Aes128_Sha256_RsaOaep"),
        AsymmetricSignature::RsaPkcs1Sha256,
        AsymmetricEncryption::RsaOaepSha1,
        16,
        10,
    ),
    rsa(
        ("http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss", "Aes256_Sha256_RsaPss"),
        AsymmetricSignature::RsaPssSha256,
        AsymmetricEncryption::RsaOaepSha256,
        32,
        30,
    ),
    ecc(
        ("http://opcfoundation.org/UA/SecurityPolicy#ECC_nistP256_AesGcm", "ECC_nistP256_AesGcm"),
        Curve::P256,
        SymmetricSuite::AesGcm { key_len: 16 },
        35,
    ),
    ecc(
        ("http://opcfoundation.org/UA/SecurityPolicy#ECC_nistP384_AesGcm", "ECC_nistP384_AesGcm"),
        Curve::P384,
        SymmetricSuite::AesGcm { key_len: 32 },
        40,
    ),
    ecc(
        ("http://opcfoundation.org/UA/SecurityPolicy#ECC_nistP256", "ECC_nistP256"),
        Curve::P256,
        SymmetricSuite::AesCbcHmac { key_len: 16, hash: MacHash::Sha256 },
        15,
    ),
    ecc(
        ("http://opcfoundation.org/UA/SecurityPolicy#ECC_nistP384", "ECC_nistP384"),
        Curve::P384,
        SymmetricSuite::AesCbcHmac { key_len: 32, hash: MacHash::Sha384 },
        18,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_found_by_uri_and_name() {
        for policy in &POLICIES {
            assert_eq!(SecurityPolicy::from_uri(policy.uri), Some(policy));
            assert_eq!(SecurityPolicy::from_name(&policy.name.to_lowercase()), Some(policy));
        }
        assert_eq!(SecurityPolicy::from_uri("http://opcfoundation.org/UA/SecurityPolicy#Basic128Rsa15"), None);
        assert_eq!(SecurityPolicy::BASIC256_SHA256.name, "Basic256Sha256");
        assert_eq!(SecurityPolicy::AES128_SHA256_RSA_OAEP.name, "Aes128_Sha256_RsaOaep");
        assert_eq!(SecurityPolicy::AES256_SHA256_RSA_PSS.name, "Aes256_Sha256_RsaPss");
        assert_eq!(SecurityPolicy::ECC_NIST_P256_AES_GCM.name, "ECC_nistP256_AesGcm");
        assert_eq!(SecurityPolicy::ECC_NIST_P384_AES_GCM.name, "ECC_nistP384_AesGcm");
        assert_eq!(SecurityPolicy::ECC_NIST_P256.name, "ECC_nistP256");
        assert_eq!(SecurityPolicy::ECC_NIST_P384.name, "ECC_nistP384");
    }

    #[test]
    fn the_lengths_of_policies_over_curves_are_those_of_part_7() {
        for (policy, nonce, key, iv) in [
            (SecurityPolicy::ECC_NIST_P256_AES_GCM, 64, 16, 12),
            (SecurityPolicy::ECC_NIST_P384_AES_GCM, 96, 32, 12),
            (SecurityPolicy::ECC_NIST_P256, 64, 16, 16),
            (SecurityPolicy::ECC_NIST_P384, 96, 32, 16),
        ] {
            let suite = policy.symmetric.expect("suite");
            assert_eq!((policy.nonce_len, suite.key_len(), suite.iv_len()), (nonce, key, iv), "{}", policy.name);
            assert_eq!(policy.sequence, SequenceRule::Strict);
            assert_eq!(policy.is_bound, policy.name.ends_with("_AesGcm"));
        }
    }
}
