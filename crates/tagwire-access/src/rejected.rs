//! Certificates that were refused, kept so that an administrator can accept them.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_model::Timestamp;

use crate::file::{self, FileError, Readers};
use crate::{Certificate, Fingerprint, Reason};

/// Most certificates kept.
pub(crate) const MAX_ENTRIES: usize = 256;
/// Most bytes kept, all certificates together.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;
/// Largest certificate kept.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// New certificates stored at once, and one more each [`REFILL`].
const BURST: u32 = 32;
const REFILL: Duration = Duration::from_secs(1);

/// A refused certificate that waits for a decision.
#[derive(Clone, Debug)]
pub struct RejectedEntry {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// Why it was refused last; `None` when it was stored before this process started.
    pub reason: Option<Reason>,
    /// From where it came last.
    pub peer: Option<SocketAddr>,
    /// When it came first.
    pub first_seen: Timestamp,
    /// When it came last.
    pub last_seen: Timestamp,
    /// How often it came since this process started.
    pub n_seen: u64,
}

/// The folder of refused certificates, bounded in number, in bytes and in writes per time.
#[derive(Debug)]
pub(crate) struct Rejected {
    folder: PathBuf,
    entries: HashMap<Fingerprint, RejectedEntry>,
    n_bytes: usize,
    tokens: u32,
    refilled: Instant,
}

impl Rejected {
    /// Reads the folder; what does not fit the limits is left alone on disk and not listed.
    pub(crate) fn open(folder: PathBuf) -> Self {
        let mut rejected =
            Self { folder, entries: HashMap::new(), n_bytes: 0, tokens: BURST, refilled: Instant::now() };
        let Ok(files) = fs::read_dir(&rejected.folder) else { return rejected };
        for entry in files.flatten().take(MAX_ENTRIES * 4) {
            let Ok(Some(der)) = file::read(&entry.path(), MAX_CERTIFICATE_BYTES as u64) else { continue };
            let Ok(certificate) = Certificate::from_der(&der) else { continue };
            let since_epoch = entry.metadata().and_then(|found| found.modified()).ok().and_then(|modified| {
                let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
                i128::try_from(since.as_nanos()).ok()
            });
            let time = since_epoch.map_or(Timestamp::NONE, Timestamp::from_unix_nanos);
            rejected.insert(Arc::new(certificate), None, None, time, 0);
        }
        rejected
    }

    /// Notes a refusal; writes a file only for a certificate not seen before, and not too often.
    pub(crate) fn note(
        &mut self,
        certificate: &Arc<Certificate>,
        reason: &Reason,
        peer: Option<SocketAddr>,
        time: Timestamp,
        clock: Instant,
    ) -> Result<(), FileError> {
        if let Some(entry) = self.entries.get_mut(&certificate.fingerprint()) {
            entry.reason = Some(reason.clone());
            entry.peer = peer;
            entry.last_seen = time;
            entry.n_seen += 1;
            return Ok(());
        }
        if certificate.der().len() > MAX_CERTIFICATE_BYTES || !self.take_token(clock) {
            return Ok(());
        }
        file::make_folder(&self.folder)?;
        file::replace(&self.file_of(certificate.fingerprint()), certificate.der(), Readers::All)?;
        self.insert(Arc::clone(certificate), Some(reason.clone()), peer, time, 1);
        while self.entries.len() > MAX_ENTRIES || self.n_bytes > MAX_BYTES {
            let newest = certificate.fingerprint();
            let others = self.entries.iter().filter(|(fingerprint, _)| **fingerprint != newest);
            let Some(oldest) = others.min_by_key(|(_, entry)| entry.last_seen).map(|(fingerprint, _)| *fingerprint)
            else {
                break;
            };
            self.forget(oldest)?;
        }
        Ok(())
    }

    /// Removes an entry and its file.
    pub(crate) fn forget(&mut self, fingerprint: Fingerprint) -> Result<(), FileError> {
        if let Some(entry) = self.entries.remove(&fingerprint) {
            self.n_bytes -= entry.certificate.der().len();
        }
        let path = self.file_of(fingerprint);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(FileError::Write { path, source }),
            _ => Ok(()),
        }
    }

    /// Stores a certificate that an administrator rejected.
    pub(crate) fn store(&mut self, certificate: &Arc<Certificate>, time: Timestamp) -> Result<(), FileError> {
        file::make_folder(&self.folder)?;
        file::replace(&self.file_of(certificate.fingerprint()), certificate.der(), Readers::All)?;
        if !self.entries.contains_key(&certificate.fingerprint()) {
            self.insert(Arc::clone(certificate), None, None, time, 0);
        }
        Ok(())
    }

    pub(crate) const fn entries(&self) -> &HashMap<Fingerprint, RejectedEntry> {
        &self.entries
    }

    fn insert(
        &mut self,
        certificate: Arc<Certificate>,
        reason: Option<Reason>,
        peer: Option<SocketAddr>,
        time: Timestamp,
        n_seen: u64,
    ) {
        let len = certificate.der().len();
        let entry = RejectedEntry { certificate, reason, peer, first_seen: time, last_seen: time, n_seen };
        if self.entries.insert(entry.certificate.fingerprint(), entry).is_none() {
            self.n_bytes += len;
        }
    }

    fn file_of(&self, fingerprint: Fingerprint) -> PathBuf {
        self.folder.join(format!("{fingerprint}.der"))
    }

    fn take_token(&mut self, clock: Instant) -> bool {
        let passed = clock.saturating_duration_since(self.refilled).as_secs();
        if passed > 0 {
            self.tokens = BURST.min(self.tokens.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX)));
            self.refilled += REFILL * u32::try_from(passed).unwrap_or(u32::MAX);
        }
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }
}
