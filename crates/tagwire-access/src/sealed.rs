//! Files of the server's own that tell whether they are whole.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use thiserror::Error;

use crate::FileError;
use crate::file::{self, Readers};

/// Length of the first bytes, which tell what a file is.
const KIND_LEN: usize = 8;
/// Length of the SHA-256 that follows.
const DIGEST_LEN: usize = 32;

/// Why a sealed file cannot be used.
#[derive(Debug, Error)]
pub enum SealedError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is of another kind, or not as it was written.
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
}

/// A kind of file whose content carries its SHA-256. Such files are for their owner alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    kind: [u8; KIND_LEN],
    /// Longest content in bytes.
    limit: u64,
}

impl Sealed {
    /// Files that begin with `kind` and hold at most `limit` bytes beside it.
    pub const fn new(kind: [u8; KIND_LEN], limit: u64) -> Self {
        Self { kind, limit }
    }

    /// Replaces a file whole, or leaves it as it is. Its folder is made where there is none.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), FileError> {
        if let Some(folder) = path.parent() {
            file::make_folder(folder)?;
        }
        let mut bytes = Vec::with_capacity(KIND_LEN + DIGEST_LEN + content.len());
        bytes.extend_from_slice(&self.kind);
        bytes.extend_from_slice(digest::digest(&digest::SHA256, content).as_ref());
        bytes.extend_from_slice(content);
        file::replace(path, &bytes, Readers::Owner)
    }

    /// The content of a file; `None` when there is none.
    ///
    /// # Errors
    /// [`SealedError`].
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, SealedError> {
        let head = (KIND_LEN + DIGEST_LEN) as u64;
        let Some(mut bytes) = file::read(path, head + self.limit)? else { return Ok(None) };
        let damaged = || SealedError::Damaged(path.to_owned());
        let rest = bytes.strip_prefix(&self.kind).ok_or_else(damaged)?;
        let (sum, content) = rest.split_at_checked(DIGEST_LEN).ok_or_else(damaged)?;
        if digest::digest(&digest::SHA256, content).as_ref() != sum {
            return Err(damaged());
        }
        bytes.drain(..KIND_LEN + DIGEST_LEN);
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Sealed = Sealed::new(*b"TESTFILE", 100);

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("below/file");
        assert!(KIND.read(&path).expect("no error").is_none());
        KIND.write(&path, b"content").expect("writes");
        assert_eq!(KIND.read(&path).expect("whole").as_deref(), Some(&b"content"[..]));
        assert!(matches!(Sealed::new(*b"OTHERKND", 100).read(&path), Err(SealedError::Damaged(_))));
        let good = std::fs::read(&path).expect("reads");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).expect("writes");
            assert!(matches!(KIND.read(&path), Err(SealedError::Damaged(_))), "byte {at}");
            std::fs::write(&path, &good[..at]).expect("writes");
            assert!(matches!(KIND.read(&path), Err(SealedError::Damaged(_))), "cut at {at}");
        }
        KIND.write(&path, &[0; 101]).expect("writes");
        assert!(matches!(KIND.read(&path), Err(SealedError::File(FileError::TooLarge { .. }))));
    }
}
