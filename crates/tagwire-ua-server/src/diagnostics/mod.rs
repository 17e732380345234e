//! Diagnostics of single sessions and subscriptions (Part 5, 12.11 to 12.15), kept only while they are switched on.
//!
//! The housekeeping takes them in turns, because a request that reads them holds the tree of nodes, and may not wait for
//! the sessions that others hold.

mod counters;
mod list;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tagwire_model::Timestamp;
use tagwire_ua_proto::services::{
    ApplicationDescription, MessageSecurityMode, SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType,
    SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::{ByteString, LocalizedText, UaString};

pub(crate) use counters::{ServiceCounters, SubscriptionCounters};
pub(crate) use list::{SessionFigures, SessionList};

use crate::server::Server;
use crate::session::{ChannelFacts, Session, SessionState, Token};
use crate::subscription::{Millis, Mode, Subscription};

/// How old diagnostics may be.
const REFRESH: Millis = 250;
/// Most characters kept of each text that a client tells of itself.
const MAX_TEXT_CHARS: usize = 256;

/// Whether diagnostics are kept, and since when. What they are is the address space's [`SessionList`].
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    is_on: AtomicBool,
    taken_at: AtomicU64,
    /// Held while the list is replaced, so that no session stays in it that has ended. The table of sessions is asked
    /// under it, and no session is waited for.
    listing: Mutex<()>,
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
    /// Switches diagnostics on or off; what was kept is forgotten (Part 5, 6.3.3). All sessions are shown at once, and
    /// their figures come with the next refresh.
    pub(crate) fn switch_diagnostics(&self, is_on: bool) {
        let _listing = self.diagnostics.listing.lock();
        self.diagnostics.is_on.store(is_on, Ordering::Relaxed);
        self.diagnostics.taken_at.store(0, Ordering::Relaxed);
        let (now, time) = (self.millis(), self.now());
        let sessions = if is_on { self.sessions.all() } else { Vec::new() };
        let shown = sessions.iter().map(|session| self.figures(session, None, now, time));
        self.address_space.set_sessions(shown.collect());
    }

    /// Takes the diagnostics anew when they are old; to be called by the housekeeping.
    pub(crate) fn refresh_diagnostics(&self, now: Millis) {
        let diagnostics = &self.diagnostics;
        let taken_at = diagnostics.taken_at.load(Ordering::Relaxed);
        if !diagnostics.is_on() || taken_at != 0 && now.saturating_sub(taken_at) < REFRESH {
            return;
        }
        diagnostics.taken_at.store(now.max(1), Ordering::Relaxed);
        let time = self.now();
        let sessions = self.sessions.all();
        let mut figures: HashMap<Token, SessionFigures> = sessions
            .iter()
            .map(|session| (session.token, self.figures(session, Some(&session.state.lock()), now, time)))
            .collect();
        let _listing = diagnostics.listing.lock();
        if diagnostics.is_on() {
            let of = |session: Arc<Session>| {
                figures.remove(&session.token).unwrap_or_else(|| self.figures(&session, None, now, time))
            };
            self.address_space.set_sessions(self.sessions.all().into_iter().map(of).collect());
        }
    }

    /// Shows a session that was made. Its figures come with the next refresh.
    pub(crate) fn list_session(&self, session: &Session) {
        if self.diagnostics.is_on() {
            let _listing = self.diagnostics.listing.lock();
            if self.diagnostics.is_on() && !session.is_closed() {
                let figures = self.figures(session, None, self.millis(), self.now());
                self.address_space.set_sessions(self.address_space.sessions().with(figures));
            }
        }
    }

    /// Shows a session no longer that has ended.
    pub(crate) fn unlist_session(&self, session: &Session) {
        if self.diagnostics.is_on() {
            let _listing = self.diagnostics.listing.lock();
            self.address_space.set_sessions(self.address_space.sessions().without(&session.id));
        }
    }

    /// What is known of a session; less of it without its state.
    fn figures(&self, session: &Session, state: Option<&SessionState>, now: Millis, time: Timestamp) -> SessionFigures {
        let subscriptions = state.map_or(&[][..], |state| state.publishing.subscriptions());
        let known = &session.introduction;
        let silent = i64::try_from(now.saturating_sub(session.last_used())).unwrap_or(i64::MAX);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut diagnostics = SessionDiagnosticsDataType {
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
            current_publish_requests_in_queue: count(state.map_or(0, |state| state.publishing.n_waiting())),
            ..Default::default()
        };
        session.services.fill(&mut diagnostics);
        let identity = state.and_then(|state| state.principal.as_ref()).map(|principal| principal.identity());
        let user = identity.map(ToString::to_string).unwrap_or_default();
        let mechanism = match identity {
            None | Some(tagwire_access::Identity::Anonymous) => "Anonymous",
            Some(tagwire_access::Identity::User(_)) => "UserName",
            Some(tagwire_access::Identity::Certificate(_)) => "Certificate",
            Some(tagwire_access::Identity::Issued(..)) => "IssuedToken",
        };
        let leaf = session.client_certificate.as_ref().map(|certificate| ByteString::from(certificate.leaf()));
        let security = SessionSecurityDiagnosticsDataType {
            session_id: session.id.clone(),
            client_user_id_of_session: user.as_str().into(),
            client_user_id_history: vec![user.as_str().into()],
            authentication_mechanism: mechanism.into(),
            encoding: "UA Binary".into(),
            transport_protocol: "opc.tcp".into(),
            security_mode: known.mode,
            security_policy_uri: known.policy_uri.into(),
            client_certificate: leaf.unwrap_or_default(),
        };
        let subscriptions = subscriptions.iter().map(|subscription| of_subscription(session, subscription));
        SessionFigures::new(diagnostics, security, subscriptions)
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
