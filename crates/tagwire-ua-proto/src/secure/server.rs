//! The server's side of a connection, from the first byte to the last: bytes in, events out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_model::{Status, Timestamp};
use zeroize::Zeroizing;

use super::asymmetric::{self, OpenHeader};
use super::bound::{Bound, OwnNonce};
use super::derive::Exchanged;
use super::link::{Link, Role, Token};
use super::{CryptoFailed, MessageTooLarge, OwnIdentities, OwnIdentity, PeerCertificate, SecurityPolicy};
use crate::codec::{Decode, DecodeError, Reader};
use crate::services::{
    ChannelSecurityToken, MessageSecurityMode, OpenSecureChannelRequest, OpenSecureChannelResponse, ResponseHeader,
    SecurityTokenRequestType, read_message_id, write_message,
};
use crate::transport::{
    Body, ChunkKind, ErrorMessage, Fault, HELLO_FRAME_MAX, Hello, Limits, MessageKind, Negotiated, SequenceIn,
    SequenceOut, TransportError, next_frame,
};
use crate::types::{ByteString, Structure};

/// What all channels of a server have in common.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Own certificates and keys; a channel keeps the one it was opened with. Without one for its kind of key a policy
    /// does not work.
    pub identities: OwnIdentities,
    /// The pairs of policy and mode that a channel may be opened with. With the policy None only discovery should be
    /// answered unless the operator wants more; that is for the services to decide.
    pub offers: Vec<(&'static SecurityPolicy, MessageSecurityMode)>,
    /// Sizes.
    pub limits: Limits,
    /// Shortest lifetime of a token.
    pub min_lifetime: Duration,
    /// Longest lifetime of a token.
    pub max_lifetime: Duration,
    /// How long a client may take for its Hello, and then for its first OpenSecureChannel.
    pub handshake_timeout: Duration,
}

impl ServerConfig {
    /// Tokens of 10 seconds to an hour, 10 seconds for each step of the handshake.
    pub fn new(
        identities: OwnIdentities,
        offers: Vec<(&'static SecurityPolicy, MessageSecurityMode)>,
        limits: Limits,
    ) -> Self {
        Self {
            identities,
            offers,
            limits,
            min_lifetime: Duration::from_secs(10),
            max_lifetime: Duration::from_secs(3600),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

/// What a step of [`ServerChannel::receive`] made of the buffer.
#[derive(Debug)]
pub struct Received<'a> {
    /// How many bytes at the start of the buffer are done with; 0 when more bytes are needed.
    pub consumed: usize,
    /// What happened; `None` when more bytes or chunks are needed.
    pub event: Option<Event<'a>>,
}

/// What a client did.
#[derive(Debug)]
pub enum Event<'a> {
    /// It introduced itself; the answer was appended to the output.
    Hello {
        /// Where it wanted to connect to.
        endpoint_url: &'a str,
    },
    /// It wants to open the channel or to renew its token. Answer with [`ServerChannel::accept_open`] or
    /// [`ServerChannel::refuse_open`] before receiving on.
    Open(OpenRequest),
    /// It sent a request.
    Message {
        /// To be returned with the response.
        request_id: u32,
        /// Id of the encoding and structure.
        body: Body<'a>,
    },
    /// It gave up a request of which some chunks had arrived.
    Aborted {
        /// The request.
        request_id: u32,
    },
    /// It closed the channel; the connection is to be closed without an answer.
    Close,
}

/// A client wants keys. That it owns the certificate is proved; whether to trust it is for the caller to say.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    /// Whether a token of this channel is renewed.
    pub renew: bool,
    /// The policy.
    pub policy: &'static SecurityPolicy,
    /// The mode.
    pub mode: MessageSecurityMode,
    /// Who the client is; `None` with the policy None.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// How long the client wants the token to hold.
    pub requested_lifetime: Duration,
    /// What the client called the request.
    pub request_handle: u32,
}

/// A token that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedToken {
    /// The channel.
    pub channel_id: u32,
    /// The token, 1 for the first one of a channel.
    pub token_id: u32,
    /// How long it holds.
    pub lifetime: Duration,
}

/// The server's side of one connection. It holds no socket and reads no clock.
///
/// Any error ends the connection: append [`ServerChannel::write_error`] to the output, send it, close.
pub struct ServerChannel {
    config: Arc<ServerConfig>,
    channel_id: u32,
    state: State,
    pending: Option<Pending>,
    certificate: Option<Arc<PeerCertificate>>,
    last_token_id: u32,
    /// The last own nonce, which must not come back as the client's.
    pub(super) last_nonce: Vec<u8>,
    bound: Bound,
}

enum State {
    AwaitHello { deadline: Instant },
    AwaitOpen { deadline: Instant, limits: Negotiated, incoming: SequenceIn, outgoing: SequenceOut },
    Open(Box<Link>),
    Closed,
}

/// What has to be kept until the caller has decided on an [`OpenRequest`].
struct Pending {
    request_id: u32,
    request: OpenRequest,
    client_nonce: Zeroizing<Vec<u8>>,
    signature: Vec<u8>,
}

impl ServerChannel {
    /// A connection that was accepted at `now`. `channel_id` is not 0 and unique among the channels of the server.
    pub fn new(config: Arc<ServerConfig>, channel_id: u32, now: Instant) -> Self {
        let deadline = now + config.handshake_timeout;
        Self {
            config,
            channel_id,
            state: State::AwaitHello { deadline },
            pending: None,
            certificate: None,
            last_token_id: 0,
            last_nonce: Vec::new(),
            bound: Bound::default(),
        }
    }

    /// The number of the channel.
    pub const fn channel_id(&self) -> u32 {
        self.channel_id
    }

    /// Policy and mode, once the channel is open.
    pub fn security(&self) -> Option<(&'static SecurityPolicy, MessageSecurityMode)> {
        match &self.state {
            State::Open(link) => Some((link.policy, link.mode)),
            _ => None,
        }
    }

    /// Who the client is, once the channel is open with security.
    pub const fn certificate(&self) -> Option<&Arc<PeerCertificate>> {
        self.certificate.as_ref()
    }

    /// The identity that this channel signs with; before it is open and with the policy None the RSA one.
    pub fn identity(&self) -> Option<&Arc<OwnIdentity>> {
        let policy = self.security().map_or(SecurityPolicy::NONE, |(policy, _)| policy);
        self.config.identities.for_policy(policy)
    }

    /// What signatures of sessions on this channel begin with; empty unless the policy binds them to it.
    pub fn thumbprint(&self) -> &[u8] {
        self.bound.thumbprint()
    }

    /// The token that messages are sent with, once the channel is open.
    pub fn token_id(&self) -> Option<u32> {
        match &self.state {
            State::Open(link) => Some(link.active_token_id()),
            _ => None,
        }
    }

    /// Sizes, once they are negotiated.
    pub fn limits(&self) -> Option<Negotiated> {
        match &self.state {
            State::AwaitOpen { limits, .. } => Some(*limits),
            State::Open(link) => Some(link.limits),
            _ => None,
        }
    }

    /// Bytes that are kept of an unfinished message, for the budget of the server.
    pub fn unfinished_bytes(&self) -> usize {
        match &self.state {
            State::Open(link) => link.unfinished_bytes(),
            _ => 0,
        }
    }

    /// When the client must have taken its next step: Hello, OpenSecureChannel or a renewal.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::AwaitHello { deadline } | State::AwaitOpen { deadline, .. } => Some(*deadline),
            State::Open(link) => Some(link.deadline()),
            State::Closed => None,
        }
    }

    /// Fails once [`Self::deadline`] has passed.
    ///
    /// # Errors
    /// [`Fault::TimedOut`].
    pub fn check_deadline(&self, now: Instant) -> Result<(), TransportError> {
        match self.deadline() {
            Some(deadline) if now > deadline => Err(Fault::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Takes the frame at the start of `buffer`, decrypting it in place, once all of it is there. A frame larger than
    /// negotiated is refused when its header has arrived. The answer to a Hello is appended to `out`.
    ///
    /// # Errors
    /// [`TransportError`]: the connection has to be closed.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        buffer: &'a mut [u8],
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<Received<'a>, TransportError> {
        if self.pending.is_some() {
            return Ok(Received { consumed: 0, event: None });
        }
        let max_len = match &self.state {
            State::AwaitHello { .. } => HELLO_FRAME_MAX,
            State::AwaitOpen { limits, .. } => limits.receive_buffer,
            State::Open(link) => link.limits.receive_buffer,
            State::Closed => return Err(Fault::OutOfTurn.into()),
        };
        self.check_deadline(now)?;
        let Some(header) = next_frame(buffer, max_len)? else {
            return Ok(Received { consumed: 0, event: None });
        };
        let frame = buffer.get_mut(..header.len).unwrap_or_default();
        let event = match (&mut self.state, header.kind) {
            (State::Open(link), MessageKind::Message) => {
                let (request_id, body) = link.receive(header, frame, now)?;
                match body {
                    Some(body) => Some(Event::Message { request_id, body }),
                    None => (header.chunk == ChunkKind::Abort).then_some(Event::Aborted { request_id }),
                }
            }
            (State::Open(link), MessageKind::Close) => {
                link.receive(header, frame, now)?;
                self.state = State::Closed;
                Some(Event::Close)
            }
            (State::AwaitOpen { .. } | State::Open(_), MessageKind::Open) => {
                Some(Event::Open(self.receive_open(frame)?))
            }
            (State::AwaitHello { .. }, MessageKind::Hello) => Some(self.receive_hello(frame, now, out)?),
            _ => return Err(Fault::OutOfTurn.into()),
        };
        Ok(Received { consumed: header.len, event })
    }

    fn receive_hello<'a>(
        &mut self,
        frame: &'a [u8],
        now: Instant,
        out: &mut Vec<u8>,
    ) -> Result<Event<'a>, TransportError> {
        let hello = Hello::parse(frame.get(8..).unwrap_or_default())?;
        let (acknowledge, limits) = self.config.limits.answer(&hello);
        acknowledge.write(out);
        // Which rule counts is known with the policy.
        let rule = SecurityPolicy::NONE.sequence;
        self.state = State::AwaitOpen {
            deadline: now + self.config.handshake_timeout,
            limits,
            incoming: SequenceIn::new(rule),
            outgoing: SequenceOut::new(rule),
        };
        Ok(Event::Hello { endpoint_url: hello.endpoint_url })
    }

    fn receive_open(&mut self, frame: &[u8]) -> Result<OpenRequest, TransportError> {
        let header = OpenHeader::parse(frame)?;
        let policy = self.offered_policy(header.policy_uri)?;
        let expected_channel = if matches!(self.state, State::Open(_)) { self.channel_id } else { 0 };
        if header.channel_id != expected_channel {
            return Err(Fault::ChannelId.into());
        }
        let certificate = self.client_certificate(policy, &header)?;
        let own = self.config.identities.for_policy(policy);
        let parties = own.map(|own| &**own).zip(certificate.as_deref());
        let opened = asymmetric::open(policy, parties, frame, header.len, &[])?;
        let renew = match &mut self.state {
            State::Open(link) => {
                link.accept_sequence(opened.sequence_number)?;
                true
            }
            State::AwaitOpen { incoming, outgoing, .. } => {
                (*incoming, *outgoing) = (SequenceIn::new(policy.sequence), SequenceOut::new(policy.sequence));
                incoming.accept(opened.sequence_number)?;
                false
            }
            _ => return Err(Fault::OutOfTurn.into()),
        };
        let mut reader = Reader::new(&opened.body);
        if read_message_id(&mut reader)? != Some(OpenSecureChannelRequest::ENCODING_ID) {
            return Err(DecodeError::Form.into());
        }
        let request = OpenSecureChannelRequest::decode(&mut reader)?;
        asymmetric::finish(policy, &reader)?;
        let wanted = if renew { SecurityTokenRequestType::RENEW } else { SecurityTokenRequestType::ISSUE };
        if request.request_type != wanted {
            return Err(Fault::OutOfTurn.into());
        }
        self.check_mode(policy, request.security_mode)?;
        if request.client_nonce.len() != policy.nonce_len && !policy.is_none()
            || !policy.is_none() && *request.client_nonce == *self.last_nonce
        {
            return Err(Fault::Nonce.into());
        }
        let open_request = OpenRequest {
            renew,
            policy,
            mode: request.security_mode,
            certificate,
            requested_lifetime: Duration::from_millis(u64::from(request.requested_lifetime)),
            request_handle: request.request_header.request_handle,
        };
        self.pending = Some(Pending {
            request_id: opened.request_id,
            request: open_request.clone(),
            client_nonce: Zeroizing::new(request.client_nonce.to_vec()),
            signature: opened.signature,
        });
        Ok(open_request)
    }

    fn offered_policy(&self, uri: &str) -> Result<&'static SecurityPolicy, TransportError> {
        let offered = self.config.offers.iter().map(|(policy, _)| *policy).find(|policy| policy.uri == uri);
        match (offered, &self.state) {
            (Some(policy), State::Open(link)) if policy != link.policy => Err(Fault::RenewalMismatch.into()),
            (Some(policy), _) => Ok(policy),
            (None, State::Open(_)) => Err(Fault::RenewalMismatch.into()),
            (None, _) => Err(Fault::Policy.into()),
        }
    }

    fn check_mode(&self, policy: &SecurityPolicy, mode: MessageSecurityMode) -> Result<(), TransportError> {
        if let State::Open(link) = &self.state {
            return if link.mode == mode { Ok(()) } else { Err(Fault::RenewalMismatch.into()) };
        }
        let offered = self.config.offers.iter().any(|offer| *offer.0 == *policy && offer.1 == mode);
        let fits = if policy.is_none() { mode == MessageSecurityMode::NONE } else { mode.signs() };
        if offered && fits { Ok(()) } else { Err(Fault::Mode.into()) }
    }

    fn client_certificate(
        &self,
        policy: &SecurityPolicy,
        header: &OpenHeader<'_>,
    ) -> Result<Option<Arc<PeerCertificate>>, TransportError> {
        let Some(suite) = &policy.asymmetric else {
            return Ok(None);
        };
        let own = self.config.identities.for_policy(policy).ok_or(Fault::Policy)?.certificate();
        if header.receiver_thumbprint != Some(own.thumbprint()) {
            return Err(Fault::Thumbprint.into());
        }
        let sent = header.sender_certificate.ok_or(Fault::Certificate)?;
        if let (State::Open(_), Some(known)) = (&self.state, &self.certificate) {
            // Issuers may come along or not, but the client itself must be the same.
            return if known.is_first_of(sent) { Ok(Some(known.clone())) } else { Err(Fault::RenewalMismatch.into()) };
        }
        let certificate = PeerCertificate::parse(sent).map_err(|_| Fault::Certificate)?;
        if self.config.identities.contain(&certificate) || !certificate.fits(suite.exchange) {
            return Err(Fault::Certificate.into());
        }
        Ok(Some(Arc::new(certificate)))
    }

    /// Grants the pending [`OpenRequest`]: makes keys and appends the response to `out`. `utc` goes into the response.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] when no request is pending, [`Fault::Nonce`] when that of the client is no point of the
    /// curve, [`Fault::Crypto`].
    pub fn accept_open(
        &mut self,
        now: Instant,
        utc: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<OpenedToken, TransportError> {
        let Pending { request_id, request, client_nonce, signature } = self.pending.take().ok_or(Fault::OutOfTurn)?;
        let lifetime = request.requested_lifetime.clamp(self.config.min_lifetime, self.config.max_lifetime);
        let token_id = self.last_token_id.checked_add(1).ok_or(Fault::Crypto)?;
        let own = OwnNonce::new(request.policy).map_err(crypto)?;
        let nonce = Zeroizing::new(own.bytes().to_vec());
        let agreed = match own.agree(request.policy, &client_nonce)? {
            Some(agreed) => Some(self.bound.chain(request.policy, agreed)),
            None => None,
        };
        let server_nonce = if nonce.is_empty() { ByteString::NULL } else { ByteString::from(nonce.as_slice()) };
        self.last_nonce = nonce.to_vec();
        let security = (request.policy, request.mode);
        let exchanged = Exchanged {
            own_nonce: &nonce,
            peer_nonce: &client_nonce,
            agreed: agreed.as_ref().map(|agreed| agreed.as_slice()),
            role: Role::Server,
        };
        let token = Token::new(security, token_id, (now, lifetime), &exchanged).map_err(crypto)?;
        let sequence_number = match &mut self.state {
            State::Open(link) => link.take_sequence(),
            State::AwaitOpen { outgoing, .. } => outgoing.take(),
            _ => return Err(Fault::OutOfTurn.into()),
        };
        let response = OpenSecureChannelResponse {
            response_header: ResponseHeader::new(request.request_handle, Status::GOOD, utc),
            server_protocol_version: crate::transport::PROTOCOL_VERSION,
            security_token: ChannelSecurityToken {
                channel_id: self.channel_id,
                token_id,
                created_at: utc,
                revised_lifetime: lifetime.as_millis() as u32,
            },
            server_nonce,
        };
        let mut body = Zeroizing::new(Vec::new());
        write_message(&response, &mut body);
        let certificate = request.certificate.as_deref();
        let parties = self.config.identities.for_policy(request.policy).map(|own| &**own).zip(certificate);
        let numbers = (sequence_number, request_id);
        let is_bound = request.policy.is_bound && !request.renew;
        let also_signed = if is_bound { signature.as_slice() } else { &[] };
        let signature = asymmetric::seal(request.policy, parties, self.channel_id, numbers, (&body, also_signed), out)
            .map_err(crypto)?;
        if is_bound {
            self.bound.set_thumbprint(signature);
        }
        self.last_token_id = token_id;
        match &mut self.state {
            State::Open(link) => link.renew(token),
            State::AwaitOpen { limits, incoming, outgoing, .. } => {
                let numbers = (*incoming, *outgoing);
                let link = Link::new(Role::Server, security, self.channel_id, *limits, numbers, token);
                self.state = State::Open(Box::new(link));
            }
            _ => {}
        }
        if !request.renew {
            self.certificate = request.certificate;
        }
        Ok(OpenedToken { channel_id: self.channel_id, token_id, lifetime })
    }

    /// Refuses the pending [`OpenRequest`] and closes the channel; the error is to be written to the client.
    pub fn refuse_open(&mut self, status: Status) -> TransportError {
        self.pending = None;
        self.state = State::Closed;
        Fault::Refused(status).into()
    }

    /// Leaves room for the header of a response in `out`; append the body behind it, then call
    /// [`Self::finish_message`] with the number returned.
    #[inline]
    pub fn begin_message(out: &mut Vec<u8>) -> usize {
        Link::begin(out)
    }

    /// Makes chunks of the body that was appended since [`Self::begin_message`] returned `start`, in place when one is
    /// enough. When the message is too large for the client, it is removed from `out` and a fault is to be sent.
    ///
    /// # Errors
    /// [`Fault::OutOfTurn`] before the channel is open, [`Fault::Crypto`]: the connection has to be closed.
    #[inline]
    pub fn finish_message(
        &mut self,
        request_id: u32,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<Result<(), MessageTooLarge>, TransportError> {
        let State::Open(link) = &mut self.state else {
            return Err(Fault::OutOfTurn.into());
        };
        link.finish(MessageKind::Message, request_id, start, out).map_err(crypto)
    }

    /// Appends the last message of the connection: why it is closed, as far as the client may know.
    pub fn write_error(error: &TransportError, out: &mut Vec<u8>) {
        let status = error.status();
        ErrorMessage { error: status, reason: crate::status::name(status).unwrap_or_default() }.write(out);
    }
}

#[cfg(test)]
impl ServerChannel {
    pub(super) fn skip_to(&mut self, last: u32) {
        if let State::Open(link) = &mut self.state {
            link.skip_to(last);
        }
    }
}

/// State and identity; keys stay out of logs.
impl std::fmt::Debug for ServerChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::AwaitHello { .. } => "awaiting hello",
            State::AwaitOpen { .. } => "awaiting open",
            State::Open(link) => link.policy.name,
            State::Closed => "closed",
        };
        f.debug_struct("ServerChannel")
            .field("channel_id", &self.channel_id)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

const fn crypto(_: CryptoFailed) -> TransportError {
    TransportError(Fault::Crypto)
}
