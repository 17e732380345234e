//! What a processor's refusal means as a quality.

use tagwire_driver::Refusal;
use tagwire_model::{ConvertError, Status};

use crate::pccc::command::Sts;

/// The refusal of a reply.
pub(super) fn from_sts(sts: Sts) -> Refusal {
    let (status, divisible) = match (sts.status, sts.extended) {
        (0x10, _) => (Status::BAD_NOT_SUPPORTED, false),
        (0x20 | 0x30 | 0x90, _) => (Status::BAD_NO_COMMUNICATION, false),
        (0x40, _) => (Status::BAD_DEVICE_FAILURE, false),
        (0x50, _) | (0xF0, 0x01..=0x07 | 0x09 | 0x0A) => (Status::BAD_CONFIGURATION_ERROR, true),
        (0x60, _) | (0xF0, 0x0B | 0x1A | 0x1B) => (Status::BAD_USER_ACCESS_DENIED, false),
        (0x70, _) => (Status::BAD_INVALID_STATE, false),
        (0xF0, 0x0C) => (Status::BAD_RESOURCE_UNAVAILABLE, false),
        (0xF0, 0x11 | 0x12) => (Status::BAD_TYPE_MISMATCH, false),
        _ => (Status::BAD_UNEXPECTED_ERROR, false),
    };
    Refusal { status, reason: sts.to_string(), divisible }
}

/// The device does not execute commands, or answers something that is no reply.
pub(super) fn refused(status: Status, reason: impl Into<String>) -> Refusal {
    Refusal { status, reason: reason.into(), divisible: false }
}

/// The value does not fit the tag.
pub(super) fn from_conversion(error: ConvertError) -> Refusal {
    let status = match error {
        ConvertError::Range => Status::BAD_OUT_OF_RANGE,
        ConvertError::Type | ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
    };
    refused(status, error.to_string())
}
