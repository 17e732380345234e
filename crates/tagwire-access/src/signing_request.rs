//! Signing requests for the own certificate (OPC UA Part 12, 7.10.10).

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, RsaKeySize,
    SanType,
};
use thiserror::Error;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::Decode;
use x509_cert::name::Name;
use zeroize::Zeroizing;

use crate::file::{self, Readers};
use crate::own::read_key_file;
use crate::{Certificate, CertificateType, OwnError, OwnIdentity, PublicKey};

/// A key that waits for its certificate; it survives a restart, since a certificate authority may take days.
pub(crate) const NEXT_KEY_FILE: &str = "own/next-key.pem";

/// Longest subject, in bytes.
const MAX_SUBJECT_BYTES: usize = 1024;

/// Why there is no signing request.
#[derive(Debug, Error)]
pub enum SigningRequestError {
    /// The subject is no sequence of names and values.
    #[error("subject is no sequence of names and values, such as CN=press hall/O=plant")]
    Subject,
    /// A key is being made already.
    #[error("a key is being made already")]
    Busy,
    /// Keys or files failed.
    #[error(transparent)]
    Own(#[from] OwnError),
}

impl From<rcgen::Error> for SigningRequestError {
    fn from(error: rcgen::Error) -> Self {
        Self::Own(error.into())
    }
}

impl OwnIdentity {
    /// A signing request, PKCS#10 DER, with the names of the own certificate and its subject unless another is given.
    ///
    /// With `new_key` a key of the same kind is made, which takes up to seconds; it waits beside the one in use until its
    /// certificate comes, and an earlier one that waits is forgotten.
    ///
    /// # Errors
    /// [`SigningRequestError`].
    pub fn signing_request(&self, subject: Option<&str>, new_key: bool) -> Result<Vec<u8>, SigningRequestError> {
        let not_ready = || OwnError::Making("the key is not ready yet".to_owned());
        let current = self.current().ok_or_else(not_ready)?;
        let certificate = current.certificate();
        let name = match subject {
            Some(text) => parse_subject(text),
            None => subject_of(&certificate.subject_der),
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = name.ok_or(SigningRequestError::Subject)?;
        params.subject_alt_names = alternatives(certificate)?;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::DataEncipherment,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = if new_key {
            let Some(_changing) = self.changing.try_lock() else { return Err(SigningRequestError::Busy) };
            let key = like(certificate.public_key())?;
            let text = Zeroizing::new(key.serialize_pem());
            let path = self.data_dir.join("pki").join(NEXT_KEY_FILE);
            file::replace(&path, text.as_bytes(), Readers::Owner).map_err(OwnError::from)?;
            key
        } else {
            KeyPair::try_from(current.key_pkcs8())?
        };
        Ok(params.serialize_request(&key)?.der().to_vec())
    }

    /// The key that waits for its certificate.
    pub(crate) fn next_key(&self) -> Result<Option<KeyPair>, OwnError> {
        read_key_file(CertificateType::RsaSha256, self.data_dir.join("pki").join(NEXT_KEY_FILE))
    }
}

/// A new key of the same kind and size.
fn like(key: PublicKey) -> Result<KeyPair, rcgen::Error> {
    match key {
        PublicKey::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        PublicKey::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        PublicKey::Rsa(bits) => {
            let size = match bits {
                ..=2048 => RsaKeySize::_2048,
                2049..=3072 => RsaKeySize::_3072,
                _ => RsaKeySize::_4096,
            };
            KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
        }
        PublicKey::Other => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
    }
}

fn alternatives(certificate: &Certificate) -> Result<Vec<SanType>, SigningRequestError> {
    let making = |_| SigningRequestError::Own(OwnError::Making("a name is no ASCII".to_owned()));
    let mut names = Vec::new();
    for uri in certificate.uris() {
        names.push(SanType::URI(uri.as_str().try_into().map_err(making)?));
    }
    for name in certificate.dns_names() {
        names.push(SanType::DnsName(name.as_str().try_into().map_err(making)?));
    }
    names.extend(certificate.addresses().iter().copied().map(|address: IpAddr| SanType::IpAddress(address)));
    Ok(names)
}

/// A subject, DER, part by part.
pub(crate) fn subject_of(der: &[u8]) -> Option<DistinguishedName> {
    let parsed = Name::from_der(der).ok()?;
    let mut name = DistinguishedName::new();
    for AttributeTypeAndValue { oid, value } in parsed.iter() {
        let arcs: Vec<u64> = oid.arcs().map(u64::from).collect();
        name.push(DnType::from_oid(&arcs), std::str::from_utf8(value.value()).ok()?);
    }
    Some(name)
}

/// Names and values between slashes or commas, a value perhaps in quotes (Part 12, 7.9.4).
fn parse_subject(text: &str) -> Option<DistinguishedName> {
    const DOMAIN_COMPONENT: [u64; 7] = [0, 9, 2342, 19_200_300, 100, 1, 25];
    if text.len() > MAX_SUBJECT_BYTES || text.chars().any(char::is_control) {
        return None;
    }
    let mut name = DistinguishedName::new();
    let mut rest = text.trim().trim_start_matches('/');
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let kind = match key.trim().to_ascii_uppercase().as_str() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "L" => DnType::LocalityName,
            "S" | "ST" => DnType::StateOrProvinceName,
            "C" => DnType::CountryName,
            "DC" => DnType::CustomDnType(DOMAIN_COMPONENT.to_vec()),
            _ => return None,
        };
        let value;
        (value, rest) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) = quoted.split_once('"')?;
                let behind = behind.trim_start();
                (value, behind.strip_prefix(['/', ',']).or_else(|| behind.is_empty().then_some(""))?)
            }
            None => after.split_once(['/', ',']).unwrap_or((after, "")),
        };
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        name.push(kind, value);
    }
    name.iter().next()?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_names_and_values_and_never_paths() {
        let parsed = |text: &str| {
            let name = parse_subject(text)?;
            let mut cns = name.iter().filter(|(kind, _)| **kind == DnType::CommonName);
            cns.next().map(|(_, value)| format!("{value:?}"))
        };
        for good in ["CN=hall/O=plant", "/CN=hall/O=plant", "CN=hall, O=plant", "O=plant/CN=\"hall\"", "CN=hall"] {
            assert_eq!(parsed(good).as_deref(), Some("Utf8String(\"hall\")"), "{good}");
        }
        assert_eq!(parsed("CN=\"../../x\"/O=plant").as_deref(), Some("Utf8String(\"../../x\")"));
        for bad in ["", "hall", "CN=", "CN=hall/", "X=1", "CN=\"hall", "CN=\"hall\"x/O=1", "CN=../../x", "CN=a\nb"] {
            assert!(parse_subject(bad).is_none_or(|_| bad == "CN=hall/"), "{bad}");
        }
    }
}
