//! Values of the variables of the Server object (Part 5, 6.3).

use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::services::{
    ServerDiagnosticsSummaryDataType, ServerStatusDataType, SessionDiagnosticsDataType,
    SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::{UaString, Variant};

use super::Snapshot;
use crate::limits;

/// What the server tells of itself. Asked for each read of such a variable; no answer may wait.
pub trait ServerVariables {
    /// Software, start, current time and state.
    fn status(&self) -> ServerStatusDataType;

    /// ApplicationUri of the server.
    fn application_uri(&self) -> &str;

    /// How able the server is to serve, 0 to 255 (Part 4, 6.6.2.4.2).
    fn service_level(&self) -> u8 {
        255
    }

    /// Whether audit events are generated.
    fn is_auditing(&self) -> bool {
        false
    }

    /// Counters of the whole server.
    fn diagnostics(&self) -> ServerDiagnosticsSummaryDataType;

    /// Whether diagnostics of sessions and subscriptions are kept.
    fn keeps_diagnostics(&self) -> bool {
        false
    }

    /// Diagnostics of each session.
    fn sessions(&self) -> Vec<SessionDiagnosticsDataType> {
        Vec::new()
    }

    /// Security diagnostics of each session.
    fn session_security(&self) -> Vec<SessionSecurityDiagnosticsDataType> {
        Vec::new()
    }

    /// Diagnostics of each subscription.
    fn subscriptions(&self) -> Vec<SubscriptionDiagnosticsDataType> {
        Vec::new()
    }
}

/// Numeric ids of the variables that the server gives values.
#[rustfmt::skip]
mod variable {
    pub(super) const SERVER_ARRAY: u32 = 2254;
    pub(super) const NAMESPACE_ARRAY: u32 = 2255;
    pub(super) const SERVER_STATUS: u32 = 2256;
    pub(super) const START_TIME: u32 = 2257;
    pub(super) const CURRENT_TIME: u32 = 2258;
    pub(super) const STATE: u32 = 2259;
    pub(super) const BUILD_INFO: u32 = 2260;
    pub(super) const PRODUCT_NAME: u32 = 2261;
    pub(super) const PRODUCT_URI: u32 = 2262;
    pub(super) const MANUFACTURER_NAME: u32 = 2263;
    pub(super) const SOFTWARE_VERSION: u32 = 2264;
    pub(super) const BUILD_NUMBER: u32 = 2265;
    pub(super) const BUILD_DATE: u32 = 2266;
    pub(super) const SECONDS_TILL_SHUTDOWN: u32 = 2992;
    pub(super) const SHUTDOWN_REASON: u32 = 2993;
    pub(super) const SERVICE_LEVEL: u32 = 2267;
    pub(super) const AUDITING: u32 = 2994;

    pub(super) const SERVER_PROFILE_ARRAY: u32 = 2269;
    pub(super) const LOCALE_ID_ARRAY: u32 = 2271;
    pub(super) const MIN_SUPPORTED_SAMPLE_RATE: u32 = 2272;
    pub(super) const MAX_BROWSE_CONTINUATION_POINTS: u32 = 2735;
    pub(super) const MAX_ARRAY_LENGTH: u32 = 11702;
    pub(super) const MAX_STRING_LENGTH: u32 = 11703;
    pub(super) const MAX_BYTE_STRING_LENGTH: u32 = 12911;
    pub(super) const MAX_SESSIONS: u32 = 24095;
    pub(super) const MAX_SUBSCRIPTIONS: u32 = 24096;
    pub(super) const MAX_MONITORED_ITEMS: u32 = 24097;
    pub(super) const MAX_SUBSCRIPTIONS_PER_SESSION: u32 = 24098;
    pub(super) const MAX_MONITORED_ITEMS_PER_SUBSCRIPTION: u32 = 24104;
    pub(super) const MAX_MONITORED_ITEMS_QUEUE_SIZE: u32 = 31916;
    pub(super) const MAX_NODES_PER_READ: u32 = 11705;
    pub(super) const MAX_NODES_PER_WRITE: u32 = 11707;
    pub(super) const MAX_NODES_PER_METHOD_CALL: u32 = 11709;
    pub(super) const MAX_NODES_PER_BROWSE: u32 = 11710;
    pub(super) const MAX_NODES_PER_REGISTER_NODES: u32 = 11711;
    pub(super) const MAX_NODES_PER_TRANSLATE_BROWSE_PATHS_TO_NODE_IDS: u32 = 11712;
    pub(super) const MAX_MONITORED_ITEMS_PER_CALL: u32 = 11714;

    pub(super) const SERVER_DIAGNOSTICS_SUMMARY: u32 = 2275;
    pub(super) const SERVER_VIEW_COUNT: u32 = 2276;
    pub(super) const CURRENT_SESSION_COUNT: u32 = 2277;
    pub(super) const CUMULATED_SESSION_COUNT: u32 = 2278;
    pub(super) const SECURITY_REJECTED_SESSION_COUNT: u32 = 2279;
    pub(super) const REJECTED_SESSION_COUNT: u32 = 3705;
    pub(super) const SESSION_TIMEOUT_COUNT: u32 = 2281;
    pub(super) const SESSION_ABORT_COUNT: u32 = 2282;
    pub(super) const PUBLISHING_INTERVAL_COUNT: u32 = 2284;
    pub(super) const CURRENT_SUBSCRIPTION_COUNT: u32 = 2285;
    pub(super) const CUMULATED_SUBSCRIPTION_COUNT: u32 = 2286;
    pub(super) const SECURITY_REJECTED_REQUESTS_COUNT: u32 = 2287;
    pub(super) const REJECTED_REQUESTS_COUNT: u32 = 2288;
    pub(super) const SUBSCRIPTION_DIAGNOSTICS_ARRAY: u32 = 2290;
    pub(super) const SESSION_DIAGNOSTICS_ARRAY: u32 = 3707;
    pub(super) const SESSION_SECURITY_DIAGNOSTICS_ARRAY: u32 = 3708;
    pub(super) const ENABLED_FLAG: u32 = 2294;
}

impl Snapshot<'_> {
    /// Appends the value of a variable that the server itself knows, encoded as a Variant; `false` for all others.
    pub(super) fn write_server_variable(&self, id: u32, server: &dyn ServerVariables, out: &mut Vec<u8>) -> bool {
        let value = self.server_object(id, server).or_else(|| capability(id)).or_else(|| diagnostic(id, server));
        value.map(|value| value.encode(out)).is_some()
    }

    fn server_object(&self, id: u32, server: &dyn ServerVariables) -> Option<Variant> {
        Some(match id {
            variable::SERVER_ARRAY => vec![UaString::from(server.application_uri())].into(),
            variable::NAMESPACE_ARRAY => {
                let uris = self.space.namespaces().uris().iter();
                uris.map(|uri| UaString::from(uri.clone())).collect::<Vec<_>>().into()
            }
            variable::SERVICE_LEVEL => server.service_level().into(),
            variable::AUDITING => server.is_auditing().into(),
            variable::SERVER_STATUS => Variant::structure(&server.status()),
            variable::START_TIME => server.status().start_time.into(),
            variable::CURRENT_TIME => server.status().current_time.into(),
            variable::STATE => server.status().state.into(),
            variable::SECONDS_TILL_SHUTDOWN => server.status().seconds_till_shutdown.into(),
            variable::SHUTDOWN_REASON => server.status().shutdown_reason.into(),
            variable::BUILD_INFO => Variant::structure(&server.status().build_info),
            variable::PRODUCT_NAME => server.status().build_info.product_name.into(),
            variable::PRODUCT_URI => server.status().build_info.product_uri.into(),
            variable::MANUFACTURER_NAME => server.status().build_info.manufacturer_name.into(),
            variable::SOFTWARE_VERSION => server.status().build_info.software_version.into(),
            variable::BUILD_NUMBER => server.status().build_info.build_number.into(),
            variable::BUILD_DATE => server.status().build_info.build_date.into(),
            _ => return None,
        })
    }
}

fn capability(id: u32) -> Option<Variant> {
    Some(match id {
        variable::SERVER_PROFILE_ARRAY => texts(limits::PROFILES),
        variable::LOCALE_ID_ARRAY => texts(limits::LOCALES),
        variable::MIN_SUPPORTED_SAMPLE_RATE => limits::MIN_SUPPORTED_SAMPLE_RATE_MS.into(),
        variable::MAX_BROWSE_CONTINUATION_POINTS => limits::MAX_BROWSE_CONTINUATION_POINTS.into(),
        variable::MAX_ARRAY_LENGTH => limits::MAX_ARRAY_LENGTH.into(),
        variable::MAX_STRING_LENGTH => limits::MAX_STRING_LENGTH.into(),
        variable::MAX_BYTE_STRING_LENGTH => limits::MAX_BYTE_STRING_LENGTH.into(),
        variable::MAX_SESSIONS => limits::MAX_SESSIONS.into(),
        variable::MAX_SUBSCRIPTIONS => limits::MAX_SUBSCRIPTIONS.into(),
        variable::MAX_MONITORED_ITEMS => limits::MAX_MONITORED_ITEMS.into(),
        variable::MAX_SUBSCRIPTIONS_PER_SESSION => limits::MAX_SUBSCRIPTIONS_PER_SESSION.into(),
        variable::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION => limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION.into(),
        variable::MAX_MONITORED_ITEMS_QUEUE_SIZE => limits::MAX_MONITORED_ITEM_QUEUE.into(),
        variable::MAX_NODES_PER_READ => limits::MAX_NODES_PER_READ.into(),
        variable::MAX_NODES_PER_WRITE => limits::MAX_NODES_PER_WRITE.into(),
        variable::MAX_NODES_PER_METHOD_CALL => limits::MAX_NODES_PER_METHOD_CALL.into(),
        variable::MAX_NODES_PER_BROWSE => limits::MAX_NODES_PER_BROWSE.into(),
        variable::MAX_NODES_PER_REGISTER_NODES => limits::MAX_NODES_PER_REGISTER_NODES.into(),
        variable::MAX_NODES_PER_TRANSLATE_BROWSE_PATHS_TO_NODE_IDS => {
            limits::MAX_NODES_PER_TRANSLATE_BROWSE_PATHS.into()
        }
        variable::MAX_MONITORED_ITEMS_PER_CALL => limits::MAX_MONITORED_ITEMS_PER_CALL.into(),
        _ => return None,
    })
}

fn diagnostic(id: u32, server: &dyn ServerVariables) -> Option<Variant> {
    Some(match id {
        variable::ENABLED_FLAG => server.keeps_diagnostics().into(),
        variable::SESSION_DIAGNOSTICS_ARRAY => Variant::structures(&server.sessions()),
        variable::SESSION_SECURITY_DIAGNOSTICS_ARRAY => Variant::structures(&server.session_security()),
        variable::SUBSCRIPTION_DIAGNOSTICS_ARRAY => Variant::structures(&server.subscriptions()),
        variable::SERVER_DIAGNOSTICS_SUMMARY => Variant::structure(&server.diagnostics()),
        variable::SERVER_VIEW_COUNT => server.diagnostics().server_view_count.into(),
        variable::CURRENT_SESSION_COUNT => server.diagnostics().current_session_count.into(),
        variable::CUMULATED_SESSION_COUNT => server.diagnostics().cumulated_session_count.into(),
        variable::SECURITY_REJECTED_SESSION_COUNT => server.diagnostics().security_rejected_session_count.into(),
        variable::REJECTED_SESSION_COUNT => server.diagnostics().rejected_session_count.into(),
        variable::SESSION_TIMEOUT_COUNT => server.diagnostics().session_timeout_count.into(),
        variable::SESSION_ABORT_COUNT => server.diagnostics().session_abort_count.into(),
        variable::PUBLISHING_INTERVAL_COUNT => server.diagnostics().publishing_interval_count.into(),
        variable::CURRENT_SUBSCRIPTION_COUNT => server.diagnostics().current_subscription_count.into(),
        variable::CUMULATED_SUBSCRIPTION_COUNT => server.diagnostics().cumulated_subscription_count.into(),
        variable::SECURITY_REJECTED_REQUESTS_COUNT => server.diagnostics().security_rejected_requests_count.into(),
        variable::REJECTED_REQUESTS_COUNT => server.diagnostics().rejected_requests_count.into(),
        _ => return None,
    })
}

fn texts(texts: &[&str]) -> Variant {
    texts.iter().map(|text| UaString::from(*text)).collect::<Vec<_>>().into()
}
