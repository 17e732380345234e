//! Monitored items (OPC UA Part 4, 5.13).

use tagwire_model::Status;

use super::{MonitoringMode, ReadValueId, RequestHeader, ResponseHeader, TimestampsToReturn};
use crate::types::{DiagnosticInfo, ExtensionObject};

structures! {
    /// How an item is sampled, filtered and queued (Part 4, 7.21).
    MonitoringParameters: MONITORING_PARAMETERS {
        client_handle: u32,
        sampling_interval: f64,
        filter: ExtensionObject,
        queue_size: u32,
        discard_oldest: bool,
    }

    /// One item to create (Part 4, 5.13.2.2).
    MonitoredItemCreateRequest: MONITORED_ITEM_CREATE_REQUEST {
        item_to_monitor: ReadValueId,
        monitoring_mode: MonitoringMode,
        requested_parameters: MonitoringParameters,
    }

    /// What became of one item (Part 4, 5.13.2.2).
    MonitoredItemCreateResult: MONITORED_ITEM_CREATE_RESULT {
        status_code: Status,
        monitored_item_id: u32,
        revised_sampling_interval: f64,
        revised_queue_size: u32,
        filter_result: ExtensionObject,
    }

    /// Request of the CreateMonitoredItems service (Part 4, 5.13.2.2).
    CreateMonitoredItemsRequest: CREATE_MONITORED_ITEMS_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        timestamps_to_return: TimestampsToReturn,
        items_to_create: Vec<MonitoredItemCreateRequest>,
    }

    /// Response of the CreateMonitoredItems service (Part 4, 5.13.2.2).
    CreateMonitoredItemsResponse: CREATE_MONITORED_ITEMS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<MonitoredItemCreateResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// One item to change (Part 4, 5.13.3.2).
    MonitoredItemModifyRequest: MONITORED_ITEM_MODIFY_REQUEST {
        monitored_item_id: u32,
        requested_parameters: MonitoringParameters,
    }

    /// What became of one change (Part 4, 5.13.3.2).
    MonitoredItemModifyResult: MONITORED_ITEM_MODIFY_RESULT {
        status_code: Status,
        revised_sampling_interval: f64,
        revised_queue_size: u32,
        filter_result: ExtensionObject,
    }

    /// Request of the ModifyMonitoredItems service (Part 4, 5.13.3.2).
    ModifyMonitoredItemsRequest: MODIFY_MONITORED_ITEMS_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        timestamps_to_return: TimestampsToReturn,
        items_to_modify: Vec<MonitoredItemModifyRequest>,
    }

    /// Response of the ModifyMonitoredItems service (Part 4, 5.13.3.2).
    ModifyMonitoredItemsResponse: MODIFY_MONITORED_ITEMS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<MonitoredItemModifyResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the SetMonitoringMode service (Part 4, 5.13.4.2).
    SetMonitoringModeRequest: SET_MONITORING_MODE_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        monitoring_mode: MonitoringMode,
        monitored_item_ids: Vec<u32>,
    }

    /// Response of the SetMonitoringMode service (Part 4, 5.13.4.2).
    SetMonitoringModeResponse: SET_MONITORING_MODE_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the SetTriggering service (Part 4, 5.13.5.2).
    SetTriggeringRequest: SET_TRIGGERING_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        triggering_item_id: u32,
        links_to_add: Vec<u32>,
        links_to_remove: Vec<u32>,
    }

    /// Response of the SetTriggering service (Part 4, 5.13.5.2).
    SetTriggeringResponse: SET_TRIGGERING_RESPONSE {
        response_header: ResponseHeader,
        add_results: Vec<Status>,
        add_diagnostic_infos: Vec<DiagnosticInfo>,
        remove_results: Vec<Status>,
        remove_diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the DeleteMonitoredItems service (Part 4, 5.13.6.2).
    DeleteMonitoredItemsRequest: DELETE_MONITORED_ITEMS_REQUEST {
        request_header: RequestHeader,
        subscription_id: u32,
        monitored_item_ids: Vec<u32>,
    }

    /// Response of the DeleteMonitoredItems service (Part 4, 5.13.6.2).
    DeleteMonitoredItemsResponse: DELETE_MONITORED_ITEMS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }
}
