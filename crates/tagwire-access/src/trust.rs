//! Which peers' certificates are good (OPC UA Part 4, 6.1.3).

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Mutex, RwLock};
use tagwire_model::Timestamp;
use thiserror::Error;

use crate::audit::{ChangedTrust, RefusedCertificate};
use crate::file::{self, FileError, Readers};
use crate::folder::Folder;
use crate::path::{self, MAX_DEPTH};
use crate::rejected::Rejected;
use crate::{
    Actor, Audit, AuditEvent, Certificate, CertificateError, Face, Fingerprint, Reason, Refusal, RejectedEntry,
    Revocation, TrustRules, What, der_file, revocation,
};

/// Most bytes of certificates taken from one peer.
const MAX_CHAIN_BYTES: usize = 64 * 1024;
/// Longest time until a file that was overwritten in place is noticed.
const FULL_SCAN_EVERY: Duration = Duration::from_secs(1);

/// Choices of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustSettings {
    /// Whether an issued certificate needs a current revocation list of its issuer; on by default.
    pub require_revocation_list: bool,
    /// Whether the certificates are those of applications, which must name the application; else those of people.
    pub of_applications: bool,
}

impl TrustSettings {
    /// The defaults for certificates of users.
    pub fn users() -> Self {
        Self { of_applications: false, ..Self::default() }
    }
}

impl Default for TrustSettings {
    fn default() -> Self {
        Self { require_revocation_list: true, of_applications: true }
    }
}

/// What is known about the peer beside its certificate.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeerCheck<'a> {
    /// The application URI it claims, once it has claimed one.
    pub application_uri: Option<&'a str>,
    /// The host that was dialled, for servers; demanded of issued certificates only, since a certificate that is
    /// trusted itself needs no name to be told apart.
    pub host: Option<&'a str>,
    /// Its address, for the list of rejected certificates.
    pub peer: Option<SocketAddr>,
}

/// A certificate that passed every check.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The peer's certificate.
    pub certificate: Arc<Certificate>,
    /// Its issuers, the root last; empty for a self-signed one.
    pub issuers: Vec<Arc<Certificate>>,
    /// [`TrustStore::generation`] at the time of the check.
    pub generation: u64,
}

impl Trusted {
    /// Checks the application URI that the peer claims later, at CreateSession: it must equal the certificate's.
    ///
    /// # Errors
    /// [`Reason::UriMismatch`].
    pub fn check_uri(&self, application_uri: &str) -> Result<(), Refusal> {
        check_uri(&self.certificate, application_uri).map_err(|reason| refusal(reason, &self.certificate))
    }
}

/// One certificate in a list for people.
#[derive(Clone, Debug)]
pub struct TrustEntry {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// Its file.
    pub path: PathBuf,
}

/// A change to the trust lists that could not be made.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The certificate given is none.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No certificate in the lists has such a fingerprint.
    #[error("no certificate with fingerprint \"{0}\"")]
    Unknown(String),
    /// Several certificates' fingerprints begin like that.
    #[error("fingerprint \"{0}\" is not unique")]
    Ambiguous(String),
}

/// The folders `trusted`, `issuer`, `rejected` and `blocked` below one `pki` folder.
///
/// Files dropped by hand count from the next check on. An issuer in `issuer` completes a chain, one in `trusted` makes
/// everything below it trusted.
pub struct TrustStore {
    settings: TrustSettings,
    pub(crate) state: RwLock<State>,
    rejected: Mutex<Rejected>,
    generation: AtomicU64,
    audit: Arc<dyn Audit>,
    /// Certificates whose place a command changes now; all other changes were made by hand.
    editing: Mutex<Vec<Fingerprint>>,
}

pub(crate) struct State {
    pub(crate) trusted: Folder,
    pub(crate) issuers: Folder,
    blocked: Folder,
    scanned: Instant,
    pub(crate) rules: TrustRules,
}

impl State {
    const fn folders(&self) -> [&Folder; 3] {
        [&self.trusted, &self.issuers, &self.blocked]
    }

    /// The certificates in each folder.
    fn places(&self) -> [HashSet<Fingerprint>; 3] {
        self.folders().map(|folder| folder.certificates.keys().copied().collect())
    }
}

impl TrustStore {
    /// Opens, and makes where missing, the folders below `pki`.
    ///
    /// # Errors
    /// [`FileError`] when a folder cannot be made.
    pub fn open(pki: &Path, settings: TrustSettings, audit: Arc<dyn Audit>) -> Result<Self, FileError> {
        for name in ["trusted", "issuer", "rejected", "blocked"] {
            file::make_folder(&pki.join(name))?;
        }
        Ok(Self::look(pki, settings, audit))
    }

    /// The lists below `pki` as they are, without making folders: for whoever only reads them. What is missing is empty.
    pub fn look(pki: &Path, settings: TrustSettings, audit: Arc<dyn Audit>) -> Self {
        let mut trusted = Folder::new(pki.join("trusted"));
        let mut issuers = Folder::new(pki.join("issuer"));
        let mut blocked = Folder::new(pki.join("blocked"));
        trusted.scan();
        issuers.scan();
        blocked.scan();
        Self {
            settings,
            state: RwLock::new(State {
                trusted,
                issuers,
                blocked,
                scanned: Instant::now(),
                rules: TrustRules::default(),
            }),
            rejected: Mutex::new(Rejected::open(pki.join("rejected"))),
            generation: AtomicU64::new(1),
            audit,
            editing: Mutex::default(),
        }
    }

    /// A number that grows whenever the lists change: a reason to check live sessions again.
    pub fn generation(&self) -> u64 {
        self.rescan(false);
        self.generation.load(Ordering::Acquire)
    }

    /// Checks the certificate of a peer: `chain` holds its DER, and those of its issuers after it (Part 6, 6.2.6).
    ///
    /// A refused certificate is stored once among the rejected ones, and reported with its true reason.
    ///
    /// # Errors
    /// [`Refusal`]; [`Reason::wire_status`] tells what the peer may learn.
    pub fn verify_peer(&self, chain: &[u8], check: &PeerCheck<'_>, now: Timestamp) -> Result<Trusted, Refusal> {
        self.rescan(false);
        let certificates = match split(chain) {
            Ok(certificates) => certificates,
            Err(reason) => {
                self.report(None, &reason, check.peer, now);
                return Err(Refusal { reason, fingerprint: None, subject: String::new() });
            }
        };
        // Splitting never gives an empty list.
        let Some(leaf) = certificates.first() else {
            return Err(Refusal { reason: Reason::Missing, fingerprint: None, subject: String::new() });
        };
        match self.check(leaf, &certificates, check, now) {
            Ok(issuers) => Ok(Trusted {
                certificate: Arc::clone(leaf),
                issuers,
                generation: self.generation.load(Ordering::Acquire),
            }),
            Err(reason) => {
                self.report(Some(leaf), &reason, check.peer, now);
                Err(refusal(reason, leaf))
            }
        }
    }

    /// Checks the application URI that a peer claims after its certificate was admitted, and reports a refusal.
    ///
    /// # Errors
    /// [`Refusal`] with [`Reason::UriMismatch`].
    pub fn check_uri(
        &self,
        trusted: &Trusted,
        application_uri: &str,
        peer: Option<SocketAddr>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        trusted.check_uri(application_uri).inspect_err(|refusal| {
            self.report(Some(&trusted.certificate), &refusal.reason, peer, now);
        })
    }

    /// The checks in the order of Part 4, Table 100; what comes first is what is reported.
    fn check(
        &self,
        leaf: &Arc<Certificate>,
        sent: &[Arc<Certificate>],
        check: &PeerCheck<'_>,
        now: Timestamp,
    ) -> Result<Vec<Arc<Certificate>>, Reason> {
        leaf.check_key()?;
        let state = self.state.read();
        let known = state.trusted.certificates.values().chain(state.issuers.certificates.values());
        let pool: Vec<Arc<Certificate>> = known
            .map(|(certificate, _)| certificate)
            .filter(|certificate| certificate.is_authority())
            .chain(sent.iter().skip(1))
            .cloned()
            .collect();
        let is_declared = |fingerprint: Fingerprint| state.rules.trusted.contains(&fingerprint);
        let is_trusted =
            |fingerprint: Fingerprint| state.trusted.trusted(fingerprint, now).is_some() || is_declared(fingerprint);
        let is_trusted_exactly = |certificate: &Certificate| {
            let known = state.trusted.trusted(certificate.fingerprint(), now);
            // The fingerprint finds it, the whole DER decides, as far as there is one.
            known.is_some_and(|known| **known == *certificate) || is_declared(certificate.fingerprint())
        };
        if sent.iter().any(|certificate| state.blocked.certificates.contains_key(&certificate.fingerprint())) {
            return Err(Reason::Blocked);
        }
        let path = path::find(leaf, &pool, is_trusted)?;
        if !path.iter().any(|certificate| is_trusted_exactly(certificate)) {
            return Err(Reason::Untrusted);
        }
        if path.iter().any(|certificate| state.blocked.certificates.contains_key(&certificate.fingerprint())) {
            return Err(Reason::Blocked);
        }
        let (_, issuers) = path.split_first().ok_or(Reason::Missing)?;
        if now < leaf.not_before() {
            return Err(Reason::NotYetValid);
        }
        if now > leaf.not_after() {
            return Err(Reason::Expired);
        }
        if issuers.iter().any(|issuer| now < issuer.not_before() || now > issuer.not_after()) {
            return Err(Reason::IssuerTime);
        }
        if let Some(host) = check.host
            && !is_trusted_exactly(leaf)
            && !leaf.names_host(host)
        {
            return Err(Reason::HostMismatch(host.to_owned()));
        }
        if let Some(uri) = check.application_uri {
            check_uri(leaf, uri)?;
        }
        let is_fit = if self.settings.of_applications { leaf.is_application() } else { leaf.is_signer() };
        if !is_fit {
            return Err(Reason::UseNotAllowed);
        }
        self.check_revocation(&state, &path, now)?;
        Ok(issuers.to_vec())
    }

    /// Looks every issued certificate of the path up in its issuer's lists; a revoked one outweighs a missing list.
    fn check_revocation(&self, state: &State, path: &[Arc<Certificate>], now: Timestamp) -> Result<(), Reason> {
        let mut unknown = None;
        for (depth, pair) in path.windows(2).enumerate() {
            let [certificate, issuer] = pair else { continue };
            let lists = state.trusted.lists.iter().chain(&state.issuers.lists).map(Arc::as_ref);
            match revocation::check(certificate, issuer, lists, now) {
                Err(Reason::Revoked) if depth > 0 => return Err(Reason::IssuerRevoked),
                Err(Reason::RevocationUnknown(_))
                    if state.rules.without_revocation_list.contains(&issuer.fingerprint()) => {}
                Err(Reason::RevocationUnknown(name)) => {
                    unknown.get_or_insert(Reason::RevocationUnknown(name));
                }
                other => other?,
            }
        }
        match unknown {
            Some(reason) if self.settings.require_revocation_list => Err(reason),
            _ => Ok(()),
        }
    }

    fn report(&self, leaf: Option<&Arc<Certificate>>, reason: &Reason, peer: Option<SocketAddr>, now: Timestamp) {
        let fingerprint = leaf.map(|leaf| leaf.fingerprint());
        let (who, fix) = match leaf {
            Some(leaf) => {
                (format!("{} of \"{}\"", leaf.fingerprint().short(), leaf.subject()), reason.advice(leaf.fingerprint()))
            }
            None => ("without a name".to_owned(), reason.remedy().to_owned()),
        };
        let peer_address = peer.map(tracing::field::display);
        tracing::warn!(peer = peer_address, reason = reason.name(), "certificate {who} refused: {reason}; {fix}");
        if let Some(leaf) = leaf
            && *reason != Reason::Blocked
            && let Err(error) = self.rejected.lock().note(leaf, reason, peer, now, Instant::now())
        {
            tracing::error!("cannot store a rejected certificate: {error}");
        }
        self.audit.record(AuditEvent {
            time: now,
            what: What::CertificateRefused,
            actor: Actor { face: Some(Face::Ua), peer, ..Actor::default() },
            details: Box::new(RefusedCertificate { fingerprint, reason: reason.clone() }),
        });
    }

    /// Reads the folders again if they changed; files overwritten in place are looked for once a second.
    pub(crate) fn rescan(&self, is_forced: bool) {
        {
            let state = self.state.read();
            let is_due = is_forced || state.scanned.elapsed() >= FULL_SCAN_EVERY;
            if !is_due && !state.folders().into_iter().any(Folder::looks_changed) {
                return;
            }
        }
        let mut state = self.state.write();
        let before = self.audit.is_on().then(|| state.places());
        let has_changed = state.trusted.scan() | state.issuers.scan() | state.blocked.scan();
        state.scanned = Instant::now();
        if !has_changed {
            return;
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        let Some(before) = before else { return };
        let after = state.places();
        drop(state);
        let report = |(change, fingerprint): (&'static str, Fingerprint)| {
            if !self.editing.lock().contains(&fingerprint) {
                tracing::info!(%fingerprint, "trust lists changed by hand: {change}");
                self.audit.record(AuditEvent {
                    time: wall_clock(),
                    what: What::TrustChanged,
                    actor: Actor::default(),
                    details: Box::new(ChangedTrust { fingerprint, change }),
                });
            }
        };
        for ((old, new), (came, went)) in before.iter().zip(&after).zip(PLACE_CHANGES) {
            new.difference(old).for_each(|fingerprint| report((came, *fingerprint)));
            old.difference(new).for_each(|fingerprint| report((went, *fingerprint)));
        }
    }

    /// The trusted certificates, applications and authorities.
    pub fn trusted(&self) -> Vec<TrustEntry> {
        self.rescan(true);
        list(&self.state.read().trusted)
    }

    /// The issuers that complete chains without making them trusted.
    pub fn issuers(&self) -> Vec<TrustEntry> {
        self.rescan(true);
        list(&self.state.read().issuers)
    }

    /// The certificates that are refused for good.
    pub fn blocked(&self) -> Vec<TrustEntry> {
        self.rescan(true);
        list(&self.state.read().blocked)
    }

    /// The refused certificates, the one that came last first.
    pub fn rejected(&self) -> Vec<RejectedEntry> {
        let mut entries: Vec<RejectedEntry> = self.rejected.lock().entries().values().cloned().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_seen));
        entries
    }

    /// Files in the folders that are ignored, each with the reason.
    pub fn ignored(&self) -> Vec<(PathBuf, String)> {
        self.rescan(true);
        let state = self.state.read();
        let all = state.folders().into_iter().flat_map(Folder::ignored);
        all.map(|(path, problem)| (path.to_owned(), problem.to_owned())).collect()
    }

    /// Whether certificates that `authority` issued can be checked for revocation now.
    pub fn revocation(&self, authority: &Certificate, now: Timestamp) -> Revocation {
        self.rescan(true);
        let state = self.state.read();
        let lists = state.trusted.lists.iter().chain(&state.issuers.lists).map(Arc::as_ref);
        revocation::state(authority, lists, now)
    }

    /// The fingerprint, among trusted, rejected and blocked ones, that begins with these hexadecimal digits (at least four).
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::Ambiguous`].
    pub fn find(&self, digits: &str) -> Result<Fingerprint, TrustError> {
        self.rescan(true);
        let prefix = digits.replace([':', ' '], "").to_ascii_lowercase();
        let mut found: Vec<Fingerprint> = {
            let state = self.state.read();
            state.trusted.certificates.keys().chain(state.blocked.certificates.keys()).copied().collect()
        };
        found.extend(self.rejected.lock().entries().keys().copied());
        found.retain(|fingerprint| prefix.len() >= 4 && fingerprint.to_string().starts_with(&prefix));
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(TrustError::Unknown(digits.to_owned())),
            _ => Err(TrustError::Ambiguous(digits.to_owned())),
        }
    }

    /// Trusts a rejected or blocked certificate from now on.
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::File`].
    pub fn accept(&self, fingerprint: Fingerprint, now: Timestamp, by: &Actor) -> Result<(), TrustError> {
        self.accept_with(fingerprint, None, now, by)
    }

    /// As [`Self::accept`], perhaps for a time only.
    pub(crate) fn accept_with(
        &self,
        fingerprint: Fingerprint,
        end: Option<Timestamp>,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), TrustError> {
        let _editing = self.edit(fingerprint);
        let mut rejected = self.rejected.lock();
        let waiting = rejected.entries().get(&fingerprint).map(|entry| Arc::clone(&entry.certificate));
        let Some(certificate) = waiting.or_else(|| self.known(fingerprint)) else {
            return Err(TrustError::Unknown(fingerprint.to_string()));
        };
        self.store_until(&certificate, end)?;
        self.unblock(fingerprint)?;
        rejected.forget(fingerprint)?;
        drop(rejected);
        self.changed(fingerprint, if end.is_some() { "accepted for a time" } else { "accepted" }, now, by);
        Ok(())
    }

    /// Trusts this certificate, DER, from now on.
    ///
    /// # Errors
    /// [`TrustError::Certificate`], [`TrustError::File`].
    pub fn accept_der(&self, der: &[u8], now: Timestamp, by: &Actor) -> Result<Fingerprint, TrustError> {
        let certificate = Certificate::from_der(der)?;
        let _editing = self.edit(certificate.fingerprint());
        self.store_until(&certificate, None)?;
        self.rejected.lock().forget(certificate.fingerprint())?;
        self.changed(certificate.fingerprint(), "accepted", now, by);
        Ok(certificate.fingerprint())
    }

    /// Takes a certificate from the trusted ones to the rejected ones; one that waits for a decision is forgotten until
    /// it comes again, and one that was blocked may come again.
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::File`].
    pub fn reject(&self, fingerprint: Fingerprint, now: Timestamp, by: &Actor) -> Result<(), TrustError> {
        self.reject_because(fingerprint, "rejected", now, by)
    }

    /// As [`Self::reject`], for another reason.
    pub(crate) fn reject_because(
        &self,
        fingerprint: Fingerprint,
        change: &'static str,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), TrustError> {
        let _editing = self.edit(fingerprint);
        match self.take_trusted(fingerprint) {
            Ok(certificate) => self.rejected.lock().store(&certificate, now)?,
            Err(TrustError::Unknown(digits)) => {
                let mut rejected = self.rejected.lock();
                let was_waiting = rejected.entries().contains_key(&fingerprint);
                if was_waiting {
                    rejected.forget(fingerprint)?;
                }
                drop(rejected);
                if !self.unblock(fingerprint)? && !was_waiting {
                    return Err(TrustError::Unknown(digits));
                }
            }
            Err(error) => return Err(error),
        }
        self.changed(fingerprint, change, now, by);
        Ok(())
    }

    /// Refuses a certificate, trusted or rejected, for good: it is not listed again when it comes back, and what it
    /// issued is refused too.
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::File`].
    pub fn block(&self, fingerprint: Fingerprint, now: Timestamp, by: &Actor) -> Result<(), TrustError> {
        let _editing = self.edit(fingerprint);
        let waiting = self.rejected.lock().entries().get(&fingerprint).map(|entry| Arc::clone(&entry.certificate));
        let Some(certificate) = waiting.or_else(|| self.known(fingerprint)) else {
            return Err(TrustError::Unknown(fingerprint.to_string()));
        };
        let path = self.state.read().blocked.file_of(fingerprint);
        file::replace(&path, certificate.der(), Readers::All)?;
        match self.take_trusted(fingerprint) {
            Err(TrustError::Unknown(_)) => {}
            other => {
                other?;
            }
        }
        self.rejected.lock().forget(fingerprint)?;
        self.changed(fingerprint, "blocked", now, by);
        Ok(())
    }

    /// The trusted or blocked certificate with this fingerprint.
    fn known(&self, fingerprint: Fingerprint) -> Option<Arc<Certificate>> {
        let state = self.state.read();
        let lists = [&state.trusted.certificates, &state.blocked.certificates];
        lists.into_iter().find_map(|list| list.get(&fingerprint)).map(|(certificate, _)| Arc::clone(certificate))
    }

    /// Takes a certificate from the blocked ones; false when it is not there.
    fn unblock(&self, fingerprint: Fingerprint) -> Result<bool, TrustError> {
        let state = self.state.read();
        let Some((_, path)) = state.blocked.certificates.get(&fingerprint) else { return Ok(false) };
        std::fs::remove_file(path).map_err(|source| FileError::Write { path: path.clone(), source })?;
        Ok(true)
    }

    /// Forgets a certificate, trusted or rejected.
    ///
    /// # Errors
    /// [`TrustError::Unknown`], [`TrustError::File`].
    pub fn remove(&self, fingerprint: Fingerprint, now: Timestamp, by: &Actor) -> Result<(), TrustError> {
        let _editing = self.edit(fingerprint);
        let is_rejected = self.rejected.lock().entries().contains_key(&fingerprint);
        if is_rejected {
            self.rejected.lock().forget(fingerprint)?;
        }
        match self.take_trusted(fingerprint) {
            Err(TrustError::Unknown(_)) if is_rejected => {}
            other => {
                other?;
            }
        }
        self.changed(fingerprint, "removed", now, by);
        Ok(())
    }

    pub(crate) fn edit(&self, fingerprint: Fingerprint) -> Editing<'_> {
        self.editing.lock().push(fingerprint);
        Editing { store: self, fingerprint }
    }

    /// Deletes the file of a trusted certificate; a file with several certificates goes as a whole.
    fn take_trusted(&self, fingerprint: Fingerprint) -> Result<Arc<Certificate>, TrustError> {
        self.rescan(true);
        let state = self.state.read();
        let (certificate, path) =
            state.trusted.certificates.get(&fingerprint).ok_or_else(|| TrustError::Unknown(fingerprint.to_string()))?;
        std::fs::remove_file(path).map_err(|source| FileError::Write { path: path.clone(), source })?;
        Ok(Arc::clone(certificate))
    }

    /// Takes a certificate off the waiting list, if it is there.
    pub(crate) fn forget_rejected(&self, fingerprint: Fingerprint) -> Result<(), TrustError> {
        let mut rejected = self.rejected.lock();
        if rejected.entries().contains_key(&fingerprint) {
            rejected.forget(fingerprint)?;
        }
        Ok(())
    }

    /// Has live sessions looked at again.
    pub(crate) fn bump(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn changed(&self, fingerprint: Fingerprint, change: &'static str, now: Timestamp, by: &Actor) {
        self.rescan(true);
        self.tell_change(fingerprint, change, now, by);
    }

    pub(crate) fn tell_change(&self, fingerprint: Fingerprint, change: &'static str, now: Timestamp, by: &Actor) {
        tracing::info!(certificate = %fingerprint, "certificate {change}");
        self.audit.record(AuditEvent {
            time: now,
            what: What::TrustChanged,
            actor: by.clone(),
            details: Box::new(ChangedTrust { fingerprint, change }),
        });
    }
}

/// Held while a command changes the place of a certificate.
pub(crate) struct Editing<'a> {
    store: &'a TrustStore,
    fingerprint: Fingerprint,
}

impl Drop for Editing<'_> {
    fn drop(&mut self) {
        let mut editing = self.store.editing.lock();
        if let Some(at) = editing.iter().position(|fingerprint| *fingerprint == self.fingerprint) {
            editing.swap_remove(at);
        }
    }
}

/// What the audit log says when a certificate comes into a folder by hand, and when it goes; as [`State::folders`].
const PLACE_CHANGES: [(&str, &str); 3] = [
    ("file came into trusted", "file gone from trusted"),
    ("file came into issuer", "file gone from issuer"),
    ("file came into blocked", "file gone from blocked"),
];

fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_nanos(since_epoch.as_nanos() as i128)
}

impl std::fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustStore({})", self.state.read().trusted.path().display())
    }
}

fn list(folder: &Folder) -> Vec<TrustEntry> {
    let mut entries: Vec<TrustEntry> = folder
        .certificates
        .values()
        .map(|(certificate, path)| TrustEntry { certificate: Arc::clone(certificate), path: path.clone() })
        .collect();
    entries.sort_by(|a, b| a.certificate.subject().cmp(b.certificate.subject()).then(a.path.cmp(&b.path)));
    entries
}

fn check_uri(certificate: &Certificate, application_uri: &str) -> Result<(), Reason> {
    match certificate.uris() {
        [uri] if uri == application_uri => Ok(()),
        _ => Err(Reason::UriMismatch(crate::certificate::printable(application_uri))),
    }
}

fn refusal(reason: Reason, certificate: &Certificate) -> Refusal {
    Refusal { reason, fingerprint: Some(certificate.fingerprint()), subject: certificate.subject().to_owned() }
}

/// The certificates of a chain; at least one, at most [`MAX_DEPTH`].
pub(crate) fn split(chain: &[u8]) -> Result<Vec<Arc<Certificate>>, Reason> {
    if chain.is_empty() {
        return Err(Reason::Missing);
    }
    if chain.len() > MAX_CHAIN_BYTES {
        return Err(Reason::TooLarge);
    }
    let mut certificates = Vec::new();
    let mut rest = chain;
    while !rest.is_empty() {
        if certificates.len() >= MAX_DEPTH {
            return Err(Reason::ChainTooLong);
        }
        let len = der_file::element_len(rest).ok_or(Reason::Malformed)?;
        let (first, after) = rest.split_at(len);
        certificates.push(Arc::new(Certificate::from_der(first).map_err(|_| Reason::Malformed)?));
        rest = after;
    }
    Ok(certificates)
}
