//! Certificates that were refused, kept so that an administrator can accept them.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
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
/// New certificates stored at once, and one more each interval.
const PACE: Pace = Pace { burst: 32, refill: Duration::from_secs(1) };
/// The same for those from one address, so that nobody takes what all others need.
const PACE_OF_ADDRESS: Pace = Pace { burst: 16, refill: Duration::from_secs(2) };
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 256;

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
    /// Of all addresses together.
    room: Room,
    /// Of each address that stored anything lately.
    rooms: HashMap<IpAddr, Room>,
}

/// How fast new certificates may come.
#[derive(Clone, Copy, Debug)]
struct Pace {
    burst: u32,
    refill: Duration,
}

/// How many may come now.
#[derive(Clone, Copy, Debug)]
struct Room {
    left: u32,
    refilled: Instant,
}

impl Room {
    const fn full(pace: Pace, clock: Instant) -> Self {
        Self { left: pace.burst, refilled: clock }
    }

    fn refill(&mut self, pace: Pace, clock: Instant) {
        let passed = clock.saturating_duration_since(self.refilled).as_millis() / pace.refill.as_millis().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.left = pace.burst.min(self.left.saturating_add(passed));
        self.refilled += pace.refill.saturating_mul(passed);
    }
}

impl Rejected {
    /// Reads the folder; what does not fit the limits is left alone on disk and not listed.
    pub(crate) fn open(folder: PathBuf) -> Self {
        let room = Room::full(PACE, Instant::now());
        let mut rejected = Self { folder, entries: HashMap::new(), n_bytes: 0, room, rooms: HashMap::new() };
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
        if certificate.der().len() > MAX_CERTIFICATE_BYTES || !self.take_room(peer, clock) {
            return Ok(());
        }
        file::make_folder(&self.folder)?;
        file::replace(&self.file_of(certificate.fingerprint()), certificate.der(), Readers::All)?;
        self.insert(Arc::clone(certificate), Some(reason.clone()), peer, time, 1);
        while self.entries.len() > MAX_ENTRIES || self.n_bytes > MAX_BYTES {
            let Some(oldest) = self.oldest_of_the_most(certificate.fingerprint()) else { break };
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

    /// The entry to give way: of the address with the most entries the one that came longest ago, but not the newest.
    fn oldest_of_the_most(&self, newest: Fingerprint) -> Option<Fingerprint> {
        let address = |entry: &RejectedEntry| entry.peer.map(|peer| peer.ip());
        let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
        self.entries.values().for_each(|entry| *counts.entry(address(entry)).or_default() += 1);
        let most = counts.values().copied().max()?;
        let others = self.entries.iter().filter(|(fingerprint, _)| **fingerprint != newest);
        let of_most = others.filter(|(_, entry)| counts.get(&address(entry)) == Some(&most));
        of_most.min_by_key(|(_, entry)| entry.last_seen).map(|(fingerprint, _)| *fingerprint)
    }

    /// Whether one more new certificate may be stored, from this address and at all.
    fn take_room(&mut self, peer: Option<SocketAddr>, clock: Instant) -> bool {
        self.room.refill(PACE, clock);
        if self.room.left == 0 {
            return false;
        }
        if let Some(peer) = peer {
            if self.rooms.len() >= MAX_ADDRESSES && !self.rooms.contains_key(&peer.ip()) {
                self.rooms.values_mut().for_each(|room| room.refill(PACE_OF_ADDRESS, clock));
                self.rooms.retain(|_, room| room.left < PACE_OF_ADDRESS.burst);
                // All of them are busy: what all addresses together may store is limit enough.
                if self.rooms.len() >= MAX_ADDRESSES {
                    self.rooms.clear();
                }
            }
            let room = self.rooms.entry(peer.ip()).or_insert_with(|| Room::full(PACE_OF_ADDRESS, clock));
            room.refill(PACE_OF_ADDRESS, clock);
            if room.left == 0 {
                return false;
            }
            room.left -= 1;
        }
        self.room.left -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: u8) -> Option<SocketAddr> {
        Some(SocketAddr::from(([10, 0, 0, host], 4840)))
    }

    fn list() -> (tempfile::TempDir, Rejected, Instant) {
        let folder = tempfile::tempdir().expect("folder");
        let rejected = Rejected::open(folder.path().join("rejected"));
        let clock = rejected.room.refilled;
        (folder, rejected, clock)
    }

    fn taken(rejected: &mut Rejected, host: u8, clock: Instant) -> usize {
        (0..100).take_while(|_| rejected.take_room(peer(host), clock)).count()
    }

    #[test]
    fn one_address_leaves_room_for_the_others() {
        let (_folder, mut rejected, clock) = list();
        assert_eq!(taken(&mut rejected, 1, clock), 16);
        assert_eq!(taken(&mut rejected, 2, clock), 16);
        assert_eq!(taken(&mut rejected, 3, clock), 0, "all together have as many as there are");
        let later = clock + Duration::from_secs(4);
        assert_eq!(taken(&mut rejected, 1, later), 2, "one more every two seconds");
        assert_eq!(taken(&mut rejected, 3, later), 2, "one more every second for all");
    }

    #[test]
    fn addresses_are_forgotten_when_they_have_all_their_room_again() {
        let (_folder, mut rejected, clock) = list();
        let mut at = clock;
        for host in 0..=u8::MAX {
            assert!(rejected.take_room(peer(host), at));
            at += Duration::from_secs(1);
        }
        assert_eq!(rejected.rooms.len(), MAX_ADDRESSES);
        let other = SocketAddr::from(([10, 0, 1, 0], 4840));
        assert!(rejected.take_room(Some(other), at));
        assert!(rejected.rooms.len() < 8, "{} are left", rejected.rooms.len());
    }

    #[test]
    fn who_fills_the_list_drives_out_its_own_entries() {
        let (_folder, mut rejected, _) = list();
        let certificate = |number: usize| {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("key");
            let params = rcgen::CertificateParams::new(vec![format!("host-{number}")]).expect("names");
            let made = params.self_signed(&key).expect("certificate");
            Arc::new(Certificate::from_der(made.der()).expect("certificate"))
        };
        let honest = certificate(0);
        rejected.insert(Arc::clone(&honest), Some(Reason::Untrusted), peer(1), Timestamp::from_unix_nanos(0), 1);
        let mut newest = honest.fingerprint();
        for number in 1..=3 {
            let made = certificate(number);
            newest = made.fingerprint();
            let time = Timestamp::from_unix_nanos(number as i128 * 1_000_000_000);
            rejected.insert(made, Some(Reason::Untrusted), peer(2), time, 1);
        }
        for _ in 0..2 {
            let gone = rejected.oldest_of_the_most(newest).expect("one gives way");
            assert_ne!(gone, honest.fingerprint());
            rejected.forget(gone).expect("removed");
        }
    }
}
