//! The key and certificate of this installation (OPC UA Part 6, 6.2.2).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, RsaKeySize,
    SanType, SignatureAlgorithm, date_time_ymd,
};
use tagwire_model::Timestamp;
use thiserror::Error;
use x509_cert::der::pem;
use zeroize::Zeroizing;

use crate::file::{self, FileError, Readers};
use crate::{Certificate, CertificateError, authority, install_id, own_update};

/// Years that a new certificate is valid.
const YEARS: i32 = 10;
/// Most alternative names in a certificate.
const MAX_NAMES: usize = 64;
/// Largest key or certificate file read.
pub(crate) const MAX_FILE_BYTES: u64 = 64 * 1024;
const TICKS_PER_DAY: i64 = 86_400 * Timestamp::TICKS_PER_SECOND;

/// Bits of a new RSA key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySize {
    /// 2048 bits, for clients or machines that cannot do with more.
    Rsa2048,
    /// 3072 bits.
    #[default]
    Rsa3072,
    /// 4096 bits, the largest that OPC UA policies permit.
    Rsa4096,
}

/// The kinds of own certificate, one for each kind of key that security policies ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificateType {
    /// RSA with SHA-256.
    #[default]
    RsaSha256,
    /// ECDSA on NIST P-256.
    EccNistP256,
    /// ECDSA on NIST P-384.
    EccNistP384,
}

impl CertificateType {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::RsaSha256, Self::EccNistP256, Self::EccNistP384];

    /// The numeric NodeId of the type in namespace 0 (Part 12, 7.8.4).
    pub const fn node_id(self) -> u32 {
        match self {
            Self::RsaSha256 => 12560,
            Self::EccNistP256 => 23538,
            Self::EccNistP384 => 23539,
        }
    }

    /// Where a certificate of this kind is kept below the `pki` folder.
    pub const fn certificate_file(self) -> &'static str {
        match self {
            Self::RsaSha256 => OwnCertificate::CERTIFICATE_FILE,
            Self::EccNistP256 => "own/cert-nist-p256.der",
            Self::EccNistP384 => "own/cert-nist-p384.der",
        }
    }

    /// Where its key is kept below the `pki` folder.
    pub const fn key_file(self) -> &'static str {
        match self {
            Self::RsaSha256 => OwnCertificate::KEY_FILE,
            Self::EccNistP256 => "own/key-nist-p256.pem",
            Self::EccNistP384 => "own/key-nist-p384.pem",
        }
    }

    /// A new key; RSA takes up to seconds, all others no time.
    fn generate(self, size: KeySize) -> Result<KeyPair, rcgen::Error> {
        let size = match size {
            KeySize::Rsa2048 => RsaKeySize::_2048,
            KeySize::Rsa3072 => RsaKeySize::_3072,
            KeySize::Rsa4096 => RsaKeySize::_4096,
        };
        match self {
            Self::RsaSha256 => KeyPair::generate_rsa_for(self.algorithm(), size),
            Self::EccNistP256 | Self::EccNistP384 => KeyPair::generate_for(self.algorithm()),
        }
    }

    pub(crate) const fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            Self::RsaSha256 => &rcgen::PKCS_RSA_SHA256,
            Self::EccNistP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Self::EccNistP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        }
    }

    /// What a key of this kind may be used for (Part 6, 6.2.2); the last one because the certificate signs itself.
    fn usages(self) -> Vec<KeyUsagePurpose> {
        match self {
            Self::RsaSha256 => vec![
                KeyUsagePurpose::DigitalSignature,
                KeyUsagePurpose::ContentCommitment,
                KeyUsagePurpose::KeyEncipherment,
                KeyUsagePurpose::DataEncipherment,
                KeyUsagePurpose::KeyCertSign,
            ],
            Self::EccNistP256 | Self::EccNistP384 => {
                vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign]
            }
        }
    }
}

impl std::fmt::Display for CertificateType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RsaSha256 => "RSA",
            Self::EccNistP256 => "NIST P-256",
            Self::EccNistP384 => "NIST P-384",
        })
    }
}

/// What a new certificate says.
#[derive(Clone, Debug, Default)]
pub struct OwnSettings {
    /// The common name; `tagwire` when empty.
    pub application_name: String,
    /// Host names and addresses from the configuration; a certificate without one of them is issued again.
    pub names: Vec<String>,
    /// Names found on this machine, see [`crate::found_names`]: a host name that is new causes a new certificate, an
    /// address does not, since it may change with every lease.
    pub found_names: Vec<String>,
    /// Size of a new RSA key; an existing key is kept.
    pub key_size: KeySize,
    /// The kinds of certificate wanted beside the RSA one.
    pub also: Vec<CertificateType>,
    /// The application URI, when it is not that of the installation; all certificates of an application have the same.
    pub application_uri: Option<String>,
}

/// Why there is no own certificate.
#[derive(Debug, Error)]
pub enum OwnError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate file is broken.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CertificateError,
    },
    /// The key file is no PKCS#8 key in PEM, or its key is of another kind.
    #[error("{}: not a PKCS#8 private key of the right kind in PEM", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The certificate belongs to another key.
    #[error("{}: certificate does not belong to the key beside it", path.display())]
    Mismatch {
        /// The certificate's file.
        path: PathBuf,
    },
    /// The key or certificate could not be made.
    #[error("cannot make a key or certificate: {0}")]
    Making(String),
}

impl From<rcgen::Error> for OwnError {
    fn from(error: rcgen::Error) -> Self {
        Self::Making(error.to_string())
    }
}

/// The own certificate with its key, in memory; the key is wiped when the last owner is gone.
pub struct OwnCertificate {
    pub(crate) kind: CertificateType,
    pub(crate) certificate: Certificate,
    /// The certificate, and its issuers where a certificate manager gave them.
    pub(crate) chain: Arc<[u8]>,
    pub(crate) application_uri: String,
    pub(crate) key_pkcs8: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnCertificate({})", self.certificate.fingerprint().short())
    }
}

impl OwnCertificate {
    /// Where the RSA certificate is kept below the `pki` folder.
    pub const CERTIFICATE_FILE: &'static str = "own/cert.der";
    /// Where the RSA key is kept below the `pki` folder.
    pub const KEY_FILE: &'static str = "own/key.pem";

    /// The kind of its key.
    pub const fn kind(&self) -> CertificateType {
        self.kind
    }

    /// The certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The DER of the certificate alone.
    pub fn der(&self) -> &Arc<[u8]> {
        self.certificate.der()
    }

    /// The DER of the certificate, followed by those of its issuers as far as peers need them (Part 6, 6.2.6).
    pub const fn chain(&self) -> &Arc<[u8]> {
        &self.chain
    }

    /// The application URI: the one URI in the certificate.
    pub fn application_uri(&self) -> &str {
        &self.application_uri
    }

    /// The private key, PKCS#8 DER.
    pub fn key_pkcs8(&self) -> &[u8] {
        &self.key_pkcs8
    }

    /// Reads RSA key and certificate, see [`Self::load_of`].
    ///
    /// # Errors
    /// [`OwnError`]; nothing is overwritten that cannot be read.
    pub fn load(data_dir: &Path, settings: &OwnSettings, now: Timestamp) -> Result<Option<Self>, OwnError> {
        Self::load_of(CertificateType::RsaSha256, data_dir, settings, now)
    }

    /// Reads key and certificate of a kind from `data_dir/pki/own`; `None` when there is no key yet.
    ///
    /// A missing, outlived or incomplete certificate is issued again with the same key and URI, and the former one is
    /// kept beside it; one that somebody else issued, or a certificate manager gave, is left as it is. Takes
    /// milliseconds.
    ///
    /// # Errors
    /// [`OwnError`]; nothing is overwritten that cannot be read.
    pub fn load_of(
        kind: CertificateType,
        data_dir: &Path,
        settings: &OwnSettings,
        now: Timestamp,
    ) -> Result<Option<Self>, OwnError> {
        let pki = data_dir.join("pki");
        let is_managed = kind == CertificateType::RsaSha256;
        if is_managed {
            own_update::finish_interrupted(&pki)?;
        }
        let Some(key) = read_key(kind, &pki)? else { return Ok(None) };
        let path = pki.join(kind.certificate_file());
        let Some(der) = file::read(&path, MAX_FILE_BYTES)? else {
            return issue(kind, data_dir, settings, &key, &[], now).map(Some);
        };
        let certificate = belonging(&der, &key, &path)?;
        let uri = certificate.uris().first().cloned();
        let issuers = match is_managed {
            true => file::read(&pki.join(own_update::ISSUERS_FILE), MAX_FILE_BYTES)?,
            false => None,
        };
        let is_ours = certificate.is_self_issued() && issuers.is_none();
        if let (true, Some(fault)) = (is_ours, fault(&certificate, settings, now)) {
            tracing::info!(fault, "own certificate is issued again with the same key and application URI");
            file::replace(
                &pki.join("own").join(format!("former-{}.der", certificate.fingerprint())),
                &der,
                Readers::All,
            )?;
            let former: Vec<String> = certificate
                .dns_names()
                .iter()
                .cloned()
                .chain(certificate.addresses().iter().map(IpAddr::to_string))
                .collect();
            return issue(kind, data_dir, settings, &key, &former, now).map(Some);
        }
        let application_uri = match uri {
            Some(uri) => uri,
            None => install_id(data_dir)?.application_uri(),
        };
        let chain = [certificate.der(), issuers.as_deref().unwrap_or_default()].concat().into();
        Ok(Some(Self { kind, certificate, chain, application_uri, key_pkcs8: Zeroizing::new(key.serialize_der()) }))
    }

    /// The RSA certificate, see [`Self::look_for`].
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn look(data_dir: &Path) -> Result<Option<Certificate>, OwnError> {
        Self::look_for(CertificateType::RsaSha256, data_dir)
    }

    /// The certificate of a kind in `data_dir/pki/own`, checked against the key beside it, without changing a file; `None` when one
    /// of the two is not there yet.
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn look_for(kind: CertificateType, data_dir: &Path) -> Result<Option<Certificate>, OwnError> {
        let pki = data_dir.join("pki");
        let path = pki.join(kind.certificate_file());
        let Some(key) = read_key(kind, &pki)? else { return Ok(None) };
        let Some(der) = file::read(&path, MAX_FILE_BYTES)? else { return Ok(None) };
        belonging(&der, &key, &path).map(Some)
    }

    /// Makes RSA key and certificate, see [`Self::create_of`].
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn create(data_dir: &Path, settings: &OwnSettings, now: Timestamp) -> Result<Self, OwnError> {
        Self::create_of(CertificateType::RsaSha256, data_dir, settings, now)
    }

    /// Makes key and certificate of a kind, and writes both; takes as long as the key, which for RSA is up to seconds on a
    /// small machine.
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn create_of(
        kind: CertificateType,
        data_dir: &Path,
        settings: &OwnSettings,
        now: Timestamp,
    ) -> Result<Self, OwnError> {
        let key = kind.generate(settings.key_size)?;
        file::make_folder(&data_dir.join("pki/own"))?;
        let text = Zeroizing::new(key.serialize_pem());
        file::replace(&data_dir.join("pki").join(kind.key_file()), text.as_bytes(), Readers::Owner)?;
        issue(kind, data_dir, settings, &key, &[], now)
    }

    /// Issues the certificate again with the same key and URI, for ten more years; the former one is kept beside it.
    ///
    /// # Errors
    /// [`OwnError`].
    pub fn renew(&self, data_dir: &Path, settings: &OwnSettings, now: Timestamp) -> Result<Self, OwnError> {
        let key = KeyPair::try_from(self.key_pkcs8())?;
        let own = data_dir.join("pki/own");
        file::replace(&own.join(format!("former-{}.der", self.certificate.fingerprint())), self.der(), Readers::All)?;
        issue(self.kind, data_dir, settings, &key, self.certificate.dns_names(), now)
    }
}

fn read_key(kind: CertificateType, pki: &Path) -> Result<Option<KeyPair>, OwnError> {
    read_key_file(kind, pki.join(kind.key_file()))
}

pub(crate) fn read_key_file(kind: CertificateType, path: PathBuf) -> Result<Option<KeyPair>, OwnError> {
    let Some(text) = file::read(&path, MAX_FILE_BYTES)?.map(Zeroizing::new) else { return Ok(None) };
    let key = parse_key(&text).filter(|key| key.algorithm() == kind.algorithm());
    key.map(Some).ok_or(OwnError::Key { path })
}

/// The certificate in `der`, which was read from `path`, if it belongs to the key.
fn belonging(der: &[u8], key: &KeyPair, path: &Path) -> Result<Certificate, OwnError> {
    let certificate =
        Certificate::from_der(der).map_err(|source| OwnError::Certificate { path: path.to_owned(), source })?;
    if certificate.public_key_bytes() == rcgen::PublicKeyData::der_bytes(key) {
        Ok(certificate)
    } else {
        Err(OwnError::Mismatch { path: path.to_owned() })
    }
}

pub(crate) fn parse_key(text: &[u8]) -> Option<KeyPair> {
    let (label, der) = pem::decode_vec(text).ok()?;
    let der = Zeroizing::new(der);
    if label != "PRIVATE KEY" { None } else { KeyPair::try_from(der.as_slice()).ok() }
}

/// Why a certificate of ours should be issued again.
fn fault(certificate: &Certificate, settings: &OwnSettings, now: Timestamp) -> Option<String> {
    if now > certificate.not_after() {
        return Some("it has expired".to_owned());
    }
    let [uri] = certificate.uris() else {
        return Some("it does not hold exactly one application URI".to_owned());
    };
    if settings.application_uri.as_ref().is_some_and(|wanted| wanted != uri) {
        return Some("its application URI is not that of the application".to_owned());
    }
    let hosts = settings.found_names.iter().filter(|name| name.parse::<IpAddr>().is_err());
    let missing = settings.names.iter().chain(hosts).find(|name| is_name(name) && !certificate.names_host(name));
    missing.map(|name| format!("it does not name \"{name}\""))
}

/// Whether a text can stand in a certificate as host name or address.
fn is_name(name: &str) -> bool {
    let is_host = name.len() <= 253 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte));
    !name.is_empty() && (is_host || name.parse::<IpAddr>().is_ok())
}

fn issue(
    kind: CertificateType,
    data_dir: &Path,
    settings: &OwnSettings,
    key: &KeyPair,
    former_names: &[String],
    now: Timestamp,
) -> Result<OwnCertificate, OwnError> {
    let application_uri = match &settings.application_uri {
        Some(uri) => uri.clone(),
        None => install_id(data_dir)?.application_uri(),
    };
    let making = |error: &dyn std::fmt::Display| OwnError::Making(error.to_string());
    let mut alternatives = vec![SanType::URI(application_uri.as_str().try_into().map_err(|error| making(&error))?)];
    let mut names: Vec<&str> = Vec::new();
    for name in settings.names.iter().chain(&settings.found_names).chain(former_names).map(String::as_str) {
        if is_name(name) && names.len() < MAX_NAMES && !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
            alternatives.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.try_into().map_err(|error| making(&error))?),
            });
        }
    }
    let mut subject = DistinguishedName::new();
    let common_name = if settings.application_name.is_empty() { "tagwire" } else { &settings.application_name };
    subject.push(DnType::CommonName, common_name);
    subject.push(DnType::OrganizationName, "tagwire");
    let mut params = CertificateParams::default();
    // A day back, for peers whose clock is late.
    let (year, month, day) = date(now.saturating_add_ticks(-TICKS_PER_DAY));
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = date(now);
    params.not_after = date_time_ymd(year + YEARS, month, day);
    params.subject_alt_names = alternatives;
    params.distinguished_name = subject;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = kind.usages();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    // Two certificates of one name must differ in it, or some peers refuse the later one (RFC 5280, 4.1.2.2).
    params.serial_number = Some(authority::random_serial().map_err(|error| making(&error))?);
    let issued = params.self_signed(key)?;
    let path = data_dir.join("pki").join(kind.certificate_file());
    let certificate =
        Certificate::from_der(issued.der()).map_err(|source| OwnError::Certificate { path: path.clone(), source })?;
    if kind == CertificateType::RsaSha256 {
        file::remove(&data_dir.join("pki").join(own_update::ISSUERS_FILE))?;
    }
    file::replace(&path, issued.der(), Readers::All)?;
    tracing::info!(
        key = %kind,
        fingerprint = %certificate.fingerprint(),
        uri = application_uri,
        names = names.join(" "),
        "own key certified"
    );
    let chain = Arc::clone(certificate.der());
    Ok(OwnCertificate { kind, certificate, chain, application_uri, key_pkcs8: Zeroizing::new(key.serialize_der()) })
}

/// Year, month and day of `time`, days after the 28th held there so that the date exists in every year.
pub(crate) fn date(time: Timestamp) -> (i32, u8, u8) {
    let text = time.to_string();
    let mut parts = text.split(['-', 'T']).map(str::parse::<i32>);
    let mut next = || parts.next().and_then(Result::ok);
    let (year, month, day) = (next().unwrap_or(1970), next().unwrap_or(1), next().unwrap_or(1));
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day.min(28)).unwrap_or(1))
}
