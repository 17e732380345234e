//! Certificate revocation lists.

use std::collections::HashSet;
use std::sync::Arc;

use tagwire_model::Timestamp;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode};

use crate::certificate::timestamp;
use crate::der_file;
use crate::signature::Algorithm;
use crate::{Certificate, CertificateError, Reason};

/// A parsed revocation list.
#[derive(Debug)]
pub(crate) struct RevocationList {
    der: Arc<[u8]>,
    issuer_der: Vec<u8>,
    next_update: Option<Timestamp>,
    serials: HashSet<Vec<u8>>,
    algorithm: Algorithm,
    signature: Vec<u8>,
    /// Whether it holds a critical extension, as one that lists only part of the certificates.
    is_partial: bool,
}

impl RevocationList {
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let broken = |error: x509_cert::der::Error| CertificateError::Malformed(error.to_string());
        let list: CertificateList = CertificateList::from_der(der).map_err(broken)?;
        let body = list.tbs_cert_list;
        Ok(Self {
            der: Arc::from(der),
            issuer_der: body.issuer.to_der().map_err(broken)?,
            next_update: body.next_update.map(timestamp),
            serials: body
                .revoked_certificates
                .unwrap_or_default()
                .iter()
                .map(|revoked| revoked.serial_number.as_bytes().to_vec())
                .collect(),
            algorithm: Algorithm::of(&list.signature_algorithm),
            signature: list.signature.raw_bytes().to_vec(),
            is_partial: body.crl_extensions.unwrap_or_default().iter().any(|extension| extension.critical),
        })
    }

    /// The whole list.
    pub(crate) const fn der(&self) -> &Arc<[u8]> {
        &self.der
    }

    /// Whether it names `certificate`, which its issuer must have issued.
    pub(crate) fn revokes(&self, certificate: &Certificate) -> bool {
        self.serials.contains(&certificate.serial)
    }

    /// Whether `issuer` signed it.
    pub(crate) fn is_by(&self, issuer: &Certificate) -> bool {
        let Some(signed) = der_file::signed_part(&self.der) else { return false };
        self.issuer_der == issuer.subject_der
            && issuer.may_sign_lists()
            && issuer.verify(self.algorithm, signed, &self.signature).is_ok()
    }
}

/// Whether there is a revocation list of an authority by which its certificates can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// There is one, and it is current.
    Current,
    /// The latest one was to be replaced before now.
    Outdated,
    /// There is none that lists all certificates.
    Missing,
}

/// What the lists hold for `issuer`.
pub(crate) fn state<'a>(
    issuer: &Certificate,
    lists: impl Iterator<Item = &'a RevocationList>,
    now: Timestamp,
) -> Revocation {
    lists.filter(|list| list.is_by(issuer) && !list.is_partial).fold(Revocation::Missing, |state, list| {
        match (state, list.next_update.is_none_or(|next| next >= now)) {
            (Revocation::Current, _) | (_, true) => Revocation::Current,
            _ => Revocation::Outdated,
        }
    })
}

/// Whether `certificate`, issued by `issuer`, stands on one of the lists.
///
/// A list that is out of date still revokes, but does not prove the contrary.
pub(crate) fn check<'a>(
    certificate: &Certificate,
    issuer: &Certificate,
    lists: impl Iterator<Item = &'a RevocationList>,
    now: Timestamp,
) -> Result<(), Reason> {
    let mut is_current = false;
    for list in lists.filter(|list| list.is_by(issuer)) {
        if list.serials.contains(&certificate.serial) {
            return Err(Reason::Revoked);
        }
        is_current |= !list.is_partial && list.next_update.is_none_or(|next| next >= now);
    }
    if is_current { Ok(()) } else { Err(Reason::RevocationUnknown(issuer.subject().to_owned())) }
}
