//! Where decisions are reported.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tagwire_model::Timestamp;

use crate::{Face, Fingerprint, Operation, Reason};

/// Something that an audit log records; it never holds a password.
#[derive(Clone, Debug, PartialEq)]
pub enum AuditEvent {
    /// A login succeeded or failed.
    Login {
        /// When.
        time: Timestamp,
        /// Through which face.
        face: Face,
        /// From where.
        peer: Option<SocketAddr>,
        /// The name given; `anonymous` without one.
        name: String,
        /// Whether it was admitted.
        admitted: bool,
    },
    /// An operation was allowed or denied; one event per request, not per value.
    Operation {
        /// When.
        time: Timestamp,
        /// Through which face.
        face: Face,
        /// Who.
        name: String,
        /// What.
        operation: Operation,
        /// On what, as paths or node ids.
        targets: Vec<String>,
        /// How many of the targets were denied.
        n_denied: usize,
    },
    /// A peer's certificate was refused.
    CertificateRefused {
        /// When.
        time: Timestamp,
        /// From where.
        peer: Option<SocketAddr>,
        /// Which; unknown when it could not be read.
        fingerprint: Option<Fingerprint>,
        /// The true reason, which the peer does not learn.
        reason: Reason,
    },
    /// A certificate was accepted, rejected or removed by an administrator.
    TrustChanged {
        /// When.
        time: Timestamp,
        /// Which.
        fingerprint: Fingerprint,
        /// What was done: `accepted`, `rejected`, `blocked` or `removed`.
        change: &'static str,
    },
}

/// Receives audit events; called on the thread that decides, so it must not block.
pub trait Audit: Send + Sync {
    /// Takes one event.
    fn record(&self, event: AuditEvent);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn record(&self, _event: AuditEvent) {}
}

/// A bounded queue of events; what does not fit is counted.
#[derive(Debug)]
pub struct AuditQueue {
    events: SyncSender<AuditEvent>,
    n_dropped: AtomicU64,
}

impl AuditQueue {
    /// A queue of `len` events and its reading end.
    pub fn new(len: usize) -> (Self, Receiver<AuditEvent>) {
        let (events, reader) = sync_channel(len);
        (Self { events, n_dropped: AtomicU64::new(0) }, reader)
    }

    /// Events lost because the queue was full or its reader gone.
    pub fn n_dropped(&self) -> u64 {
        self.n_dropped.load(Ordering::Relaxed)
    }
}

impl Audit for AuditQueue {
    fn record(&self, event: AuditEvent) {
        if self.events.try_send(event).is_err() {
            self.n_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_counts_what_it_drops() {
        let (queue, reader) = AuditQueue::new(1);
        for _ in 0..3 {
            queue.record(AuditEvent::CertificateRefused {
                time: Timestamp::NONE,
                peer: None,
                fingerprint: None,
                reason: Reason::Malformed,
            });
        }
        assert_eq!(queue.n_dropped(), 2);
        assert!(reader.try_recv().is_ok() && reader.try_recv().is_err());
    }
}
