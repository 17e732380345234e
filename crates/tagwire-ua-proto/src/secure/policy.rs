//! Security policies as rows of one table (OPC UA Part 7, 6.6).

use crate::transport::SequenceRule;

/// How messages of the OpenSecureChannel service and signatures of sessions are made.
#[derive(Debug, PartialEq, Eq)]
pub struct AsymmetricSuite {
    /// Signature algorithm.
    pub signature: AsymmetricSignature,
    /// Encryption algorithm.
    pub encryption: AsymmetricEncryption,
    /// Shortest key in bits.
    pub min_key_bits: usize,
    /// Longest key in bits.
    pub max_key_bits: usize,
}

/// Signature with a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsymmetricSignature {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256.
    RsaPssSha256,
}

impl AsymmetricSignature {
    /// The name of the algorithm in a SignatureData.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaPssSha256 => "http://opcfoundation.org/UA/security/rsa-pss-sha2-256",
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
    /// AES in CBC mode with a key of this many bytes, HMAC-SHA256 before it.
    AesCbcHmacSha256 {
        /// 16 or 32.
        key_len: usize,
    },
}

impl SymmetricSuite {
    /// Bytes of the signature at the end of a chunk.
    pub const fn signature_len(self) -> usize {
        match self {
            Self::AesCbcHmacSha256 { .. } => 32,
        }
    }

    /// Encrypted content is a multiple of this many bytes.
    pub const fn block_len(self) -> usize {
        match self {
            Self::AesCbcHmacSha256 { .. } => 16,
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
}

/// Every policy that can be spoken. Basic128Rsa15 and Basic256 are left out for good: their padding leaks.
pub static POLICIES: [SecurityPolicy; 4] = [
    SecurityPolicy {
        uri: "http://opcfoundation.org/UA/SecurityPolicy#None",
        name: "None",
        asymmetric: None,
        symmetric: None,
        nonce_len: 0,
        sequence: SequenceRule::Legacy,
        strength: 0,
    },
    SecurityPolicy {
        uri: "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256",
        name: "Basic256Sha256",
        asymmetric: Some(AsymmetricSuite {
            signature: AsymmetricSignature::RsaPkcs1Sha256,
            encryption: AsymmetricEncryption::RsaOaepSha1,
            min_key_bits: 2048,
            max_key_bits: 4096,
        }),
        symmetric: Some(SymmetricSuite::AesCbcHmacSha256 { key_len: 32 }),
        nonce_len: 32,
        sequence: SequenceRule::Legacy,
        strength: 20,
    },
    SecurityPolicy {
        uri: "http://opcfoundation.org/UA/SecurityPolicy#Aes128_Sha256_RsaOaep",
        name: "Aes128_Sha256_RsaOaep",
        asymmetric: Some(AsymmetricSuite {
            signature: AsymmetricSignature::RsaPkcs1Sha256,
            encryption: AsymmetricEncryption::RsaOaepSha1,
            min_key_bits: 2048,
            max_key_bits: 4096,
        }),
        symmetric: Some(SymmetricSuite::AesCbcHmacSha256 { key_len: 16 }),
        nonce_len: 32,
        sequence: SequenceRule::Legacy,
        strength: 10,
    },
    SecurityPolicy {
        uri: "http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss",
        name: "Aes256_Sha256_RsaPss",
        asymmetric: Some(AsymmetricSuite {
            signature: AsymmetricSignature::RsaPssSha256,
            encryption: AsymmetricEncryption::RsaOaepSha256,
            min_key_bits: 2048,
            max_key_bits: 4096,
        }),
        symmetric: Some(SymmetricSuite::AesCbcHmacSha256 { key_len: 32 }),
        nonce_len: 32,
        sequence: SequenceRule::Legacy,
        strength: 30,
    },
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
    }
}
