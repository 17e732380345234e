//! What server and client channel have in common: tokens, sequence numbers, and chunks in both directions.

use std::time::{Duration, Instant};

use thiserror::Error;

use super::derive::{Exchanged, KeyMaterial};
use super::symmetric::{BODY_AT, OpeningKeys, SealingKeys, clear_ids, sequence_ids};
use super::{CryptoFailed, SecurityPolicy};
use crate::codec::Encode;
use crate::services::MessageSecurityMode;
use crate::transport::{
    Assembler, Body, ChunkKind, Fault, FrameHeader, MessageKind, Negotiated, SequenceIn, SequenceOut, TransportError,
};

/// Bytes to leave free in front of the body of a message: frame header, channel id, token id, sequence number and
/// request id.
pub const MESSAGE_HEADER_LEN: usize = BODY_AT;

/// A message exceeds what the peer said it can take; nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("message is larger than the peer can take")]
pub struct MessageTooLarge;

impl MessageTooLarge {
    /// The code for the fault to send instead.
    pub const fn status(self) -> tagwire_model::Status {
        crate::status::BAD_RESPONSE_TOO_LARGE
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Client,
}

/// What names the keys in use. Without security there are no keys, but the id and the lifetime count all the same.
pub(super) struct Token {
    pub(super) id: u32,
    created: Instant,
    lifetime: Duration,
    sealing: Option<SealingKeys>,
    opening: Option<OpeningKeys>,
}

impl Token {
    /// A token with keys from what was exchanged, which is nothing with the policy None.
    pub(super) fn new(
        (policy, mode): (&SecurityPolicy, MessageSecurityMode),
        id: u32,
        (created, lifetime): (Instant, Duration),
        exchanged: &Exchanged<'_>,
    ) -> Result<Self, CryptoFailed> {
        let (sealing, opening) = match policy.symmetric {
            Some(suite) => {
                let (own, peer) = KeyMaterial::both(policy, suite, mode.encrypts(), exchanged)?;
                let sealing = SealingKeys::new(suite, mode.encrypts(), &own)?;
                (Some(sealing), Some(OpeningKeys::new(suite, mode.encrypts(), &peer)?))
            }
            None => (None, None),
        };
        Ok(Self { id, created, lifetime, sealing, opening })
    }

    /// When messages with this token are no longer accepted: a quarter of the lifetime after its end (Part 4,
    /// 5.6.2.1).
    pub(super) fn deadline(&self) -> Instant {
        self.created + self.lifetime + self.lifetime / 4
    }
}

/// An open channel.
pub(super) struct Link {
    role: Role,
    pub(super) policy: &'static SecurityPolicy,
    pub(super) mode: MessageSecurityMode,
    pub(super) channel_id: u32,
    pub(super) limits: Negotiated,
    incoming: SequenceIn,
    outgoing: SequenceOut,
    assembler: Assembler,
    /// The token that messages are sent with.
    active: Token,
    /// Server: the renewed token, until the client uses it. Client: the old token, until the server stops using it.
    other: Option<Token>,
}

impl Link {
    pub(super) fn new(
        role: Role,
        (policy, mode): (&'static SecurityPolicy, MessageSecurityMode),
        channel_id: u32,
        limits: Negotiated,
        (incoming, outgoing): (SequenceIn, SequenceOut),
        token: Token,
    ) -> Self {
        let assembler = Assembler::default();
        Self { role, policy, mode, channel_id, limits, incoming, outgoing, assembler, active: token, other: None }
    }

    pub(super) fn unfinished_bytes(&self) -> usize {
        self.assembler.unfinished_bytes()
    }

    pub(super) const fn active_token_id(&self) -> u32 {
        self.active.id
    }

    /// When the last token of the channel expires for good.
    pub(super) fn deadline(&self) -> Instant {
        let other = self.other.as_ref().map_or_else(|| self.active.deadline(), Token::deadline);
        self.active.deadline().max(other)
    }

    pub(super) fn renew(&mut self, token: Token) {
        self.other = Some(match self.role {
            Role::Server => token,
            Role::Client => std::mem::replace(&mut self.active, token),
        });
    }

    /// Takes the sequence number of an OpenSecureChannel message, which counts like all others.
    pub(super) fn accept_sequence(&mut self, number: u32) -> Result<(), TransportError> {
        self.incoming.accept(number)
    }

    pub(super) const fn take_sequence(&mut self) -> u32 {
        self.outgoing.take()
    }

    /// Takes a chunk; returns the request id and, when it was the last chunk, the body.
    #[inline]
    pub(super) fn receive<'a>(
        &mut self,
        header: FrameHeader,
        frame: &'a mut [u8],
        now: Instant,
    ) -> Result<(u32, Option<Body<'a>>), TransportError> {
        let (channel_id, token_id) = clear_ids(frame)?;
        if channel_id != self.channel_id {
            return Err(Fault::ChannelId.into());
        }
        let token = self.token(token_id).filter(|token| now <= token.deadline()).ok_or(Fault::Token)?;
        let body_end = match &token.opening {
            Some(keys) => keys.open((token_id, self.incoming.last()), frame)?,
            None => frame.len(),
        };
        let (number, request_id) = sequence_ids(frame)?;
        self.incoming.accept(number)?;
        self.token_was_used(token_id);
        let frame: &'a [u8] = frame;
        let content = frame.get(BODY_AT..body_end).unwrap_or_default();
        let body = self.assembler.add(header.chunk, request_id, content, &self.limits)?;
        Ok((request_id, body))
    }

    fn token(&self, token_id: u32) -> Option<&Token> {
        if self.active.id == token_id {
            return Some(&self.active);
        }
        self.other.as_ref().filter(|token| token.id == token_id)
    }

    /// Drops the token that the peer has shown it no longer needs. Called only for authentic messages.
    #[inline]
    fn token_was_used(&mut self, token_id: u32) {
        if self.other.is_none() {
            return;
        }
        match self.role {
            Role::Server if token_id != self.active.id => {
                if let Some(token) = self.other.take() {
                    self.active = token;
                }
            }
            Role::Client if token_id == self.active.id => self.other = None,
            _ => {}
        }
    }

    /// Leaves room for the header; the body is to be appended behind it.
    #[inline]
    pub(super) fn begin(out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[0; MESSAGE_HEADER_LEN]);
        start
    }

    /// Turns the body behind `start` into one chunk in place, or into as many as the peer's buffer asks for.
    pub(super) fn finish(
        &mut self,
        kind: MessageKind,
        request_id: u32,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), MessageTooLarge>, CryptoFailed> {
        let body_len = out.len() - start - MESSAGE_HEADER_LEN;
        let max_body = match &self.active.sealing {
            Some(keys) => keys.max_body(self.limits.send_buffer),
            None => self.limits.send_buffer - MESSAGE_HEADER_LEN,
        };
        let n_chunks = body_len.div_ceil(max_body).max(1);
        if body_len > self.limits.max_send_message || n_chunks > self.limits.max_send_chunks {
            out.truncate(start);
            return Ok(Err(MessageTooLarge));
        }
        if n_chunks == 1 {
            self.seal(kind, ChunkKind::Final, request_id, start, out)?;
            return Ok(Ok(()));
        }
        let body = out.split_off(start + MESSAGE_HEADER_LEN);
        out.truncate(start);
        let mut parts = body.chunks(max_body).peekable();
        while let Some(part) = parts.next() {
            let chunk = if parts.peek().is_some() { ChunkKind::Intermediate } else { ChunkKind::Final };
            let start = Self::begin(out);
            out.extend_from_slice(part);
            self.seal(kind, chunk, request_id, start, out)?;
        }
        Ok(Ok(()))
    }

    /// Gives an unfinished message up: the peer drops what it has of it (Part 6, 6.7.3).
    pub(super) fn abort(
        &mut self,
        request_id: u32,
        error: tagwire_model::Status,
        reason: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        let start = Self::begin(out);
        error.encode(out);
        crate::codec::write_str(reason, out);
        self.seal(MessageKind::Message, ChunkKind::Abort, request_id, start, out)
    }

    #[inline]
    fn seal(
        &mut self,
        kind: MessageKind,
        chunk: ChunkKind,
        request_id: u32,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoFailed> {
        let place = out.get_mut(start..).and_then(|frame| frame.first_chunk_mut::<MESSAGE_HEADER_LEN>());
        let place = place.ok_or(CryptoFailed)?;
        place[..3].copy_from_slice(&kind.code());
        place[3] = chunk.code();
        place[8..12].copy_from_slice(&self.channel_id.to_le_bytes());
        place[12..16].copy_from_slice(&self.active.id.to_le_bytes());
        let number = self.outgoing.take();
        place[16..20].copy_from_slice(&number.to_le_bytes());
        place[20..24].copy_from_slice(&request_id.to_le_bytes());
        match &mut self.active.sealing {
            Some(keys) => keys.seal((self.active.id, number), start, out),
            None => {
                FrameHeader::close(start, out);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
impl Link {
    pub(super) const fn skip_to(&mut self, last: u32) {
        self.incoming.skip_to(last);
        self.outgoing.skip_to(last);
    }
}
