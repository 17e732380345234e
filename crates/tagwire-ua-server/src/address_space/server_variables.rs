//! Values of the variables of the Server object (Part 5, 6.3).

use tagwire_access::Role;
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{
    EndpointType, IdentityMappingRuleType, ServerDiagnosticsSummaryDataType, ServerStatusDataType,
    SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::{UaString, Variant};

use super::{RoleProperty, Snapshot};
use crate::limits;

/// What the server tells of itself. Asked for each read of such a variable; no answer may wait.
pub trait ServerVariables {
    /// Software, start, current time and state.
    fn status(&self) -> ServerStatusDataType;

    /// ApplicationUri of the server.
    fn application_uri(&self) -> &str;

    /// When the server is expected back after the shutdown that is planned; none where nobody knows.
    fn estimated_return(&self) -> Timestamp {
        Timestamp::NONE
    }

    /// A property of a role.
    fn role_property(&self, _role: Role, property: RoleProperty) -> Variant {
        match property {
            RoleProperty::Identities => Variant::structures::<IdentityMappingRuleType>(&[]),
            RoleProperty::Endpoints => Variant::structures::<EndpointType>(&[]),
            RoleProperty::Applications => Vec::<UaString>::new().into(),
            RoleProperty::ApplicationsExclude | RoleProperty::EndpointsExclude => true.into(),
            RoleProperty::CustomConfiguration => false.into(),
        }
    }

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

    /// The value of a variable of push management (Part 12, 7.10.3); `None` for all others.
    fn configuration(&self, _id: u32) -> Option<Result<Variant, Status>> {
        None
    }

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

/// Short names for the ids of the variables that the server gives values.
mod variable {
    use tagwire_ua_proto::ids::node;

    pub(super) use node::SERVER_AUDITING as AUDITING;
    pub(super) use node::SERVER_ESTIMATED_RETURN_TIME as ESTIMATED_RETURN_TIME;
    pub(super) use node::SERVER_NAMESPACE_ARRAY as NAMESPACE_ARRAY;
    pub(super) use node::SERVER_SERVER_ARRAY as SERVER_ARRAY;
    pub(super) use node::SERVER_SERVER_STATUS as SERVER_STATUS;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO as BUILD_INFO;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_BUILD_DATE as BUILD_DATE;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_BUILD_NUMBER as BUILD_NUMBER;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_MANUFACTURER_NAME as MANUFACTURER_NAME;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_PRODUCT_NAME as PRODUCT_NAME;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_PRODUCT_URI as PRODUCT_URI;
    pub(super) use node::SERVER_SERVER_STATUS_BUILD_INFO_SOFTWARE_VERSION as SOFTWARE_VERSION;
    pub(super) use node::SERVER_SERVER_STATUS_CURRENT_TIME as CURRENT_TIME;
    pub(super) use node::SERVER_SERVER_STATUS_SECONDS_TILL_SHUTDOWN as SECONDS_TILL_SHUTDOWN;
    pub(super) use node::SERVER_SERVER_STATUS_SHUTDOWN_REASON as SHUTDOWN_REASON;
    pub(super) use node::SERVER_SERVER_STATUS_START_TIME as START_TIME;
    pub(super) use node::SERVER_SERVER_STATUS_STATE as STATE;
    pub(super) use node::SERVER_SERVICE_LEVEL as SERVICE_LEVEL;

    pub(super) use node::HISTORY_SERVER_CAPABILITIES_ACCESS_HISTORY_DATA_CAPABILITY as ACCESS_HISTORY_DATA;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_ACCESS_HISTORY_EVENTS_CAPABILITY as ACCESS_HISTORY_EVENTS;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_DELETE_AT_TIME_CAPABILITY as DELETE_AT_TIME;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_DELETE_EVENT_CAPABILITY as DELETE_EVENT;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_DELETE_RAW_CAPABILITY as DELETE_RAW;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_INSERT_ANNOTATION_CAPABILITY as INSERT_ANNOTATION;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_INSERT_DATA_CAPABILITY as INSERT_DATA;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_MAX_RETURN_DATA_VALUES as MAX_RETURN_DATA_VALUES;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_MAX_RETURN_EVENT_VALUES as MAX_RETURN_EVENT_VALUES;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_REPLACE_DATA_CAPABILITY as REPLACE_DATA;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_SERVER_TIMESTAMP_SUPPORTED as SERVER_TIMESTAMP_SUPPORTED;
    pub(super) use node::HISTORY_SERVER_CAPABILITIES_UPDATE_DATA_CAPABILITY as UPDATE_DATA;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_HISTORY_CONTINUATION_POINTS as MAX_HISTORY_CONTINUATION_POINTS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_READ_DATA as MAX_NODES_PER_HISTORY_READ_DATA;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_READ_EVENTS as MAX_NODES_PER_HISTORY_READ_EVENTS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_HISTORY_UPDATE_DATA as MAX_NODES_PER_HISTORY_UPDATE_DATA;

    pub(super) use node::SERVER_SERVER_CAPABILITIES_LOCALE_ID_ARRAY as LOCALE_ID_ARRAY;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_ARRAY_LENGTH as MAX_ARRAY_LENGTH;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_BROWSE_CONTINUATION_POINTS as MAX_BROWSE_CONTINUATION_POINTS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_BYTE_STRING_LENGTH as MAX_BYTE_STRING_LENGTH;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS as MAX_MONITORED_ITEMS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS_PER_SUBSCRIPTION as MAX_MONITORED_ITEMS_PER_SUBSCRIPTION;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_MONITORED_ITEMS_QUEUE_SIZE as MAX_MONITORED_ITEMS_QUEUE_SIZE;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_SELECT_CLAUSE_PARAMETERS as MAX_SELECT_CLAUSE_PARAMETERS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_SESSIONS as MAX_SESSIONS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_STRING_LENGTH as MAX_STRING_LENGTH;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_SUBSCRIPTIONS as MAX_SUBSCRIPTIONS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_SUBSCRIPTIONS_PER_SESSION as MAX_SUBSCRIPTIONS_PER_SESSION;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MAX_WHERE_CLAUSE_PARAMETERS as MAX_WHERE_CLAUSE_PARAMETERS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_MIN_SUPPORTED_SAMPLE_RATE as MIN_SUPPORTED_SAMPLE_RATE;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_MONITORED_ITEMS_PER_CALL as MAX_MONITORED_ITEMS_PER_CALL;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_BROWSE as MAX_NODES_PER_BROWSE;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_METHOD_CALL as MAX_NODES_PER_METHOD_CALL;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_READ as MAX_NODES_PER_READ;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_REGISTER_NODES as MAX_NODES_PER_REGISTER_NODES;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_TRANSLATE_BROWSE_PATHS_TO_NODE_IDS as MAX_NODES_PER_TRANSLATE_BROWSE_PATHS_TO_NODE_IDS;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_WRITE as MAX_NODES_PER_WRITE;
    pub(super) use node::SERVER_SERVER_CAPABILITIES_SERVER_PROFILE_ARRAY as SERVER_PROFILE_ARRAY;

    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_ENABLED_FLAG as ENABLED_FLAG;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY as SERVER_DIAGNOSTICS_SUMMARY;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CUMULATED_SESSION_COUNT as CUMULATED_SESSION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CUMULATED_SUBSCRIPTION_COUNT as CUMULATED_SUBSCRIPTION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CURRENT_SESSION_COUNT as CURRENT_SESSION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_CURRENT_SUBSCRIPTION_COUNT as CURRENT_SUBSCRIPTION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_PUBLISHING_INTERVAL_COUNT as PUBLISHING_INTERVAL_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_REJECTED_REQUESTS_COUNT as REJECTED_REQUESTS_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_REJECTED_SESSION_COUNT as REJECTED_SESSION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SECURITY_REJECTED_REQUESTS_COUNT as SECURITY_REJECTED_REQUESTS_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SECURITY_REJECTED_SESSION_COUNT as SECURITY_REJECTED_SESSION_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SERVER_VIEW_COUNT as SERVER_VIEW_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SESSION_ABORT_COUNT as SESSION_ABORT_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SERVER_DIAGNOSTICS_SUMMARY_SESSION_TIMEOUT_COUNT as SESSION_TIMEOUT_COUNT;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY_SESSION_DIAGNOSTICS_ARRAY as SESSION_DIAGNOSTICS_ARRAY;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY_SESSION_SECURITY_DIAGNOSTICS_ARRAY as SESSION_SECURITY_DIAGNOSTICS_ARRAY;
    pub(super) use node::SERVER_SERVER_DIAGNOSTICS_SUBSCRIPTION_DIAGNOSTICS_ARRAY as SUBSCRIPTION_DIAGNOSTICS_ARRAY;
}

impl Snapshot<'_> {
    /// Appends the value of a variable that the server itself knows, encoded as a Variant; `false` for all others.
    pub(super) fn write_server_variable(&self, id: u32, server: &dyn ServerVariables, out: &mut Vec<u8>) -> bool {
        let value = self.server_object(id, server).or_else(|| capability(id));
        let value = value.or_else(|| self.history_capability(id)).or_else(|| diagnostic(id, server));
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
            variable::ESTIMATED_RETURN_TIME => server.estimated_return().into(),
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

impl Snapshot<'_> {
    /// What clients can do with history: nothing while there is none (Part 11, 5.4.2).
    fn history_capability(&self, id: u32) -> Option<Variant> {
        let is_there = self.history().is_some();
        Some(match id {
            variable::ACCESS_HISTORY_DATA
            | variable::INSERT_DATA
            | variable::REPLACE_DATA
            | variable::UPDATE_DATA
            | variable::DELETE_RAW
            | variable::DELETE_AT_TIME
            | variable::INSERT_ANNOTATION
            | variable::SERVER_TIMESTAMP_SUPPORTED => is_there.into(),
            variable::ACCESS_HISTORY_EVENTS | variable::DELETE_EVENT => self.has_event_history().into(),
            variable::MAX_RETURN_EVENT_VALUES => limits::MAX_HISTORY_EVENTS_PER_NODE.into(),
            variable::MAX_NODES_PER_HISTORY_READ_EVENTS => limits::MAX_NODES_PER_HISTORY_READ_EVENTS.into(),
            variable::MAX_RETURN_DATA_VALUES => limits::MAX_HISTORY_VALUES_PER_NODE.into(),
            variable::MAX_HISTORY_CONTINUATION_POINTS => limits::MAX_HISTORY_CONTINUATION_POINTS.into(),
            variable::MAX_NODES_PER_HISTORY_READ_DATA => limits::MAX_NODES_PER_HISTORY_READ_DATA.into(),
            variable::MAX_NODES_PER_HISTORY_UPDATE_DATA => limits::MAX_NODES_PER_HISTORY_UPDATE_DATA.into(),
            _ => return None,
        })
    }
}

/// Whether a variable tells of single sessions and subscriptions, for those who may know and while that is kept.
pub(crate) const fn is_diagnostic_array(id: u32) -> bool {
    matches!(
        id,
        variable::SESSION_DIAGNOSTICS_ARRAY
            | variable::SESSION_SECURITY_DIAGNOSTICS_ARRAY
            | variable::SUBSCRIPTION_DIAGNOSTICS_ARRAY
    )
}

/// Whether a variable has nothing to tell yet: there has been no transaction of certificates (Part 12, 7.10.15).
pub(super) const fn is_out_of_service(id: u32) -> bool {
    matches!(
        id,
        node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_START_TIME
            ..=node::SERVER_CONFIGURATION_TRANSACTION_DIAGNOSTICS_ERRORS
    )
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
        variable::MAX_SELECT_CLAUSE_PARAMETERS => limits::MAX_SELECT_CLAUSES.into(),
        variable::MAX_WHERE_CLAUSE_PARAMETERS => limits::MAX_WHERE_ELEMENTS.into(),
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
