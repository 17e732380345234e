//! The stream of a link: opened by its connector, its traffic counted, driven for a codec that knows no sockets.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

use crate::{Connector, LinkError, Stream};

/// The side of a protocol that bytes pass through: what waits to be sent, and room for what comes.
pub trait Flow {
    /// Bytes to send.
    fn output(&self) -> &[u8];

    /// The first `n` bytes of the output are on their way.
    fn sent(&mut self, n: usize);

    /// Room for received bytes; never empty.
    fn space(&mut self) -> &mut [u8];

    /// Takes over the first `n` bytes of the room.
    fn filled(&mut self, n: usize);
}

/// A stream, or none yet, with what was sent and received on all that the connector opened.
pub struct Wire {
    connector: Box<dyn Connector>,
    stream: Option<Box<dyn Stream>>,
    n_received: u64,
    n_sent: u64,
}

/// What a stream did.
enum Moved {
    Sent(usize),
    Received(usize),
}

impl Wire {
    /// Not connected yet.
    pub const fn new(connector: Box<dyn Connector>) -> Self {
        Self { connector, stream: None, n_received: 0, n_sent: 0 }
    }

    /// Closes the stream and opens another.
    ///
    /// # Errors
    /// [`LinkError::Transport`] from the connector.
    pub async fn connect(&mut self) -> Result<(), LinkError> {
        self.close();
        self.stream = Some(self.connector.connect().await?);
        Ok(())
    }

    /// Closes the stream.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// # Errors
    /// [`LinkError::Transport`] when there is no stream.
    pub fn check_open(&self) -> Result<(), LinkError> {
        if self.stream.is_some() { Ok(()) } else { Err(not_connected()) }
    }

    /// Sends all that waits. What a dropped call has not sent yet, the next one knows of.
    ///
    /// # Errors
    /// [`LinkError::Transport`] when there is no stream, or when it ended.
    pub async fn flush(&mut self, flow: &mut impl Flow) -> Result<(), LinkError> {
        while !flow.output().is_empty() {
            let stream = self.stream.as_mut().ok_or_else(not_connected)?;
            // A device whose answers nobody takes stops taking requests, so they are taken while it does.
            let moved = poll_fn(|cx| {
                if let Poll::Ready(sent) = Pin::new(&mut *stream).poll_write(cx, flow.output()) {
                    return Poll::Ready(sent.map(Moved::Sent));
                }
                let mut space = ReadBuf::new(flow.space());
                let received = ready!(Pin::new(&mut *stream).poll_read(cx, &mut space));
                Poll::Ready(received.map(|()| Moved::Received(space.filled().len())))
            });
            match moved.await? {
                Moved::Sent(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Moved::Sent(n) => {
                    flow.sent(n);
                    self.n_sent += n as u64;
                }
                Moved::Received(n) => self.take(n, flow)?,
            }
        }
        Ok(())
    }

    /// Waits for bytes.
    ///
    /// # Errors
    /// [`LinkError::Transport`] when there is no stream, or when it ended.
    pub async fn receive(&mut self, flow: &mut impl Flow) -> Result<(), LinkError> {
        let stream = self.stream.as_mut().ok_or_else(not_connected)?;
        let n = stream.read(flow.space()).await?;
        self.take(n, flow)
    }

    /// Takes what has arrived already; whether anything had.
    ///
    /// # Errors
    /// [`LinkError::Transport`] when there is no stream, or when it ended.
    pub async fn receive_arrived(&mut self, flow: &mut impl Flow) -> Result<bool, LinkError> {
        let stream = self.stream.as_mut().ok_or_else(not_connected)?;
        let mut space = ReadBuf::new(flow.space());
        let arrived = poll_fn(|cx| match Pin::new(&mut *stream).poll_read(cx, &mut space) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => Poll::Ready(None),
        });
        let Some(result) = arrived.await else { return Ok(false) };
        let n = space.filled().len();
        result?;
        self.take(n, flow)?;
        Ok(true)
    }

    fn take(&mut self, n: usize, flow: &mut impl Flow) -> Result<(), LinkError> {
        if n == 0 {
            let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "connection was closed by the other end");
            return Err(closed.into());
        }
        self.n_received += n as u64;
        flow.filled(n);
        Ok(())
    }

    /// Bytes received and sent so far.
    pub const fn traffic(&self) -> (u64, u64) {
        (self.n_received, self.n_sent)
    }
}

fn not_connected() -> LinkError {
    io::Error::new(io::ErrorKind::NotConnected, "link is not connected").into()
}
