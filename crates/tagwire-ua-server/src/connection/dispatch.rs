//! From the body of a message to the handler of its service, and the checks that every request passes (Part 4, 5.3).

use std::sync::Arc;

use tagwire_access::{Principal, What};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::codec::{Decode, DecodeError, Reader};
use tagwire_ua_proto::hot::RequestHeaderRef;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{IdentifierRef, NodeIdRef};

use crate::event::audit;
use crate::log;
use crate::rights::UserRights;
use crate::server::{Leave, Server};
use crate::services::{Context, Flow, SessionNeed, service};
use crate::session::{ChannelFacts, Session, Token};
use crate::subscription::Millis;

/// A request with the session it belongs to.
pub(super) struct Request<'a> {
    pub(super) server: &'a Arc<Server>,
    pub(super) channel: &'a ChannelFacts,
    pub(super) request_id: u32,
    /// The message after the sequence header: type id and structure.
    pub(super) message: &'a [u8],
    pub(super) now: Millis,
    pub(super) time: Timestamp,
    /// Whether the devices have been asked on behalf of this very request already.
    pub(super) refreshed: bool,
}

/// What the response to a request must repeat and may add.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyTo {
    pub(super) request_id: u32,
    pub(super) request_handle: u32,
    /// Which diagnostics the client wants, one bit each.
    pub(super) diagnostics: u32,
}

/// What became of a request that was not refused.
pub(super) struct Handled {
    pub(super) flow: Flow,
    pub(super) reply: ReplyTo,
}

/// A refused request, and why.
pub(super) struct Refused {
    pub(super) reply: ReplyTo,
    pub(super) status: Status,
}

impl Request<'_> {
    /// Handles the request. `last` is the session of the request before, which is mostly the same.
    pub(super) fn handle(&self, last: &mut Option<Arc<Session>>, out: &mut Vec<u8>) -> Result<Handled, Refused> {
        let mut reader = Reader::new(self.message);
        let undecodable = |error: DecodeError| {
            let reply = ReplyTo { request_id: self.request_id, request_handle: 0, diagnostics: 0 };
            Refused { reply, status: error.status() }
        };
        let type_id = NodeIdRef::decode(&mut reader).map_err(undecodable)?;
        let body = reader.rest();
        let header = RequestHeaderRef::decode(&mut reader).map_err(undecodable)?;
        let reply = ReplyTo {
            request_id: self.request_id,
            request_handle: header.request_handle,
            diagnostics: header.return_diagnostics,
        };
        let refuse = |status| Refused { reply, status };
        let service = match (type_id.namespace, type_id.identifier) {
            (0, IdentifierRef::Numeric(id)) => service(id),
            _ => None,
        };
        let service = service.ok_or_else(|| refuse(Status::BAD_SERVICE_UNSUPPORTED))?;
        let principal;
        let session = match service.need {
            SessionNeed::None => {
                principal = None;
                None
            }
            need => {
                let session = self.session(header.authentication_token, last).map_err(refuse)?;
                principal = self.admit(&session, need, service.name).map_err(refuse)?;
                session.touch(self.now);
                Some(session)
            }
        };
        let mut context = Context {
            server: self.server,
            channel: self.channel,
            session: session.as_ref(),
            principal: principal.as_ref(),
            rights: UserRights { principal: principal.as_deref(), server: self.server },
            header,
            request_id: self.request_id,
            message: self.message,
            now: self.now,
            time: self.time,
            refreshed: self.refreshed,
        };
        let outcome = (service.handler)(&mut context, body, out);
        if self.server.diagnostics.is_on()
            && !self.refreshed
            && let Some(session) = &session
        {
            session.services.count(service.name, outcome.is_err());
        }
        let flow = outcome.map_err(|status| {
            self.server.counters.request_rejected();
            audit::session_service_refused(&context, service.name, status);
            refuse(status)
        })?;
        Ok(Handled { flow, reply })
    }

    fn session(&self, token: NodeIdRef<'_>, last: &mut Option<Arc<Session>>) -> Result<Arc<Session>, Status> {
        let IdentifierRef::Opaque(token) = token.identifier else { return Err(status::BAD_SESSION_ID_INVALID) };
        let token = Token::try_from(token).map_err(|_| status::BAD_SESSION_ID_INVALID)?;
        if let Some(last) = last
            && last.token == token
            && !last.is_closed()
        {
            return Ok(Arc::clone(last));
        }
        let session = self.server.sessions.find(&token).ok_or(status::BAD_SESSION_ID_INVALID)?;
        *last = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Checks that the session may use this channel and is activated as far as the service needs it.
    fn admit(
        &self,
        session: &Arc<Session>,
        need: SessionNeed,
        service: &str,
    ) -> Result<Option<Arc<Principal>>, Status> {
        let state = session.state.lock();
        match state.channel {
            Some(bound) if bound == self.channel.id => Ok(state.principal.clone()),
            // ActivateSession alone moves a session to another channel.
            _ if need == SessionNeed::Made && service == "ActivateSession" => Ok(state.principal.clone()),
            None if need == SessionNeed::Made && session.made_on == self.channel.id => Ok(None),
            None if need == SessionNeed::Activated && session.made_on == self.channel.id => {
                drop(state);
                // Part 4, 5.7.3.1: a service before ActivateSession ends the session.
                let why = Some("a service was asked for before it was activated");
                log::session_ended(self.server, session, What::SessionEnded, why);
                self.server.end_session(session, Leave::Nothing);
                Err(status::BAD_SESSION_NOT_ACTIVATED)
            }
            _ => Err(status::BAD_SECURE_CHANNEL_ID_INVALID),
        }
    }
}
