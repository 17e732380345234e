//! What the server tells the audit log: one record per request, turned into text on the log's own thread.

mod call;
mod history;
mod roles;
mod session;
mod value;
mod write;

use std::borrow::Cow;
use std::sync::Arc;

use tagwire_access::audit::{Details, Fields};
use tagwire_access::{Actor, AuditEvent, Face, Fingerprint, Principal, What};
use tagwire_model::Status;
use tagwire_ua_proto::secure::PeerCertificate;
use tagwire_ua_proto::status;

pub(crate) use call::CallNote;
pub(crate) use history::HistoryNote;
pub(crate) use roles::role_changed;
pub(crate) use session::{
    Refusal, request_refused, session_activated, session_created, session_ended, session_refused,
};
pub(crate) use write::WriteNote;

use crate::server::Server;
use crate::services::Context;
use crate::session::{ChannelFacts, Session};

/// The name of a status as records have it.
fn name(status: Status) -> Cow<'static, str> {
    status::name(status).map_or_else(|| Cow::Owned(format!("0x{:08X}", status.0)), Cow::Borrowed)
}

/// Whom a record is about, as far as OPC UA knows it.
#[derive(Clone, Default)]
struct Client {
    session: Option<Arc<Session>>,
    channel: Option<u32>,
    certificate: Option<Arc<PeerCertificate>>,
    /// What the client wants to see in the record.
    entry: String,
}

impl Client {
    fn of(context: &Context<'_>) -> Self {
        Self {
            session: context.session.cloned(),
            channel: Some(context.channel.id),
            // Every session's first record names it; requests are many.
            certificate: None,
            entry: context.header.audit_entry_id.to_owned(),
        }
    }

    fn on(channel: &ChannelFacts, session: Option<&Arc<Session>>) -> Self {
        Self {
            session: session.cloned(),
            channel: Some(channel.id),
            certificate: channel.client_certificate.clone(),
            entry: String::new(),
        }
    }

    fn write(&self, fields: &mut Fields<'_>) {
        if let Some(session) = &self.session {
            fields.field("session").shown(&session.id);
            if !session.application_uri.is_empty() {
                fields.text("application", &session.application_uri);
            }
        }
        if let Some(channel) = self.channel {
            fields.field("channel").number(channel);
        }
        if let Some(certificate) = &self.certificate {
            fields.text("certificate", &Fingerprint::of(certificate.leaf()).to_string());
        }
        if !self.entry.is_empty() {
            fields.text("entry", &self.entry);
        }
    }
}

/// A client and what it did.
struct Record<T>(Client, T);

impl<T: Details> Details for Record<T> {
    fn write(&self, fields: &mut Fields<'_>) {
        self.0.write(fields);
        self.1.write(fields);
    }

    fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.0.entry.len() + self.1.held_bytes()
    }
}

/// The sender of a request.
pub(crate) fn sender(context: &Context<'_>) -> Actor {
    actor(Some(context.channel), context.principal.map(|principal| &**principal))
}

fn actor(channel: Option<&ChannelFacts>, principal: Option<&Principal>) -> Actor {
    Actor {
        face: Some(Face::Ua),
        identity: principal.map(|principal| principal.identity().clone()),
        uid: None,
        peer: channel.map(|channel| channel.peer),
    }
}

fn record(server: &Server, what: What, actor: Actor, client: Client, details: impl Details + 'static) {
    let details = Box::new(Record(client, details));
    server.audit.record(AuditEvent { time: server.now(), what, actor, details });
}

/// Why something was refused.
struct Refused {
    status: Status,
    reason: Option<&'static str>,
}

impl Details for Refused {
    fn write(&self, fields: &mut Fields<'_>) {
        fields.text("result", &name(self.status));
        if let Some(reason) = self.reason {
            fields.text("reason", reason);
        }
    }
}

/// A channel was refused before it was open.
pub(crate) fn channel_refused(server: &Server, channel: &ChannelFacts, status: Status) {
    if server.audit.is_on() {
        let client = Client::on(channel, None);
        record(server, What::ChannelRefused, actor(Some(channel), None), client, Refused { status, reason: None });
    }
}

/// Something about the server itself was changed.
pub(crate) fn administration(server: &Server, what: What, actor: Actor, details: Vec<(&'static str, String)>) {
    if server.audit.is_on() {
        server.audit.record(AuditEvent { time: server.now(), what, actor, details: Box::new(details) });
    }
}
