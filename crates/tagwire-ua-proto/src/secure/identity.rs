//! The own certificate with its private key, parsed once.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PrivateDecryptingKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{AsymmetricEncryption, AsymmetricSignature, CertificateError, CryptoFailed, PeerCertificate};

/// Why certificate and key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// The certificate is unusable.
    #[error("own certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The key is no RSA key of 2048 to 8192 bits in PKCS#8 DER.
    #[error("own private key is no RSA key of 2048 bits or more in PKCS#8 form")]
    Key,
    /// The key belongs to another certificate.
    #[error("own private key does not belong to the certificate")]
    Mismatch,
}

/// The own certificate with its private key. Shared by all channels; a channel keeps the one it was opened with.
pub struct OwnIdentity {
    certificate: PeerCertificate,
    signing: KeyPair,
    decrypting: OaepPrivateDecryptingKey,
    random: SystemRandom,
}

impl OwnIdentity {
    /// From the certificate in DER, perhaps followed by those of its issuers, and its key in PKCS#8 DER.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn new(certificate_chain: &[u8], private_key_pkcs8: &[u8]) -> Result<Self, IdentityError> {
        let certificate = PeerCertificate::parse(certificate_chain)?;
        let signing = KeyPair::from_pkcs8(private_key_pkcs8).map_err(|_| IdentityError::Key)?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(private_key_pkcs8).map_err(|_| IdentityError::Key)?;
        let public_key: PublicKeyX509Der<'_> = signing.public_key().as_der().map_err(|_| IdentityError::Key)?;
        if !certificate.has_key(public_key.as_ref()) {
            return Err(IdentityError::Mismatch);
        }
        Ok(Self {
            certificate,
            signing,
            decrypting: OaepPrivateDecryptingKey::new(decrypting).map_err(|_| IdentityError::Key)?,
            random: SystemRandom::new(),
        })
    }

    /// The own certificate as others see it.
    pub const fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    pub(super) fn key_bytes(&self) -> usize {
        self.signing.public_modulus_len()
    }

    pub(super) fn sign(&self, algorithm: AsymmetricSignature, message: &[u8]) -> Result<Vec<u8>, CryptoFailed> {
        let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
            AsymmetricSignature::RsaPkcs1Sha256 => &RSA_PKCS1_SHA256,
            AsymmetricSignature::RsaPssSha256 => &RSA_PSS_SHA256,
        };
        let mut signed = vec![0; self.key_bytes()];
        self.signing.sign(encoding, &self.random, message, &mut signed).map_err(|_| CryptoFailed)?;
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
        let key_bytes = self.key_bytes();
        if cipher.is_empty() || !cipher.len().is_multiple_of(key_bytes) || cipher.len() / key_bytes > max_blocks {
            return Err(CryptoFailed);
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(cipher.len()));
        let mut block = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        for part in cipher.chunks_exact(key_bytes) {
            let opened = self.decrypting.decrypt(oaep(algorithm), part, &mut block, None).map_err(|_| CryptoFailed)?;
            plain.extend_from_slice(opened);
        }
        Ok(plain)
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
