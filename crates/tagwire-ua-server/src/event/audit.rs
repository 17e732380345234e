//! Audit events: who did what to the server (Part 4, 6.5; Part 5, 6.4.3). Nothing is made when no auditor listens.

use std::sync::Arc;

use tagwire_access::{Identity, Principal, Reason, What};
use tagwire_model::Status;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::secure::OpenRequest;
use tagwire_ua_proto::services::{
    AnonymousIdentityToken, CallMethodRequest, CallMethodResult, IssuedIdentityToken, SecurityTokenRequestType,
    UserNameIdentityToken, X509IdentityToken,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, ExtensionObject, NodeId, UaString, Variant, VariantItems};

pub(crate) use super::history_audit::{HistoryChange, history_changed};
use super::{Audience, NewEvent, Source};
use crate::address_space::role_method;
use crate::configuration;
use crate::log;
use crate::server::Server;
use crate::services::{Context, UserToken};
use crate::session::{ChannelFacts, Session};

/// Severity of what was done, and of what was refused.
const DONE: u16 = 100;
const REFUSED: u16 = 500;

/// Who acted, and what their client wants to see in the event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actor {
    user: Option<String>,
    identity: Option<Identity>,
    entry: UaString,
}

impl Actor {
    /// The sender of a request.
    pub(crate) fn of(context: &Context<'_>) -> Self {
        Self {
            user: context.principal.map(|principal| user(principal)),
            identity: None,
            entry: context.header.audit_entry_id.into(),
        }
    }

    /// The same client as another user.
    pub(crate) fn with_user(self, principal: &Principal) -> Self {
        Self { user: Some(user(principal)), identity: Some(principal.identity().clone()), ..self }
    }
}

fn user(principal: &Principal) -> String {
    principal.identity().to_string()
}

/// Whether any auditor listens.
pub(crate) fn is_heard(server: &Server) -> bool {
    server.events().is_heard(Audience::Auditors)
}

pub(super) fn event(
    server: &Server,
    event_type: u32,
    source: Source,
    actor: &Actor,
    status: Status,
    message: impl Into<String>,
) -> NewEvent {
    let severity = if status.is_bad() { REFUSED } else { DONE };
    NewEvent::new(event_type, source, severity, message)
        .for_auditors()
        .with("ActionTimeStamp", server.now())
        .with("Status", !status.is_bad())
        .with("ServerId", server.config.application_uri.as_str())
        .with("ClientAuditEntryId", actor.entry.clone())
        .with("ClientUserId", actor.user.as_deref().map_or(UaString::NULL, UaString::from))
        .with("StatusCodeId", status)
}

fn server_source(name: &str) -> Source {
    Source::node(NodeId::ns0(node::SERVER), name)
}

pub(super) fn outcome(status: Status) -> &'static str {
    if status.is_bad() { "refused" } else { "done" }
}

fn certificate_of(channel: &ChannelFacts) -> (ByteString, UaString) {
    match &channel.client_certificate {
        Some(certificate) => (ByteString::from(certificate.leaf()), hex(certificate.thumbprint())),
        None => Default::default(),
    }
}

fn hex(bytes: &[u8]) -> UaString {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>().into()
}

/// A channel was opened or renewed.
pub(crate) fn channel_opened(server: &Server, channel: &ChannelFacts, request: &OpenRequest) {
    if !is_heard(server) {
        return;
    }
    let kind = if request.renew { SecurityTokenRequestType::RENEW } else { SecurityTokenRequestType::ISSUE };
    let message = format!("secure channel opened by {}", channel.peer);
    let source = server_source("SecureChannel/OpenSecureChannel");
    let (certificate, thumbprint) = certificate_of(channel);
    let event =
        event(server, node::AUDIT_OPEN_SECURE_CHANNEL_EVENT_TYPE, source, &Actor::default(), Status::GOOD, message);
    server.events().emit(
        event
            .with("SecureChannelId", channel.id.to_string().as_str())
            .with("ClientCertificate", certificate)
            .with("ClientCertificateThumbprint", thumbprint)
            .with("RequestType", kind)
            .with("SecurityPolicyUri", request.policy.uri)
            .with("SecurityMode", request.mode)
            .with("RequestedLifetime", request.requested_lifetime.as_secs_f64() * 1_000.0),
    );
}

/// A channel was refused before it was open.
pub(crate) fn channel_refused(server: &Server, channel: &ChannelFacts, status: Status) {
    log::channel_refused(server, channel, status);
    if !is_heard(server) {
        return;
    }
    let message = format!("secure channel refused to {}", channel.peer);
    let source = server_source("SecureChannel/OpenSecureChannel");
    let event = event(server, node::AUDIT_OPEN_SECURE_CHANNEL_EVENT_TYPE, source, &Actor::default(), status, message);
    server.events().emit(event.with("SecureChannelId", channel.id.to_string().as_str()));
}

/// The certificate of a client or of a user was refused.
pub(crate) fn certificate_refused(server: &Server, channel: &ChannelFacts, leaf: &[u8], reason: &Reason) {
    if !is_heard(server) {
        return;
    }
    let event_type = match reason {
        Reason::NotYetValid | Reason::Expired | Reason::IssuerTime => node::AUDIT_CERTIFICATE_EXPIRED_EVENT_TYPE,
        Reason::Untrusted | Reason::IssuerUnknown(_) | Reason::ChainTooLong => {
            node::AUDIT_CERTIFICATE_UNTRUSTED_EVENT_TYPE
        }
        Reason::Revoked | Reason::IssuerRevoked | Reason::RevocationUnknown(_) => {
            node::AUDIT_CERTIFICATE_REVOKED_EVENT_TYPE
        }
        Reason::UriMismatch(_) | Reason::HostMismatch(_) => node::AUDIT_CERTIFICATE_DATA_MISMATCH_EVENT_TYPE,
        Reason::UseNotAllowed | Reason::IssuerUseNotAllowed => node::AUDIT_CERTIFICATE_MISMATCH_EVENT_TYPE,
        _ => node::AUDIT_CERTIFICATE_INVALID_EVENT_TYPE,
    };
    let message = format!("certificate of {} refused: {}", channel.peer, reason.name());
    let source = server_source("Security/Certificate");
    let event = event(server, event_type, source, &Actor::default(), reason.status(), message);
    let event = event.with("Certificate", ByteString::from(leaf));
    server.events().emit(match reason {
        Reason::UriMismatch(uri) => event.with("InvalidUri", uri.as_str()),
        Reason::HostMismatch(host) => event.with("InvalidHostname", host.as_str()),
        _ => event,
    });
}

/// A session was made.
pub(crate) fn session_made(context: &Context<'_>, session: &Arc<Session>, timeout: f64) {
    log::session_created(context, session);
    let (server, channel) = (context.server, context.channel);
    if !is_heard(server) {
        return;
    }
    let message = format!("session \"{}\" made by {}", session.name, channel.peer);
    let (certificate, thumbprint) = certificate_of(channel);
    let event = event(
        server,
        node::AUDIT_CREATE_SESSION_EVENT_TYPE,
        server_source("Session/CreateSession"),
        &Actor::of(context),
        Status::GOOD,
        message,
    );
    server.events().emit(
        event
            .with("SessionId", session.id.clone())
            .with("SecureChannelId", channel.id.to_string().as_str())
            .with("ClientCertificate", certificate)
            .with("ClientCertificateThumbprint", thumbprint)
            .with("RevisedSessionTimeout", timeout),
    );
}

/// The client of a new session reached the server by a name that is none of this machine (Part 4, 5.7.2.2): it may be
/// somebody else whom the client meant.
pub(crate) fn url_mismatched(context: &Context<'_>, session: &Session) {
    let (server, channel) = (context.server, context.channel);
    let url = session.introduction.endpoint_url();
    if !is_heard(server) || server.is_own_url(url) {
        return;
    }
    let message = format!("session \"{}\" of {} is meant for another machine", session.name, channel.peer);
    let source = server_source("Session/CreateSession");
    let actor = Actor::of(context);
    let event = event(server, node::AUDIT_URL_MISMATCH_EVENT_TYPE, source, &actor, Status::GOOD, message);
    server.events().emit(
        event
            .with("SessionId", session.id.clone())
            .with("SecureChannelId", channel.id.to_string().as_str())
            .with("EndpointUrl", url),
    );
}

/// A service about sessions was refused at once.
pub(crate) fn session_service_refused(context: &Context<'_>, service: &str, status: Status) {
    log::request_refused(context, service, status);
    let event_type = match service {
        "CreateSession" => node::AUDIT_CREATE_SESSION_EVENT_TYPE,
        "ActivateSession" => node::AUDIT_ACTIVATE_SESSION_EVENT_TYPE,
        _ => return,
    };
    if !is_heard(context.server) {
        return;
    }
    let message = format!("{service} of {} refused", context.channel.peer);
    let source = server_source(&format!("Session/{service}"));
    let event = event(context.server, event_type, source, &Actor::of(context), status, message);
    let event = event.with("SecureChannelId", context.channel.id.to_string().as_str());
    context.server.events().emit(match context.session {
        Some(session) => event.with("SessionId", session.id.clone()),
        None => event,
    });
}

/// A session was activated, or its user was refused.
pub(crate) fn session_activated(
    server: &Server,
    channel: &ChannelFacts,
    session: &Arc<Session>,
    actor: &Actor,
    claimed: Claimed,
    status: Status,
) {
    if status.is_bad() {
        let refusal = log::Refusal {
            service: "ActivateSession",
            reason: claimed.reason(server, actor, status),
            claimed: claimed.name.clone(),
            status,
        };
        log::session_refused(server, channel, Some(session), refusal);
    } else {
        log::session_activated(server, channel, session, actor.identity.clone());
    }
    if !is_heard(server) {
        return;
    }
    let message = format!("activation of session \"{}\" by {} {}", session.name, channel.peer, outcome(status));
    let source = server_source("Session/ActivateSession");
    let event = event(server, node::AUDIT_ACTIVATE_SESSION_EVENT_TYPE, source, actor, status, message);
    server.events().emit(
        event
            .with("SessionId", session.id.clone())
            .with("SecureChannelId", channel.id.to_string().as_str())
            .with("UserIdentityToken", Box::new(claimed.token())),
    );
}

/// Who a user claims to be, without any secret.
pub(crate) struct Claimed {
    name: Option<String>,
    certificate: Option<Arc<[u8]>>,
    is_issued: bool,
    is_locked: bool,
}

impl Claimed {
    /// What the user showed, for [`session_activated`].
    pub(crate) fn by(token: &UserToken) -> Self {
        let name = Some(token.name()).filter(|name| !name.is_empty()).map(str::to_owned);
        Self { name, certificate: token.certificate_chain(), is_issued: token.is_issued(), is_locked: false }
    }

    /// Nobody looked at the password, after too many wrong ones.
    pub(crate) fn locked_out(self) -> Self {
        Self { is_locked: true, ..self }
    }

    fn token(&self) -> ExtensionObject {
        match (&self.name, &self.certificate) {
            (Some(name), _) => {
                ExtensionObject::new(&UserNameIdentityToken { user_name: name.as_str().into(), ..Default::default() })
            }
            (None, Some(chain)) => {
                let certificate_data = ByteString::from(chain.as_ref());
                ExtensionObject::new(&X509IdentityToken { certificate_data, ..Default::default() })
            }
            (None, None) if self.is_issued => ExtensionObject::new(&IssuedIdentityToken::default()),
            (None, None) => ExtensionObject::new(&AnonymousIdentityToken::default()),
        }
    }

    /// The true reason of a refusal, which the client does not learn.
    fn reason(&self, server: &Server, actor: &Actor, status: Status) -> Option<&'static str> {
        if self.is_locked {
            return Some("locked out after too many wrong log-ins");
        }
        // Whoever logged in was refused for something else, which the status tells.
        if actor.identity.is_some() || status != status::BAD_IDENTITY_TOKEN_REJECTED {
            return None;
        }
        if self.certificate.is_some() {
            return Some("the user's certificate is not trusted");
        }
        if self.is_issued {
            return Some("the token of the identity provider was refused");
        }
        let Some(name) = &self.name else { return Some("anonymous access is off") };
        match server.login.users().list().iter().find(|user| user.name == *name) {
            None => Some("there is no such user"),
            Some(user) if user.disabled => Some("the user is disabled"),
            Some(_) => Some("the password is wrong or cannot be decrypted"),
        }
    }
}

/// A session ended because its client closed it or was silent for too long.
pub(crate) fn session_ended(server: &Server, session: &Arc<Session>, actor: &Actor, is_timeout: bool) {
    let what = if is_timeout { What::SessionTimedOut } else { What::SessionClosed };
    log::session_ended(server, session, what, None);
    if !is_heard(server) {
        return;
    }
    let (name, how) = if is_timeout { ("Session/Timeout", "timed out") } else { ("Session/CloseSession", "closed") };
    let message = format!("session \"{}\" {how}", session.name);
    let event = event(server, node::AUDIT_SESSION_EVENT_TYPE, server_source(name), actor, Status::GOOD, message);
    server.events().emit(event.with("SessionId", session.id.clone()));
}

/// One value of a Write request, noted before it is written.
pub(crate) struct NotedWrite {
    pub(crate) node_id: NodeId,
    pub(crate) attribute: u32,
    pub(crate) range: UaString,
    pub(crate) old: Variant,
    pub(crate) new: Variant,
}

/// A value was written or refused.
pub(crate) fn written(server: &Server, actor: &Actor, write: NotedWrite, status: Status) {
    let NotedWrite { node_id, attribute, range, old, new } = write;
    let message = format!("write of {node_id} {}", outcome(status));
    let source = Source::node(node_id, "Attribute/Write");
    let event = event(server, node::AUDIT_WRITE_UPDATE_EVENT_TYPE, source, actor, status, message);
    server.events().emit(
        event.with("AttributeId", attribute).with("IndexRange", range).with("OldValue", old).with("NewValue", new),
    );
}

/// A method was called or refused.
pub(crate) fn called(server: &Server, actor: &Actor, call: &CallMethodRequest, result: &CallMethodResult) {
    if !is_heard(server) {
        return;
    }
    let status = result.status_code;
    let message = format!("call of {} {}", call.method_id, outcome(status));
    let source = Source::node(call.object_id.clone(), "Attribute/Call");
    // Part 18, 4.5: changes of who holds a role have a type of their own.
    let event_type = match call.method_id.as_ns0().and_then(role_method) {
        Some(_) => node::ROLE_MAPPING_RULE_CHANGED_AUDIT_EVENT_TYPE,
        None => node::AUDIT_UPDATE_METHOD_EVENT_TYPE,
    };
    let event = event(server, event_type, source, actor, status, message);
    server.events().emit(
        event
            .with("MethodId", call.method_id.clone())
            .with("InputArguments", VariantItems::from(configuration::without_secrets(call)))
            .with("OutputArguments", VariantItems::from(result.output_arguments.clone())),
    );
}

/// A certificate or a trust list was to be changed, or was (Part 12, 7.8.2.12, 7.8.2.13, 7.10.19 and 7.10.20); `event` is
/// its type and where it comes from.
pub(crate) fn configuration(
    server: &Server,
    actor: &Actor,
    (event_type, source): (u32, NodeId),
    status: Status,
    fields: Vec<(&'static str, Variant)>,
) {
    if !is_heard(server) {
        return;
    }
    let message = format!("change of certificates or trust lists {}", outcome(status));
    let source = Source::node(source, "Method/UpdateCertificate");
    let event = event(server, event_type, source, actor, status, message);
    server.events().emit(fields.into_iter().fold(event, |event, (name, value)| event.with(name, value)));
}
