//! What a connection needs of its socket.

use std::future::Future;
use std::io;

use tokio::net::TcpStream;

/// A stream of bytes both ways, read and written without waiting.
pub(crate) trait Stream: Send + Sync + 'static {
    /// Reads what is there; `Ok(0)` means that the peer has closed its side.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there; any other when the stream is broken.
    fn try_read(&self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is no room; any other when the stream is broken.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until a read would not block.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;

    /// Waits until a write would not block.
    fn writable(&self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Stream for TcpStream {
    fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        Self::try_read(self, into)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
        Self::readable(self)
    }

    fn writable(&self) -> impl Future<Output = io::Result<()>> + Send {
        Self::writable(self)
    }
}
