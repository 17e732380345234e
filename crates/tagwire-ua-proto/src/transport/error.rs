//! Why a connection has to be closed.

use tagwire_model::Status;
use thiserror::Error;

use crate::codec::DecodeError;
use crate::status;

/// What the peer did, for the log. The peer itself is told [`TransportError::status`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The frame starts with no known message type.
    #[error("unknown message type")]
    MessageType,
    /// The message type may not come at this point of the connection.
    #[error("message type out of turn")]
    OutOfTurn,
    /// The frame says that it is shorter than its own header.
    #[error("frame is shorter than its header")]
    FrameTooShort,
    /// The frame is larger than what was negotiated.
    #[error("frame is larger than negotiated")]
    FrameTooLarge,
    /// The message has more bytes than allowed.
    #[error("message is larger than allowed")]
    MessageTooLarge,
    /// The message has more chunks than allowed.
    #[error("message has more chunks than allowed")]
    TooManyChunks,
    /// A chunk belongs to another message than the unfinished one.
    #[error("chunk of another message within an unfinished one")]
    Interleaved,
    /// The content of a connection or channel message cannot be decoded.
    #[error("{0}")]
    Decode(DecodeError),
    /// The endpoint URL is longer than 4096 bytes.
    #[error("endpoint URL is too long")]
    EndpointUrl,
    /// A buffer of the peer is below the minimum.
    #[error("buffer of the peer is smaller than 8192 bytes")]
    BufferTooSmall,
    /// A sequence number does not follow the one before.
    #[error("sequence number does not follow the one before")]
    Sequence,
    /// The channel id is not that of this connection.
    #[error("channel id is not that of this connection")]
    ChannelId,
    /// The token was never issued, was replaced or has expired.
    #[error("security token is unknown or expired")]
    Token,
    /// The security policy is unknown or not offered.
    #[error("security policy is unknown or not offered")]
    Policy,
    /// The security mode does not fit the policy or is not offered.
    #[error("security mode is not offered with this policy")]
    Mode,
    /// A renewal differs in policy, mode or certificate from the channel it renews.
    #[error("renewal with another policy, mode or certificate")]
    RenewalMismatch,
    /// The certificate of the peer is missing, unusable or our own.
    #[error("certificate of the peer is unusable")]
    Certificate,
    /// The peer encrypted for another certificate than ours.
    #[error("message is meant for another certificate")]
    Thumbprint,
    /// A nonce has the wrong length or is our own one.
    #[error("nonce has a wrong length or was reflected")]
    Nonce,
    /// Decryption, signature or padding failed; which of them is not told apart.
    #[error("message is not authentic")]
    NotAuthentic,
    /// The own key or random source failed.
    #[error("own cryptography failed")]
    Crypto,
    /// The peer took too long to open the channel or to renew it.
    #[error("peer took too long")]
    TimedOut,
    /// The peer ended the connection with this code.
    #[error("peer ended the connection with {0}")]
    PeerError(Status),
    /// The caller refused the peer, with the code it chose.
    #[error("refused with {}", crate::status::name(*.0).map_or_else(|| .0.to_string(), str::to_owned))]
    Refused(Status),
}

/// A connection has to be closed; the peer may be told the code before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct TransportError(pub Fault);

impl TransportError {
    /// The code that the peer may see (Part 6, 7.1.5): every failure of security looks the same.
    pub const fn status(self) -> Status {
        match self.0 {
            Fault::MessageType | Fault::OutOfTurn => status::BAD_TCP_MESSAGE_TYPE_INVALID,
            Fault::FrameTooShort | Fault::FrameTooLarge | Fault::MessageTooLarge | Fault::TooManyChunks => {
                status::BAD_TCP_MESSAGE_TOO_LARGE
            }
            Fault::Decode(error) => error.status(),
            Fault::EndpointUrl => status::BAD_TCP_ENDPOINT_URL_INVALID,
            Fault::BufferTooSmall => status::BAD_CONNECTION_REJECTED,
            Fault::ChannelId => status::BAD_TCP_SECURE_CHANNEL_UNKNOWN,
            Fault::Token => status::BAD_SECURE_CHANNEL_TOKEN_UNKNOWN,
            Fault::Policy => status::BAD_SECURITY_POLICY_REJECTED,
            Fault::Mode => status::BAD_SECURITY_MODE_REJECTED,
            Fault::Interleaved
            | Fault::Sequence
            | Fault::RenewalMismatch
            | Fault::Certificate
            | Fault::Thumbprint
            | Fault::Nonce
            | Fault::NotAuthentic => status::BAD_SECURITY_CHECKS_FAILED,
            Fault::Crypto => status::BAD_TCP_INTERNAL_ERROR,
            Fault::TimedOut => Status::BAD_TIMEOUT,
            Fault::PeerError(code) | Fault::Refused(code) => code,
        }
    }

    /// What went wrong, for the log.
    pub const fn fault(self) -> Fault {
        self.0
    }
}

impl From<Fault> for TransportError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<DecodeError> for TransportError {
    fn from(error: DecodeError) -> Self {
        Self(Fault::Decode(error))
    }
}
