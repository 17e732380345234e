//! The client's side of a connection, as small as tests and tools need it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_model::{Status, Timestamp};
use zeroize::Zeroizing;

use super::asymmetric::{self, OpenHeader};
use super::bound::{Bound, OwnNonce};
use super::derive::Exchanged;
use super::link::{Link, Role, Token};
use super::{MessageTooLarge, OwnIdentity, PeerCertificate, SecurityPolicy};
use crate::codec::{Decode, DecodeError, Reader};
use crate::services::{
    CloseSecureChannelRequest, MessageSecurityMode, OpenSecureChannelRequest, OpenSecureChannelResponse, RequestHeader,
    SecurityTokenRequestType, read_message_id, write_message,
};
use crate::transport::{
    Acknowledge, Body, ChunkKind, ErrorMessage, Fault, HELLO_FRAME_MAX, Hello, Limits, MessageKind, Negotiated,
    PROTOCOL_VERSION, SequenceIn, SequenceOut, TransportError, next_frame,
};
use crate::types::{ByteString, Structure};

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Own certificate and key and the certificate of the server; `None` for the policy None.
    pub parties: Option<(Arc<OwnIdentity>, Arc<PeerCertificate>)>,
    /// The policy.
    pub policy: &'static SecurityPolicy,
    /// The mode.
    pub mode: MessageSecurityMode,
    /// Sizes.
    pub limits: Limits,
}

/// What a server did.
#[derive(Debug)]
pub enum ClientEvent<'a> {
    /// It answered the Hello; [`ClientChannel::open`] is next.
    Acknowledged,
    /// The channel is open, or its token renewed.
    Opened {
        /// The new token.
        token_id: u32,
        /// How long it holds.
        lifetime: Duration,
    },
    /// It answered a request.
    Message {
        /// The request.
        request_id: u32,
        /// Id of the encoding and structure.
        body: Body<'a>,
    },
    /// It gave up a response of which some chunks had arrived.
    Aborted {
        /// The request.
        request_id: u32,
    },
}

/// The client's side of one connection. It holds no socket and reads no clock.
pub struct ClientChannel {
    pub(super) config: ClientConfig,
    state: State,
    /// Nonce and signature of an OpenSecureChannel request without its response yet.
    pending: Option<(OwnNonce, Vec<u8>)>,
    bound: Bound,
    last_request_id: u32,
}

enum State {
    AwaitAcknowledge,
    Acknowledged { limits: Negotiated, incoming: SequenceIn, outgoing: SequenceOut },
    Open(Box<Link>),
}

impl ClientChannel {
    /// Appends the Hello to `out`.
    pub fn new(config: ClientConfig, endpoint_url: &str, out: &mut Vec<u8>) -> Self {
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            receive_buffer: config.limits.receive_buffer,
            send_buffer: config.limits.send_buffer,
            max_message: config.limits.max_message,
            max_chunks: config.limits.max_chunks,
            endpoint_url,
        };
        hello.write(out);
        Self { config, state: State::AwaitAcknowledge, pending: None, bound: Bound::default(), last_request_id: 0 }
    }

    /// The token that messages are sent with, once the channel is open.
    pub fn token_id(&self) -> Option<u32> {
        match &self.state {
            State::Open(link) => Some(link.active_token_id()),
            _ => None,
        }
    }

    /// What signatures of sessions on this channel begin with; empty unless the policy binds them to it.
    pub fn thumbprint(&self) -> &[u8] {
        self.bound.thumbprint()
    }

    /// An id for the next request.
    pub const fn next_request_id(&mut self) -> u32 {
        self.last_request_id = self.last_request_id.wrapping_add(1);
        self.last_request_id
    }

    /// Appends an OpenSecureChannel request: the first one, or the renewal of an open channel.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] before the server has answered the Hello, [`Fault::Crypto`].
    pub fn open(&mut self, lifetime: Duration, utc: Timestamp, out: &mut Vec<u8>) -> Result<u32, TransportError> {
        let request_id = self.next_request_id();
        let policy = self.config.policy;
        let nonce = OwnNonce::new(policy).map_err(|_| Fault::Crypto)?;
        let (request_type, channel_id, sequence_number) = match &mut self.state {
            State::AwaitAcknowledge => return Err(Fault::OutOfTurn.into()),
            State::Acknowledged { outgoing, .. } => (SecurityTokenRequestType::ISSUE, 0, outgoing.take()),
            State::Open(link) => (SecurityTokenRequestType::RENEW, link.channel_id, link.take_sequence()),
        };
        let request = OpenSecureChannelRequest {
            request_header: RequestHeader { timestamp: utc, request_handle: request_id, ..RequestHeader::default() },
            client_protocol_version: PROTOCOL_VERSION,
            request_type,
            security_mode: self.config.mode,
            client_nonce: if policy.is_none() { ByteString::NULL } else { ByteString::from(nonce.bytes()) },
            requested_lifetime: u32::try_from(lifetime.as_millis()).unwrap_or(u32::MAX),
        };
        let mut body = Vec::new();
        write_message(&request, &mut body);
        let numbers = (sequence_number, request_id);
        let signature = asymmetric::seal(policy, parties(&self.config), channel_id, numbers, (&body, &[]), out)
            .map_err(|_| Fault::Crypto)?;
        self.pending = Some((nonce, signature));
        Ok(request_id)
    }

    /// Takes the frame at the start of `buffer`, decrypting it in place, once all of it is there; returns how many
    /// bytes are done with, 0 when more are needed.
    ///
    /// # Errors
    /// [`TransportError`]: the connection has to be closed. [`Fault::PeerError`] when the server has closed it.
    pub fn receive<'a>(
        &mut self,
        buffer: &'a mut [u8],
        now: Instant,
    ) -> Result<(usize, Option<ClientEvent<'a>>), TransportError> {
        let max_len = match &self.state {
            State::AwaitAcknowledge => HELLO_FRAME_MAX,
            State::Acknowledged { limits, .. } => limits.receive_buffer,
            State::Open(link) => link.limits.receive_buffer,
        };
        let Some(header) = next_frame(buffer, max_len)? else {
            return Ok((0, None));
        };
        let frame = buffer.get_mut(..header.len).unwrap_or_default();
        let event = match (&mut self.state, header.kind) {
            (_, MessageKind::Error) => {
                let error = ErrorMessage::parse(frame.get(8..).unwrap_or_default())?.error;
                return Err(Fault::PeerError(error).into());
            }
            (State::AwaitAcknowledge, MessageKind::Acknowledge) => {
                let acknowledge = Acknowledge::parse(frame.get(8..).unwrap_or_default())?;
                let rule = self.config.policy.sequence;
                self.state = State::Acknowledged {
                    limits: self.config.limits.after(&acknowledge),
                    incoming: SequenceIn::new(rule),
                    outgoing: SequenceOut::new(rule),
                };
                Some(ClientEvent::Acknowledged)
            }
            (State::Acknowledged { .. } | State::Open(_), MessageKind::Open) => Some(self.receive_open(frame, now)?),
            (State::Open(link), MessageKind::Message) => match link.receive(header, frame, now)? {
                (request_id, Some(body)) => Some(ClientEvent::Message { request_id, body }),
                (request_id, None) => (header.chunk == ChunkKind::Abort).then_some(ClientEvent::Aborted { request_id }),
            },
            _ => return Err(Fault::OutOfTurn.into()),
        };
        Ok((header.len, event))
    }

    fn receive_open<'a>(&mut self, frame: &[u8], now: Instant) -> Result<ClientEvent<'a>, TransportError> {
        let (own, request_signature) = self.pending.take().ok_or(Fault::OutOfTurn)?;
        let policy = self.config.policy;
        let header = OpenHeader::parse(frame)?;
        if header.policy_uri != policy.uri {
            return Err(Fault::Policy.into());
        }
        let parties = parties(&self.config);
        if let Some((own, server)) = parties {
            if header.receiver_thumbprint != Some(own.certificate().thumbprint()) {
                return Err(Fault::Thumbprint.into());
            }
            if !server.is_first_of(header.sender_certificate.unwrap_or_default()) {
                return Err(Fault::Certificate.into());
            }
        }
        let is_bound = policy.is_bound && !matches!(self.state, State::Open(_));
        let also_signed = if is_bound { request_signature.as_slice() } else { &[] };
        let opened = asymmetric::open(policy, parties, frame, header.len, also_signed)?;
        match &mut self.state {
            State::Open(link) => link.accept_sequence(opened.sequence_number)?,
            State::Acknowledged { incoming, .. } => incoming.accept(opened.sequence_number)?,
            State::AwaitAcknowledge => return Err(Fault::OutOfTurn.into()),
        }
        let mut reader = Reader::new(&opened.body);
        if read_message_id(&mut reader)? != Some(OpenSecureChannelResponse::ENCODING_ID) {
            return Err(DecodeError::Form.into());
        }
        let response = OpenSecureChannelResponse::decode(&mut reader)?;
        asymmetric::finish(policy, &reader)?;
        let result = response.response_header.service_result;
        if result.is_bad() {
            return Err(Fault::PeerError(result).into());
        }
        let own_nonce = Zeroizing::new(own.bytes().to_vec());
        if !policy.is_none()
            && (response.server_nonce.len() != policy.nonce_len || *response.server_nonce == **own_nonce)
        {
            return Err(Fault::Nonce.into());
        }
        let agreed = own.agree(policy, &response.server_nonce)?.map(|agreed| self.bound.chain(policy, agreed));
        if is_bound {
            self.bound.set_thumbprint(opened.signature);
        }
        let issued = &response.security_token;
        let lifetime = Duration::from_millis(u64::from(issued.revised_lifetime));
        let security = (policy, self.config.mode);
        let exchanged = Exchanged {
            own_nonce: &own_nonce,
            peer_nonce: &response.server_nonce,
            agreed: agreed.as_ref().map(|agreed| agreed.as_slice()),
            role: Role::Client,
        };
        let token = Token::new(security, issued.token_id, (now, lifetime), &exchanged).map_err(|_| Fault::Crypto)?;
        match &mut self.state {
            State::Open(link) if link.channel_id == issued.channel_id => link.renew(token),
            State::Acknowledged { limits, incoming, outgoing } => {
                let numbers = (*incoming, *outgoing);
                let link = Link::new(Role::Client, security, issued.channel_id, *limits, numbers, token);
                self.state = State::Open(Box::new(link));
            }
            _ => return Err(Fault::ChannelId.into()),
        }
        Ok(ClientEvent::Opened { token_id: issued.token_id, lifetime })
    }

    /// Leaves room for the header of a request in `out`; append the body behind it, then call
    /// [`Self::finish_message`] with the number returned.
    pub fn begin_message(out: &mut Vec<u8>) -> usize {
        Link::begin(out)
    }

    /// Makes chunks of the body that was appended since [`Self::begin_message`] returned `start`.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] before the channel is open, [`Fault::Crypto`].
    pub fn finish_message(
        &mut self,
        request_id: u32,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), MessageTooLarge>, TransportError> {
        let State::Open(link) = &mut self.state else {
            return Err(Fault::OutOfTurn.into());
        };
        link.finish(MessageKind::Message, request_id, start, out).map_err(|_| Fault::Crypto.into())
    }

    /// Appends a whole request.
    ///
    /// # Errors
    /// As [`Self::finish_message`].
    pub fn write_request<T: Structure>(
        &mut self,
        request: &T,
        out: &mut Vec<u8>,
    ) -> Result<Result<u32, MessageTooLarge>, TransportError> {
        let request_id = self.next_request_id();
        let start = Self::begin_message(out);
        write_message(request, out);
        Ok(self.finish_message(request_id, start, out)?.map(|()| request_id))
    }

    /// Appends the chunk that gives an unfinished request up.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] before the channel is open, [`Fault::Crypto`].
    pub fn abort(&mut self, request_id: u32, error: Status, out: &mut Vec<u8>) -> Result<(), TransportError> {
        let State::Open(link) = &mut self.state else {
            return Err(Fault::OutOfTurn.into());
        };
        link.abort(request_id, error, "", out).map_err(|_| Fault::Crypto.into())
    }

    /// Appends the message that closes the channel; the connection is to be closed after it.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] before the channel is open, [`Fault::Crypto`].
    pub fn close(&mut self, utc: Timestamp, out: &mut Vec<u8>) -> Result<(), TransportError> {
        let request_id = self.next_request_id();
        let State::Open(link) = &mut self.state else {
            return Err(Fault::OutOfTurn.into());
        };
        let start = Link::begin(out);
        let request_header = RequestHeader { timestamp: utc, request_handle: request_id, ..RequestHeader::default() };
        write_message(&CloseSecureChannelRequest { request_header }, out);
        match link.finish(MessageKind::Close, request_id, start, out) {
            Ok(Ok(())) => Ok(()),
            _ => Err(Fault::Crypto.into()),
        }
    }
}

#[cfg(test)]
impl ClientChannel {
    pub(super) fn take_sequence_for_test(&mut self) -> u32 {
        match &mut self.state {
            State::Open(link) => link.take_sequence(),
            _ => 0,
        }
    }

    pub(super) fn skip_to(&mut self, last: u32) {
        if let State::Open(link) = &mut self.state {
            link.skip_to(last);
        }
    }

    /// Appends a first OpenSecureChannel request with this nonce, and with more bytes behind it.
    pub(super) fn open_with(&mut self, nonce: Vec<u8>, behind: &[u8], utc: Timestamp, out: &mut Vec<u8>) {
        let request = OpenSecureChannelRequest {
            request_header: RequestHeader { timestamp: utc, ..RequestHeader::default() },
            security_mode: self.config.mode,
            client_nonce: ByteString::from(nonce),
            ..OpenSecureChannelRequest::default()
        };
        let mut body = Vec::new();
        write_message(&request, &mut body);
        body.extend_from_slice(behind);
        asymmetric::seal(self.config.policy, parties(&self.config), 0, (0, 1), (&body, &[]), out).expect("sealed");
    }
}

fn parties(config: &ClientConfig) -> Option<(&OwnIdentity, &PeerCertificate)> {
    config.parties.as_ref().map(|(own, server)| (&**own, &**server))
}

/// State only; keys stay out of logs.
impl std::fmt::Debug for ClientChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientChannel").field("token_id", &self.token_id()).finish_non_exhaustive()
    }
}
