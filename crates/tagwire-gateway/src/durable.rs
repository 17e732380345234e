//! The files of durable subscriptions (docs/formats/durable.md), written by a thread of their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tagwire_access::{FileError, Sealed, SealedError};
use tagwire_ua_proto::codec::DecodeError;
use tagwire_ua_server::Server;
use tagwire_ua_server::durable::{DurableStore, RestoreError, Stored};

/// How every file begins.
const KIND: [u8; 8] = *b"TWDURSUB";
/// End of the name of every file.
const SUFFIX: &str = "sub";
/// Most files that are looked at.
const MAX_FILES: usize = 10_000;
/// Pause after a file could not be written.
const RETRY: Duration = Duration::from_secs(5);

/// The folder of durable subscriptions inside a data folder.
pub(crate) struct DurableFiles {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    sealed: Sealed,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// What is to become of the file of each subscription: new bytes, or its end.
    jobs: BTreeMap<u32, Option<Vec<u8>>>,
    is_closing: bool,
}

impl DurableFiles {
    /// The folder, which is made when there is something to put there. A file has at most `max_mib`.
    pub(crate) fn open(data_dir: &Path, max_mib: u32) -> Self {
        let shared = Arc::new(Shared {
            folder: data_dir.join("durable"),
            sealed: Sealed::new(KIND, u64::from(max_mib) << 20),
            waiting: Mutex::default(),
            changed: Condvar::new(),
        });
        let writer = thread::Builder::new().name("durable".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run()
        });
        let writer = writer.inspect_err(|error| tracing::error!(%error, "durable subscriptions are not kept")).ok();
        Self { shared, writer: Mutex::new(writer) }
    }

    /// Hands the server what is there. What cannot be used is told, and put aside where it is damaged.
    pub(crate) fn restore(&self, server: &Arc<Server>) {
        let mut n_restored = 0_usize;
        for path in self.shared.files() {
            match self.shared.restore(&path, server) {
                Ok(()) => n_restored += 1,
                Err(Refused::Server(RestoreError::Off)) => {
                    tracing::warn!("durable subscriptions are switched off; those of {} wait", path.display());
                    break;
                }
                Err(error) => tracing::error!("a durable subscription is lost: {error}"),
            }
        }
        if n_restored > 0 {
            tracing::info!(n_restored, "durable subscriptions taken up");
        }
    }

    /// Writes what waits, and ends; blocks.
    pub(crate) fn close(&self) {
        self.shared.waiting.lock().is_closing = true;
        self.shared.changed.notify_all();
        if let Some(writer) = self.writer.lock().take() {
            let _ = writer.join();
        }
    }
}

impl DurableStore for DurableFiles {
    fn keep(&self, id: u32, bytes: Vec<u8>) {
        self.shared.put(id, Some(bytes));
    }

    fn forget(&self, id: u32) {
        self.shared.put(id, None);
    }
}

/// Why a file gives no subscription.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Sealed(#[from] SealedError),
    #[error("{} is damaged: {source}", path.display())]
    Format { path: PathBuf, source: DecodeError },
    #[error(transparent)]
    Server(#[from] RestoreError),
}

impl Shared {
    fn put(&self, id: u32, job: Option<Vec<u8>>) {
        let mut waiting = self.waiting.lock();
        if !waiting.is_closing {
            waiting.jobs.insert(id, job);
            self.changed.notify_all();
        }
    }

    fn path(&self, id: u32) -> PathBuf {
        self.folder.join(format!("{id:010}.{SUFFIX}"))
    }

    /// The files of subscriptions, in the order of their numbers.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let is_ours = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == SUFFIX);
        let mut files: Vec<PathBuf> = paths.filter(is_ours).take(MAX_FILES).collect();
        files.sort_unstable();
        files
    }

    fn restore(&self, path: &Path, server: &Arc<Server>) -> Result<(), Refused> {
        let read = || {
            let content = self.sealed.read(path)?.unwrap_or_default();
            let stored = Stored::read(&content).map_err(|source| Refused::Format { path: path.to_owned(), source })?;
            // A file under another name would not be the one that is replaced and removed later.
            if self.path(stored.id()) != path {
                return Err(SealedError::Damaged(path.to_owned()).into());
            }
            Ok((stored, content.len()))
        };
        let (stored, n_bytes) = read().inspect_err(|refused| {
            // A file that cannot be read now may be readable at the next start.
            if !matches!(refused, Refused::Sealed(SealedError::File(_))) {
                let _ = fs::rename(path, path.with_extension("damaged"));
            }
        })?;
        Ok(server.restore(stored, n_bytes)?)
    }

    fn run(&self) {
        loop {
            let (id, job) = {
                let mut waiting = self.waiting.lock();
                loop {
                    if let Some(job) = waiting.jobs.pop_first() {
                        break job;
                    }
                    if waiting.is_closing {
                        return;
                    }
                    self.changed.wait(&mut waiting);
                }
            };
            if let Err(error) = self.carry_out(id, job.as_deref()) {
                tracing::error!("a durable subscription is not kept: {error}");
                let mut waiting = self.waiting.lock();
                if waiting.is_closing {
                    continue;
                }
                waiting.jobs.entry(id).or_insert(job);
                // A full disk may have room again, and does not get it from being asked all the time.
                self.changed.wait_for(&mut waiting, RETRY);
            }
        }
    }

    fn carry_out(&self, id: u32, job: Option<&[u8]>) -> Result<(), FileError> {
        let path = self.path(id);
        match job {
            Some(bytes) => self.sealed.write(&path, bytes),
            None => match fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(FileError::Write { path, source }),
                _ => Ok(()),
            },
        }
    }
}
