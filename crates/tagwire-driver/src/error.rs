//! What can go wrong on a link, grouped by whose fault it is.

use tagwire_model::Status;
use thiserror::Error;

/// The link itself failed: the supervisor disconnects and connects again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The transport failed: refused, reset, closed, no such port.
    #[error("{0}")]
    Transport(#[from] std::io::Error),
    /// The peer sent bytes that are no valid answer, so the stream can no longer be trusted.
    #[error("peer broke the protocol: {0}")]
    Protocol(String),
}

/// A device answered, and the answer was no: only the items asked for are concerned, the link is fine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The quality that the refused items get.
    pub status: Status,
    /// What the device said, in its protocol's words.
    pub reason: String,
    /// Whether asking for fewer items may succeed, as with an illegal address inside a block.
    pub divisible: bool,
}

/// A tag's address or type cannot be used with this driver. `fix` is a sentence for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct AddressError {
    /// What is wrong, lower case, without a final dot.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}

/// A link cannot be built from its settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct BuildError {
    /// The key that is wrong, for example `address`.
    pub key: &'static str,
    /// What is wrong, lower case, without a final dot.
    pub problem: String,
    /// What to write instead.
    pub fix: String,
}
