//! Single figures of sessions and subscriptions, by the names that their types give them (Part 5, 7.12 to 7.16).

use tagwire_ua_proto::services::{
    SessionDiagnosticsDataType, SessionSecurityDiagnosticsDataType, SubscriptionDiagnosticsDataType,
};
use tagwire_ua_proto::types::Variant;

/// One of the figures of a session.
pub(super) fn of_session(of: &SessionDiagnosticsDataType, name: &str) -> Option<Variant> {
    Some(match name {
        "SessionId" => of.session_id.clone().into(),
        "SessionName" => of.session_name.clone().into(),
        "ClientDescription" => Variant::structure(&of.client_description),
        "ServerUri" => of.server_uri.clone().into(),
        "EndpointUrl" => of.endpoint_url.clone().into(),
        "LocaleIds" => of.locale_ids.clone().into(),
        "ActualSessionTimeout" => of.actual_session_timeout.into(),
        "MaxResponseMessageSize" => of.max_response_message_size.into(),
        "ClientConnectionTime" => of.client_connection_time.into(),
        "ClientLastContactTime" => of.client_last_contact_time.into(),
        "CurrentSubscriptionsCount" => of.current_subscriptions_count.into(),
        "CurrentMonitoredItemsCount" => of.current_monitored_items_count.into(),
        "CurrentPublishRequestsInQueue" => of.current_publish_requests_in_queue.into(),
        "TotalRequestCount" => Variant::structure(&of.total_request_count),
        "UnauthorizedRequestCount" => of.unauthorized_request_count.into(),
        "ReadCount" => Variant::structure(&of.read_count),
        "HistoryReadCount" => Variant::structure(&of.history_read_count),
        "WriteCount" => Variant::structure(&of.write_count),
        "HistoryUpdateCount" => Variant::structure(&of.history_update_count),
        "CallCount" => Variant::structure(&of.call_count),
        "CreateMonitoredItemsCount" => Variant::structure(&of.create_monitored_items_count),
        "ModifyMonitoredItemsCount" => Variant::structure(&of.modify_monitored_items_count),
        "SetMonitoringModeCount" => Variant::structure(&of.set_monitoring_mode_count),
        "SetTriggeringCount" => Variant::structure(&of.set_triggering_count),
        "DeleteMonitoredItemsCount" => Variant::structure(&of.delete_monitored_items_count),
        "CreateSubscriptionCount" => Variant::structure(&of.create_subscription_count),
        "ModifySubscriptionCount" => Variant::structure(&of.modify_subscription_count),
        "SetPublishingModeCount" => Variant::structure(&of.set_publishing_mode_count),
        "PublishCount" => Variant::structure(&of.publish_count),
        "RepublishCount" => Variant::structure(&of.republish_count),
        "TransferSubscriptionsCount" => Variant::structure(&of.transfer_subscriptions_count),
        "DeleteSubscriptionsCount" => Variant::structure(&of.delete_subscriptions_count),
        "AddNodesCount" => Variant::structure(&of.add_nodes_count),
        "AddReferencesCount" => Variant::structure(&of.add_references_count),
        "DeleteNodesCount" => Variant::structure(&of.delete_nodes_count),
        "DeleteReferencesCount" => Variant::structure(&of.delete_references_count),
        "BrowseCount" => Variant::structure(&of.browse_count),
        "BrowseNextCount" => Variant::structure(&of.browse_next_count),
        "TranslateBrowsePathsToNodeIdsCount" => Variant::structure(&of.translate_browse_paths_to_node_ids_count),
        "QueryFirstCount" => Variant::structure(&of.query_first_count),
        "QueryNextCount" => Variant::structure(&of.query_next_count),
        "RegisterNodesCount" => Variant::structure(&of.register_nodes_count),
        "UnregisterNodesCount" => Variant::structure(&of.unregister_nodes_count),
        _ => return None,
    })
}

/// One of the facts of who a session belongs to.
pub(super) fn of_security(of: &SessionSecurityDiagnosticsDataType, name: &str) -> Option<Variant> {
    Some(match name {
        "SessionId" => of.session_id.clone().into(),
        "ClientUserIdOfSession" => of.client_user_id_of_session.clone().into(),
        "ClientUserIdHistory" => of.client_user_id_history.clone().into(),
        "AuthenticationMechanism" => of.authentication_mechanism.clone().into(),
        "Encoding" => of.encoding.clone().into(),
        "TransportProtocol" => of.transport_protocol.clone().into(),
        "SecurityMode" => of.security_mode.into(),
        "SecurityPolicyUri" => of.security_policy_uri.clone().into(),
        "ClientCertificate" => of.client_certificate.clone().into(),
        _ => return None,
    })
}

/// One of the figures of a subscription.
pub(super) fn of_subscription(of: &SubscriptionDiagnosticsDataType, name: &str) -> Option<Variant> {
    Some(match name {
        "SessionId" => of.session_id.clone().into(),
        "SubscriptionId" => of.subscription_id.into(),
        "Priority" => of.priority.into(),
        "PublishingInterval" => of.publishing_interval.into(),
        "MaxKeepAliveCount" => of.max_keep_alive_count.into(),
        "MaxLifetimeCount" => of.max_lifetime_count.into(),
        "MaxNotificationsPerPublish" => of.max_notifications_per_publish.into(),
        "PublishingEnabled" => of.publishing_enabled.into(),
        "ModifyCount" => of.modify_count.into(),
        "EnableCount" => of.enable_count.into(),
        "DisableCount" => of.disable_count.into(),
        "RepublishRequestCount" => of.republish_request_count.into(),
        "RepublishMessageRequestCount" => of.republish_message_request_count.into(),
        "RepublishMessageCount" => of.republish_message_count.into(),
        "TransferRequestCount" => of.transfer_request_count.into(),
        "TransferredToAltClientCount" => of.transferred_to_alt_client_count.into(),
        "TransferredToSameClientCount" => of.transferred_to_same_client_count.into(),
        "PublishRequestCount" => of.publish_request_count.into(),
        "DataChangeNotificationsCount" => of.data_change_notifications_count.into(),
        "EventNotificationsCount" => of.event_notifications_count.into(),
        "NotificationsCount" => of.notifications_count.into(),
        "LatePublishRequestCount" => of.late_publish_request_count.into(),
        "CurrentKeepAliveCount" => of.current_keep_alive_count.into(),
        "CurrentLifetimeCount" => of.current_lifetime_count.into(),
        "UnacknowledgedMessageCount" => of.unacknowledged_message_count.into(),
        "DiscardedMessageCount" => of.discarded_message_count.into(),
        "MonitoredItemCount" => of.monitored_item_count.into(),
        "DisabledMonitoredItemCount" => of.disabled_monitored_item_count.into(),
        "MonitoringQueueOverflowCount" => of.monitoring_queue_overflow_count.into(),
        "NextSequenceNumber" => of.next_sequence_number.into(),
        "EventQueueOverflowCount" => of.event_queue_overflow_count.into(),
        _ => return None,
    })
}
