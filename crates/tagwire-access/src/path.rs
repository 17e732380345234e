//! The way from a certificate to a root that signed itself.

use std::sync::Arc;

use crate::{Certificate, Fingerprint, Reason};

/// Most certificates on a path, first and last included.
pub(crate) const MAX_DEPTH: usize = 8;

/// Most signatures checked for one peer, so that many issuers of one name cost a bounded time.
const MAX_SIGNATURES: usize = 32;

/// A path: the peer's certificate first, the root last; a self-signed certificate alone.
pub(crate) type Path = Vec<Arc<Certificate>>;

/// Finds a path from `leaf` over `pool` to a root, preferring one with a certificate that `is_trusted`.
pub(crate) fn find(
    leaf: &Arc<Certificate>,
    pool: &[Arc<Certificate>],
    is_trusted: impl Fn(Fingerprint) -> bool,
) -> Result<Path, Reason> {
    let mut search = Search { pool, is_trusted, n_signatures: 0, untrusted: None, failure: None };
    let mut path = vec![Arc::clone(leaf)];
    if let Some(found) = search.extend(&mut path) {
        return Ok(found);
    }
    match (search.untrusted, search.failure) {
        (Some(found), _) => Ok(found),
        (None, Some(reason)) => Err(reason),
        (None, None) => Err(Reason::IssuerUnknown(leaf.issuer.clone())),
    }
}

struct Search<'a, F> {
    pool: &'a [Arc<Certificate>],
    is_trusted: F,
    n_signatures: usize,
    /// The first complete path on which nothing is trusted.
    untrusted: Option<Path>,
    /// Why the most promising way ended: a failed check says more than a missing issuer.
    failure: Option<Reason>,
}

impl<F: Fn(Fingerprint) -> bool> Search<'_, F> {
    /// Lengthens `path` to a root; `Some` for a path with something trusted on it.
    fn extend(&mut self, path: &mut Path) -> Option<Path> {
        let last = Arc::clone(path.last()?);
        if last.is_self_issued() {
            match self.count(|| last.verify_signature(&last)) {
                Ok(()) => {
                    if path.iter().any(|certificate| (self.is_trusted)(certificate.fingerprint())) {
                        return Some(path.clone());
                    }
                    self.untrusted.get_or_insert_with(|| path.clone());
                }
                Err(reason) => self.fail(reason),
            }
            return None;
        }
        let pool = self.pool;
        let mut is_issuer_known = false;
        for issuer in pool.iter().filter(|issuer| issuer.subject_der == last.issuer_der) {
            is_issuer_known = true;
            if path.len() >= MAX_DEPTH || path.iter().any(|known| known.fingerprint() == issuer.fingerprint()) {
                self.fail(Reason::ChainTooLong);
                continue;
            }
            let n_below = path.len() - 1;
            if !issuer.is_authority() || issuer.path_len().is_some_and(|max| n_below > usize::from(max)) {
                self.fail(Reason::IssuerUseNotAllowed);
                continue;
            }
            if let Err(reason) = issuer.check_key().and_then(|()| self.count(|| last.verify_signature(issuer))) {
                self.fail(reason);
                continue;
            }
            path.push(Arc::clone(issuer));
            if let Some(found) = self.extend(path) {
                return Some(found);
            }
            path.pop();
        }
        if !is_issuer_known {
            self.fail(Reason::IssuerUnknown(last.issuer.clone()));
        }
        None
    }

    fn count(&mut self, verify: impl FnOnce() -> Result<(), Reason>) -> Result<(), Reason> {
        if self.n_signatures >= MAX_SIGNATURES {
            return Err(Reason::ChainTooLong);
        }
        self.n_signatures += 1;
        verify()
    }

    fn fail(&mut self, reason: Reason) {
        if self.failure.is_none() || matches!(self.failure, Some(Reason::IssuerUnknown(_))) {
            self.failure = Some(reason);
        }
    }
}
