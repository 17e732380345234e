//! Files that are replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// Reading failed.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing failed; the former content is untouched.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than anything useful.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size accepted.
        limit: u64,
    },
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// The owner alone (0600).
    Owner,
    /// Everybody (0644).
    All,
}

impl Readers {
    #[cfg(unix)]
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::All => 0o644,
        }
    }
}

/// Reads a file of at most `limit` bytes; `None` when there is none.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let error = |source| FileError::Read { path: path.to_owned(), source };
    // Opening anything but a file may wait for ever, as for the other end of a pipe.
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(error(io::Error::other("it is no file"))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(error(source)),
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(error(source)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// Replaces `path` with `bytes`: written beside it, synced, renamed, and the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), FileError> {
    let error = |source| FileError::Write { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| error(io::ErrorKind::InvalidInput.into()))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = folder.join(beside);
    let written = write_new(&beside, bytes, readers).and_then(|()| fs::rename(&beside, path));
    if let Err(source) = written {
        // The first error is the one to report; a leftover temporary file is overwritten next time.
        let _ = fs::remove_file(&beside);
        return Err(error(source));
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(error)
}

fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    // A leftover of a crashed process may have other permissions, which opening it again would keep.
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(source),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, readers.mode());
    #[cfg(not(unix))]
    let _ = readers;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Deletes a file; that there is none is no error.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Makes a folder and its parents, for the owner alone where it does not exist yet.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_has_the_new_content_and_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("secret");
        replace(&path, b"old", Readers::Owner).expect("writes");
        replace(&path, b"new", Readers::Owner).expect("writes");
        assert_eq!(read(&path, 3).expect("reads").as_deref(), Some(&b"new"[..]));
        assert!(matches!(read(&path, 2), Err(FileError::TooLarge { .. })));
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("stat").permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_missing_file_is_no_error_and_a_missing_folder_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(read(&folder.path().join("none"), 10).expect("reads").is_none());
        let error = replace(&folder.path().join("none/file"), b"", Readers::All).expect_err("no folder");
        assert!(error.to_string().contains("none/file"), "{error}");
    }
}
