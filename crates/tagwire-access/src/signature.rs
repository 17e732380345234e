//! Signatures below certificates and revocation lists.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{Reason, der_file};

const RSA_MD5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// How something was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    PssSha256,
    PssSha384,
    PssSha512,
    EcdsaSha256,
    EcdsaSha384,
    /// Known and no longer safe.
    Weak(&'static str),
    Unknown,
}

/// The key that a signature is checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa,
    P256,
    P384,
    Other,
}

impl Algorithm {
    pub(crate) fn of(identifier: &AlgorithmIdentifierOwned) -> Self {
        match identifier.oid {
            RSA_SHA256 => Self::RsaSha256,
            RSA_SHA384 => Self::RsaSha384,
            RSA_SHA512 => Self::RsaSha512,
            RSA_PSS => match pss_hash(identifier) {
                Some(SHA256) => Self::PssSha256,
                Some(SHA384) => Self::PssSha384,
                Some(SHA512) => Self::PssSha512,
                Some(_) => Self::Unknown,
                // Without parameters the hash is SHA-1 (RFC 4055, 3.1).
                None => Self::Weak("SHA-1"),
            },
            ECDSA_SHA256 => Self::EcdsaSha256,
            ECDSA_SHA384 => Self::EcdsaSha384,
            RSA_SHA1 | ECDSA_SHA1 => Self::Weak("SHA-1"),
            RSA_MD5 => Self::Weak("MD5"),
            _ => Self::Unknown,
        }
    }

    fn verifier(self, key: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, key) {
            (Self::RsaSha256, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaSha384, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaSha512, KeyKind::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::PssSha256, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA256,
            (Self::PssSha384, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA384,
            (Self::PssSha512, KeyKind::Rsa) => &signature::RSA_PSS_2048_8192_SHA512,
            (Self::EcdsaSha256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaSha384, KeyKind::P256) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaSha256, KeyKind::P384) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaSha384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_ASN1,
            _ => return None,
        })
    }

    /// Checks `signature` over `signed` with a public key as it stands in a SubjectPublicKeyInfo.
    pub(crate) fn verify(self, kind: KeyKind, key: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), Reason> {
        if let Self::Weak(name) = self {
            return Err(Reason::SignatureWeak(name));
        }
        let verifier = self.verifier(kind).ok_or(Reason::SignatureInvalid)?;
        UnparsedPublicKey::new(verifier, key).verify(signed, signature).map_err(|_| Reason::SignatureInvalid)
    }
}

/// The hash of RSASSA-PSS parameters; `None` when the default of the standard applies.
fn pss_hash(identifier: &AlgorithmIdentifierOwned) -> Option<ObjectIdentifier> {
    let parameters = identifier.parameters.as_ref()?.to_der().ok()?;
    let first = body(&parameters)?;
    let hash = first.first().filter(|tag| **tag == 0xA0).and_then(|_| body(first))?;
    Some(AlgorithmIdentifierOwned::from_der(hash).ok()?.oid)
}

/// What is inside the first element.
fn body(element: &[u8]) -> Option<&[u8]> {
    let (header, len) = der_file::header(element)?;
    element.get(header..header.checked_add(len)?)
}
