//! OPC UA status codes of certificate decisions (Part 4, 7.39.2).

use tagwire_model::Status;

pub(crate) const BAD_SECURITY_CHECKS_FAILED: Status = Status(0x8013_0000);
pub(crate) const BAD_CERTIFICATE_INVALID: Status = Status(0x8012_0000);
pub(crate) const BAD_CERTIFICATE_TIME_INVALID: Status = Status(0x8014_0000);
pub(crate) const BAD_CERTIFICATE_ISSUER_TIME_INVALID: Status = Status(0x8015_0000);
pub(crate) const BAD_CERTIFICATE_HOST_NAME_INVALID: Status = Status(0x8016_0000);
pub(crate) const BAD_CERTIFICATE_URI_INVALID: Status = Status(0x8017_0000);
pub(crate) const BAD_CERTIFICATE_USE_NOT_ALLOWED: Status = Status(0x8018_0000);
pub(crate) const BAD_CERTIFICATE_ISSUER_USE_NOT_ALLOWED: Status = Status(0x8019_0000);
pub(crate) const BAD_CERTIFICATE_UNTRUSTED: Status = Status(0x801A_0000);
pub(crate) const BAD_CERTIFICATE_REVOCATION_UNKNOWN: Status = Status(0x801B_0000);
pub(crate) const BAD_CERTIFICATE_REVOKED: Status = Status(0x801D_0000);
pub(crate) const BAD_CERTIFICATE_ISSUER_REVOKED: Status = Status(0x801E_0000);
pub(crate) const BAD_CERTIFICATE_CHAIN_INCOMPLETE: Status = Status(0x810D_0000);
pub(crate) const BAD_CERTIFICATE_POLICY_CHECK_FAILED: Status = Status(0x8114_0000);
