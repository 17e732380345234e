//! What the wire needs to know of a certificate: its key, its thumbprint and its ApplicationUri.

use std::sync::Arc;

use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{self, ParsedPublicKey, UnparsedPublicKey};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::identity::oaep;
use super::{AsymmetricEncryption, AsymmetricSignature, CryptoFailed, Curve, KeyExchange};

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
    #[error("public key is neither RSA nor on a NIST curve")]
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
    public_key: PublicKey,
}

enum PublicKey {
    Rsa {
        /// SubjectPublicKeyInfo, DER.
        info: Vec<u8>,
        encrypting: Box<OaepPublicEncryptingKey>,
    },
    Point {
        curve: Curve,
        /// In its usual form, with the byte in front that says so.
        point: Vec<u8>,
    },
}

impl PublicKey {
    fn parse(info: &SubjectPublicKeyInfoOwned) -> Result<Self, CertificateError> {
        let kind = |_| CertificateError::KeyKind;
        if info.algorithm.oid == EC {
            let named = info.algorithm.parameters.as_ref().and_then(|found| found.decode_as::<ObjectIdentifier>().ok());
            let point = info.subject_public_key.raw_bytes();
            let curve = Curve::of_point(point).filter(|curve| named == Some(curve_id(*curve)));
            let curve = curve.ok_or(CertificateError::KeyKind)?;
            // A point that is not on the curve is found here, before any signature is checked with it.
            let parsed = ParsedPublicKey::new(curve.verifying(), point);
            return parsed.map(|_| Self::Point { curve, point: point.to_vec() }).map_err(|_| CertificateError::KeyKind);
        }
        let info = info.to_der().map_err(|_| CertificateError::Malformed)?;
        let encrypting = PublicEncryptingKey::from_der(&info).map_err(|_| CertificateError::KeyKind)?;
        let encrypting = Box::new(OaepPublicEncryptingKey::new(encrypting).map_err(kind)?);
        Ok(Self::Rsa { info, encrypting })
    }
}

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const fn curve_id(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        Curve::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
    }
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
        let public_key = PublicKey::parse(tbs.subject_public_key_info())?;
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

    /// Length of the key: of the RSA modulus, or of a private key on the curve.
    pub fn key_bits(&self) -> usize {
        match &self.public_key {
            PublicKey::Rsa { encrypting, .. } => encrypting.key_size_bits(),
            PublicKey::Point { curve, .. } => curve.bits(),
        }
    }

    /// The curve of its key; `None` for an RSA key.
    pub const fn curve(&self) -> Option<Curve> {
        match &self.public_key {
            PublicKey::Rsa { .. } => None,
            PublicKey::Point { curve, .. } => Some(*curve),
        }
    }

    /// Bytes of a signature, which for an RSA key are those of the modulus.
    pub(super) fn signature_len(&self) -> usize {
        match &self.public_key {
            PublicKey::Rsa { encrypting, .. } => encrypting.key_size_bytes(),
            PublicKey::Point { curve, .. } => curve.point_len(),
        }
    }

    /// Whether this is its key: an RSA key as SubjectPublicKeyInfo, a point in its usual form.
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        match &self.public_key {
            PublicKey::Rsa { info, .. } => info == key,
            PublicKey::Point { point, .. } => point == key,
        }
    }

    /// Whether a policy takes keys of this kind and length.
    pub(super) fn fits(&self, exchange: KeyExchange) -> bool {
        match (exchange, self.curve()) {
            (KeyExchange::Encrypted { min_key_bits, max_key_bits, .. }, None) => {
                (min_key_bits..=max_key_bits).contains(&self.key_bits())
            }
            (KeyExchange::Agreed(wanted), Some(curve)) => wanted == curve,
            _ => false,
        }
    }

    /// Whether the owner of the certificate made this signature.
    pub(super) fn verifies(&self, algorithm: AsymmetricSignature, message: &[u8], signed: &[u8]) -> bool {
        match (algorithm, &self.public_key) {
            (AsymmetricSignature::RsaPkcs1Sha256, PublicKey::Rsa { info, .. }) => {
                UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, info).verify(message, signed).is_ok()
            }
            (AsymmetricSignature::RsaPssSha256, PublicKey::Rsa { info, .. }) => {
                UnparsedPublicKey::new(&signature::RSA_PSS_2048_8192_SHA256, info).verify(message, signed).is_ok()
            }
            (AsymmetricSignature::Ecdsa(wanted), PublicKey::Point { curve, point }) if wanted == *curve => {
                UnparsedPublicKey::new(curve.verifying(), point).verify(message, signed).is_ok()
            }
            _ => false,
        }
    }

    /// The longest text that fits one block of [`Self::encrypt`]; 0 for a key that cannot encrypt.
    pub(super) fn max_plain_block(&self, algorithm: AsymmetricEncryption) -> usize {
        match &self.public_key {
            PublicKey::Rsa { encrypting, .. } => encrypting.max_plaintext_size(oaep(algorithm)),
            PublicKey::Point { .. } => 0,
        }
    }

    /// Encrypts block by block and appends.
    pub(super) fn encrypt(
        &self,
        algorithm: AsymmetricEncryption,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        let PublicKey::Rsa { encrypting, .. } = &self.public_key else {
            return Err(CryptoFailed);
        };
        let mut block = vec![0; self.signature_len()];
        for part in plain.chunks(self.max_plain_block(algorithm)) {
            let cipher = encrypting.encrypt(oaep(algorithm), part, &mut block, None).map_err(|_| CryptoFailed)?;
            out.extend_from_slice(cipher);
        }
        Ok(())
    }
}

/// Size and thumbprint, which is what a log needs.
impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.curve().is_some() { "EC" } else { "RSA" };
        write!(f, "PeerCertificate({kind} {} bits, ", self.key_bits())?;
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
