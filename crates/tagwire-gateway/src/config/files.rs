//! Where the files of a configuration come from.

use std::io::{self, Read as _};
use std::path::Path;

/// Reads whole files.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The first bytes of a file: one more than `max` when it is longer, so that whoever reads them can tell.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn read_up_to(&self, path: &Path, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = self.read(path)?;
        bytes.truncate(max.saturating_add(1));
        Ok(bytes)
    }
}

/// The files on disk.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn read_up_to(&self, path: &Path, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(max as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
