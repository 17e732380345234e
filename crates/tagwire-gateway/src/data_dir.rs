//! The folder that one process owns.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A data folder held by this process until dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Another process holds it.
    #[error("another tagwire (process {pid}) uses {path}")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process, as it wrote it down; empty when unknown.
        pid: String,
    },
    /// The operating system refused.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the folder where it does not exist (mode 0700) and takes hold of it.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let failed = |at: &Path, source| DataDirError::Io { path: at.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| failed(path, error))?;
        let lock_path = path.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|error| failed(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _ = lock.read_to_string(&mut pid);
                return Err(DataDirError::InUse { path: path.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path, error)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .map_err(|error| failed(&lock_path, error))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The control socket of the process that holds the folder.
    pub fn socket(&self) -> PathBuf {
        control_socket(&self.path)
    }
}

/// Where the control socket of a data folder is.
pub fn control_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Makes a file readable and writable by its owner only.
pub(crate) fn owner_only(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_owns_the_folder() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("data");
        let first = DataDir::open(&path).expect("free");
        let second = DataDir::open(&path).expect_err("held");
        assert!(second.to_string().contains(&std::process::id().to_string()), "{second}");
        drop(first);
        DataDir::open(&path).expect("free again");
    }
}
