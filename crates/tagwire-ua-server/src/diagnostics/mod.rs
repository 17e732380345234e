//! Diagnostics of single sessions and subscriptions (Part 5, 12.11 to 12.15), kept only while they are switched on.
//!
//! The housekeeping takes them in turns, because a request that reads them holds the tree of nodes, and may not wait for
//! the sessions that others hold.

mod counters;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use tagwire_model::Timestamp;
use tagwire_ua_proto::services::{
    ApplicationDescription, MessageSecurityMode, SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType,
    SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::{ByteString, LocalizedText, UaString};

pub(crate) use counters::{ServiceCounters, SubscriptionCounters};

use crate::server::Server;
use crate::session::{ChannelFacts, Session};
use crate::subscription::{Millis, Mode, Subscription};

/// How old diagnostics may be.
const REFRESH: Millis = 250;
/// Most characters kept of each text that a client tells of itself.
const MAX_TEXT_CHARS: usize = 256;

/// The diagnostics as of a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    is_on: AtomicBool,
    taken_at: AtomicU64,
    latest: ArcSwap<Arrays>,
}

/// What the three arrays of the Server object hold.
#[derive(Debug, Default)]
pub(crate) struct Arrays {
    pub(crate) sessions: Vec<SessionDiagnosticsDataType>,
    pub(crate) security: Vec<SessionSecurityDiagnosticsDataType>,
    pub(crate) subscriptions: Vec<SubscriptionDiagnosticsDataType>,
}

impl Diagnostics {
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on: AtomicBool::new(is_on), ..Self::default() }
    }

    /// Whether diagnostics are kept.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Switches diagnostics on or off; what was kept is forgotten (Part 5, 6.3.3).
    pub(crate) fn switch(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
        self.latest.store(Arc::default());
    }

    pub(crate) fn latest(&self) -> Arc<Arrays> {
        self.latest.load_full()
    }
}

/// What a session's client told of itself, and how it came.
#[derive(Debug)]
pub(crate) struct Introduction {
    client: ApplicationDescription,
    endpoint_url: UaString,
    max_response: u32,
    since: Timestamp,
    mode: MessageSecurityMode,
    policy_uri: &'static str,
}

impl Introduction {
    pub(crate) fn new(
        client: &ApplicationDescription,
        endpoint_url: &str,
        max_response: u32,
        channel: &ChannelFacts,
        since: Timestamp,
    ) -> Self {
        let short = |text: &str| UaString::from(text.chars().take(MAX_TEXT_CHARS).collect::<String>());
        Self {
            client: ApplicationDescription {
                application_uri: short(client.application_uri.as_str()),
                product_uri: short(client.product_uri.as_str()),
                application_name: LocalizedText::new(short(client.application_name.text.as_str()).as_str()),
                application_type: client.application_type,
                ..ApplicationDescription::default()
            },
            endpoint_url: short(endpoint_url),
            max_response,
            since,
            mode: channel.mode,
            policy_uri: channel.policy.uri,
        }
    }

    /// The URL by which the client says that it reached the server.
    pub(crate) fn endpoint_url(&self) -> &str {
        self.endpoint_url.as_str()
    }
}

impl Server {
    /// Takes the diagnostics anew when they are old; to be called by the housekeeping.
    pub(crate) fn refresh_diagnostics(&self, now: Millis) {
        let diagnostics = &self.diagnostics;
        if !diagnostics.is_on() || now.saturating_sub(diagnostics.taken_at.load(Ordering::Relaxed)) < REFRESH {
            return;
        }
        diagnostics.taken_at.store(now, Ordering::Relaxed);
        let mut arrays = Arrays::default();
        let time = self.now();
        for session in self.sessions.all() {
            self.add_session(&session, now, time, &mut arrays);
        }
        diagnostics.latest.store(Arc::new(arrays));
    }

    fn add_session(&self, session: &Session, now: Millis, time: Timestamp, arrays: &mut Arrays) {
        let state = session.state.lock();
        let subscriptions = state.publishing.subscriptions();
        let known = &session.introduction;
        let silent = i64::try_from(now.saturating_sub(session.last_used())).unwrap_or(i64::MAX);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut of_session = SessionDiagnosticsDataType {
            session_id: session.id.clone(),
            session_name: session.name.as_str().into(),
            client_description: known.client.clone(),
            server_uri: self.config.application_uri.as_str().into(),
            endpoint_url: known.endpoint_url.clone(),
            actual_session_timeout: session.timeout as f64,
            max_response_message_size: known.max_response,
            client_connection_time: known.since,
            client_last_contact_time: time
                .saturating_add_ticks(silent.saturating_mul(-Timestamp::TICKS_PER_MILLISECOND)),
            current_subscriptions_count: count(subscriptions.len()),
            current_monitored_items_count: count(subscriptions.iter().map(Subscription::n_items).sum()),
            current_publish_requests_in_queue: count(state.publishing.n_waiting()),
            ..Default::default()
        };
        session.services.fill(&mut of_session);
        let user = state.principal.as_ref().map(|principal| principal.identity().to_string()).unwrap_or_default();
        let mechanism = match state.principal.as_ref().map(|principal| principal.identity()) {
            None | Some(tagwire_access::Identity::Anonymous) => "Anonymous",
            Some(tagwire_access::Identity::User(_)) => "UserName",
            Some(tagwire_access::Identity::Certificate(_)) => "Certificate",
            Some(tagwire_access::Identity::Issued(..)) => "IssuedToken",
        };
        let leaf = session.client_certificate.as_ref().map(|certificate| ByteString::from(certificate.leaf()));
        arrays.security.push(SessionSecurityDiagnosticsDataType {
            session_id: session.id.clone(),
            client_user_id_of_session: user.as_str().into(),
            client_user_id_history: vec![user.as_str().into()],
            authentication_mechanism: mechanism.into(),
            encoding: "UA Binary".into(),
            transport_protocol: "opc.tcp".into(),
            security_mode: known.mode,
            security_policy_uri: known.policy_uri.into(),
            client_certificate: leaf.unwrap_or_default(),
        });
        arrays.subscriptions.extend(subscriptions.iter().map(|subscription| of_subscription(session, subscription)));
        arrays.sessions.push(of_session);
    }
}

fn of_subscription(session: &Session, subscription: &Subscription) -> SubscriptionDiagnosticsDataType {
    let (settings, counters) = (&subscription.settings, &subscription.counters);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let n_disabled = subscription.items().filter(|item| item.mode == Mode::Disabled).count();
    let mut diagnostics = SubscriptionDiagnosticsDataType {
        session_id: session.id.clone(),
        subscription_id: subscription.id,
        priority: settings.priority,
        publishing_interval: settings.publishing_interval as f64,
        max_keep_alive_count: settings.max_keep_alive,
        max_lifetime_count: settings.lifetime,
        max_notifications_per_publish: settings.max_notifications,
        publishing_enabled: subscription.publishing_enabled,
        late_publish_request_count: subscription.n_cycles_due(),
        current_keep_alive_count: subscription.n_keep_alive(),
        current_lifetime_count: subscription.n_lifetime(),
        unacknowledged_message_count: count(subscription.sent().available().len()),
        monitored_item_count: count(subscription.n_items()),
        disabled_monitored_item_count: count(n_disabled),
        next_sequence_number: subscription.sent().next_sequence(),
        ..Default::default()
    };
    counters.fill(&mut diagnostics);
    diagnostics
}
