//! Sessions: who talks to the server, since when, and what they own (Part 4, 5.7).

mod publishing;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use tagwire_access::Principal;
use tagwire_model::Timestamp;
use tagwire_ua_proto::secure::{EphemeralKey, OwnIdentity, PeerCertificate, SecurityPolicy, SessionFacts};
use tagwire_ua_proto::services::MessageSecurityMode;
use tagwire_ua_proto::types::NodeId;
use tokio::sync::Notify;

pub(crate) use publishing::{Answer, Publishing, WaitingPublish};
pub(crate) use table::SessionTable;

use crate::diagnostics::{Introduction, ServiceCounters};
use crate::history::Points;
use crate::quota::Ticket;
use crate::services::view::ContinuationPoints;
use crate::subscription::Millis;

/// Length of an authentication token in bytes.
pub(crate) const TOKEN_LEN: usize = 32;

/// The secret that names a session in every request.
pub(crate) type Token = [u8; TOKEN_LEN];

/// What a service must know of the channel that a request came through.
#[derive(Clone, Debug)]
pub(crate) struct ChannelFacts {
    pub(crate) id: u32,
    pub(crate) policy: &'static SecurityPolicy,
    pub(crate) mode: MessageSecurityMode,
    /// Bytes that a response may have for the client to take it.
    pub(crate) max_response: usize,
    /// Who the client is; `None` without security.
    pub(crate) client_certificate: Option<Arc<PeerCertificate>>,
    /// The identity that the channel was opened with; `None` while there is none.
    pub(crate) identity: Option<Arc<OwnIdentity>>,
    /// What sessions on this channel are bound to; empty unless the policy wants that.
    pub(crate) thumbprint: Arc<[u8]>,
    pub(crate) peer: SocketAddr,
    /// The address that the client reached.
    pub(crate) local: SocketAddr,
}

/// One session.
pub(crate) struct Session {
    /// The id that diagnostics and audit events show; no secret.
    pub(crate) id: NodeId,
    pub(crate) token: Token,
    pub(crate) name: String,
    /// What the client calls itself; proved by its certificate where it has one.
    pub(crate) application_uri: String,
    pub(crate) client_certificate: Option<Arc<PeerCertificate>>,
    /// The server's certificate as the client was given it with the session; empty when there was none.
    pub(crate) server_certificate: Arc<[u8]>,
    /// What the client gave with the session; empty unless its policy asks for it again.
    pub(crate) client_nonce: Vec<u8>,
    /// The channel that the session was made on: the only one that may activate it first.
    pub(crate) made_on: u32,
    /// Time without a request after which the session ends.
    pub(crate) timeout: Millis,
    pub(crate) state: Mutex<SessionState>,
    /// Wakes the connection that runs the session's subscriptions; without one the housekeeping runs them.
    connection: Mutex<Option<Arc<Notify>>>,
    /// What the client told of itself.
    pub(crate) introduction: Introduction,
    /// What the session asked for, while diagnostics are kept.
    pub(crate) services: ServiceCounters,
    last_used: AtomicU64,
    /// When the user's right to be here ends by itself, in ticks of wall time.
    ends: AtomicI64,
    is_closed: AtomicBool,
    /// Given back when the session is closed, however long a connection still remembers it.
    ticket: Mutex<Option<Ticket>>,
}

/// The part of a session that changes.
pub(crate) struct SessionState {
    /// The channel that requests must come through; `None` before the first activation.
    pub(crate) channel: Option<u32>,
    pub(crate) principal: Option<Arc<Principal>>,
    /// The certificate that the user showed, with its issuers; it must stay trusted.
    pub(crate) user_certificate: Option<Arc<[u8]>>,
    /// What the client must sign next.
    pub(crate) server_nonce: Vec<u8>,
    /// The key that the next secret of a user may be made for, once.
    pub(crate) secret_key: Option<EphemeralKey>,
    pub(crate) publishing: Publishing,
    pub(crate) browse_points: ContinuationPoints,
    pub(crate) history_points: Points,
}

/// What a session is made from.
pub(crate) struct NewSession {
    pub(crate) id: NodeId,
    pub(crate) token: Token,
    pub(crate) name: String,
    pub(crate) application_uri: String,
    pub(crate) client_certificate: Option<Arc<PeerCertificate>>,
    pub(crate) server_certificate: Arc<[u8]>,
    pub(crate) client_nonce: Vec<u8>,
    pub(crate) made_on: u32,
    pub(crate) timeout: Millis,
    pub(crate) introduction: Introduction,
    pub(crate) server_nonce: Vec<u8>,
    pub(crate) secret_key: Option<EphemeralKey>,
    pub(crate) now: Millis,
    pub(crate) ticket: Ticket,
}

impl Session {
    pub(crate) fn new(new: NewSession) -> Self {
        let state = SessionState {
            channel: None,
            principal: None,
            user_certificate: None,
            server_nonce: new.server_nonce,
            secret_key: new.secret_key,
            publishing: Publishing::default(),
            browse_points: ContinuationPoints::default(),
            history_points: Points::default(),
        };
        Self {
            id: new.id,
            token: new.token,
            name: new.name,
            application_uri: new.application_uri,
            client_certificate: new.client_certificate,
            server_certificate: new.server_certificate,
            client_nonce: new.client_nonce,
            made_on: new.made_on,
            timeout: new.timeout,
            state: Mutex::new(state),
            connection: Mutex::new(None),
            introduction: new.introduction,
            services: ServiceCounters::default(),
            last_used: AtomicU64::new(new.now),
            ends: AtomicI64::new(i64::MAX),
            is_closed: AtomicBool::new(false),
            ticket: Mutex::new(Some(new.ticket)),
        }
    }

    /// What client and user sign when they activate the session on this channel, with the server's last nonce.
    pub(crate) fn facts<'a>(&'a self, channel: &'a ChannelFacts, server_nonce: &'a [u8]) -> SessionFacts<'a> {
        let own = channel.identity.as_ref().map_or(&[][..], |identity| identity.certificate().chain());
        let client = channel.client_certificate.as_ref().map_or(&[][..], |client| client.chain());
        SessionFacts {
            channel_thumbprint: &channel.thumbprint,
            // A session that is bound to a channel names both certificates; to all others the channel's is the one.
            server_certificate: if channel.policy.is_bound { &self.server_certificate } else { own },
            server_channel_certificate: own,
            client_certificate: client,
            client_channel_certificate: client,
            server_nonce,
            client_nonce: &self.client_nonce,
        }
    }

    /// Notes that a request came.
    #[inline]
    pub(crate) fn touch(&self, now: Millis) {
        self.last_used.store(now, Ordering::Relaxed);
    }

    /// The application, where its certificate proves which it is; empty without security.
    pub(crate) fn proved_application(&self) -> &str {
        if self.client_certificate.is_some() { &self.application_uri } else { "" }
    }

    /// Notes when the user's right to be here ends by itself.
    pub(crate) fn set_end(&self, until: Option<Timestamp>) {
        self.ends.store(until.map_or(i64::MAX, Timestamp::ticks), Ordering::Relaxed);
    }

    /// Whether the user's right to be here has ended.
    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        now.ticks() >= self.ends.load(Ordering::Relaxed)
    }

    /// Whether no request came for longer than the timeout.
    pub(crate) fn is_expired(&self, now: Millis) -> bool {
        now.saturating_sub(self.last_used.load(Ordering::Relaxed)) > self.timeout
    }

    /// When the last request came.
    pub(crate) fn last_used(&self) -> Millis {
        self.last_used.load(Ordering::Relaxed)
    }

    /// Whether the session has ended; a connection that still holds it must let it go.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whether a connection runs the session's subscriptions; else the housekeeping does.
    pub(crate) fn has_connection(&self) -> bool {
        self.connection.lock().is_some()
    }

    /// Makes a connection run the session's subscriptions from now on.
    pub(crate) fn attach(&self, connection: &Arc<Notify>) {
        let before = self.connection.lock().replace(Arc::clone(connection));
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, connection)) {
            before.notify_one();
        }
    }

    /// Lets a connection go; false when another one has taken over.
    pub(crate) fn detach(&self, connection: &Arc<Notify>) -> bool {
        let mut attached = self.connection.lock();
        let ours = attached.as_ref().is_some_and(|attached| Arc::ptr_eq(attached, connection));
        if ours {
            *attached = None;
        }
        ours
    }

    /// Whether this connection runs the session's subscriptions.
    pub(crate) fn is_attached_to(&self, connection: &Arc<Notify>) -> bool {
        self.connection.lock().as_ref().is_some_and(|attached| Arc::ptr_eq(attached, connection))
    }

    /// Has the session's connection look after it at once.
    pub(crate) fn wake(&self) {
        if let Some(connection) = &*self.connection.lock() {
            connection.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.ticket.lock().take();
        self.wake();
    }
}
