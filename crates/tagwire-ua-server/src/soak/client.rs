//! The client's end of one connection: what was asked on it and what came back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tagwire_ua_proto::secure::{ClientChannel, ClientConfig, ClientEvent, SecurityPolicy};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::transport::{Fault, Limits, TransportError};

use super::pipe::Pipe;
use super::plant::{Secret, User, now};
use crate::monotonic;

/// What a request promises of its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Id of the encoding of the response.
    pub(super) response: u32,
    pub(super) request_handle: u32,
    /// The session that asked, by its number.
    pub(super) session: Option<usize>,
    /// Whose session it was then.
    pub(super) user: User,
    /// What the answer must not show.
    pub(super) hidden: Vec<Secret>,
    /// Whether the body left as it was made.
    pub(super) is_valid: bool,
    pub(super) promise: Promise,
    /// What was asked, for a report.
    pub(super) what: String,
}

/// What must be true of the answer to a valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Nothing in particular.
    Any,
    /// A fault: it names a session or a subscription of somebody else.
    Fault,
    /// These operations are refused, because they name what belongs to somebody else.
    Refused(Vec<usize>),
    /// The answer to an activation of this session.
    Activation(usize),
    /// The answer to a transfer of these subscriptions.
    Transfer(Vec<u32>),
    /// The answer to a request to make items in this subscription.
    Items(u32),
    /// A Publish request, which may wait for as long as its session lives.
    Publish,
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Greeting,
    Opening,
    Open,
    Closed,
}

pub(super) struct Client {
    pub(super) pipe: Arc<Pipe>,
    pub(super) channel: ClientChannel,
    pub(super) stage: Stage,
    /// Whether it takes what comes.
    pub(super) reads: bool,
    pub(super) asked: BTreeMap<u32, Asked>,
    /// Whether it broke the rules of frames, so that the server may do what it likes with the connection.
    pub(super) broke_frames: bool,
    received: Vec<u8>,
    /// Whether it waits for a channel or a new token.
    is_opening: bool,
}

/// An answer with the request that it belongs to.
pub(super) struct Answer {
    pub(super) asked: Asked,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// Sends the Hello. `small` clients take small chunks and small messages only.
    pub(super) fn new(pipe: Arc<Pipe>, small: bool) -> Self {
        let limits = if small {
            Limits { receive_buffer: 8192, send_buffer: 8192, max_message: 40_000, max_chunks: 8 }
        } else {
            Limits { send_buffer: 8192, ..Limits::default() }
        };
        let config =
            ClientConfig { parties: None, policy: SecurityPolicy::NONE, mode: MessageSecurityMode::NONE, limits };
        let mut out = Vec::new();
        let channel = ClientChannel::new(config, "opc.tcp://localhost:4840/", &mut out);
        pipe.send(&out);
        Self {
            pipe,
            channel,
            stage: Stage::Greeting,
            reads: true,
            asked: BTreeMap::new(),
            broke_frames: false,
            received: Vec::new(),
            is_opening: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Asks for a channel, or for a new token of the one that is open.
    pub(super) fn open(&mut self, lifetime_s: u64) {
        let mut out = Vec::new();
        if self.is_opening {
            return;
        }
        self.is_opening = true;
        if self.channel.open(std::time::Duration::from_secs(lifetime_s), now(), &mut out).is_ok() {
            self.pipe.send(&out);
        }
    }

    /// The frames of a request, and its id.
    pub(super) fn frames(&mut self, body: &[u8]) -> Option<(u32, Vec<u8>)> {
        let request_id = self.channel.next_request_id();
        let mut out = Vec::new();
        let start = ClientChannel::begin_message(&mut out);
        out.extend_from_slice(body);
        self.channel.finish_message(request_id, start, &mut out).ok()?.ok()?;
        Some((request_id, out))
    }

    /// Nothing of what is hidden under the old rules or the new ones may come from now on, unless it is under way.
    pub(super) fn hide_all(&mut self) {
        if !self.pipe.has_untaken() && self.received.is_empty() {
            for asked in self.asked.values_mut().filter(|asked| !asked.hidden.is_empty()) {
                asked.hidden = Secret::ALL.to_vec();
            }
        }
    }

    /// Leaves without a word.
    pub(super) fn leave(&mut self) {
        self.pipe.close();
        self.stage = Stage::Closed;
        self.asked.clear();
    }

    /// Takes what came.
    ///
    /// # Errors
    /// What the server did wrong.
    pub(super) fn take(&mut self) -> Result<Vec<Answer>, String> {
        let mut answers = Vec::new();
        if self.stage == Stage::Closed || !self.reads {
            return Ok(answers);
        }
        let is_over = self.pipe.take(&mut self.received);
        let mut start = 0;
        loop {
            let event = self.channel.receive(&mut self.received[start..], monotonic::now());
            let (consumed, event) = match event {
                Ok(taken) => taken,
                // An error message, after which the server closes the connection.
                Err(_) if is_over => break,
                // What lay unread for longer than its token holds is worth nothing.
                Err(TransportError(Fault::Token)) => {
                    self.leave();
                    return Ok(answers);
                }
                Err(error) => return Err(format!("the server sent what is no message: {error}")),
            };
            match event {
                None => {}
                Some(ClientEvent::Acknowledged) => {
                    self.stage = Stage::Opening;
                    self.open(3600);
                }
                Some(ClientEvent::Opened { .. }) => {
                    self.is_opening = false;
                    self.stage = Stage::Open;
                }
                Some(ClientEvent::Aborted { request_id }) => {
                    self.asked.remove(&request_id);
                }
                Some(ClientEvent::Message { request_id, body }) => match self.asked.remove(&request_id) {
                    Some(asked) => answers.push(Answer { asked, body: body.to_vec() }),
                    None if self.broke_frames => {}
                    None => return Err(format!("request {request_id} was answered twice or never asked")),
                },
            }
            if consumed == 0 {
                break;
            }
            start += consumed;
        }
        self.received.drain(..start.min(self.received.len()));
        if is_over {
            self.stage = Stage::Closed;
            self.asked.clear();
        }
        Ok(answers)
    }
}
