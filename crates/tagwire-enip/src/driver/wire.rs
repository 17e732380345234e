//! The stream of a link and the exchange over it, one request at a time.

use std::io;

use tagwire_driver::{Connector, LinkError, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::exchange::{Exchange, Outcome};
use crate::codec::frame::status_text;

/// A stream that comes from a connector, with what was sent and received on all of them.
pub(crate) struct Wire {
    connector: Box<dyn Connector>,
    stream: Option<Box<dyn Stream>>,
    pub(crate) exchange: Exchange,
    n_received: u64,
    n_sent: u64,
}

impl Wire {
    pub(crate) fn new(connector: Box<dyn Connector>) -> Self {
        Self { connector, stream: None, exchange: Exchange::new(), n_received: 0, n_sent: 0 }
    }

    /// Opens the stream; whatever was under way on an old one is forgotten.
    pub(crate) async fn connect(&mut self) -> Result<(), LinkError> {
        self.close();
        self.stream = Some(self.connector.connect().await?);
        Ok(())
    }

    /// Opens a session on the stream.
    pub(crate) async fn register(&mut self) -> Result<(), LinkError> {
        self.exchange.register();
        match self.complete().await? {
            Outcome::Answered => Ok(()),
            Outcome::Refused(status) => {
                Err(LinkError::Protocol(format!("device refuses a session: {}", status_text(status))))
            }
        }
    }

    pub(crate) fn close(&mut self) {
        self.stream = None;
        self.exchange.restart();
    }

    /// # Errors
    /// [`LinkError`] when there is no stream.
    pub(crate) fn check_open(&self) -> Result<(), LinkError> {
        if self.stream.is_some() { Ok(()) } else { Err(not_connected()) }
    }

    /// Sends what is waiting to be sent and waits for the answer.
    pub(crate) async fn complete(&mut self) -> Result<Outcome, LinkError> {
        let stream = self.stream.as_mut().ok_or_else(not_connected)?;
        loop {
            while !self.exchange.output().is_empty() {
                let n = stream.write(self.exchange.output()).await?;
                if n == 0 {
                    return Err(io::Error::from(io::ErrorKind::WriteZero).into());
                }
                self.exchange.sent(n);
                self.n_sent += n as u64;
            }
            if let Some(outcome) = self.exchange.next().map_err(|error| LinkError::Protocol(error.to_string()))? {
                return Ok(outcome);
            }
            let n = stream.read(self.exchange.space()).await?;
            if n == 0 {
                let closed = io::Error::new(io::ErrorKind::UnexpectedEof, "connection was closed by the other end");
                return Err(closed.into());
            }
            self.n_received += n as u64;
            self.exchange.filled(n);
        }
    }

    /// Bytes received and sent so far.
    pub(crate) const fn traffic(&self) -> (u64, u64) {
        (self.n_received, self.n_sent)
    }
}

fn not_connected() -> LinkError {
    io::Error::new(io::ErrorKind::NotConnected, "link is not connected").into()
}
