//! The own certificates with their private keys, parsed once.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PrivateDecryptingKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey};
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    AsymmetricEncryption, AsymmetricSignature, CertificateError, CryptoFailed, PeerCertificate, SecurityPolicy,
};

/// Why certificate and key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The certificate is unusable.
    #[error("own certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The key is not one of 2048 to 8192 bits, or one on the curve of the certificate, in PKCS#8 DER.
    #[error(
        "own private key is neither RSA with 2048 bits or more nor on the curve of the certificate, in PKCS#8 form"
    )]
    Key,
    /// The key belongs to another certificate.
    #[error("own private key does not belong to the certificate")]
    Mismatch,
}

/// The own certificate with its private key. Shared by all channels; a channel keeps the one it was opened with.
pub struct OwnIdentity {
    certificate: PeerCertificate,
    key: PrivateKey,
    random: SystemRandom,
}

enum PrivateKey {
    Rsa { signing: KeyPair, decrypting: Box<OaepPrivateDecryptingKey> },
    Point(Box<EcdsaKeyPair>),
}

impl OwnIdentity {
    /// From the certificate in DER, perhaps followed by those of its issuers, and its key in PKCS#8 DER.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn new(certificate_chain: &[u8], private_key_pkcs8: &[u8]) -> Result<Self, IdentityError> {
        let certificate = PeerCertificate::parse(certificate_chain)?;
        let key = match certificate.curve() {
            Some(curve) => {
                let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), private_key_pkcs8);
                PrivateKey::Point(Box::new(pair.map_err(|_| IdentityError::Key)?))
            }
            None => {
                let signing = KeyPair::from_pkcs8(private_key_pkcs8).map_err(|_| IdentityError::Key)?;
                let decrypting = PrivateDecryptingKey::from_pkcs8(private_key_pkcs8).map_err(|_| IdentityError::Key)?;
                let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| IdentityError::Key)?;
                PrivateKey::Rsa { signing, decrypting: Box::new(decrypting) }
            }
        };
        let belongs = match &key {
            PrivateKey::Rsa { signing, .. } => {
                let public: PublicKeyX509Der<'_> = signing.public_key().as_der().map_err(|_| IdentityError::Key)?;
                certificate.has_key(public.as_ref())
            }
            PrivateKey::Point(pair) => certificate.has_key(pair.public_key().as_ref()),
        };
        if belongs { Ok(Self { certificate, key, random: SystemRandom::new() }) } else { Err(IdentityError::Mismatch) }
    }

    /// The own certificate as others see it.
    pub const fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    /// Bytes of a signature, which for an RSA key are those of the modulus.
    pub(super) fn signature_len(&self) -> usize {
        self.certificate.signature_len()
    }

    pub(super) fn sign(&self, algorithm: AsymmetricSignature, message: &[u8]) -> Result<Vec<u8>, CryptoFailed> {
        let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match (algorithm, &self.key) {
            (AsymmetricSignature::RsaPkcs1Sha256, _) => &RSA_PKCS1_SHA256,
            (AsymmetricSignature::RsaPssSha256, _) => &RSA_PSS_SHA256,
            (AsymmetricSignature::Ecdsa(curve), PrivateKey::Point(pair)) if self.certificate.curve() == Some(curve) => {
                let signature = pair.sign(&self.random, message).map_err(|_| CryptoFailed)?;
                return Ok(signature.as_ref().to_vec());
            }
            (AsymmetricSignature::Ecdsa(_), _) => return Err(CryptoFailed),
        };
        let PrivateKey::Rsa { signing, .. } = &self.key else {
            return Err(CryptoFailed);
        };
        let mut signed = vec![0; self.signature_len()];
        signing.sign(encoding, &self.random, message, &mut signed).map_err(|_| CryptoFailed)?;
        Ok(signed)
    }

    /// Decrypts block by block. The caller must not tell the peer why it failed. More than `max_blocks` are refused,
    /// because each costs about a millisecond.
    pub(super) fn decrypt(
        &self,
        algorithm: AsymmetricEncryption,
        cipher: &[u8],
        max_blocks: usize,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoFailed> {
        let PrivateKey::Rsa { decrypting, .. } = &self.key else {
            return Err(CryptoFailed);
        };
        let key_bytes = self.signature_len();
        if cipher.is_empty() || !cipher.len().is_multiple_of(key_bytes) || cipher.len() / key_bytes > max_blocks {
            return Err(CryptoFailed);
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(cipher.len()));
        let mut block = Zeroizing::new(vec![0; decrypting.min_output_size()]);
        for part in cipher.chunks_exact(key_bytes) {
            let opened = decrypting.decrypt(oaep(algorithm), part, &mut block, None).map_err(|_| CryptoFailed)?;
            plain.extend_from_slice(opened);
        }
        Ok(plain)
    }
}

/// The own certificates with their keys, one for RSA policies and one per curve.
#[derive(Clone, Debug, Default)]
pub struct OwnIdentities(Vec<Arc<OwnIdentity>>);

impl OwnIdentities {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one whose key a policy takes; for the policy None the one of most clients, which is RSA.
    pub fn for_policy(&self, policy: &SecurityPolicy) -> Option<&Arc<OwnIdentity>> {
        self.0.iter().find(|identity| identity.certificate.curve() == policy.curve())
    }

    /// Adds one, in place of the one with a key of the same kind.
    pub fn replace(&mut self, identity: Arc<OwnIdentity>) {
        self.0.retain(|known| known.certificate.curve() != identity.certificate.curve());
        self.0.push(identity);
    }

    /// Whether `certificate` is one of them.
    pub(super) fn contain(&self, certificate: &PeerCertificate) -> bool {
        self.0.iter().any(|own| own.certificate.leaf() == certificate.leaf())
    }
}

impl FromIterator<Arc<OwnIdentity>> for OwnIdentities {
    fn from_iter<T: IntoIterator<Item = Arc<OwnIdentity>>>(identities: T) -> Self {
        let mut all = Self::default();
        identities.into_iter().for_each(|identity| all.replace(identity));
        all
    }
}

/// The certificate only: a key must not get into a log.
impl std::fmt::Debug for OwnIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnIdentity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

pub(super) const fn oaep(algorithm: AsymmetricEncryption) -> &'static OaepAlgorithm {
    match algorithm {
        AsymmetricEncryption::RsaOaepSha1 => &OAEP_SHA1_MGF1SHA1,
        AsymmetricEncryption::RsaOaepSha256 => &OAEP_SHA256_MGF1SHA256,
    }
}
