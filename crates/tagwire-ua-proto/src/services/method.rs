//! Calling methods (OPC UA Part 4, 5.12).

use tagwire_model::Status;

use super::{RequestHeader, ResponseHeader};
use crate::types::{DiagnosticInfo, NodeId, Variant};

structures! {
    /// One method to call on one object (Part 4, 5.12.2.2).
    CallMethodRequest: CALL_METHOD_REQUEST {
        object_id: NodeId,
        method_id: NodeId,
        input_arguments: Vec<Variant>,
    }

    /// What one call returned (Part 4, 5.12.2.2).
    CallMethodResult: CALL_METHOD_RESULT {
        status_code: Status,
        input_argument_results: Vec<Status>,
        input_argument_diagnostic_infos: Vec<DiagnosticInfo>,
        output_arguments: Vec<Variant>,
    }

    /// Request of the Call service (Part 4, 5.12.2.2).
    CallRequest: CALL_REQUEST {
        request_header: RequestHeader,
        methods_to_call: Vec<CallMethodRequest>,
    }

    /// Response of the Call service (Part 4, 5.12.2.2).
    CallResponse: CALL_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<CallMethodResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }
}
