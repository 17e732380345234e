//! What can go wrong, by whose fault it is.

use std::fmt;
use std::time::Duration;

use opcua_types::StatusCode;
use tagwire_access::{FileError, OwnError, Refusal};
use tagwire_model::{ConvertError, Status};
use thiserror::Error;

use crate::{NodeIdError, UrlError};

/// A failed call; one failed node of many is a [`Status`] in the result instead.
#[derive(Debug, Error)]
pub enum Error {
    /// The caller's address is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The caller's node id is none.
    #[error(transparent)]
    NodeId(#[from] NodeIdError),
    /// The caller's text is no value of the node's type.
    #[error("\"{text}\" is no {wanted}: {source}")]
    Value {
        /// What was given.
        text: String,
        /// The type that the node holds.
        wanted: String,
        /// Why it does not fit.
        source: ConvertError,
    },
    /// The caller's number has a fraction, which the node cannot hold.
    #[error("\"{text}\" has a fraction, and the tag holds whole numbers only ({wanted})")]
    Fraction {
        /// What was given.
        text: String,
        /// The type that the node holds.
        wanted: String,
    },
    /// The caller's options contradict each other or what the server offers.
    #[error("{0}")]
    Options(String),
    /// The server offers no endpoint with the security and the log-in that the caller asks for.
    #[error("{0}")]
    NoEndpoint(String),
    /// The own key, certificate or trust folders cannot be used.
    #[error("{0}")]
    Own(#[from] OwnError),
    /// A file of the trust folders cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Nobody answers there.
    #[error("cannot connect to {url}: {problem}")]
    Unreachable {
        /// What was dialled.
        url: String,
        /// What the system said.
        problem: String,
    },
    /// No answer within the time.
    #[error("no answer to {what} within {limit:?}")]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The connection was lost, or the session was closed.
    #[error("connection lost: {0}")]
    Lost(StatusName),
    /// The server's certificate is not good.
    #[error("certificate of the server refused: {0}")]
    Untrusted(#[source] Refusal),
    /// The server does not trust the certificate of this client.
    #[error("server does not trust the certificate of this client ({status})")]
    Distrusted {
        /// Its answer.
        status: StatusName,
        /// The fingerprint of the certificate, as the server's trust list shows it.
        fingerprint: String,
    },
    /// The server refused.
    #[error("server refused {what}: {status}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its answer.
        status: StatusName,
    },
    /// The server broke the rules of the protocol.
    #[error("server broke the protocol: {0}")]
    Peer(String),
}

/// A status with its name from the full list of OPC UA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusName(pub Status);

impl StatusName {
    /// The name of a status without its info bits, from the full list of OPC UA.
    pub fn plain(status: Status) -> String {
        status.name().map_or_else(|| Self(status.code()).to_string(), str::to_owned)
    }

    pub(crate) fn of(status: StatusCode) -> Self {
        Self(Status(status.bits()))
    }
}

impl fmt::Display for StatusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", StatusCode::from(self.0.0))
    }
}

impl Error {
    /// The status code behind the error, where the server or the link gave one.
    pub const fn status(&self) -> Option<Status> {
        match self {
            Self::Lost(status) | Self::Refused { status, .. } | Self::Distrusted { status, .. } => Some(status.0),
            Self::Timeout { .. } => Some(Status::BAD_TIMEOUT),
            _ => None,
        }
    }

    /// A refusal of the server.
    pub const fn refused(what: &'static str, status: Status) -> Self {
        Self::Refused { what, status: StatusName(status) }
    }

    /// Whether trying again later, without changing anything, may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Timeout { .. } | Self::Lost(_))
    }

    /// Sorts a failure that the library reports.
    pub(crate) fn from_library(what: &'static str, limit: Duration, status: StatusCode) -> Self {
        match status {
            StatusCode::BadTimeout | StatusCode::BadRequestTimeout => Self::Timeout { what, limit },
            StatusCode::BadNotConnected
            | StatusCode::BadConnectionClosed
            | StatusCode::BadCommunicationError
            | StatusCode::BadSecureChannelClosed
            | StatusCode::BadSessionClosed
            | StatusCode::BadSessionIdInvalid
            | StatusCode::BadServerHalted
            | StatusCode::BadShutdown => Self::Lost(StatusName::of(status)),
            StatusCode::BadDecodingError
            | StatusCode::BadEncodingLimitsExceeded
            | StatusCode::BadUnknownResponse
            | StatusCode::BadTcpMessageTypeInvalid => {
                Self::Peer(format!("answer to {what} cannot be read ({})", StatusName::of(status)))
            }
            _ => Self::Refused { what, status: StatusName::of(status) },
        }
    }
}
