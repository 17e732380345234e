//! The audit log: who did what, as a hash-chained file (docs/formats/audit.md).
//!
//! - [`Audit`], [`AuditEvent`], [`What`], [`Actor`]: what is reported and where.
//! - [`Details`], [`Fields`], [`Json`]: what a record says beyond that, written on the thread of the log.
//! - [`AuditLog`]: the queue and the thread that writes.
//! - [`verify()`], [`files()`]: reading a log back.

mod chain;
mod event;
mod json;
mod log;
mod queue;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::{HASH_DIGITS, Head};
pub use event::{Actor, Audit, AuditEvent, Details, NoAudit, What};
pub(crate) use event::{ChangedTrust, RefusedCertificate};
pub use json::{Fields, Json, List};
pub use log::{AuditLog, AuditSettings};
pub use read::{AuditFile, Line, Lines, files};
pub use verify::{Flaw, Report, verify};
