//! The stream of a link and the exchange over it, one request at a time.

use tagwire_driver::{Connector, LinkError};

use super::exchange::{Exchange, Outcome};
use crate::codec::frame::status_text;

/// A stream and what is asked on it.
pub(crate) struct Wire {
    stream: tagwire_driver::Wire,
    pub(crate) exchange: Exchange,
}

impl Wire {
    pub(crate) fn new(connector: Box<dyn Connector>) -> Self {
        Self { stream: tagwire_driver::Wire::new(connector), exchange: Exchange::new() }
    }

    /// Opens the stream; whatever was under way on an old one is forgotten.
    pub(crate) async fn connect(&mut self) -> Result<(), LinkError> {
        self.close();
        self.stream.connect().await
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
        self.stream.close();
        self.exchange.restart();
    }

    /// # Errors
    /// [`LinkError`] when there is no stream.
    pub(crate) fn check_open(&self) -> Result<(), LinkError> {
        self.stream.check_open()
    }

    /// Sends what is waiting to be sent and waits for the answer.
    pub(crate) async fn complete(&mut self) -> Result<Outcome, LinkError> {
        loop {
            self.stream.flush(&mut self.exchange).await?;
            if let Some(outcome) = self.exchange.next().map_err(|error| LinkError::Protocol(error.to_string()))? {
                return Ok(outcome);
            }
            self.stream.receive(&mut self.exchange).await?;
        }
    }

    /// Bytes received and sent so far.
    pub(crate) const fn traffic(&self) -> (u64, u64) {
        self.stream.traffic()
    }
}
