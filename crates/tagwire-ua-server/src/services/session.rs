//! CreateSession, ActivateSession, CloseSession and Cancel (Part 4, 5.7).

use std::sync::Arc;

use tagwire_access::{Guesses, PeerCheck, Principal, What};
use tagwire_model::Status;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::secure::{PeerCertificate, SessionFacts, Signer, fill_random, sign_session, verify_session};
use tagwire_ua_proto::services::{
    ActivateSessionRequest, ActivateSessionResponse, CancelRequest, CancelResponse, CloseSessionRequest,
    CloseSessionResponse, CreateSessionRequest, CreateSessionResponse,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ByteString, NodeId, Structure};

use super::user_token::{Admitted, UserToken};
use super::{Context, Flow, LaterBody, decode, secret_key};
use crate::diagnostics::Introduction;
use crate::event::audit::{self, Actor, Claimed};
use crate::limits;
use crate::log;
use crate::server::{Leave, Server};
use crate::session::{ChannelFacts, NewSession, Session, TOKEN_LEN, Token};

/// Length of a nonce in bytes (Part 4, 5.7.2.2).
const NONCE_LEN: usize = 32;

pub(super) fn create(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CreateSessionRequest = decode(body)?;
    let (server, channel) = (context.server, context.channel);
    if server.is_shutting_down() {
        return Err(Status::BAD_SERVER_HALTED);
    }
    // A channel without security that only discovery may use carries no session.
    if !server.config.security.contains(&(channel.policy, channel.mode)) {
        return Err(status::BAD_SECURITY_POLICY_REJECTED);
    }
    if request.endpoint_url.as_str().len() > limits::MAX_ENDPOINT_URL_BYTES {
        return Err(status::BAD_TCP_ENDPOINT_URL_INVALID);
    }
    check_client(server, channel, &request).inspect_err(|_| server.counters.session_rejected_for_security())?;
    let ticket = match server.quota.session() {
        Ok(ticket) => ticket,
        Err(status) => {
            // A session that was never activated gives way to a new one (Part 4, 5.7.2.1).
            let oldest = server.sessions.oldest_unactivated();
            if let Some(oldest) = &oldest {
                log::session_ended(server, oldest, What::SessionEnded, Some("it was never activated and gave way"));
                server.end_session(oldest, Leave::Nothing);
            }
            drop(oldest);
            server.quota.session().inspect_err(|_| server.counters.session_rejected()).map_err(|_| status)?
        }
    };
    let token: Token = random_bytes::<TOKEN_LEN>()?;
    let server_nonce = random_bytes::<NONCE_LEN>()?.to_vec();
    let client_nonce = request.client_nonce.as_slice();
    let server_signature = match (&channel.identity, &channel.client_certificate) {
        (Some(identity), Some(client)) => {
            let sent = match request.client_certificate.as_slice() {
                [] => client.leaf(),
                sent => sent,
            };
            let facts = SessionFacts {
                channel_thumbprint: &channel.thumbprint,
                server_certificate: identity.certificate().chain(),
                server_channel_certificate: identity.certificate().chain(),
                client_certificate: sent,
                client_channel_certificate: client.chain(),
                server_nonce: &server_nonce,
                client_nonce,
            };
            sign_session(channel.policy, identity, Signer::Server, &facts).map_err(|_| Status::BAD_INTERNAL_ERROR)?
        }
        _ => Default::default(),
    };
    let mut response_header = context.response_header();
    let secret_key = secret_key::give(server, channel, &request.request_header, &mut response_header);
    let timeout = revise_timeout(request.requested_session_timeout);
    let session_id = NodeId::opaque(1, random_bytes::<16>()?.to_vec());
    let name = match request.session_name.as_str() {
        "" => format!("session {}", channel.id),
        name => name.chars().take(limits::MAX_SESSION_NAME_CHARS).collect(),
    };
    let client = request.client_description.application_uri.as_str();
    tracing::info!(session = %name, client, peer = %channel.peer, "session made");
    let session = Arc::new(Session::new(NewSession {
        id: session_id.clone(),
        token,
        name,
        application_uri: match channel.policy.is_none() {
            true => client.chars().take(limits::MAX_SESSION_NAME_CHARS).collect(),
            // The certificate names it, so that it is as long as the certificate allows.
            false => client.to_owned(),
        },
        client_certificate: channel.client_certificate.clone(),
        server_certificate: own_certificate(channel),
        client_nonce: if channel.policy.is_bound { client_nonce.to_vec() } else { Vec::new() },
        made_on: channel.id,
        timeout: timeout as u64,
        introduction: Introduction::new(
            &request.client_description,
            request.endpoint_url.as_str(),
            request.max_response_message_size,
            channel,
            context.time,
        ),
        server_nonce: server_nonce.clone(),
        secret_key,
        now: context.now,
        ticket,
    }));
    audit::session_made(context, &session, timeout);
    audit::url_mismatched(context, &session);
    server.sessions.insert(Arc::clone(&session));
    server.list_session(&session);
    server.counters.session_made();
    let response = CreateSessionResponse {
        response_header,
        session_id,
        authentication_token: NodeId::opaque(0, token.to_vec()),
        revised_session_timeout: timeout,
        server_nonce: ByteString::from(server_nonce),
        server_certificate: ByteString::from(own_certificate(channel).as_ref()),
        server_endpoints: server.endpoints(request.endpoint_url.as_str(), channel),
        server_signature,
        max_request_message_size: limits::MAX_MESSAGE_SIZE,
        ..Default::default()
    };
    context.respond(&response, out)
}

fn own_certificate(channel: &ChannelFacts) -> Arc<[u8]> {
    channel.identity.as_ref().map(|identity| Arc::clone(identity.certificate().chain())).unwrap_or_default()
}

fn random_bytes<const N: usize>() -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    fill_random(&mut bytes).map_err(|_| Status::BAD_INTERNAL_ERROR)?;
    Ok(bytes)
}

/// Part 4, 5.7.2.2: nonce and certificate must be those of a client that holds the channel's key.
fn check_client(server: &Server, channel: &ChannelFacts, request: &CreateSessionRequest) -> Result<(), Status> {
    if channel.policy.is_none() {
        return Ok(());
    }
    if request.client_nonce.as_slice().len() < NONCE_LEN {
        return Err(status::BAD_NONCE_INVALID);
    }
    let opened_with = channel.client_certificate.as_deref().ok_or(status::BAD_SECURITY_CHECKS_FAILED)?;
    // A client may send its whole chain; the first certificate of it must be the channel's.
    let sent = request.client_certificate.as_slice();
    if !sent.starts_with(opened_with.leaf()) {
        return Err(status::BAD_SECURITY_CHECKS_FAILED);
    }
    // Issuers that came with the channel need not be sent twice.
    let chain = if sent.len() == opened_with.leaf().len() { opened_with.chain() } else { sent };
    let check = PeerCheck {
        application_uri: Some(request.client_description.application_uri.as_str()),
        peer: Some(channel.peer),
        ..Default::default()
    };
    server.trust.verify_peer(chain, &check, server.now()).map(drop).map_err(|refusal| {
        audit::certificate_refused(server, channel, opened_with.leaf(), &refusal.reason);
        crate::status::certificate(&refusal)
    })
}

/// S01: whatever was asked for becomes a finite time within the limits.
fn revise_timeout(asked: f64) -> f64 {
    // NaN fails the comparison.
    if asked > 0.0 {
        asked.clamp(limits::MIN_SESSION_TIMEOUT_MS, limits::MAX_SESSION_TIMEOUT_MS).round()
    } else {
        limits::DEFAULT_SESSION_TIMEOUT_MS
    }
}

pub(super) fn activate(context: &mut Context<'_>, body: &[u8], _out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: ActivateSessionRequest = decode(body)?;
    let session = Arc::clone(context.session()?);
    let (server, channel) = (context.server, context.channel);
    let proof = check_channel(channel, &session, &request);
    proof.inspect_err(|_| server.counters.request_rejected_for_security())?;
    let login =
        UserToken::of(server, channel, &session, &request).inspect_err(|_| server.counters.session_rejected())?;
    let (server, channel) = (Arc::clone(server), channel.clone());
    let mut response_header = context.response_header();
    let (actor, claimed) = (Actor::of(context), Claimed::by(&login));
    Ok(Flow::Later(Box::pin(async move {
        let (peer, name) = (channel.peer.ip(), login.name().to_owned());
        if login.is_guessable() && server.guesses.is_locked(peer, &name, server.millis()) {
            server.counters.session_rejected_for_security();
            let status = status::BAD_IDENTITY_TOKEN_REJECTED;
            audit::session_activated(&server, &channel, &session, &actor, claimed.locked_out(), status);
            tokio::time::sleep(Guesses::MAX_WAIT).await;
            return LaterBody::Fault(status::BAD_IDENTITY_TOKEN_REJECTED);
        }
        let (is_guessable, user_certificate) = (login.is_guessable(), login.certificate_chain());
        let Admitted { principal, until } = match login.principal(&server, &channel, &session).await {
            Ok(admitted) => admitted,
            Err(status) => {
                server.counters.session_rejected_for_security();
                audit::session_activated(&server, &channel, &session, &actor, claimed, status);
                let (wait, locks) = server.guesses.wrong(peer, &name, server.millis());
                if locks {
                    let seconds = Guesses::LOCK.as_secs();
                    tracing::warn!(%peer, user = ?name, "too many wrong logins; this peer is locked out for {seconds} s");
                }
                tracing::warn!(%peer, user = ?name, %status, "log-in refused");
                tokio::time::sleep(wait).await;
                return LaterBody::Fault(status);
            }
        };
        if is_guessable {
            server.guesses.right(peer, &name);
        }
        let actor = actor.with_user(&principal);
        let finished = finish(&server, &session, &channel, principal, user_certificate);
        session.set_end(until);
        let status = finished.as_ref().err().copied().unwrap_or_default();
        audit::session_activated(&server, &channel, &session, &actor, claimed, status);
        match finished {
            Ok(server_nonce) => {
                let key = secret_key::give(&server, &channel, &request.request_header, &mut response_header);
                session.state.lock().secret_key = key;
                let response = ActivateSessionResponse { response_header, server_nonce, ..Default::default() };
                let mut out = Vec::new();
                NodeId::ns0(ActivateSessionResponse::ENCODING_ID).encode(&mut out);
                response.encode(&mut out);
                LaterBody::Activated(out, session)
            }
            Err(status) => LaterBody::Fault(status),
        }
    })))
}

/// Part 4, 5.7.3.2: the client signs the server's certificate and last nonce with the key of its channel.
fn check_channel(channel: &ChannelFacts, session: &Session, request: &ActivateSessionRequest) -> Result<(), Status> {
    let state = session.state.lock();
    if state.channel.is_none() && session.made_on != channel.id {
        return Err(status::BAD_SECURE_CHANNEL_ID_INVALID);
    }
    let leaf = |certificate: &Option<Arc<PeerCertificate>>| certificate.as_ref().map(|known| known.leaf().to_vec());
    if leaf(&session.client_certificate) != leaf(&channel.client_certificate) {
        return Err(status::BAD_SECURITY_CHECKS_FAILED);
    }
    let Some(client) = &channel.client_certificate else { return Ok(()) };
    let facts = session.facts(channel, &state.server_nonce);
    verify_session(channel.policy, client, Signer::Client, &facts, &request.client_signature)
        .map_err(|_| status::BAD_APPLICATION_SIGNATURE_INVALID)
}

/// Binds the session to the channel. A session that moves to another channel keeps its user (S14); where the user
/// changes, what the one before subscribed to ends, because the new one may have fewer rights.
fn finish(
    server: &Server,
    session: &Arc<Session>,
    channel: &ChannelFacts,
    principal: Principal,
    user_certificate: Option<Arc<[u8]>>,
) -> Result<ByteString, Status> {
    let mut state = session.state.lock();
    if session.is_closed() {
        return Err(status::BAD_SESSION_CLOSED);
    }
    if let (Some(bound), Some(owner)) = (state.channel, &state.principal)
        && bound != channel.id
        && (owner.identity() != principal.identity() || principal.origin().security < owner.origin().security)
    {
        return Err(status::BAD_IDENTITY_TOKEN_REJECTED);
    }
    let nonce = random_bytes::<NONCE_LEN>()?.to_vec();
    if let Some(old) = state.channel.replace(channel.id)
        && old != channel.id
    {
        state.publishing.forget_channel(old);
    }
    let is_other_user = state.principal.as_ref().is_some_and(|before| before.identity() != principal.identity());
    let gone = if is_other_user { state.publishing.end_all(Status::BAD_USER_ACCESS_DENIED) } else { Vec::new() };
    let principal = Arc::new(principal);
    state.publishing.set_principal(&principal);
    state.principal = Some(principal);
    state.user_certificate = user_certificate;
    state.server_nonce.clone_from(&nonce);
    drop(state);
    server.forget_subscriptions(gone);
    Ok(ByteString::from(nonce))
}

pub(super) fn close(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CloseSessionRequest = decode(body)?;
    let session = context.session()?;
    audit::session_ended(context.server, session, &Actor::of(context), false);
    let leave = if request.delete_subscriptions { Leave::Nothing } else { Leave::All };
    context.server.end_session(session, leave);
    context.respond(&CloseSessionResponse { response_header: context.response_header() }, out)
}

pub(super) fn cancel(context: &mut Context<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<Flow, Status> {
    let request: CancelRequest = decode(body)?;
    let cancel_count = context.session()?.state.lock().publishing.cancel(request.request_handle);
    context.respond(&CancelResponse { response_header: context.response_header(), cancel_count }, out)
}
