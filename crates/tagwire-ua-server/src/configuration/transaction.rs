//! A transaction: changes of one session that count all together or not at all (Part 12, 7.10.2).

use std::sync::Arc;

use tagwire_access::{CheckedTrustList, OwnUpdate, TrustList};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::services::TransactionErrorType;
use tagwire_ua_proto::types::{LocalizedText, NodeId};

use super::Group;
use crate::limits;
use crate::session::Session;
use crate::subscription::Millis;

/// A trust list that waits to be put in force.
pub(super) struct NewList {
    pub(super) group: Group,
    pub(super) list: TrustList,
    pub(super) checked: CheckedTrustList,
}

/// An own certificate that waits to be put in force.
pub(super) struct NewCertificate {
    /// Place of the own certificate that it replaces.
    pub(super) slot: usize,
    pub(super) update: OwnUpdate,
}

/// Changes that wait for ApplyChanges.
pub(super) struct Transaction {
    pub(super) session: Arc<Session>,
    pub(super) lists: Vec<NewList>,
    pub(super) certificates: Vec<NewCertificate>,
    /// Since when the session has been without a connection.
    pub(super) alone_since: Option<Millis>,
}

impl Transaction {
    pub(super) const fn new(session: Arc<Session>) -> Self {
        Self { session, lists: Vec::new(), certificates: Vec::new(), alone_since: None }
    }

    /// Whether the session's client has been away for too long.
    pub(super) fn is_deserted(&mut self, now: Millis) -> bool {
        if self.session.has_connection() {
            self.alone_since = None;
            return false;
        }
        now.saturating_sub(*self.alone_since.get_or_insert(now)) >= limits::TRANSACTION_GRACE_MS
    }

    /// The list of a group that waits.
    pub(super) fn list(&self, group: Group) -> Option<&NewList> {
        self.lists.iter().find(|new| new.group == group)
    }

    /// Takes a list in place of one that waits.
    pub(super) fn put_list(&mut self, new: NewList) {
        self.lists.retain(|known| known.group != new.group);
        self.lists.push(new);
    }

    /// Takes a certificate in place of one that waits.
    pub(super) fn put_certificate(&mut self, new: NewCertificate) {
        self.certificates.retain(|known| known.slot != new.slot);
        self.certificates.push(new);
    }
}

/// What TransactionDiagnostics tell of the last transaction (Part 12, 7.10.17).
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) start: Timestamp,
    /// When and how it ended; `None` while it goes on.
    pub(super) end: Option<(Timestamp, Status)>,
    pub(super) trust_lists: Vec<Group>,
    pub(super) groups: Vec<Group>,
    pub(super) errors: Vec<TransactionErrorType>,
}

impl Report {
    pub(super) const fn new(start: Timestamp) -> Self {
        Self { start, end: None, trust_lists: Vec::new(), groups: Vec::new(), errors: Vec::new() }
    }

    pub(super) fn affects_list(&mut self, group: Group) {
        if !self.trust_lists.contains(&group) {
            self.trust_lists.push(group);
        }
    }

    pub(super) fn affects_certificates(&mut self, group: Group) {
        if !self.groups.contains(&group) {
            self.groups.push(group);
        }
    }

    pub(super) fn fail(&mut self, target: u32, error: Status, message: &str) {
        /// Most errors kept.
        const MAX_ERRORS: usize = 100;
        if self.errors.len() < MAX_ERRORS {
            let message = LocalizedText::with_locale("en", message);
            self.errors.push(TransactionErrorType { target_id: NodeId::ns0(target), error, message });
        }
    }
}
