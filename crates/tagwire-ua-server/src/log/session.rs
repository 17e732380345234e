//! Sessions and log-ins.

use std::sync::Arc;

use tagwire_access::What;
use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, Identity};
use tagwire_model::Status;
use tagwire_ua_proto::services::MessageSecurityMode;

use super::{Client, Refused, actor, name, record, sender};
use crate::server::Server;
use crate::services::Context;
use crate::session::{ChannelFacts, Session};

/// How a session was made.
struct Created {
    session: Arc<Session>,
    policy: &'static str,
    mode: MessageSecurityMode,
}

impl Details for Created {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("name", &self.session.name);
        fields.text("policy", self.policy);
        fields.text(
            "mode",
            match self.mode {
                MessageSecurityMode::SIGN_AND_ENCRYPT => "sign-and-encrypt",
                MessageSecurityMode::SIGN => "sign",
                _ => "none",
            },
        );
        fields.field("timeout_ms").number(self.session.timeout);
    }
}

/// A session was made.
pub(crate) fn session_created(context: &Context<'_>, session: &Arc<Session>) {
    let (server, channel) = (context.server, context.channel);
    if server.audit.is_on() {
        let client = Client { entry: context.header.audit_entry_id.to_owned(), ..Client::on(channel, Some(session)) };
        let created = Created { session: Arc::clone(session), policy: channel.policy.name, mode: channel.mode };
        record(server, What::SessionCreated, actor(Some(channel), None), client, created);
    }
}

/// A user logged in.
pub(crate) fn session_activated(
    server: &Server,
    channel: &ChannelFacts,
    session: &Arc<Session>,
    identity: Option<Identity>,
) {
    if server.audit.is_on() {
        let actor = Actor { identity, ..actor(Some(channel), None) };
        record(server, What::SessionActivated, actor, Client::on(channel, Some(session)), ());
    }
}

/// A log-in that failed, with the reason that the client does not learn.
pub(crate) struct Refusal {
    pub(crate) service: &'static str,
    /// Who the user claims to be.
    pub(crate) claimed: Option<String>,
    pub(crate) status: Status,
    pub(crate) reason: Option<&'static str>,
}

impl Details for Refusal {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("service", self.service);
        if let Some(claimed) = &self.claimed {
            fields.text("claimed", claimed);
        }
        Refused { status: self.status, reason: self.reason }.write(fields);
    }

    fn held_bytes(&self) -> usize {
        self.claimed.as_ref().map_or(0, String::len)
    }
}

/// A session or a log-in was refused.
pub(crate) fn session_refused(
    server: &Server,
    channel: &ChannelFacts,
    session: Option<&Arc<Session>>,
    refusal: Refusal,
) {
    if server.audit.is_on() {
        let client = Client::on(channel, session);
        record(server, What::SessionRefused, actor(Some(channel), None), client, refusal);
    }
}

/// A session ended; `why` when the server ended it.
pub(crate) fn session_ended(server: &Server, session: &Arc<Session>, what: What, why: Option<&'static str>) {
    if server.audit.is_on() {
        let principal = session.state.lock().principal.clone();
        let ended: Vec<_> = why.map(|why| ("reason", why.to_owned())).into_iter().collect();
        let client = Client { session: Some(Arc::clone(session)), ..Client::default() };
        record(server, what, actor(None, principal.as_deref()), client, ended);
    }
}

/// A request that is recorded was refused as a whole.
pub(crate) fn request_refused(context: &Context<'_>, service: &str, status: Status) {
    let server = context.server;
    let what = match service {
        "Write" if server.audit.write_items().is_some() => What::Write,
        "Call" => What::Call,
        "CreateSession" | "ActivateSession" => What::SessionRefused,
        _ => return,
    };
    if server.audit.is_on() {
        let mut refused = vec![("result", name(status).into_owned())];
        if what == What::SessionRefused {
            refused.insert(0, ("service", service.to_owned()));
        }
        record(server, what, sender(context), Client::of(context), refused);
    }
}
