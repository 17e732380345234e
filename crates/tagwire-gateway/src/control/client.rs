//! The side of the command line: blocking, one command at a time.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::place::SocketPath;
use super::protocol::{Answer, MAX_ANSWER, Request};

/// A connection to the server that owns a data folder.
#[derive(Debug)]
pub struct ControlClient {
    stream: BufReader<UnixStream>,
}

/// Why a command did not reach the server.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No server owns the folder.
    #[error("no server runs with the data folder {0}")]
    NotRunning(PathBuf),
    /// The socket belongs to another user.
    #[error("the control socket in {0} belongs to another user")]
    Denied(PathBuf),
    /// The connection broke.
    #[error("the control socket failed: {0}")]
    Io(#[from] io::Error),
    /// The server said something else than an answer.
    #[error("the server's answer is not understood: {0}")]
    Answer(String),
}

impl ControlClient {
    /// Longest wait for an answer; a reload of many tags takes a while.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Connects to the server that owns `data_dir`.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn connect(data_dir: &Path) -> Result<Self, ControlError> {
        let stream = SocketPath::of(data_dir).and_then(UnixStream::connect).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ControlError::NotRunning(data_dir.to_owned()),
            io::ErrorKind::PermissionDenied => ControlError::Denied(data_dir.to_owned()),
            _ => ControlError::Io(error),
        })?;
        stream.set_read_timeout(Some(Self::TIMEOUT))?;
        stream.set_write_timeout(Some(Self::TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one command and waits for its answer.
    ///
    /// # Errors
    /// [`ControlError`]; a command that was refused is an [`Answer`].
    pub fn ask(&mut self, request: &Request) -> Result<Answer, ControlError> {
        let mut line = serde_json::to_vec(request).map_err(|error| ControlError::Answer(error.to_string()))?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        line.clear();
        self.stream.by_ref().take(MAX_ANSWER as u64).read_until(b'\n', &mut line)?;
        serde_json::from_slice(&line).map_err(|error| ControlError::Answer(error.to_string()))
    }
}
