//! What a principal can ask for.

use std::fmt;

/// One kind of operation, the same for every face (OPC UA Part 3, 8.55 lists most of them as permission bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Operation {
    /// See that something exists.
    Browse,
    /// Read a value or subscribe to it.
    Read,
    /// Write a value.
    Write,
    /// Write an attribute that is no value, as a description.
    WriteAttribute,
    /// Call a method.
    Call,
    /// Read stored values and events.
    HistoryRead,
    /// Add stored values.
    HistoryInsert,
    /// Change stored values.
    HistoryModify,
    /// Delete stored values.
    HistoryDelete,
    /// Receive events.
    ReceiveEvents,
    /// Acknowledge, confirm, shelve or comment on an alarm.
    Acknowledge,
    /// Read who may do what.
    ReadPermissions,
    /// Change who may do what.
    WritePermissions,
    /// Read diagnostics of sessions and clients.
    ReadDiagnostics,
    /// Add and delete nodes and references.
    ManageNodes,
    /// Change the configuration, or reload it.
    Configure,
    /// Stop or restart the server.
    Control,
    /// Read and change trust lists and own certificates.
    ManageTrust,
    /// Read and change the list of users.
    ManageUsers,
    /// Read the audit log.
    ReadAudit,
}

impl Operation {
    /// All operations, in the order of their bits.
    pub const ALL: [Self; 20] = [
        Self::Browse,
        Self::Read,
        Self::Write,
        Self::WriteAttribute,
        Self::Call,
        Self::HistoryRead,
        Self::HistoryInsert,
        Self::HistoryModify,
        Self::HistoryDelete,
        Self::ReceiveEvents,
        Self::Acknowledge,
        Self::ReadPermissions,
        Self::WritePermissions,
        Self::ReadDiagnostics,
        Self::ManageNodes,
        Self::Configure,
        Self::Control,
        Self::ManageTrust,
        Self::ManageUsers,
        Self::ReadAudit,
    ];

    /// The name used in the configuration and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Read => "read",
            Self::Write => "write",
            Self::WriteAttribute => "write-attribute",
            Self::Call => "call",
            Self::HistoryRead => "history-read",
            Self::HistoryInsert => "history-insert",
            Self::HistoryModify => "history-modify",
            Self::HistoryDelete => "history-delete",
            Self::ReceiveEvents => "receive-events",
            Self::Acknowledge => "acknowledge",
            Self::ReadPermissions => "read-permissions",
            Self::WritePermissions => "write-permissions",
            Self::ReadDiagnostics => "read-diagnostics",
            Self::ManageNodes => "manage-nodes",
            Self::Configure => "configure",
            Self::Control => "control",
            Self::ManageTrust => "manage-trust",
            Self::ManageUsers => "manage-users",
            Self::ReadAudit => "read-audit",
        }
    }

    /// The operation with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of operations, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OperationSet(u32);

impl OperationSet {
    /// No operation.
    pub const NONE: Self = Self(0);
    /// Every operation there is.
    pub const ALL: Self = Self((1 << Operation::ALL.len()) - 1);

    /// The set of these operations.
    pub const fn of(operations: &[Operation]) -> Self {
        let mut bits = 0;
        let mut idx = 0;
        while idx < operations.len() {
            bits |= 1 << operations[idx] as u8;
            idx += 1;
        }
        Self(bits)
    }

    /// Whether the set holds `operation`.
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u8) != 0
    }

    /// What rules of the configuration decide: everything that is about tags, and nothing about running the server.
    pub const OF_TAGS: Self = Self::of(&[
        Operation::Browse,
        Operation::Read,
        Operation::Write,
        Operation::WriteAttribute,
        Operation::Call,
        Operation::HistoryRead,
        Operation::HistoryInsert,
        Operation::HistoryModify,
        Operation::HistoryDelete,
        Operation::ReceiveEvents,
        Operation::Acknowledge,
    ]);

    /// The operations of this set that the other does not hold.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The operations of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The operations, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.contains(*operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_listed_once_and_found_by_its_name() {
        for (idx, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, idx);
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
        }
        assert_eq!(OperationSet::ALL.iter().count(), Operation::ALL.len());
    }
}
