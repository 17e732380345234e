//! A whole trust list, as certificate managers read and replace it (OPC UA Part 12, 7.8.2).

use std::collections::HashSet;
use std::sync::Arc;

use tagwire_model::hex;

use crate::revocation::RevocationList;
use crate::{Certificate, Fingerprint, Reason, path};

/// Certificates and revocation lists of a trust list, DER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustList {
    /// Trusted certificates, applications and authorities.
    pub trusted: Vec<Arc<[u8]>>,
    /// Revocation lists of trusted authorities.
    pub trusted_lists: Vec<Arc<[u8]>>,
    /// Authorities that complete chains without making them trusted.
    pub issuers: Vec<Arc<[u8]>>,
    /// Revocation lists of those.
    pub issuer_lists: Vec<Arc<[u8]>>,
}

/// A trust list whose every part was checked, ready for [`crate::TrustStore::replace`].
#[derive(Clone, Debug)]
pub struct CheckedTrustList {
    pub(crate) trusted: Part,
    pub(crate) issuers: Part,
}

/// What one folder is to hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    pub(crate) certificates: Vec<Arc<Certificate>>,
    pub(crate) lists: Vec<Arc<RevocationList>>,
}

impl Part {
    fn parse(certificates: &[Arc<[u8]>], lists: &[Arc<[u8]>]) -> Result<Self, Reason> {
        let mut part = Self::default();
        let mut known = HashSet::new();
        for der in certificates {
            let certificate = Certificate::from_der(der).map_err(|_| Reason::Malformed)?;
            if known.insert(certificate.fingerprint()) {
                part.certificates.push(Arc::new(certificate));
            }
        }
        for der in lists {
            if known.insert(Fingerprint::of(der)) {
                part.lists.push(Arc::new(RevocationList::from_der(der).map_err(|_| Reason::Malformed)?));
            }
        }
        Ok(part)
    }
}

impl TrustList {
    /// Checks every part, and that each chain is complete (Part 12, 7.8.2.5). Times and uses are not looked at: they are
    /// when a peer shows the certificate.
    ///
    /// # Errors
    /// The first [`Reason`] why the list cannot be used.
    pub fn check(&self) -> Result<CheckedTrustList, Reason> {
        let trusted = Part::parse(&self.trusted, &self.trusted_lists)?;
        let issuers = Part::parse(&self.issuers, &self.issuer_lists)?;
        let all = || trusted.certificates.iter().chain(&issuers.certificates);
        let pool: Vec<Arc<Certificate>> = all().filter(|found| found.is_authority()).cloned().collect();
        let lists = || trusted.lists.iter().chain(&issuers.lists);
        if lists().any(|list| !pool.iter().any(|authority| list.is_by(authority))) {
            return Err(Reason::SignatureInvalid);
        }
        for certificate in all() {
            let path = path::find(certificate, &pool, |_| true)?;
            for (depth, pair) in path.windows(2).enumerate() {
                let [below, above] = pair else { continue };
                if lists().any(|list| list.is_by(above) && list.revokes(below)) {
                    return Err(if depth == 0 { Reason::Revoked } else { Reason::IssuerRevoked });
                }
            }
        }
        Ok(CheckedTrustList { trusted, issuers })
    }

    /// Takes a certificate, by its SHA-1 in hexadecimal digits, out of the trusted ones or the issuers, with the
    /// revocation lists that it signed; `None` when it is not there.
    pub fn without(&self, thumbprint: &str, is_trusted: bool) -> Option<Self> {
        let mut left = self.clone();
        let (certificates, lists) = match is_trusted {
            true => (&mut left.trusted, &mut left.trusted_lists),
            false => (&mut left.issuers, &mut left.issuer_lists),
        };
        let parsed = |der: &Arc<[u8]>| Certificate::from_der(der).ok();
        let is_meant = |found: &Certificate| hex::encode(&found.thumbprint()).eq_ignore_ascii_case(thumbprint.trim());
        let at = certificates.iter().position(|der| parsed(der).as_ref().is_some_and(is_meant))?;
        let gone = parsed(&certificates.remove(at))?;
        if gone.is_authority() {
            lists.retain(|der| RevocationList::from_der(der).is_ok_and(|list| !list.is_by(&gone)));
        }
        Some(left)
    }
}

impl CheckedTrustList {
    /// The authorities in both lists, for whoever looks for the issuer of a certificate.
    pub fn authorities(&self) -> Vec<Arc<Certificate>> {
        let all = self.trusted.certificates.iter().chain(&self.issuers.certificates);
        all.filter(|found| found.is_authority()).cloned().collect()
    }
}
