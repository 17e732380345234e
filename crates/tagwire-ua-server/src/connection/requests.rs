//! The requests of one connection: from bytes to handlers and back, in order, with those that wait for a device beside.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use tagwire_access::PeerCheck;
use tagwire_model::Status;
use tagwire_ua_proto::hot::start_response;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::secure::{Event, MESSAGE_HEADER_LEN, OpenRequest, SecurityPolicy, ServerChannel};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::status;
use tagwire_ua_proto::transport::TransportError;
use tokio::sync::Notify;

use super::Links;
use super::buffers::{ReceiveBuffer, SendBuffer};
use super::diagnostics;
use super::dispatch::{Refused, ReplyTo, Request};
use crate::event::audit;
use crate::limits;
use crate::monotonic;
use crate::quota::Share;
use crate::server::Server;
use crate::services::{Flow, Later, LaterBody, write_answer};
use crate::session::{ChannelFacts, Session};
use crate::subscription::Millis;

/// Why a connection ends.
pub(super) enum Ended {
    /// The client broke the rules, or was refused.
    Refused(TransportError),
    /// The client does not take what waits for it.
    SlowReader,
    /// The client made no channel or no session in time.
    Idle,
    /// The server wants it.
    Asked,
    /// The client is gone.
    Gone,
    /// The client closed the channel.
    Closed,
}

impl From<TransportError> for Ended {
    fn from(error: TransportError) -> Self {
        Self::Refused(error)
    }
}

/// A response that came later, with the request it answers.
pub(super) struct Done {
    reply: ReplyTo,
    body: LaterBody,
}

type WaitingRequest = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Channel and sessions of one connection.
pub(super) struct Requests {
    server: Arc<Server>,
    links: Links,
    channel: ServerChannel,
    /// What the channel keeps of a request that has arrived in part.
    unfinished: Share,
    facts: ChannelFacts,
    /// Whether the channel was opened.
    is_open: bool,
    sessions: Vec<Arc<Session>>,
    /// The session of the last request, so that the table is not asked for each.
    last: Option<Arc<Session>>,
    wake: Arc<Notify>,
    /// Requests whose responses come later.
    pub(super) later: FuturesUnordered<WaitingRequest>,
    /// The response that came while the connection waited.
    pub(super) done: Option<Done>,
}

impl Requests {
    pub(super) fn new(server: Arc<Server>, links: Links, peer: SocketAddr, local: SocketAddr) -> Self {
        let id = server.next_channel_id();
        let config = server.channel_config();
        let facts = ChannelFacts {
            id,
            policy: SecurityPolicy::NONE,
            mode: MessageSecurityMode::NONE,
            max_response: limits::MAX_MESSAGE_BYTES,
            client_certificate: None,
            identity: server.identity(SecurityPolicy::NONE),
            thumbprint: Arc::default(),
            peer,
            local,
        };
        Self {
            channel: ServerChannel::new(config, id, monotonic::now()),
            unfinished: server.quota.unfinished(),
            server,
            links,
            facts,
            is_open: false,
            sessions: Vec::new(),
            last: None,
            wake: Arc::new(Notify::new()),
            later: FuturesUnordered::new(),
            done: None,
        }
    }

    /// Notes that the connection ends because the client was refused; before the channel is open that is news for
    /// auditors.
    pub(super) fn note_refusal(&self, status: Status) {
        if !self.is_open {
            audit::channel_refused(&self.server, &self.facts, status);
        }
    }

    /// What sessions wake the connection with.
    pub(super) const fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    pub(super) const fn has_session(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Handles the next message that is complete; false when there is none, or no room for more requests that wait.
    pub(super) fn handle_next(&mut self, receive: &mut ReceiveBuffer, send: &mut SendBuffer) -> Result<bool, Ended> {
        if let Some(done) = self.done.take() {
            self.finish(done, send)?;
        }
        if receive.is_empty() || self.later.len() >= limits::MAX_WAITING_REQUESTS {
            self.channel.check_deadline(monotonic::now())?;
            return Ok(false);
        }
        let now = monotonic::now();
        let received = self.channel.receive(receive.unread(), now, &mut send.bytes)?;
        let consumed = received.consumed;
        match received.event {
            None => {}
            Some(Event::Hello { .. } | Event::Aborted { .. }) => {}
            Some(Event::Open(request)) => self.open(&request, now, send)?,
            Some(Event::Close) => return Err(Ended::Closed),
            Some(Event::Message { request_id, body }) => {
                let start = ServerChannel::begin_message(&mut send.bytes);
                let request = Request {
                    server: &self.server,
                    channel: &self.facts,
                    request_id,
                    message: &body,
                    now: self.server.millis(),
                    time: self.server.now(),
                    refreshed: false,
                };
                let outcome = request.handle(&mut self.last, &mut send.bytes);
                match outcome {
                    Ok(handled) => match handled.flow {
                        Flow::Done => self.finish_message(handled.reply, start, send)?,
                        Flow::Later(later) => {
                            send.bytes.truncate(start);
                            self.later.push(waiting(handled.reply, later));
                        }
                        Flow::Queued => send.bytes.truncate(start),
                    },
                    Err(refused) => self.fault(&refused, start, send)?,
                }
            }
        }
        if !self.unfinished.resize(self.channel.unfinished_bytes()) {
            return Err(Ended::Refused(self.channel.refuse_open(status::BAD_TCP_NOT_ENOUGH_RESOURCES)));
        }
        receive.consume(consumed);
        Ok(consumed > 0)
    }

    fn open(&mut self, request: &OpenRequest, now: std::time::Instant, send: &mut SendBuffer) -> Result<(), Ended> {
        if let Some(certificate) = &request.certificate {
            // Told before the check, so that a change of the trust lists in between finds this connection.
            let _ = self.links.certificate.set(Arc::clone(certificate));
            let check = PeerCheck { peer: Some(self.facts.peer), ..Default::default() };
            if let Err(refusal) = self.server.trust.verify_peer(certificate.chain(), &check, self.server.now()) {
                self.server.counters.session_rejected_for_security();
                audit::certificate_refused(&self.server, &self.facts, certificate.leaf(), &refusal.reason);
                return Err(self.channel.refuse_open(crate::status::certificate(&refusal)).into());
            }
        }
        self.channel.accept_open(now, self.server.now(), &mut send.bytes)?;
        if let Some(negotiated) = self.channel.limits() {
            // A chunk spends at most this on headers, signature and padding.
            let in_chunks = negotiated.max_send_chunks.saturating_mul(negotiated.send_buffer.saturating_sub(1024));
            self.facts.max_response = limits::MAX_MESSAGE_BYTES.min(negotiated.max_send_message).min(in_chunks);
        }
        self.facts.policy = request.policy;
        self.facts.mode = request.mode;
        self.facts.client_certificate.clone_from(&request.certificate);
        self.facts.identity = self.channel.identity().cloned();
        self.facts.thumbprint = Arc::from(self.channel.thumbprint());
        self.is_open = true;
        audit::channel_opened(&self.server, &self.facts, request);
        Ok(())
    }

    /// Sends a response that came later, or handles its request once more.
    fn finish(&mut self, done: Done, send: &mut SendBuffer) -> Result<(), Ended> {
        let Done { reply, body } = done;
        let start = ServerChannel::begin_message(&mut send.bytes);
        match body {
            LaterBody::Body(body) => {
                send.bytes.extend_from_slice(&body);
                self.finish_message(reply, start, send)
            }
            LaterBody::Activated(body, session) => {
                send.bytes.extend_from_slice(&body);
                self.finish_message(reply, start, send)?;
                self.adopt(session);
                Ok(())
            }
            LaterBody::Fault(status) => self.fault(&Refused { reply, status }, start, send),
            LaterBody::Again(message) => {
                let server = &self.server;
                let request = Request {
                    server,
                    channel: &self.facts,
                    request_id: reply.request_id,
                    message: &message,
                    now: server.millis(),
                    time: server.now(),
                    refreshed: true,
                };
                match request.handle(&mut self.last, &mut send.bytes) {
                    Ok(handled) if matches!(handled.flow, Flow::Done) => self.finish_message(reply, start, send),
                    Ok(_) => self.fault(&Refused { reply, status: Status::BAD_INTERNAL_ERROR }, start, send),
                    Err(refused) => self.fault(&refused, start, send),
                }
            }
        }
    }

    fn finish_message(&mut self, reply: ReplyTo, start: usize, send: &mut SendBuffer) -> Result<(), Ended> {
        if reply.diagnostics != 0 {
            diagnostics::add(reply.diagnostics, self.facts.max_response, start + MESSAGE_HEADER_LEN, &mut send.bytes);
        }
        finish_message(&mut self.channel, &self.server, reply, start, send)
    }

    /// Replaces what a handler may have written with a fault.
    fn fault(&mut self, refused: &Refused, start: usize, send: &mut SendBuffer) -> Result<(), Ended> {
        send.bytes.truncate(start + MESSAGE_HEADER_LEN);
        let Refused { reply, status } = *refused;
        start_response(ids::SERVICE_FAULT, reply.request_handle, status, self.server.now(), &mut send.bytes);
        self.finish_message(reply, start, send)
    }

    /// Makes this connection run the subscriptions of a session that was activated on it.
    fn adopt(&mut self, session: Arc<Session>) {
        session.attach(&self.wake);
        if !self.sessions.iter().any(|known| Arc::ptr_eq(known, &session)) {
            self.sessions.push(session);
        }
    }

    /// Runs the cycles that are due and answers Publish requests, as far as there is room.
    pub(super) fn run_sessions(&mut self, send: &mut SendBuffer) -> Result<(), Ended> {
        let now = self.server.millis();
        let mut failed = None;
        for session in &self.sessions {
            let mut state = session.state.lock();
            state.publishing.collect_if_crowded();
            let gone = state.publishing.run(now, self.server.as_ref());
            let time = self.server.now();
            let (channel, server) = (&mut self.channel, &self.server);
            state.publishing.serve(time, |request, answer| {
                if request.channel != self.facts.id {
                    return true;
                }
                let start = ServerChannel::begin_message(&mut send.bytes);
                write_answer(request, &answer, time, &mut send.bytes);
                let reply =
                    ReplyTo { request_id: request.request_id, request_handle: request.request_handle, diagnostics: 0 };
                if let Err(ended) = finish_message(channel, server, reply, start, send) {
                    failed = Some(ended);
                    return false;
                }
                send.len() < limits::MAX_UNSENT_BYTES
            });
            drop(state);
            self.server.forget_subscriptions(gone);
        }
        let wake = &self.wake;
        self.sessions.retain(|session| !session.is_closed() && session.is_attached_to(wake));
        failed.map_or(Ok(()), Err)
    }

    /// When a session or the channel must be looked after next, in milliseconds of the server's clock.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let sessions = self.sessions.iter().filter_map(|session| session.state.lock().publishing.next_deadline());
        let channel = self.channel.deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(monotonic::now());
            self.server.millis() + left.as_millis() as Millis + 1
        });
        sessions.chain(channel).min()
    }

    /// Lets the sessions go when the connection ends; they live on until their timeout (Part 4, 5.7.1).
    pub(super) fn let_go(&mut self) {
        for session in self.sessions.drain(..) {
            if session.detach(&self.wake) {
                session.state.lock().publishing.forget_channel(self.facts.id);
            }
        }
    }
}

fn waiting(reply: ReplyTo, later: Later) -> WaitingRequest {
    Box::pin(async move { Done { reply, body: later.await } })
}

/// Makes chunks of a response; one that is too large for the client becomes a fault.
fn finish_message(
    channel: &mut ServerChannel,
    server: &Server,
    reply: ReplyTo,
    start: usize,
    send: &mut SendBuffer,
) -> Result<(), Ended> {
    let ReplyTo { request_id, request_handle, .. } = reply;
    if channel.finish_message(request_id, start, &mut send.bytes)?.is_err() {
        let start = ServerChannel::begin_message(&mut send.bytes);
        let too_large = status::BAD_RESPONSE_TOO_LARGE;
        start_response(ids::SERVICE_FAULT, request_handle, too_large, server.now(), &mut send.bytes);
        // A fault is shorter than the smallest buffer that a client may have.
        let _ = channel.finish_message(request_id, start, &mut send.bytes)?;
    }
    Ok(())
}
