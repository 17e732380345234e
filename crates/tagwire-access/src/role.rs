//! Roles, and what each may do where no rule says otherwise.

use crate::Operation::{
    Acknowledge, Browse, Call, Configure, Control, HistoryDelete, HistoryInsert, HistoryModify, HistoryRead,
    ManageNodes, ManageTrust, ManageUsers, Read, ReadAudit, ReadDiagnostics, ReadPermissions, ReceiveEvents, Write,
    WriteAttribute, WritePermissions,
};
use crate::OperationSet;

/// A role, by its bit number: the well-known ones of OPC UA Part 18, 4.3 first, then those of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Role(u8);

impl Role {
    /// Everybody, with or without credentials.
    pub const ANONYMOUS: Self = Self(0);
    /// Everybody who proved a user identity.
    pub const AUTHENTICATED: Self = Self(1);
    /// Reads.
    pub const OBSERVER: Self = Self(2);
    /// Reads, writes, calls and acknowledges.
    pub const OPERATOR: Self = Self(3);
    /// Does what an operator does, and corrects history and descriptions.
    pub const ENGINEER: Self = Self(4);
    /// Reads, calls and acknowledges.
    pub const SUPERVISOR: Self = Self(5);
    /// Changes the configuration that does not concern security.
    pub const CONFIGURE_ADMIN: Self = Self(6);
    /// Changes users, permissions and trust.
    pub const SECURITY_ADMIN: Self = Self(7);

    /// Number of well-known roles.
    pub const N_WELL_KNOWN: u8 = 8;
    /// Largest number of roles, well-known and own together.
    pub const MAX: u8 = 32;

    const NAMES: [&'static str; Self::N_WELL_KNOWN as usize] = [
        "anonymous",
        "authenticated",
        "observer",
        "operator",
        "engineer",
        "supervisor",
        "configure-admin",
        "security-admin",
    ];

    /// The well-known roles.
    pub fn well_known() -> impl Iterator<Item = Self> {
        (0..Self::N_WELL_KNOWN).map(Self)
    }

    /// The role with this bit number; `None` from [`Role::MAX`] on.
    pub const fn new(bit: u8) -> Option<Self> {
        if bit < Self::MAX { Some(Self(bit)) } else { None }
    }

    /// The bit number, below [`Role::MAX`].
    pub const fn bit(self) -> u8 {
        self.0
    }

    /// The configuration name of a well-known role.
    pub fn well_known_name(self) -> Option<&'static str> {
        Self::NAMES.get(usize::from(self.0)).copied()
    }

    /// The well-known role with this configuration name.
    pub fn from_well_known_name(name: &str) -> Option<Self> {
        Self::well_known().find(|role| role.well_known_name() == Some(name))
    }

    /// The well-known role that people could take this name for, however they write it.
    pub(crate) fn well_known_for(name: &str) -> Option<Self> {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|letter| letter.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect()
        };
        let wanted = plain(name);
        let is_it = |role: &Self| role.well_known_name().is_some_and(|known| plain(known) == wanted);
        Self::well_known().find(is_it).or_else(|| (wanted == "authenticateduser").then_some(Self::AUTHENTICATED))
    }

    /// What the role may do in places that no rule covers; own roles may do nothing there.
    pub const fn default_operations(self) -> OperationSet {
        const OBSERVER: OperationSet = OperationSet::of(&[Browse, Read, HistoryRead, ReceiveEvents]);
        const OPERATOR: OperationSet = OBSERVER.union(OperationSet::of(&[Write, Call, Acknowledge]));
        match self {
            Self::OBSERVER => OBSERVER,
            Self::OPERATOR => OPERATOR,
            Self::ENGINEER => OPERATOR.union(OperationSet::of(&[
                WriteAttribute,
                HistoryInsert,
                HistoryModify,
                HistoryDelete,
                ReadDiagnostics,
            ])),
            Self::SUPERVISOR => OBSERVER.union(OperationSet::of(&[Call, Acknowledge, ReadDiagnostics])),
            Self::CONFIGURE_ADMIN => OBSERVER.union(OperationSet::of(&[
                Call,
                WriteAttribute,
                ManageNodes,
                Configure,
                Control,
                ReadDiagnostics,
            ])),
            Self::SECURITY_ADMIN => OperationSet::of(&[
                Browse,
                Read,
                ReceiveEvents,
                ReadPermissions,
                WritePermissions,
                ManageTrust,
                ManageUsers,
                ReadAudit,
                ReadDiagnostics,
            ]),
            _ => OperationSet::NONE,
        }
    }
}

/// A set of roles, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(u32);

impl RoleSet {
    /// No role.
    pub const NONE: Self = Self(0);
    /// What `admin` stands for in the users file: every well-known role of a person.
    pub const ADMIN: Self = Self::of(&[
        Role::OBSERVER,
        Role::OPERATOR,
        Role::ENGINEER,
        Role::SUPERVISOR,
        Role::CONFIGURE_ADMIN,
        Role::SECURITY_ADMIN,
    ]);

    /// The set of these roles.
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut idx = 0;
        while idx < roles.len() {
            bits |= 1 << roles[idx].0;
            idx += 1;
        }
        Self(bits)
    }

    /// Whether the set holds `role`.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role.0) != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The roles, in the order of their bits.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        (0..Role::MAX).map(Role).filter(move |role| self.contains(*role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    /// One row per role: what it may do by default; a blank is a refusal.
    const MATRIX: &[(&str, &str)] = &[
        ("anonymous", ""),
        ("authenticated", ""),
        ("observer", "browse read history-read receive-events"),
        ("operator", "browse read write call history-read receive-events acknowledge"),
        (
            "engineer",
            "browse read write write-attribute call history-read history-insert history-modify history-delete \
             receive-events acknowledge read-diagnostics",
        ),
        ("supervisor", "browse read call history-read receive-events acknowledge read-diagnostics"),
        (
            "configure-admin",
            "browse read write-attribute call history-read receive-events read-diagnostics manage-nodes configure \
             control",
        ),
        (
            "security-admin",
            "browse read receive-events read-permissions write-permissions read-diagnostics manage-trust manage-users \
             read-audit",
        ),
    ];

    #[test]
    fn each_role_may_do_what_the_matrix_says_and_nothing_else() {
        assert_eq!(MATRIX.len(), usize::from(Role::N_WELL_KNOWN));
        for (name, allowed) in MATRIX {
            let role = Role::from_well_known_name(name).expect(name);
            let names: Vec<&str> = role.default_operations().iter().map(Operation::name).collect();
            assert_eq!(names.join(" "), *allowed, "{name}");
        }
    }

    #[test]
    fn administrators_together_may_do_everything() {
        let all = RoleSet::ADMIN.iter().fold(OperationSet::NONE, |set, role| set.union(role.default_operations()));
        assert_eq!(all, OperationSet::ALL);
    }
}
