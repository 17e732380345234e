//! Subscriptions and what they send (OPC UA Part 4, 5.14).

use tagwire_model::{Status, Timestamp};

use super::{RequestHeader, ResponseHeader};
use crate::types::{DataValue, DiagnosticInfo, ExtensionObject, Variant};

structures! {
    /// Request of the CreateSubscription service (Part 4, 5.14.2.2).
    CreateSubscriptionRequest: CREATE_SUBSCRIPTION_REQUEST {
        request_header: RequestHeader,
        requested_publishing_interval: f64,
        requested_lifetime_count: u32,
        requested_max_keep_alive_count: u32,
        max_notifications_per_publish: u32,
        publishing_enabled: bool,
        priority: u8,
    }

    /// Response of the CreateSubscription service (Part 4, 5.14.2.2).
    CreateSubscriptionResponse: CREATE_SUBSCRIPTION_RESPONSE {
        response_header: ResponseHeader,
        subscription_id: u32,
        revised_publishing_interval: f64,
        revised_lifetime_count: u32,
        revised_max_keep_alive_count: u32,
    }

    /// Request of the ModifySubscription service (Part 4, 5.14.3.2).
    ModifySubscriptionRequest: MODIFY_SUBSCRIPTION_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        requested_publishing_interval: f64,
        requested_lifetime_count: u32,
        requested_max_keep_alive_count: u32,
        max_notifications_per_publish: u32,
        priority: u8,
    }

    /// Response of the ModifySubscription service (Part 4, 5.14.3.2).
    ModifySubscriptionResponse: MODIFY_SUBSCRIPTION_RESPONSE {
        response_header: ResponseHeader,
        revised_publishing_interval: f64,
        revised_lifetime_count: u32,
        revised_max_keep_alive_count: u32,
    }

    /// Request of the SetPublishingMode service (Part 4, 5.14.4.2).
    SetPublishingModeRequest: SET_PUBLISHING_MODE_REQUEST {
        request_header: RequestHeader,
        publishing_enabled: bool,
        subscription_ids: Vec<u32>,
    }

    /// Response of the SetPublishingMode service (Part 4, 5.14.4.2).
    SetPublishingModeResponse: SET_PUBLISHING_MODE_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// A notification message that has arrived (Part 4, 5.14.5.2).
    SubscriptionAcknowledgement: SUBSCRIPTION_ACKNOWLEDGEMENT {
        subscription_id: u32,
        sequence_number: u32,
    }

    /// What happened in one publishing cycle (Part 4, 7.26).
    NotificationMessage: NOTIFICATION_MESSAGE {
        sequence_number: u32,
        publish_time: Timestamp,
        notification_data: Vec<ExtensionObject>,
    }

    /// Request of the Publish service (Part 4, 5.14.5.2).
    PublishRequest: PUBLISH_REQUEST {
        request_header: RequestHeader,
        subscription_acknowledgements: Vec<SubscriptionAcknowledgement>,
    }

    /// Response of the Publish service (Part 4, 5.14.5.2).
    PublishResponse: PUBLISH_RESPONSE {
        response_header: ResponseHeader,
        subscription_id: u32,
        available_sequence_numbers: Vec<u32>,
        more_notifications: bool,
        notification_message: NotificationMessage,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the Republish service (Part 4, 5.14.6.2).
    RepublishRequest: REPUBLISH_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        retransmit_sequence_number: u32,
    }

    /// Response of the Republish service (Part 4, 5.14.6.2).
    RepublishResponse: REPUBLISH_RESPONSE {
        response_header: ResponseHeader,
        notification_message: NotificationMessage,
    }

    /// What became of one transfer (Part 4, 5.14.7.2).
    TransferResult: TRANSFER_RESULT {
        status_code: Status,
        available_sequence_numbers: Vec<u32>,
    }

    /// Request of the TransferSubscriptions service (Part 4, 5.14.7.2).
    TransferSubscriptionsRequest: TRANSFER_SUBSCRIPTIONS_REQUEST {
        request_header: RequestHeader,
        subscription_ids: Vec<u32>,
        send_initial_values: bool,
    }

    /// Response of the TransferSubscriptions service (Part 4, 5.14.7.2).
    TransferSubscriptionsResponse: TRANSFER_SUBSCRIPTIONS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<TransferResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the DeleteSubscriptions service (Part 4, 5.14.8.2).
    DeleteSubscriptionsRequest: DELETE_SUBSCRIPTIONS_REQUEST {
        request_header: RequestHeader,
        subscription_ids: Vec<u32>,
    }

    /// Response of the DeleteSubscriptions service (Part 4, 5.14.8.2).
    DeleteSubscriptionsResponse: DELETE_SUBSCRIPTIONS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// One new value of one item (Part 4, 7.25.2).
    MonitoredItemNotification: MONITORED_ITEM_NOTIFICATION {
        client_handle: u32,
        value: DataValue,
    }

    /// New values (Part 4, 7.25.2).
    DataChangeNotification: DATA_CHANGE_NOTIFICATION {
        monitored_items: Vec<MonitoredItemNotification>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// The selected fields of one event (Part 4, 7.25.3).
    EventFieldList: EVENT_FIELD_LIST {
        client_handle: u32,
        event_fields: Vec<Variant>,
    }

    /// New events (Part 4, 7.25.3).
    EventNotificationList: EVENT_NOTIFICATION_LIST {
        events: Vec<EventFieldList>,
    }

    /// A change of the subscription itself (Part 4, 7.25.4).
    StatusChangeNotification: STATUS_CHANGE_NOTIFICATION {
        status: Status,
        diagnostic_info: DiagnosticInfo,
    }
}
