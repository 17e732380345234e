//! What a controller's refusal means as a quality.

use tagwire_driver::Refusal;
use tagwire_model::{ConvertError, Status as Quality};

use crate::codec::Status;

/// The refusal of an answer to a read or a write.
pub(super) fn from_status(status: Status, is_write: bool) -> Refusal {
    let (quality, divisible) = match (status.general, status.extended) {
        (0x04 | 0x05 | 0x16 | 0x26, _) | (0xFF, Some(0x2104 | 0x2105)) => (Quality::BAD_CONFIGURATION_ERROR, true),
        (0xFF, Some(0x2107)) => (Quality::BAD_TYPE_MISMATCH, true),
        (0x0F, _) | (0xFF, Some(0x2102)) if is_write => (Quality::BAD_NOT_WRITABLE, true),
        (0x0F, _) | (0xFF, Some(0x2102)) => (Quality::BAD_NOT_READABLE, true),
        (0x0E, _) => (Quality::BAD_NOT_WRITABLE, true),
        (0x0C | 0x10, _) | (0xFF, Some(0x2101)) => (Quality::BAD_INVALID_STATE, false),
        (0x01, _) => (Quality::BAD_NO_COMMUNICATION, false),
        (0x02, _) => (Quality::BAD_RESOURCE_UNAVAILABLE, false),
        (0x08, _) => (Quality::BAD_NOT_SUPPORTED, false),
        (0x03 | 0x09 | 0x20, _) => (Quality::BAD_OUT_OF_RANGE, true),
        _ => (Quality::BAD_DEVICE_FAILURE, false),
    };
    Refusal { status: quality, reason: status.to_string(), divisible }
}

/// The controller answered something that is no answer to the request.
pub(super) fn malformed(reason: impl Into<String>) -> Refusal {
    Refusal { status: Quality::BAD_COMMUNICATION_ERROR, reason: reason.into(), divisible: false }
}

/// The driver refuses before it asks the controller.
pub(super) fn refused(status: Quality, reason: &str) -> Refusal {
    Refusal { status, reason: reason.to_owned(), divisible: false }
}

/// The value does not fit the tag.
pub(super) fn from_conversion(error: ConvertError) -> Refusal {
    let status = match error {
        ConvertError::Range => Quality::BAD_OUT_OF_RANGE,
        ConvertError::Type | ConvertError::Dimensions => Quality::BAD_TYPE_MISMATCH,
    };
    refused(status, &error.to_string())
}
