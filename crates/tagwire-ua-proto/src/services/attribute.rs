//! Reading and writing attributes (OPC UA Part 4, 5.11).

use tagwire_model::Status;

use super::{RequestHeader, ResponseHeader, TimestampsToReturn};
use crate::types::{DataValue, DiagnosticInfo, NodeId, QualifiedName, UaString};

structures! {
    /// One attribute of one node to read (Part 4, 7.29).
    ReadValueId: READ_VALUE_ID {
        node_id: NodeId,
        attribute_id: u32,
        index_range: UaString,
        data_encoding: QualifiedName,
    }

    /// Request of the Read service (Part 4, 5.11.2.2).
    ReadRequest: READ_REQUEST {
        request_header: RequestHeader,
        max_age: f64,
        timestamps_to_return: TimestampsToReturn,
        nodes_to_read: Vec<ReadValueId>,
    }

    /// Response of the Read service (Part 4, 5.11.2.2).
    ReadResponse: READ_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<DataValue>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// One attribute of one node to write (Part 4, 5.11.4.2).
    WriteValue: WRITE_VALUE {
        node_id: NodeId,
        attribute_id: u32,
        index_range: UaString,
        value: DataValue,
    }

    /// Request of the Write service (Part 4, 5.11.4.2).
    WriteRequest: WRITE_REQUEST {
        request_header: RequestHeader,
        nodes_to_write: Vec<WriteValue>,
    }

    /// Response of the Write service (Part 4, 5.11.4.2).
    WriteResponse: WRITE_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<Status>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }
}
