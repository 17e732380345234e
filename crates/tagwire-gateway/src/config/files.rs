//! Where the files of a configuration come from.

use std::io;
use std::path::Path;

/// Reads whole files.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// As the operating system reports them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The files on disk.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
