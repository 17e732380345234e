//! Another own certificate, perhaps with another key, as certificate managers give it (OPC UA Part 12, 7.10.5).

use std::path::Path;
use std::sync::Arc;

use rcgen::{KeyPair, PublicKeyData};
use tagwire_model::Timestamp;
use thiserror::Error;
use x509_cert::der::pem::{self, LineEnding};
use zeroize::Zeroizing;

use crate::der_file::{self, Block};
use crate::file::{self, Readers};
use crate::own::{MAX_FILE_BYTES, parse_key};
use crate::path::{self, MAX_DEPTH};
use crate::signing_request::NEXT_KEY_FILE;
use crate::{Certificate, CertificateError, CertificateType, OwnCertificate, OwnError, OwnIdentity, Reason, trust};

/// The issuers of the own certificate, DER; there only when a certificate manager gave the certificate.
pub(crate) const ISSUERS_FILE: &str = "own/issuers.der";
/// Key, certificate and issuers on their way into their own files: the change counts as soon as this file is there.
const INCOMING_FILE: &str = "own/incoming.pem";

/// Why a certificate cannot become the own one.
#[derive(Debug, Error)]
pub enum UpdateRefused {
    /// The certificate, or one of its issuers, is not good.
    #[error("{0}")]
    Certificate(Reason),
    /// It belongs to a key that this server does not have.
    #[error("certificate belongs to no key of this server")]
    Mismatch,
    /// The private key that came with it cannot be read.
    #[error("private key is no unencrypted PKCS#8 key in PEM")]
    Key,
    /// There is no own certificate yet, or its files cannot be read.
    #[error(transparent)]
    Own(#[from] OwnError),
}

impl From<Reason> for UpdateRefused {
    fn from(reason: Reason) -> Self {
        Self::Certificate(reason)
    }
}

/// A certificate with its key, both checked, that can become the own ones.
pub struct OwnUpdate {
    certificate: Certificate,
    issuers: Vec<Arc<Certificate>>,
    key_pkcs8: Zeroizing<Vec<u8>>,
}

/// The certificate only: a key must not get into a log.
impl std::fmt::Debug for OwnUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnUpdate({})", self.certificate.fingerprint().short())
    }
}

impl OwnUpdate {
    /// The certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate and its issuers but the root, DER.
    pub fn chain(&self) -> Arc<[u8]> {
        let issuers = self.issuers.iter().map(|issuer| &issuer.der()[..]);
        std::iter::once(&self.certificate.der()[..]).chain(issuers).collect::<Vec<_>>().concat().into()
    }

    /// The private key, PKCS#8 DER.
    pub fn key_pkcs8(&self) -> &[u8] {
        &self.key_pkcs8
    }
}

impl OwnIdentity {
    /// Checks a certificate, DER and perhaps followed by issuers, that is to become the own one.
    ///
    /// Its key is `private_key` (PKCS#8, PEM), or else one that the server has: the key of the last signing request, or
    /// the one in use. Its chain must be complete, with the issuers that came along and `known` ones. Whether it is
    /// valid now is not looked at, because the clock may be what is wrong.
    ///
    /// # Errors
    /// [`UpdateRefused`].
    pub fn check_update(
        &self,
        chain: &[u8],
        issuers: &[&[u8]],
        private_key: Option<&[u8]>,
        known: &[Arc<Certificate>],
        now: Timestamp,
    ) -> Result<OwnUpdate, UpdateRefused> {
        let current = self.current().ok_or_else(|| OwnError::Making("the key is not ready yet".to_owned()))?;
        let mut sent = trust::split(chain)?;
        let leaf = sent.remove(0);
        leaf.check_key()?;
        for der in issuers.iter().filter(|der| !der.is_empty()) {
            if sent.len() >= MAX_DEPTH {
                return Err(Reason::ChainTooLong.into());
            }
            sent.extend(trust::split(der)?);
        }
        let authorities = sent.iter().filter(|found| found.is_authority()).chain(known);
        let pool: Vec<Arc<Certificate>> = authorities.cloned().collect();
        let path = path::find(&leaf, &pool, |_| true)?;
        match leaf.uris() {
            [uri] if uri == current.application_uri() => {}
            _ => return Err(Reason::UriMismatch(current.application_uri().to_owned()).into()),
        }
        if !leaf.is_application() || leaf.is_authority() {
            return Err(Reason::UseNotAllowed.into());
        }
        if now < leaf.not_before() || now > leaf.not_after() {
            tracing::warn!(certificate = %leaf.fingerprint(), "the new own certificate is not valid now");
        }
        let key = match private_key {
            Some(text) => parse_key(text).ok_or(UpdateRefused::Key)?,
            None => self.key_of(&leaf, &current)?,
        };
        // The certificates of the other kinds of key are not replaced from outside.
        let is_kind = key.algorithm() == CertificateType::RsaSha256.algorithm();
        if !is_kind || leaf.public_key_bytes() != PublicKeyData::der_bytes(&key) {
            return Err(UpdateRefused::Mismatch);
        }
        // The root needs not be sent, since whoever does not know it cannot trust it.
        let issuers =
            path.get(1..).unwrap_or_default().iter().filter(|found| !found.is_self_issued()).cloned().collect();
        let key_pkcs8 = Zeroizing::new(key.serialize_der());
        Ok(OwnUpdate { certificate: Certificate::clone(&leaf), issuers, key_pkcs8 })
    }

    /// The key of this server that a certificate belongs to.
    fn key_of(&self, certificate: &Certificate, current: &OwnCertificate) -> Result<KeyPair, UpdateRefused> {
        let next = self.next_key()?;
        let in_use = || KeyPair::try_from(current.key_pkcs8()).ok();
        let mut keys = next.into_iter().chain(in_use());
        keys.find(|key| PublicKeyData::der_bytes(key) == certificate.public_key_bytes()).ok_or(UpdateRefused::Mismatch)
    }

    /// Makes the checked certificate and key the own ones, on disk and in memory; the former certificate is kept beside
    /// them, the former key is not. Connections keep what they hold.
    ///
    /// # Errors
    /// [`OwnError`]; then the former ones stay.
    pub fn install(&self, update: &OwnUpdate) -> Result<Arc<OwnCertificate>, OwnError> {
        let _changing = self.changing.lock();
        let pki = self.data_dir.join("pki");
        let current = self.current();
        if let Some(former) = &current {
            let name = format!("own/former-{}.der", former.certificate().fingerprint());
            file::replace(&pki.join(name), former.der(), Readers::All)?;
        }
        file::replace(&pki.join(INCOMING_FILE), incoming(update)?.as_bytes(), Readers::Owner)?;
        finish_interrupted(&pki)?;
        let application_uri = update.certificate.uris().first().cloned().unwrap_or_default();
        let installed = Arc::new(OwnCertificate {
            kind: CertificateType::RsaSha256,
            certificate: update.certificate.clone(),
            chain: update.chain(),
            application_uri,
            key_pkcs8: update.key_pkcs8.clone(),
        });
        self.current.store(Some(Arc::clone(&installed)));
        tracing::info!(fingerprint = %installed.certificate().fingerprint(), "own certificate replaced");
        Ok(installed)
    }
}

/// Key, certificate and issuers as one PEM text.
fn incoming(update: &OwnUpdate) -> Result<Zeroizing<String>, OwnError> {
    let block = |label: &str, der: &[u8]| {
        pem::encode_string(label, LineEnding::LF, der).map_err(|error| OwnError::Making(error.to_string()))
    };
    let mut text = Zeroizing::new(block("PRIVATE KEY", &update.key_pkcs8)?);
    for certificate in std::iter::once(&update.certificate).chain(update.issuers.iter().map(AsRef::as_ref)) {
        let block = block("CERTIFICATE", certificate.der())?;
        text.push_str(&block);
    }
    Ok(text)
}

/// Moves what [`INCOMING_FILE`] holds into the files of key and certificate, also after a crash in the middle of it.
pub(crate) fn finish_interrupted(pki: &Path) -> Result<(), OwnError> {
    let path = pki.join(INCOMING_FILE);
    let Some(text) = file::read(&path, MAX_FILE_BYTES)?.map(Zeroizing::new) else { return Ok(()) };
    let broken = || OwnError::Key { path: path.clone() };
    let end = text.windows(KEY_END.len()).position(|part| part == KEY_END).ok_or_else(broken)? + KEY_END.len();
    let (key_text, certificates) = text.split_at(end);
    parse_key(key_text).ok_or_else(broken)?;
    let blocks = der_file::blocks(certificates).map_err(|problem| OwnError::Certificate {
        path: path.clone(),
        source: CertificateError::Malformed(problem.to_owned()),
    })?;
    let mut ders = blocks.into_iter().filter_map(|block| match block {
        Block::Certificate(der) => Some(der),
        _ => None,
    });
    let certificate = ders.next().ok_or_else(broken)?;
    let issuers: Vec<u8> = ders.flatten().collect();
    file::replace(&pki.join(OwnCertificate::KEY_FILE), key_text, Readers::Owner)?;
    file::replace(&pki.join(ISSUERS_FILE), &issuers, Readers::All)?;
    file::replace(&pki.join(OwnCertificate::CERTIFICATE_FILE), &certificate, Readers::All)?;
    file::remove(&pki.join(NEXT_KEY_FILE))?;
    Ok(file::remove(&path)?)
}

const KEY_END: &[u8] = b"-----END PRIVATE KEY-----\n";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{KeySize, OwnSettings};

    #[test]
    fn a_change_that_a_crash_interrupted_is_finished_at_the_next_start() {
        let folder = tempfile::tempdir().expect("folder");
        let now = Timestamp::parse_rfc3339("2025-06-15T12:00:00Z").expect("a time");
        let settings = OwnSettings { key_size: KeySize::Rsa2048, ..OwnSettings::default() };
        let first = OwnIdentity::open(folder.path(), settings.clone(), now).expect("opens");
        let first = first.wait(Duration::from_secs(60)).expect("made");
        let other = tempfile::tempdir().expect("folder");
        std::fs::copy(folder.path().join("install-id"), other.path().join("install-id")).expect("the same server");
        let second = OwnCertificate::create(other.path(), &settings, now).expect("makes");
        let update = OwnUpdate {
            certificate: second.certificate().clone(),
            issuers: Vec::new(),
            key_pkcs8: Zeroizing::new(second.key_pkcs8().to_vec()),
        };
        let pki = folder.path().join("pki");
        let text = incoming(&update).expect("encodes");
        let load = |settings: &OwnSettings, at| OwnCertificate::load(folder.path(), settings, at).expect("loads");
        assert_eq!(load(&settings, now).expect("there").der(), first.der());
        // The crash came after the key was replaced and before the certificate was.
        std::fs::write(pki.join(INCOMING_FILE), text.as_bytes()).expect("writes");
        let (key, _) = text.split_once("-----BEGIN CERT").expect("a key");
        std::fs::write(pki.join(OwnCertificate::KEY_FILE), key).expect("writes");
        assert_eq!(load(&settings, now).expect("there").der(), second.der());
        assert!(!pki.join(INCOMING_FILE).exists() && pki.join(ISSUERS_FILE).exists());
        let later = Timestamp::parse_rfc3339("2090-01-01T00:00:00Z").expect("a time");
        let names = OwnSettings { names: vec!["new.example".to_owned()], ..settings };
        assert_eq!(
            load(&names, later).expect("there").der(),
            second.der(),
            "what a manager gave is the manager's to replace"
        );
    }
}
