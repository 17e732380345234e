//! Trust under terms: for a time only, or because the configuration declares it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tagwire_model::Timestamp;

use crate::file::{self, FileError, Readers};
use crate::folder::Folder;
use crate::trust::{TrustError, TrustStore};
use crate::{Actor, Certificate, Fingerprint};

/// What stands between fingerprint and end in the name of a file whose certificate is trusted for a time.
const UNTIL: &str = ".until-";

/// What the configuration says of certificates; nothing unless it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustRules {
    /// Certificates that are trusted at their first contact, without a file in the folders.
    pub trusted: HashSet<Fingerprint>,
    /// Authorities whose certificates are taken without a revocation list.
    pub without_revocation_list: HashSet<Fingerprint>,
}

/// When the trust in the certificate of a file ends; the name tells, so that it is never lost without the certificate.
pub(crate) fn end_of(path: &Path) -> Option<Timestamp> {
    let (_, rest) = path.file_name()?.to_str()?.split_once(UNTIL)?;
    let seconds: i128 = rest.split('.').next()?.parse().ok()?;
    Some(Timestamp::from_unix_nanos(seconds.saturating_mul(1_000_000_000)))
}

fn is_over(path: &Path, now: Timestamp) -> bool {
    end_of(path).is_some_and(|end| now >= end)
}

impl Folder {
    /// The certificate with a fingerprint, unless the time of its trust is over.
    pub(crate) fn trusted(&self, fingerprint: Fingerprint, now: Timestamp) -> Option<&Arc<Certificate>> {
        let (certificate, path) = self.certificates.get(&fingerprint)?;
        (!is_over(path, now)).then_some(certificate)
    }
}

impl TrustStore {
    /// Trusts a rejected or blocked certificate, or one that is trusted already, until `end` and no longer.
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::File`].
    pub fn accept_until(
        &self,
        fingerprint: Fingerprint,
        end: Timestamp,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), TrustError> {
        self.accept_with(fingerprint, Some(end), now, by)
    }

    /// When the trust in a certificate ends by itself.
    pub fn trusted_until(&self, fingerprint: Fingerprint) -> Option<Timestamp> {
        let state = self.state.read();
        state.trusted.certificates.get(&fingerprint).and_then(|(_, path)| end_of(path))
    }

    /// Takes trust away from certificates whose time is over; true when there were any, whose sessions must end then. To
    /// be called every second or so.
    pub fn end_terms(&self, now: Timestamp) -> bool {
        let over: Vec<Fingerprint> = {
            let state = self.state.read();
            let all = state.trusted.certificates.iter();
            all.filter(|(_, (_, path))| is_over(path, now)).map(|(fingerprint, _)| *fingerprint).collect()
        };
        for fingerprint in &over {
            if let Err(error) = self.reject_because(*fingerprint, "trust ended", now, &Actor::default()) {
                tracing::error!(certificate = %fingerprint, "cannot end the trust in a certificate: {error}");
            }
        }
        !over.is_empty()
    }

    /// Writes a trusted certificate under the name that tells its end, and deletes the file that told another.
    pub(crate) fn store_until(&self, certificate: &Certificate, end: Option<Timestamp>) -> Result<(), TrustError> {
        let fingerprint = certificate.fingerprint();
        let (path, others) = {
            let state = self.state.read();
            let path = match end {
                None => state.trusted.file_of(fingerprint),
                Some(end) => {
                    // Up to the next second, so that nobody is cut off before the time.
                    let seconds = end.unix_millis().div_euclid(1000) + 1;
                    state.trusted.path().join(format!("{fingerprint}{UNTIL}{seconds}.der"))
                }
            };
            let holds_it = |(_, content): &(&Path, Vec<Fingerprint>)| content == &[fingerprint];
            let holders = state.trusted.contents().filter(holds_it).map(|(other, _)| other.to_owned());
            let others: Vec<PathBuf> = holders.filter(|other| *other != path).collect();
            (path, others)
        };
        file::replace(&path, certificate.der(), Readers::All)?;
        others.iter().try_for_each(|other| file::remove(other)).map_err(FileError::into)
    }

    /// Takes over what the configuration says; true when anything changed, so that live sessions are looked at again.
    pub fn set_rules(&self, rules: TrustRules) -> bool {
        let mut state = self.state.write();
        if state.rules == rules {
            return false;
        }
        state.rules = rules;
        drop(state);
        self.bump();
        true
    }

    /// What the configuration says.
    pub fn rules(&self) -> TrustRules {
        self.state.read().rules.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_when_trust_ends_and_any_other_name_tells_nothing() {
        let end = |name: &str| end_of(Path::new(name));
        let expected = Timestamp::parse_rfc3339("2026-03-01T00:00:00Z").expect("a time");
        assert_eq!(end("trusted/3f9a.until-1772323200.der"), Some(expected));
        for name in [
            "trusted/3f9a.der",
            "a.until-x.der",
            "until-5",
            ".until-",
            "a.until-99999999999999999999999999999999999999999.der",
        ] {
            assert_eq!(end(name), None, "{name}");
        }
    }
}
