//! What totals of counters remember over a restart: one file of the data folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tagwire_access::{Sealed, SealedError};

/// A file of this kind, for a hundred thousand totals and more.
const FILE: Sealed = Sealed::new(*b"TWTOTALS", 32 << 20);
/// Its name in the data folder.
const NAME: &str = "totals";

/// A total, and where its counter stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptTotal {
    /// Path of the derived tag.
    pub(super) name: String,
    /// What it counts: a total of another counter would be another one.
    pub(super) of: String,
    pub(super) rollover: Option<f64>,
    pub(super) last: f64,
    pub(super) total: f64,
}

/// The file of totals in a data folder.
pub(crate) struct TotalsFile {
    path: PathBuf,
    is_failing: AtomicBool,
    /// What is there could neither be read nor put aside, and must not be written over.
    is_blocked: AtomicBool,
}

/// Most files that were put aside.
const MAX_ASIDE: u32 = 100;

impl TotalsFile {
    /// The file, which is made when there is a total to keep.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { path: data_dir.join(NAME), is_failing: AtomicBool::new(false), is_blocked: AtomicBool::new(false) }
    }

    /// What is there. A file that cannot be used is put aside, and the log says that totals begin anew.
    pub(super) fn read(&self) -> Vec<KeptTotal> {
        let path = &self.path;
        let read = || -> Result<Vec<KeptTotal>, SealedError> {
            let Some(content) = FILE.read(path)? else { return Ok(Vec::new()) };
            serde_json::from_slice(&content).map_err(|_| SealedError::Damaged(path.clone()))
        };
        read().unwrap_or_else(|error| {
            match self.put_aside() {
                Ok(aside) => {
                    tracing::error!("totals of derived tags begin anew: {error}; the file is {} now", aside.display());
                }
                Err(reason) => {
                    self.is_blocked.store(true, Ordering::Relaxed);
                    tracing::error!("totals of derived tags begin anew and are not kept: {error}; {reason}");
                }
            }
            Vec::new()
        })
    }

    /// Gives what is there a name that nothing has yet.
    fn put_aside(&self) -> std::io::Result<PathBuf> {
        let names = (1..=MAX_ASIDE).map(|n| if n == 1 { "damaged".to_owned() } else { format!("damaged-{n}") });
        let free = names.map(|name| self.path.with_extension(name)).find(|aside| aside.symlink_metadata().is_err());
        let aside = free.ok_or(std::io::ErrorKind::AlreadyExists)?;
        std::fs::rename(&self.path, &aside)?;
        Ok(aside)
    }

    /// Replaces the file; whether it was written. The log tells the first failure of several; blocks.
    pub(super) fn write(&self, totals: &[KeptTotal]) -> bool {
        if self.is_blocked.load(Ordering::Relaxed) {
            return false;
        }
        let written = serde_json::to_vec(totals).map_err(std::io::Error::from).map_err(|error| error.to_string());
        let written = written.and_then(|text| FILE.write(&self.path, &text).map_err(|error| error.to_string()));
        let was_failing = self.is_failing.swap(written.is_err(), Ordering::Relaxed);
        if let Err(error) = &written
            && !was_failing
        {
            tracing::error!("totals of derived tags are not kept: {error}");
        }
        written.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_come_back_to_the_last_digit_and_a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().expect("folder");
        let file = TotalsFile::new(folder.path());
        assert!(file.read().is_empty());
        let kept = |total: f64| KeptTotal {
            name: "calc.total".to_owned(),
            of: "cumulative(plc.a)".to_owned(),
            rollover: Some(65_535.0),
            last: 0.1 + 0.2,
            total,
        };
        let totals = [kept(1.0 / 3.0), kept(f64::MAX), kept(-0.0), kept(123_456_789.123_456_79)];
        assert!(file.write(&totals));
        assert_eq!(file.read(), totals);
        let path = folder.path().join(NAME);
        let mut bytes = std::fs::read(&path).expect("reads");
        *bytes.last_mut().expect("bytes") ^= 1;
        std::fs::write(&path, bytes).expect("written");
        assert!(file.read().is_empty() && !path.exists() && folder.path().join("totals.damaged").exists());
        std::fs::create_dir(&path).expect("a folder in its place");
        assert!(file.read().is_empty() && folder.path().join("totals.damaged-2").is_dir());
        assert!(file.write(&totals) && file.read() == totals);
    }
}
