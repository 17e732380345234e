//! What the historian needs of a disk: one flat folder of files.

mod crash;
mod disk;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use crash::CrashDisk;
pub use disk::Disk;

/// A flat folder. Names are plain file names.
pub trait Storage: Debug + Send + Sync + 'static {
    /// Opens a file for reading and writing; makes an empty one when `create` is set and there is none.
    ///
    /// # Errors
    /// What the system says; `NotFound` when there is none and none is to be made.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn StorageFile>>;

    /// The names of all files.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Deletes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes a file that never changes again appear in another folder, too, without copying it; whether that could be
    /// done.
    ///
    /// # Errors
    /// What the system says, unless it only says that files cannot be shared between these folders.
    fn share(&self, name: &str, folder: &Path) -> io::Result<bool> {
        let _ = (name, folder);
        Ok(false)
    }

    /// Makes lasting which names there are.
    ///
    /// # Errors
    /// What the system says.
    fn sync_names(&self) -> io::Result<()>;

    /// Takes the folder for this process until the answer is dropped; `None` when another has it.
    ///
    /// # Errors
    /// What the system says.
    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>>;
}

/// An open file, which any number of threads may use at once.
pub trait StorageFile: Debug + Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it is empty.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `out` with the bytes from `at` on.
    ///
    /// # Errors
    /// What the system says; `UnexpectedEof` when the file is shorter.
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all `bytes` from `at` on.
    ///
    /// # Errors
    /// What the system says.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts or extends with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns when all that was written is on the disk.
    ///
    /// # Errors
    /// What the system says; then nothing is known about what was written since the last call that succeeded.
    fn sync(&self) -> io::Result<()>;
}

/// `len` bytes from `at` on. The length is checked against the file before anything is allocated.
pub(crate) fn read_vec(file: &dyn StorageFile, at: u64, len: usize) -> io::Result<Vec<u8>> {
    if at.checked_add(len as u64).is_none_or(|end| file.len().is_ok_and(|whole| end > whole)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; len];
    file.read_at(at, &mut bytes)?;
    Ok(bytes)
}
