//! An X.509 certificate with the parts that decisions need.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;
use tagwire_model::Timestamp;
use thiserror::Error;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::Reason;
use crate::der_file;
use crate::signature::{Algorithm, KeyKind};
use crate::words;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ANY_USE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// Longest subject shown, in bytes.
const MAX_SUBJECT_BYTES: usize = 256;

/// The SHA-256 of a certificate's DER; printed in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self(bytes)
    }

    /// Ten words for its first ten bytes, to be compared by voice.
    pub fn words(&self) -> String {
        words::words(&self.0)
    }

    /// The first eight hexadecimal digits, for lists.
    pub fn short(&self) -> String {
        self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses 64 hexadecimal digits; colons and blanks between them are ignored.
impl FromStr for Fingerprint {
    type Err = CertificateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()
            .ok_or(CertificateError::Fingerprint)?;
        if digits.len() != 64 {
            return Err(CertificateError::Fingerprint);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

/// Why bytes or text are no certificate or fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The DER is broken, or a part of it is.
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
    /// Not 64 hexadecimal digits.
    #[error("not a SHA-256 fingerprint")]
    Fingerprint,
}

/// The kind and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA with a modulus of this many bits.
    Rsa(u32),
    /// Elliptic curve NIST P-256.
    P256,
    /// Elliptic curve NIST P-384.
    P384,
    /// Anything else.
    Other,
}

/// A parsed certificate; equality is that of the whole DER.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    fingerprint: Fingerprint,
    subject: String,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) issuer: String,
    pub(crate) issuer_der: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    key_bytes: Vec<u8>,
    algorithm: Algorithm,
    signature: Vec<u8>,
    uris: Vec<String>,
    dns_names: Vec<String>,
    addresses: Vec<IpAddr>,
    constraints: Option<BasicConstraints>,
    key_usage: Option<KeyUsage>,
    extended_use: Option<ExtendedKeyUsage>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} {:?})", self.fingerprint.short(), self.subject)
    }
}

impl Certificate {
    /// Parses one certificate that fills `der` exactly.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let broken = |error: x509_cert::der::Error| CertificateError::Malformed(error.to_string());
        let parsed = x509_cert::Certificate::from_der(der).map_err(broken)?;
        let tbs = parsed.tbs_certificate();
        let (mut uris, mut dns_names, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        let names = tbs.get_extension::<SubjectAltName>().map_err(|error| malformed(&error))?;
        for name in names.map(|(_, names)| names.0).unwrap_or_default() {
            match name {
                GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.to_string()),
                GeneralName::DnsName(name) => dns_names.push(name.to_string()),
                GeneralName::IpAddress(octets) => addresses.extend(address(octets.as_bytes())),
                _ => {}
            }
        }
        let key = tbs.subject_public_key_info();
        Ok(Self {
            der: Arc::from(der),
            fingerprint: Fingerprint::of(der),
            subject: printable(&tbs.subject().to_string()),
            subject_der: tbs.subject().to_der().map_err(broken)?,
            issuer: printable(&tbs.issuer().to_string()),
            issuer_der: tbs.issuer().to_der().map_err(broken)?,
            serial: tbs.serial_number().as_bytes().to_vec(),
            not_before: timestamp(tbs.validity().not_before),
            not_after: timestamp(tbs.validity().not_after),
            public_key: public_key(key),
            key_bytes: key.subject_public_key.raw_bytes().to_vec(),
            algorithm: Algorithm::of(parsed.signature_algorithm()),
            signature: parsed.signature().raw_bytes().to_vec(),
            uris,
            dns_names,
            addresses,
            constraints: tbs.get_extension().map_err(|error| malformed(&error))?.map(|(_, found)| found),
            key_usage: tbs.get_extension().map_err(|error| malformed(&error))?.map(|(_, found)| found),
            extended_use: tbs.get_extension().map_err(|error| malformed(&error))?.map(|(_, found)| found),
        })
    }

    /// The whole certificate.
    pub const fn der(&self) -> &Arc<[u8]> {
        &self.der
    }

    /// Its SHA-256.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its SHA-1, which OPC UA messages use to point to a certificate (Part 6, 6.7.2.3).
    pub fn thumbprint(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref());
        bytes
    }

    /// The subject's name, with control characters replaced, at most 256 bytes.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Start of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The kind of key.
    pub const fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The key as it stands in the SubjectPublicKeyInfo: RFC 8017 RSAPublicKey, or a curve point.
    pub fn public_key_bytes(&self) -> &[u8] {
        &self.key_bytes
    }

    /// The URIs among the alternative names; an application certificate has exactly one.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// The host names among the alternative names.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// The addresses among the alternative names.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Whether it names `host`, a host name or an address; a leading `*.` stands for one label.
    pub fn names_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>()
            && self.addresses.contains(&address)
        {
            return true;
        }
        self.dns_names.iter().any(|name| match name.strip_prefix("*.") {
            Some(parent) => bare.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(bare),
        })
    }

    /// Whether issuer and subject are the same.
    pub fn is_self_issued(&self) -> bool {
        self.issuer_der == self.subject_der
    }

    /// Whether it may issue certificates.
    pub fn is_authority(&self) -> bool {
        self.constraints.as_ref().is_some_and(|found| found.ca)
            && self.key_usage.as_ref().is_none_or(KeyUsage::key_cert_sign)
    }

    /// Whether it may sign revocation lists.
    pub(crate) fn may_sign_lists(&self) -> bool {
        self.key_usage.as_ref().is_none_or(KeyUsage::crl_sign)
    }

    /// Most certificates that may follow below this issuer, itself and the last one not counted.
    pub(crate) fn path_len(&self) -> Option<u8> {
        self.constraints.as_ref().and_then(|found| found.path_len_constraint)
    }

    /// Whether its holder may sign with it.
    pub fn is_signer(&self) -> bool {
        self.key_usage.as_ref().is_none_or(KeyUsage::digital_signature)
    }

    /// Whether an application may use it: it names an application, and its usage bits, where given, permit signatures
    /// and one of the two ends of a connection.
    pub fn is_application(&self) -> bool {
        let connects = self
            .extended_use
            .as_ref()
            .is_none_or(|uses| uses.0.iter().any(|oid| [ANY_USE, SERVER_AUTH, CLIENT_AUTH].contains(oid)));
        !self.uris.is_empty() && self.is_signer() && connects
    }

    /// Checks this certificate's signature with the key of `issuer`.
    pub(crate) fn verify_signature(&self, issuer: &Self) -> Result<(), Reason> {
        let signed = der_file::signed_part(&self.der).ok_or(Reason::Malformed)?;
        issuer.verify(self.algorithm, signed, &self.signature)
    }

    /// Checks a signature made with this certificate's key.
    pub(crate) fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<(), Reason> {
        let kind = match self.public_key {
            PublicKey::Rsa(_) => KeyKind::Rsa,
            PublicKey::P256 => KeyKind::P256,
            PublicKey::P384 => KeyKind::P384,
            PublicKey::Other => KeyKind::Other,
        };
        algorithm.verify(kind, &self.key_bytes, signed, signature)
    }

    /// Checks that the key is of a kind and length that is safe.
    pub(crate) const fn check_key(&self) -> Result<(), Reason> {
        match self.public_key {
            PublicKey::Rsa(bits) if bits < 2048 => Err(Reason::KeyTooShort(bits)),
            PublicKey::Rsa(bits) if bits > 8192 => Err(Reason::KeyUnsupported),
            PublicKey::Rsa(_) | PublicKey::P256 | PublicKey::P384 => Ok(()),
            PublicKey::Other => Err(Reason::KeyUnsupported),
        }
    }
}

fn malformed(error: &impl fmt::Display) -> CertificateError {
    CertificateError::Malformed(error.to_string())
}

pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(octets) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

pub(crate) fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    let nanos = time.to_unix_duration().as_nanos();
    Timestamp::from_unix_nanos(i128::try_from(nanos).unwrap_or(i128::MAX))
}

/// The name for people: no control characters, and not longer than a line.
pub(crate) fn printable(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }) {
        if text.len() + c.len_utf8() > MAX_SUBJECT_BYTES {
            break;
        }
        text.push(c);
    }
    text
}

pub(crate) fn public_key(key: &SubjectPublicKeyInfoOwned) -> PublicKey {
    match key.algorithm.oid {
        RSA => rsa_bits(key.subject_public_key.raw_bytes()).map_or(PublicKey::Other, PublicKey::Rsa),
        EC => match key.algorithm.parameters.as_ref().and_then(|found| found.decode_as::<ObjectIdentifier>().ok()) {
            Some(P256) => PublicKey::P256,
            Some(P384) => PublicKey::P384,
            _ => PublicKey::Other,
        },
        _ => PublicKey::Other,
    }
}

fn rsa_bits(key: &[u8]) -> Option<u32> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader
        .sequence(|fields| {
            let modulus = UintRef::decode(fields)?;
            UintRef::decode(fields)?;
            Ok::<_, x509_cert::der::Error>(modulus)
        })
        .ok()?;
    let bytes = modulus.as_bytes();
    u32::try_from(bytes.len()).ok()?.checked_mul(8)?.checked_sub(bytes.first()?.leading_zeros())
}
