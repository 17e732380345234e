//! The one decision: may this principal do this here.

use std::sync::Arc;

use thiserror::Error;

use crate::glob;
use crate::principal::{Identity, Origin, Principal, Target};
use crate::role::{Role, RoleSet};
use crate::{Operation, OperationSet};

/// What peers without credentials may do (`[ua] anonymous`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Anonymous {
    /// They are refused.
    #[default]
    None,
    /// What an observer may.
    Read,
    /// What an operator may.
    Write,
}

impl Anonymous {
    /// Parses `none`, `read` or `write`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            _ => None,
        }
    }

    /// The roles that an anonymous principal holds.
    pub const fn roles(self) -> RoleSet {
        match self {
            Self::None => RoleSet::NONE,
            Self::Read => RoleSet::of(&[Role::ANONYMOUS, Role::OBSERVER]),
            Self::Write => RoleSet::of(&[Role::ANONYMOUS, Role::OPERATOR]),
        }
    }
}

/// The part of the tag tree that one rule covers; the default is the part that no rule covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone(u16);

impl Zone {
    /// What no rule covers.
    pub const ELSEWHERE: Self = Self(0);

    pub(crate) fn index(self) -> Option<usize> {
        usize::from(self.0).checked_sub(1)
    }
}

/// What roles may do below paths that match a pattern; it replaces the defaults there, for every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// A path such as `line1.press.*`: `*` stands for any text, `?` for one character.
    pub pattern: String,
    /// What each role named here may do; the others may do nothing.
    pub grants: Vec<(Role, OperationSet)>,
}

/// Who may do what, as configured.
#[derive(Clone, Debug)]
pub struct Policy {
    anonymous: Anonymous,
    own_roles: Vec<String>,
    rules: Vec<Rule>,
}

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// No more roles fit.
    #[error("more than {} roles of the configuration", Role::MAX - Role::N_WELL_KNOWN)]
    TooManyRoles,
    /// The name is taken.
    #[error("role \"{0}\" exists already")]
    RoleExists(String),
    /// No more rules fit.
    #[error("more than 65534 rules")]
    TooManyRules,
}

impl Policy {
    /// The defaults of each role, and what anonymous peers may do.
    pub const fn new(anonymous: Anonymous) -> Self {
        Self { anonymous, own_roles: Vec::new(), rules: Vec::new() }
    }

    /// What anonymous peers may do.
    pub const fn anonymous(&self) -> Anonymous {
        self.anonymous
    }

    /// Adds a role of the configuration; it may do only what rules grant it.
    ///
    /// # Errors
    /// [`PolicyError`] when the name is taken or no role is left.
    pub fn add_role(&mut self, name: &str) -> Result<Role, PolicyError> {
        if self.role(name).is_some() {
            return Err(PolicyError::RoleExists(name.to_owned()));
        }
        let bit = Role::N_WELL_KNOWN as usize + self.own_roles.len();
        let role = u8::try_from(bit).ok().and_then(Role::new).ok_or(PolicyError::TooManyRoles)?;
        self.own_roles.push(name.to_owned());
        Ok(role)
    }

    /// Adds a rule; of several that match a path the one added first counts.
    ///
    /// # Errors
    /// [`PolicyError::TooManyRules`].
    pub fn add_rule(&mut self, rule: Rule) -> Result<(), PolicyError> {
        if self.rules.len() >= usize::from(u16::MAX) - 1 {
            return Err(PolicyError::TooManyRules);
        }
        self.rules.push(rule);
        Ok(())
    }

    /// The role with this name, well-known or of the configuration.
    pub fn role(&self, name: &str) -> Option<Role> {
        Role::from_well_known_name(name).or_else(|| {
            let idx = self.own_roles.iter().position(|own| own == name)?;
            Role::new(Role::N_WELL_KNOWN + u8::try_from(idx).ok()?)
        })
    }

    /// The zone of a tag, device or folder; worked out once, when the tag is made.
    pub fn zone_of(&self, path: &str) -> Zone {
        let found = self.rules.iter().position(|rule| glob::matches(&rule.pattern, path));
        found.and_then(|idx| u16::try_from(idx + 1).ok()).map_or(Zone::ELSEWHERE, Zone)
    }

    /// Works out what `identity` with `roles` may do; anonymous peers hold the configured roles, whatever is given.
    pub fn principal(&self, identity: Identity, roles: RoleSet, origin: Origin) -> Principal {
        let roles = match identity {
            Identity::Anonymous => self.anonymous.roles(),
            _ => roles.union(RoleSet::of(&[Role::ANONYMOUS, Role::AUTHENTICATED])),
        };
        let elsewhere = roles.iter().fold(OperationSet::NONE, |set, role| set.union(role.default_operations()));
        let zones: Arc<[OperationSet]> = self
            .rules
            .iter()
            .map(|rule| {
                let held = rule.grants.iter().filter(|(role, _)| roles.contains(*role));
                held.fold(OperationSet::NONE, |set, (_, operations)| set.union(*operations))
            })
            .collect();
        Principal { identity, roles, origin, elsewhere, zones }
    }

    /// Whether peers without credentials may open a session.
    pub fn admits_anonymous(&self) -> bool {
        self.anonymous != Anonymous::None
    }
}

/// The operation is not allowed; a face maps it to its own "access denied".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{operation} is not allowed")]
pub struct Denied {
    /// What was asked for.
    pub operation: Operation,
}

/// Decides one operation; every face calls it once per operation and target.
///
/// # Errors
/// [`Denied`] for everything that is not granted.
#[inline]
pub fn authorise(principal: &Principal, operation: Operation, target: Target) -> Result<(), Denied> {
    let zone = match target {
        Target::Server => Zone::ELSEWHERE,
        Target::Zone(zone) => zone,
    };
    if principal.may_in(zone, operation) { Ok(()) } else { Err(Denied { operation }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelSecurity, Face};

    fn origin() -> Origin {
        Origin { face: Face::Ua, peer: None, security: ChannelSecurity::Encrypted }
    }

    fn user(policy: &Policy, roles: &[Role]) -> Principal {
        policy.principal(Identity::User(Arc::from("anna")), RoleSet::of(roles), origin())
    }

    #[test]
    fn anonymous_may_do_what_the_configuration_says() {
        for (anonymous, read, write) in
            [(Anonymous::None, false, false), (Anonymous::Read, true, false), (Anonymous::Write, true, true)]
        {
            let policy = Policy::new(anonymous);
            let principal = policy.principal(Identity::Anonymous, RoleSet::ADMIN, origin());
            assert_eq!(authorise(&principal, Operation::Read, Target::Server).is_ok(), read);
            assert_eq!(authorise(&principal, Operation::Write, Target::Server).is_ok(), write);
            assert!(authorise(&principal, Operation::Configure, Target::Server).is_err());
            assert_eq!(policy.admits_anonymous(), read);
        }
    }

    #[test]
    fn a_user_without_a_role_may_do_nothing() {
        let principal = user(&Policy::new(Anonymous::Write), &[]);
        for operation in Operation::ALL {
            assert_eq!(authorise(&principal, operation, Target::Server), Err(Denied { operation }));
        }
    }

    #[test]
    fn a_rule_replaces_the_defaults_in_its_part_of_the_tree() {
        let mut policy = Policy::new(Anonymous::None);
        let night = policy.add_role("night-shift").expect("fits");
        let read = OperationSet::of(&[Operation::Browse, Operation::Read]);
        let grants = vec![(night, OperationSet::of(&[Operation::Write])), (Role::OPERATOR, read)];
        policy.add_rule(Rule { pattern: "line1.press*".to_owned(), grants }).expect("fits");
        let zone = policy.zone_of("line1.press.temperature");
        assert_ne!(zone, Zone::ELSEWHERE);
        assert_eq!(policy.zone_of("line2.press.temperature"), Zone::ELSEWHERE);

        let operator = user(&policy, &[Role::OPERATOR]);
        assert!(authorise(&operator, Operation::Write, Target::Server).is_ok());
        assert!(authorise(&operator, Operation::Read, Target::Zone(zone)).is_ok());
        assert!(authorise(&operator, Operation::Write, Target::Zone(zone)).is_err());
        let observer = user(&policy, &[Role::OBSERVER]);
        assert!(authorise(&observer, Operation::Read, Target::Zone(zone)).is_err());
        let both = user(&policy, &[Role::OPERATOR, night]);
        assert!(authorise(&both, Operation::Write, Target::Zone(zone)).is_ok());
    }

    #[test]
    fn a_zone_of_another_policy_is_denied() {
        let mut larger = Policy::new(Anonymous::Write);
        larger.add_rule(Rule { pattern: "*".to_owned(), grants: Vec::new() }).expect("fits");
        let principal = user(&Policy::new(Anonymous::Write), &[Role::OPERATOR]);
        assert!(authorise(&principal, Operation::Read, Target::Zone(larger.zone_of("x"))).is_err());
    }

    #[test]
    fn names_and_numbers_of_roles_are_bounded() {
        let mut policy = Policy::new(Anonymous::None);
        assert_eq!(policy.add_role("operator"), Err(PolicyError::RoleExists("operator".to_owned())));
        for idx in Role::N_WELL_KNOWN..Role::MAX {
            assert_eq!(policy.add_role(&format!("r{idx}")).map(Role::bit), Ok(idx));
        }
        assert_eq!(policy.add_role("one-more"), Err(PolicyError::TooManyRoles));
        assert_eq!(policy.role("r9").map(Role::bit), Some(9));
    }
}
