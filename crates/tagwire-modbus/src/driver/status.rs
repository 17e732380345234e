//! What a device's refusal means as a quality.

use tagwire_driver::Refusal;
use tagwire_model::{ConvertError, Status};

use crate::codec::Exception;

/// The refusal of an exception answer.
pub(super) fn from_exception(exception: Exception) -> Refusal {
    let (status, divisible) = match exception {
        Exception::ILLEGAL_FUNCTION => (Status::BAD_NOT_SUPPORTED, false),
        Exception::ILLEGAL_DATA_ADDRESS => (Status::BAD_CONFIGURATION_ERROR, true),
        Exception::ILLEGAL_DATA_VALUE => (Status::BAD_OUT_OF_RANGE, true),
        // Some devices answer so for a register whose sensor is missing, so that its neighbours may still be fine.
        Exception::SERVER_DEVICE_FAILURE | Exception::MEMORY_PARITY_ERROR => (Status::BAD_DEVICE_FAILURE, true),
        Exception::ACKNOWLEDGE | Exception::SERVER_DEVICE_BUSY | Exception::NEGATIVE_ACKNOWLEDGE => {
            (Status::BAD_RESOURCE_UNAVAILABLE, false)
        }
        Exception::GATEWAY_PATH_UNAVAILABLE | Exception::GATEWAY_TARGET_FAILED_TO_RESPOND => {
            (Status::BAD_NO_COMMUNICATION, false)
        }
        _ => (Status::BAD_UNEXPECTED_ERROR, false),
    };
    Refusal { status, reason: exception.to_string(), divisible }
}

/// The device answered something that is no answer to the request.
pub(super) fn malformed(reason: String) -> Refusal {
    Refusal { status: Status::BAD_COMMUNICATION_ERROR, reason, divisible: false }
}

/// The driver refuses before it asks the device.
pub(super) fn refused(status: Status, reason: &str) -> Refusal {
    Refusal { status, reason: reason.to_owned(), divisible: false }
}

/// The value does not fit the tag.
pub(super) fn from_conversion(error: ConvertError) -> Refusal {
    let status = match error {
        ConvertError::Range => Status::BAD_OUT_OF_RANGE,
        ConvertError::Type | ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
    };
    refused(status, &error.to_string())
}
