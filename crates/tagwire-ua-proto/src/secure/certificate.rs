//! What the wire needs to know of a certificate: its key, its thumbprint and its ApplicationUri.

use std::sync::Arc;

use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{self, UnparsedPublicKey};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::identity::oaep;
use super::{AsymmetricEncryption, AsymmetricSignature, AsymmetricSuite, CryptoFailed};

/// Most certificates in a chain.
pub const MAX_CHAIN: usize = 8;

/// Why bytes are no usable certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The bytes are no DER certificate.
    #[error("not a DER certificate")]
    Malformed,
    /// More than [`MAX_CHAIN`] certificates follow each other.
    #[error("more than {MAX_CHAIN} certificates in a chain")]
    ChainTooLong,
    /// The public key is of a kind that no policy here uses.
    #[error("public key is not RSA")]
    KeyKind,
}

/// The certificates that follow each other in `chain`, the one of the application first. Only their lengths are
/// looked at.
///
/// # Errors
/// [`CertificateError::Malformed`], [`CertificateError::ChainTooLong`].
pub fn split_chain(chain: &[u8]) -> Result<Vec<&[u8]>, CertificateError> {
    let mut certificates = Vec::new();
    let mut rest = chain;
    while !rest.is_empty() {
        if certificates.len() == MAX_CHAIN {
            return Err(CertificateError::ChainTooLong);
        }
        let len = der_len(rest).ok_or(CertificateError::Malformed)?;
        let (certificate, behind) = rest.split_at_checked(len).ok_or(CertificateError::Malformed)?;
        certificates.push(certificate);
        rest = behind;
    }
    if certificates.is_empty() { Err(CertificateError::Malformed) } else { Ok(certificates) }
}

/// Bytes of the DER sequence at the start, its own head included.
fn der_len(bytes: &[u8]) -> Option<usize> {
    let (&[0x30, first], rest) = bytes.split_first_chunk::<2>()? else {
        return None;
    };
    let n_len_bytes = match first {
        0..=0x7F => return Some(usize::from(first) + 2),
        0x81..=0x83 => usize::from(first & 0x7F),
        _ => return None,
    };
    let len = rest.get(..n_len_bytes)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    Some(len + 2 + n_len_bytes)
}

/// The certificate of the other side, as it was received.
pub struct PeerCertificate {
    chain: Arc<[u8]>,
    leaf_len: usize,
    thumbprint: [u8; 20],
    application_uris: Vec<String>,
    public_key: Vec<u8>,
    encrypting: OaepPublicEncryptingKey,
}

impl PeerCertificate {
    /// Reads a certificate, which may be followed by those of its issuers.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn parse(chain: &[u8]) -> Result<Self, CertificateError> {
        let leaf = *split_chain(chain)?.first().ok_or(CertificateError::Malformed)?;
        let certificate = Certificate::from_der(leaf).map_err(|_| CertificateError::Malformed)?;
        let tbs = certificate.tbs_certificate();
        let public_key = tbs.subject_public_key_info().to_der().map_err(|_| CertificateError::Malformed)?;
        let encrypting = PublicEncryptingKey::from_der(&public_key).map_err(|_| CertificateError::KeyKind)?;
        let names = tbs.get_extension::<SubjectAltName>().map_err(|_| CertificateError::Malformed)?;
        let application_uris = names
            .iter()
            .flat_map(|(_, names)| &names.0)
            .filter_map(|name| match name {
                GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
                _ => None,
            })
            .collect();
        Ok(Self {
            chain: Arc::from(chain),
            leaf_len: leaf.len(),
            thumbprint: thumbprint(leaf),
            application_uris,
            public_key,
            encrypting: OaepPublicEncryptingKey::new(encrypting).map_err(|_| CertificateError::KeyKind)?,
        })
    }

    /// The certificate alone, DER.
    pub fn leaf(&self) -> &[u8] {
        self.chain.get(..self.leaf_len).unwrap_or_default()
    }

    /// The certificate and what followed it, as received.
    pub const fn chain(&self) -> &Arc<[u8]> {
        &self.chain
    }

    /// Whether `chain`, as received somewhere else, starts with this very certificate.
    pub fn is_first_of(&self, chain: &[u8]) -> bool {
        split_chain(chain).is_ok_and(|chain| chain.first() == Some(&self.leaf()))
    }

    /// SHA-1 of the certificate: how OPC UA names one (Part 6, 6.2.3).
    pub const fn thumbprint(&self) -> &[u8; 20] {
        &self.thumbprint
    }

    /// The URIs among the alternative names; a proper certificate has exactly one, the ApplicationUri.
    pub fn application_uris(&self) -> &[String] {
        &self.application_uris
    }

    /// Length of the RSA modulus.
    pub fn key_bits(&self) -> usize {
        self.encrypting.key_size_bits()
    }

    pub(super) fn key_bytes(&self) -> usize {
        self.encrypting.key_size_bytes()
    }

    pub(super) fn has_key(&self, public_key: &[u8]) -> bool {
        self.public_key == public_key
    }

    pub(super) fn fits(&self, suite: &AsymmetricSuite) -> bool {
        (suite.min_key_bits..=suite.max_key_bits).contains(&self.key_bits())
    }

    /// Whether the owner of the certificate made this signature over the parts one after the other.
    pub(super) fn verifies(&self, algorithm: AsymmetricSignature, message: &[u8], signed: &[u8]) -> bool {
        let parameters = match algorithm {
            AsymmetricSignature::RsaPkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            AsymmetricSignature::RsaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        };
        UnparsedPublicKey::new(parameters, &self.public_key).verify(message, signed).is_ok()
    }

    /// The longest text that fits one block of [`Self::encrypt`].
    pub(super) fn max_plain_block(&self, algorithm: AsymmetricEncryption) -> usize {
        self.encrypting.max_plaintext_size(oaep(algorithm))
    }

    /// Encrypts block by block and appends.
    pub(super) fn encrypt(
        &self,
        algorithm: AsymmetricEncryption,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        let mut block = vec![0; self.key_bytes()];
        for part in plain.chunks(self.max_plain_block(algorithm)) {
            let cipher = self.encrypting.encrypt(oaep(algorithm), part, &mut block, None).map_err(|_| CryptoFailed)?;
            out.extend_from_slice(cipher);
        }
        Ok(())
    }
}

/// Size and thumbprint, which is what a log needs.
impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerCertificate(RSA {} bits, ", self.key_bits())?;
        self.thumbprint.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

pub(super) fn thumbprint(der: &[u8]) -> [u8; 20] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_split_by_their_lengths() {
        let one = [0x30, 2, 1, 2];
        let long: Vec<u8> = [&[0x30, 0x82, 1, 0][..], &[7; 256]].concat();
        let chain = [&one[..], &long, &one].concat();
        assert_eq!(split_chain(&chain), Ok(vec![&one[..], &long, &one]));
        assert_eq!(split_chain(&one.repeat(9)), Err(CertificateError::ChainTooLong));
        for bad in [&[][..], &[0x30], &[0x30, 5, 1], &[0x31, 0], &[0x30, 0x80], &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]] {
            assert_eq!(split_chain(bad), Err(CertificateError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn other_bytes_are_no_certificate() {
        for bad in [&[0x30, 0][..], &[0x30, 3, 2, 1, 1]] {
            assert_eq!(PeerCertificate::parse(bad).err(), Some(CertificateError::Malformed));
        }
    }
}
