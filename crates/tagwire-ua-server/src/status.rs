//! From the errors of other crates to the codes that OPC UA clients get: the one place that decides what they learn.

use tagwire_access::{LoginRefused, Refusal};
use tagwire_model::Status;
use tagwire_ua_proto::status;

/// A login that failed. Whatever was wrong with name or password, the answer is the same (ua-conformance S17, A15).
pub(crate) const fn login(refused: &LoginRefused) -> Status {
    match refused {
        LoginRefused::Busy => status::BAD_TOO_MANY_OPERATIONS,
        _ => status::BAD_IDENTITY_TOKEN_REJECTED,
    }
}

/// A certificate that was refused; only harmless reasons pass (ua-conformance 3.2).
pub(crate) fn certificate(refusal: &Refusal) -> Status {
    refusal.reason.wire_status()
}
