//! What a CPU's refusal means as a quality.

use tagwire_driver::Refusal;
use tagwire_model::{ConvertError, Status};

use crate::codec::{HeaderError, ReturnCode};

/// The refusal of one item.
pub(super) fn from_code(code: ReturnCode) -> Refusal {
    let (status, divisible) = match code {
        // A module that is missing leaves a hole in the peripheral area.
        ReturnCode::HARDWARE_FAULT => (Status::BAD_DEVICE_FAILURE, true),
        ReturnCode::ACCESS_DENIED => (Status::BAD_USER_ACCESS_DENIED, false),
        ReturnCode::ADDRESS | ReturnCode::NO_OBJECT => (Status::BAD_CONFIGURATION_ERROR, true),
        ReturnCode::TYPE_NOT_SUPPORTED | ReturnCode::TYPE_INCONSISTENT => (Status::BAD_NOT_SUPPORTED, false),
        _ => (Status::BAD_UNEXPECTED_ERROR, false),
    };
    Refusal { status, reason: code.to_string(), divisible }
}

/// The refusal of a whole job.
pub(super) fn from_error(error: HeaderError) -> Refusal {
    let status = match error {
        HeaderError::NOT_AVAILABLE => Status::BAD_NOT_SUPPORTED,
        HeaderError::OBJECT_ACCESS => Status::BAD_CONFIGURATION_ERROR,
        HeaderError(0xD240..=0xD2FF | 0xD601..=0xD6FF) => Status::BAD_USER_ACCESS_DENIED,
        HeaderError(0x8300..=0x83FF) => Status::BAD_RESOURCE_UNAVAILABLE,
        HeaderError(0x8400..=0x84FF) => Status::BAD_DEVICE_FAILURE,
        _ => Status::BAD_UNEXPECTED_ERROR,
    };
    Refusal { status, reason: error.to_string(), divisible: error == HeaderError::OBJECT_ACCESS }
}

/// The CPU answered something that is no answer to the job.
pub(super) fn malformed(reason: impl Into<String>) -> Refusal {
    Refusal { status: Status::BAD_COMMUNICATION_ERROR, reason: reason.into(), divisible: false }
}

/// The driver refuses before it asks the CPU.
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
