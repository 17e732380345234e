//! Where the control socket of a data folder is.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::data_dir::control_socket;

/// Most bytes of a path that the operating system takes for a socket.
const MAX_LEN: usize = 107;

/// A path by which the operating system takes the socket, however long that of the data folder is.
#[derive(Debug)]
pub(super) struct SocketPath {
    path: PathBuf,
    /// Keeps the short path alive, which leads through it.
    _folder: Option<File>,
}

impl SocketPath {
    /// The socket of a data folder, which must be there.
    ///
    /// # Errors
    /// As the operating system reports them.
    pub(super) fn of(data_dir: &Path) -> io::Result<Self> {
        let path = control_socket(data_dir);
        if path.as_os_str().as_bytes().len() <= MAX_LEN {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(data_dir)?;
        let path = control_socket(&PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())));
        Ok(Self { path, _folder: Some(folder) })
    }
}

impl AsRef<Path> for SocketPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
