//! Counters of the whole server (Part 5, 12.9).

use std::sync::atomic::{AtomicU32, Ordering};

use tagwire_ua_proto::services::ServerDiagnosticsSummaryDataType;

/// Counters that only grow, and roll over at 2^32.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sessions: AtomicU32,
    rejected_sessions: AtomicU32,
    security_rejected_sessions: AtomicU32,
    session_timeouts: AtomicU32,
    subscriptions: AtomicU32,
    rejected_requests: AtomicU32,
    security_rejected_requests: AtomicU32,
}

macro_rules! counting {
    ($($(#[$doc:meta])* $method:ident $field:ident;)*) => {
        impl Counters {
            $($(#[$doc])* pub(crate) fn $method(&self) {
                self.$field.fetch_add(1, Ordering::Relaxed);
            })*
        }
    };
}

counting! {
    /// A session was made.
    session_made sessions;
    /// A session was refused for any reason but security.
    session_rejected rejected_sessions;
    /// A session was refused for its security.
    session_rejected_for_security security_rejected_sessions;
    /// A session timed out.
    session_timed_out session_timeouts;
    /// A subscription was made.
    subscription_made subscriptions;
    /// A request was refused for any reason but security.
    request_rejected rejected_requests;
    /// A request was refused for its security.
    request_rejected_for_security security_rejected_requests;
}

impl Counters {
    /// The counters in the form of the specification, with what is counted elsewhere.
    pub(crate) fn summary(&self, n_sessions: usize, n_subscriptions: usize) -> ServerDiagnosticsSummaryDataType {
        let count = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        ServerDiagnosticsSummaryDataType {
            server_view_count: 0,
            current_session_count: u32::try_from(n_sessions).unwrap_or(u32::MAX),
            cumulated_session_count: count(&self.sessions),
            security_rejected_session_count: count(&self.security_rejected_sessions),
            // Part 5, 12.9: the counts of all refusals include those for security.
            rejected_session_count: count(&self.rejected_sessions) + count(&self.security_rejected_sessions),
            session_timeout_count: count(&self.session_timeouts),
            session_abort_count: 0,
            current_subscription_count: u32::try_from(n_subscriptions).unwrap_or(u32::MAX),
            cumulated_subscription_count: count(&self.subscriptions),
            publishing_interval_count: 0,
            security_rejected_requests_count: count(&self.security_rejected_requests),
            rejected_requests_count: count(&self.rejected_requests) + count(&self.security_rejected_requests),
        }
    }
}
