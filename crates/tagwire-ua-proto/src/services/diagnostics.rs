//! Diagnostics of the server (OPC UA Part 5, 12).

use tagwire_model::Timestamp;

use super::{ApplicationDescription, MessageSecurityMode};
use crate::types::{ByteString, NodeId, UaString};

structures! {
    /// How often a service was called (Part 5, 12.13).
    ServiceCounterDataType: SERVICE_COUNTER_DATA_TYPE {
        total_count: u32,
        error_count: u32,
    }

    /// Diagnostics of one session (Part 5, 12.11).
    SessionDiagnosticsDataType: SESSION_DIAGNOSTICS_DATA_TYPE {
        session_id: NodeId,
        session_name: UaString,
        client_description: ApplicationDescription,
        server_uri: UaString,
        endpoint_url: UaString,
        locale_ids: Vec<UaString>,
        actual_session_timeout: f64,
        max_response_message_size: u32,
        client_connection_time: Timestamp,
        client_last_contact_time: Timestamp,
        current_subscriptions_count: u32,
        current_monitored_items_count: u32,
        current_publish_requests_in_queue: u32,
        total_request_count: ServiceCounterDataType,
        unauthorized_request_count: u32,
        read_count: ServiceCounterDataType,
        history_read_count: ServiceCounterDataType,
        write_count: ServiceCounterDataType,
        history_update_count: ServiceCounterDataType,
        call_count: ServiceCounterDataType,
        create_monitored_items_count: ServiceCounterDataType,
        modify_monitored_items_count: ServiceCounterDataType,
        set_monitoring_mode_count: ServiceCounterDataType,
        set_triggering_count: ServiceCounterDataType,
        delete_monitored_items_count: ServiceCounterDataType,
        create_subscription_count: ServiceCounterDataType,
        modify_subscription_count: ServiceCounterDataType,
        set_publishing_mode_count: ServiceCounterDataType,
        publish_count: ServiceCounterDataType,
        republish_count: ServiceCounterDataType,
        transfer_subscriptions_count: ServiceCounterDataType,
        delete_subscriptions_count: ServiceCounterDataType,
        add_nodes_count: ServiceCounterDataType,
        add_references_count: ServiceCounterDataType,
        delete_nodes_count: ServiceCounterDataType,
        delete_references_count: ServiceCounterDataType,
        browse_count: ServiceCounterDataType,
        browse_next_count: ServiceCounterDataType,
        translate_browse_paths_to_node_ids_count: ServiceCounterDataType,
        query_first_count: ServiceCounterDataType,
        query_next_count: ServiceCounterDataType,
        register_nodes_count: ServiceCounterDataType,
        unregister_nodes_count: ServiceCounterDataType,
    }

    /// Security diagnostics of one session (Part 5, 12.12).
    SessionSecurityDiagnosticsDataType: SESSION_SECURITY_DIAGNOSTICS_DATA_TYPE {
        session_id: NodeId,
        client_user_id_of_session: UaString,
        client_user_id_history: Vec<UaString>,
        authentication_mechanism: UaString,
        encoding: UaString,
        transport_protocol: UaString,
        security_mode: MessageSecurityMode,
        security_policy_uri: UaString,
        client_certificate: ByteString,
    }

    /// Diagnostics of one subscription (Part 5, 12.15).
    SubscriptionDiagnosticsDataType: SUBSCRIPTION_DIAGNOSTICS_DATA_TYPE {
        session_id: NodeId,
        subscription_id: u32,
        priority: u8,
        publishing_interval: f64,
        max_keep_alive_count: u32,
        max_lifetime_count: u32,
        max_notifications_per_publish: u32,
        publishing_enabled: bool,
        modify_count: u32,
        enable_count: u32,
        disable_count: u32,
        republish_request_count: u32,
        republish_message_request_count: u32,
        republish_message_count: u32,
        transfer_request_count: u32,
        transferred_to_alt_client_count: u32,
        transferred_to_same_client_count: u32,
        publish_request_count: u32,
        data_change_notifications_count: u32,
        event_notifications_count: u32,
        notifications_count: u32,
        late_publish_request_count: u32,
        current_keep_alive_count: u32,
        current_lifetime_count: u32,
        unacknowledged_message_count: u32,
        discarded_message_count: u32,
        monitored_item_count: u32,
        disabled_monitored_item_count: u32,
        monitoring_queue_overflow_count: u32,
        next_sequence_number: u32,
        event_queue_overflow_count: u32,
    }

    /// Counters of the whole server (Part 5, 12.9).
    ServerDiagnosticsSummaryDataType: SERVER_DIAGNOSTICS_SUMMARY_DATA_TYPE {
        server_view_count: u32,
        current_session_count: u32,
        cumulated_session_count: u32,
        security_rejected_session_count: u32,
        rejected_session_count: u32,
        session_timeout_count: u32,
        session_abort_count: u32,
        current_subscription_count: u32,
        cumulated_subscription_count: u32,
        publishing_interval_count: u32,
        security_rejected_requests_count: u32,
        rejected_requests_count: u32,
    }

    /// Diagnostics of one sampling interval (Part 5, 12.8).
    SamplingIntervalDiagnosticsDataType: SAMPLING_INTERVAL_DIAGNOSTICS_DATA_TYPE {
        sampling_interval: f64,
        monitored_item_count: u32,
        max_monitored_item_count: u32,
        disabled_monitored_item_count: u32,
    }
}
