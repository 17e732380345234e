//! Reading and changing history (OPC UA Part 4, 5.11.3 and 5.11.5; Part 11).

use tagwire_model::{Status, Timestamp};

use super::{EventFilter, HistoryUpdateType, PerformUpdateType, RequestHeader, ResponseHeader, TimestampsToReturn};
use crate::types::{ByteString, DataValue, DiagnosticInfo, ExtensionObject, NodeId, QualifiedName, UaString, Variant};

structures! {
    /// One node whose history is wanted (Part 4, 5.11.3.2).
    HistoryReadValueId: HISTORY_READ_VALUE_ID {
        node_id: NodeId,
        index_range: UaString,
        data_encoding: QualifiedName,
        continuation_point: ByteString,
    }

    /// Request of the HistoryRead service (Part 4, 5.11.3.2).
    HistoryReadRequest: HISTORY_READ_REQUEST {
        request_header: RequestHeader,
        history_read_details: ExtensionObject,
        timestamps_to_return: TimestampsToReturn,
        release_continuation_points: bool,
        nodes_to_read: Vec<HistoryReadValueId>,
    }

    /// The history of one node (Part 4, 5.11.3.2).
    HistoryReadResult: HISTORY_READ_RESULT {
        status_code: Status,
        continuation_point: ByteString,
        history_data: ExtensionObject,
    }

    /// Response of the HistoryRead service (Part 4, 5.11.3.2).
    HistoryReadResponse: HISTORY_READ_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<HistoryReadResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the HistoryUpdate service (Part 4, 5.11.5.2).
    HistoryUpdateRequest: HISTORY_UPDATE_REQUEST {
        request_header: RequestHeader,
        history_update_details: Vec<ExtensionObject>,
    }

    /// What became of one change (Part 4, 5.11.5.2).
    HistoryUpdateResult: HISTORY_UPDATE_RESULT {
        status_code: Status,
        operation_results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Response of the HistoryUpdate service (Part 4, 5.11.5.2).
    HistoryUpdateResponse: HISTORY_UPDATE_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<HistoryUpdateResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Raw or replaced values of a time range (Part 11, 6.5.3.1).
    ReadRawModifiedDetails: READ_RAW_MODIFIED_DETAILS {
        is_read_modified: bool,
        start_time: Timestamp,
        end_time: Timestamp,
        num_values_per_node: u32,
        return_bounds: bool,
    }

    /// Aggregates over intervals (Part 11, 6.5.4.1).
    ReadProcessedDetails: READ_PROCESSED_DETAILS {
        start_time: Timestamp,
        end_time: Timestamp,
        processing_interval: f64,
        aggregate_type: Vec<NodeId>,
        aggregate_configuration: AggregateConfiguration,
    }

    /// Values at given times (Part 11, 6.5.5.1).
    ReadAtTimeDetails: READ_AT_TIME_DETAILS {
        req_times: Vec<Timestamp>,
        use_simple_bounds: bool,
    }

    /// Annotations at given times (Part 11, 6.5.6.1).
    ReadAnnotationDataDetails: READ_ANNOTATION_DATA_DETAILS {
        req_times: Vec<Timestamp>,
    }

    /// Events of a time range (Part 11, 6.5.2.1).
    ReadEventDetails: READ_EVENT_DETAILS {
        num_values_per_node: u32,
        start_time: Timestamp,
        end_time: Timestamp,
        filter: EventFilter,
    }

    /// How aggregates treat bad and uncertain values (Part 11, 6.5.4.1).
    AggregateConfiguration: AGGREGATE_CONFIGURATION {
        use_server_capabilities_defaults: bool,
        treat_uncertain_as_bad: bool,
        percent_data_bad: u8,
        percent_data_good: u8,
        use_sloped_extrapolation: bool,
    }

    /// Values in the order of time (Part 11, 6.6.2).
    HistoryData: HISTORY_DATA {
        data_values: Vec<DataValue>,
    }

    /// Who changed a value, how and when (Part 11, 6.6.5).
    ModificationInfo: MODIFICATION_INFO {
        modification_time: Timestamp,
        update_type: HistoryUpdateType,
        user_name: UaString,
    }

    /// Replaced values with their changes (Part 11, 6.6.3).
    HistoryModifiedData: HISTORY_MODIFIED_DATA {
        data_values: Vec<DataValue>,
        modification_infos: Vec<ModificationInfo>,
    }

    /// The selected fields of one event (Part 11, 6.6.4).
    HistoryEventFieldList: HISTORY_EVENT_FIELD_LIST {
        event_fields: Vec<Variant>,
    }

    /// Events in the order of time (Part 11, 6.6.4).
    HistoryEvent: HISTORY_EVENT {
        events: Vec<HistoryEventFieldList>,
    }

    /// Values to insert, replace or update (Part 11, 6.9.2.1).
    UpdateDataDetails: UPDATE_DATA_DETAILS {
        node_id: NodeId,
        perform_insert_replace: PerformUpdateType,
        update_values: Vec<DataValue>,
    }

    /// Structured values such as annotations to insert, replace or remove (Part 11, 6.9.3.1).
    UpdateStructureDataDetails: UPDATE_STRUCTURE_DATA_DETAILS {
        node_id: NodeId,
        perform_insert_replace: PerformUpdateType,
        update_values: Vec<DataValue>,
    }

    /// Events to insert, replace or update (Part 11, 6.9.4.1).
    UpdateEventDetails: UPDATE_EVENT_DETAILS {
        node_id: NodeId,
        perform_insert_replace: PerformUpdateType,
        filter: EventFilter,
        event_data: Vec<HistoryEventFieldList>,
    }

    /// A time range to delete (Part 11, 6.9.5.1).
    DeleteRawModifiedDetails: DELETE_RAW_MODIFIED_DETAILS {
        node_id: NodeId,
        is_delete_modified: bool,
        start_time: Timestamp,
        end_time: Timestamp,
    }

    /// Times to delete (Part 11, 6.9.6.1).
    DeleteAtTimeDetails: DELETE_AT_TIME_DETAILS {
        node_id: NodeId,
        req_times: Vec<Timestamp>,
    }

    /// Events to delete (Part 11, 6.9.7.1).
    DeleteEventDetails: DELETE_EVENT_DETAILS {
        node_id: NodeId,
        event_ids: Vec<ByteString>,
    }

    /// A remark about a value (Part 11, 6.6.6).
    Annotation: ANNOTATION {
        message: UaString,
        user_name: UaString,
        annotation_time: Timestamp,
    }
}
