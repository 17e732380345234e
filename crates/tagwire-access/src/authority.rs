//! A certificate authority for one plant: it issues certificates for signing requests and revokes them.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams,
    RsaKeySize, SanType, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use tagwire_model::{Timestamp, hex};
use thiserror::Error;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::request::{CertReq, ExtensionReq};
use zeroize::Zeroizing;

use crate::certificate::{address, public_key};
use crate::file::{self, FileError, Readers};
use crate::own::{MAX_FILE_BYTES, date, parse_key};
use crate::signature::{Algorithm, KeyKind};
use crate::signing_request::subject_of;
use crate::{Certificate, CertificateError, Fingerprint, PublicKey, Reason, der_file};

const KEY_FILE: &str = "key.pem";
const CERTIFICATE_FILE: &str = "cert.der";
const LIST_FILE: &str = "revoked.crl";
const REVOKED_FILE: &str = "revoked.txt";
const ISSUED_FOLDER: &str = "issued";

/// Midnight before a time, as rcgen has it; its type is that of a crate which nothing else here needs.
macro_rules! day {
    ($time:expr) => {{
        let (year, month, day) = date($time);
        date_time_ymd(year, month, day)
    }};
}

/// How long the authority itself is valid.
const YEARS: i64 = 20;
const TICKS_PER_DAY: i64 = 86_400 * Timestamp::TICKS_PER_SECOND;

/// Why an authority cannot do something.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is an authority already.
    #[error("there is an authority already in {}", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("there is no authority in {}", .0.display())]
    Missing(PathBuf),
    /// A file of the authority is broken.
    #[error("{}: not usable", .0.display())]
    Broken(PathBuf),
    /// The request is no signing request, or its signature or key is not good.
    #[error("not a signing request (PKCS#10) that can be used: {0}")]
    Request(String),
    /// Nothing that was issued has such a fingerprint, or several have.
    #[error("no single certificate issued here has a fingerprint that begins with \"{0}\"")]
    Unknown(String),
    /// A key, certificate or list could not be made.
    #[error("cannot make a key, certificate or revocation list: {0}")]
    Making(String),
}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Making(error.to_string())
    }
}

impl From<CertificateError> for AuthorityError {
    fn from(error: CertificateError) -> Self {
        Self::Making(error.to_string())
    }
}

/// An authority in a folder of its own: key, certificate, what it issued, and its revocation list.
pub struct Authority {
    folder: PathBuf,
    certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({:?})", self.certificate)
    }
}

impl Authority {
    /// Makes an authority, which takes seconds for the key, and its first revocation list.
    ///
    /// # Errors
    /// [`AuthorityError`]; an authority that is there already is never overwritten.
    pub fn create(folder: &Path, name: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        if folder.join(KEY_FILE).exists() || folder.join(CERTIFICATE_FILE).exists() {
            return Err(AuthorityError::Exists(folder.to_owned()));
        }
        file::make_folder(&folder.join(ISSUED_FOLDER))?;
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072)?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, name);
        subject.push(DnType::OrganizationName, "tagwire");
        let mut params = CertificateParams::default();
        params.distinguished_name = subject;
        params.serial_number = Some(random_serial()?);
        params.not_before = day!(now.saturating_add_ticks(-TICKS_PER_DAY));
        params.not_after = day!(now.saturating_add_ticks(YEARS * 365 * TICKS_PER_DAY));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = params.self_signed(&key)?.der().to_vec();
        let text = Zeroizing::new(key.serialize_pem());
        file::replace(&folder.join(KEY_FILE), text.as_bytes(), Readers::Owner)?;
        file::replace(&folder.join(CERTIFICATE_FILE), &der, Readers::All)?;
        let authority = Self::open(folder)?;
        authority.write_list(now)?;
        Ok(authority)
    }

    /// Reads the authority in a folder.
    ///
    /// # Errors
    /// [`AuthorityError::Missing`], [`AuthorityError::Broken`], [`AuthorityError::File`].
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let read = |name: &str| {
            let found = file::read(&folder.join(name), MAX_FILE_BYTES)?;
            found.ok_or_else(|| AuthorityError::Missing(folder.to_owned()))
        };
        let broken = |name: &str| AuthorityError::Broken(folder.join(name));
        let key = parse_key(&Zeroizing::new(read(KEY_FILE)?)).ok_or_else(|| broken(KEY_FILE))?;
        let certificate = Certificate::from_der(&read(CERTIFICATE_FILE)?).map_err(|_| broken(CERTIFICATE_FILE))?;
        if certificate.public_key_bytes() != PublicKeyData::der_bytes(&key) {
            return Err(broken(CERTIFICATE_FILE));
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = subject_of(&certificate.subject_der).ok_or_else(|| broken(CERTIFICATE_FILE))?;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { folder: folder.to_owned(), certificate, params, key })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The file of its certificate, DER.
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join(CERTIFICATE_FILE)
    }

    /// The file of its revocation list, DER.
    pub fn list_file(&self) -> PathBuf {
        self.folder.join(LIST_FILE)
    }

    /// Writes certificate and revocation list into a trust folder, under names that tell nothing but what is in them.
    ///
    /// # Errors
    /// [`AuthorityError::File`].
    pub fn publish(&self, trusted: &Path) -> Result<(), AuthorityError> {
        file::make_folder(trusted)?;
        let name = self.certificate.fingerprint();
        let list = file::read(&self.list_file(), 16 << 20)?.unwrap_or_default();
        file::replace(&trusted.join(format!("{name}.crl")), &list, Readers::All)?;
        Ok(file::replace(&trusted.join(format!("{name}.der")), self.certificate.der(), Readers::All)?)
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// Issues a certificate for a signing request, DER or PEM, with its subject and names, and keeps a copy.
    ///
    /// # Errors
    /// [`AuthorityError::Request`], [`AuthorityError::File`], [`AuthorityError::Making`].
    pub fn sign(&self, request: &[u8], days: u32, now: Timestamp) -> Result<Certificate, AuthorityError> {
        let request = Request::parse(request).map_err(AuthorityError::Request)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = request.subject;
        params.subject_alt_names = request.names;
        params.serial_number = Some(random_serial()?);
        params.not_before = day!(now.saturating_add_ticks(-TICKS_PER_DAY));
        let end = now.saturating_add_ticks(i64::from(days) * TICKS_PER_DAY).min(self.certificate.not_after());
        params.not_after = day!(end);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::DataEncipherment,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let der = params.signed_by(&request.key, &self.issuer())?.der().to_vec();
        let certificate = Certificate::from_der(&der)?;
        let name = format!("{}.der", certificate.fingerprint());
        file::replace(&self.folder.join(ISSUED_FOLDER).join(name), &der, Readers::All)?;
        Ok(certificate)
    }

    /// What it issued, the fingerprints in order.
    ///
    /// # Errors
    /// [`AuthorityError::File`].
    pub fn issued(&self) -> Result<Vec<Certificate>, AuthorityError> {
        let folder = self.folder.join(ISSUED_FOLDER);
        let files = fs::read_dir(&folder).map_err(|source| FileError::Read { path: folder, source })?;
        let mut issued = Vec::new();
        for entry in files.flatten() {
            if let Some(der) = file::read(&entry.path(), MAX_FILE_BYTES)?
                && let Ok(certificate) = Certificate::from_der(&der)
            {
                issued.push(certificate);
            }
        }
        issued.sort_by_key(Certificate::fingerprint);
        Ok(issued)
    }

    /// Revokes what it issued, by the first digits of the fingerprint, and writes the revocation list anew.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn revoke(&self, digits: &str, now: Timestamp) -> Result<Fingerprint, AuthorityError> {
        let prefix = digits.replace([':', ' '], "").to_ascii_lowercase();
        let mut issued = self.issued()?;
        issued.retain(|found| prefix.len() >= 4 && found.fingerprint().to_string().starts_with(&prefix));
        let [found] = issued.as_slice() else { return Err(AuthorityError::Unknown(digits.to_owned())) };
        let serial = hex::encode(&found.serial);
        let mut revoked = self.revoked()?;
        if !revoked.iter().any(|(known, _)| *known == serial) {
            revoked.push((serial, now));
        }
        let lines: String = revoked.iter().map(|(serial, time)| format!("{serial} {time}\n")).collect();
        file::replace(&self.folder.join(REVOKED_FILE), lines.as_bytes(), Readers::All)?;
        self.write_list(now)?;
        Ok(found.fingerprint())
    }

    /// Serial numbers of what was revoked, each with the time.
    fn revoked(&self) -> Result<Vec<(String, Timestamp)>, AuthorityError> {
        let path = self.folder.join(REVOKED_FILE);
        let text = file::read(&path, 16 << 20)?.unwrap_or_default();
        let text = String::from_utf8(text).map_err(|_| AuthorityError::Broken(path.clone()))?;
        let entry = |line: &str| {
            let (serial, time) = line.split_once(' ')?;
            Some((serial.to_owned(), Timestamp::parse_rfc3339(time)?))
        };
        text.lines().map(|line| entry(line).ok_or_else(|| AuthorityError::Broken(path.clone()))).collect()
    }

    /// Writes the revocation list. It counts until a newer one takes its place or the authority ends: nothing must stop
    /// because nobody renewed a list in which nothing changed.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn write_list(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let revoked = self.revoked()?.into_iter().map(|(serial, time)| {
            let digits = serial.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
            let bytes: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_default()).collect();
            RevokedCertParams {
                serial_number: SerialNumber::from(bytes),
                revocation_time: day!(time),
                reason_code: None,
                invalidity_date: None,
            }
        });
        let params = CertificateRevocationListParams {
            this_update: day!(now.saturating_add_ticks(-TICKS_PER_DAY)),
            next_update: day!(self.certificate.not_after()),
            crl_number: SerialNumber::from(now.unix_millis().unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer())?;
        Ok(file::replace(&self.list_file(), list.der(), Readers::All)?)
    }
}

/// What a signing request asks for.
struct Request {
    subject: DistinguishedName,
    names: Vec<SanType>,
    key: RequestedKey,
}

/// The public key of a request.
struct RequestedKey {
    bytes: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl PublicKeyData for RequestedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl Request {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let der = match x509_cert::der::pem::decode_vec(bytes) {
            Ok(("CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST", der)) => der,
            Ok((label, _)) => return Err(format!("the PEM block holds a {}", label.to_ascii_lowercase())),
            Err(_) => bytes.to_vec(),
        };
        let request = CertReq::from_der(&der).map_err(|error| error.to_string())?;
        let info = &request.info;
        let bytes = info.public_key.subject_public_key.raw_bytes().to_vec();
        let (kind, algorithm) = match public_key(&info.public_key) {
            PublicKey::Rsa(bits) if bits < 2048 => return Err(Reason::KeyTooShort(bits).to_string()),
            PublicKey::Rsa(_) => (KeyKind::Rsa, &rcgen::PKCS_RSA_SHA256),
            PublicKey::P256 => (KeyKind::P256, &rcgen::PKCS_ECDSA_P256_SHA256),
            PublicKey::P384 => (KeyKind::P384, &rcgen::PKCS_ECDSA_P384_SHA384),
            PublicKey::Other => return Err(Reason::KeyUnsupported.to_string()),
        };
        let signed = der_file::signed_part(&der).ok_or("it is cut short")?;
        let signature = Algorithm::of(&request.algorithm);
        let proof = signature.verify(kind, &bytes, signed, request.signature.raw_bytes());
        proof.map_err(|reason| reason.to_string())?;
        let subject = info.subject.to_der().map_err(|error| error.to_string())?;
        let subject = subject_of(&subject).ok_or("its subject is no text")?;
        Ok(Self { subject, names: names(&request)?, key: RequestedKey { bytes, algorithm } })
    }
}

/// The alternative names that a request asks for: URIs, host names and addresses.
fn names(request: &CertReq) -> Result<Vec<SanType>, String> {
    let mut names = Vec::new();
    let wanted = request.info.attributes.iter().filter(|found| found.oid == EXTENSION_REQUEST);
    for value in wanted.flat_map(|attribute| attribute.values.iter()) {
        let der = value.to_der().map_err(|error| error.to_string())?;
        let extensions = ExtensionReq::from_der(&der).map_err(|error| error.to_string())?;
        for extension in extensions.0.iter().filter(|found| found.extn_id == ALTERNATIVE_NAMES) {
            let found = SubjectAltName::from_der(extension.extn_value.as_bytes()).map_err(|error| error.to_string())?;
            for name in found.0 {
                let text = |text: &str| text.try_into().map_err(|_| "a name is no ASCII".to_owned());
                match name {
                    GeneralName::UniformResourceIdentifier(uri) => names.push(SanType::URI(text(uri.as_str())?)),
                    GeneralName::DnsName(host) => names.push(SanType::DnsName(text(host.as_str())?)),
                    GeneralName::IpAddress(octets) => names.extend(address(octets.as_bytes()).map(SanType::IpAddress)),
                    _ => {}
                }
            }
        }
    }
    Ok(names)
}

const EXTENSION_REQUEST: x509_cert::der::asn1::ObjectIdentifier =
    x509_cert::der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
const ALTERNATIVE_NAMES: x509_cert::der::asn1::ObjectIdentifier =
    x509_cert::der::asn1::ObjectIdentifier::new_unwrap("2.5.29.17");

pub(crate) fn random_serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| AuthorityError::Making("no random numbers".to_owned()))?;
    // A serial number is positive, and never begins with a zero (RFC 5280, 4.1.2.2).
    bytes[0] = bytes[0] & 0x3F | 0x40;
    Ok(SerialNumber::from(bytes.to_vec()))
}
