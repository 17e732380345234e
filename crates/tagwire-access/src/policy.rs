//! The one decision: may this principal do this here.

use std::sync::Arc;

use thiserror::Error;

use crate::glob;
use crate::principal::{ChannelSecurity, Identity, Origin, Peer, Principal, Target, ZoneRights};
use crate::role::{Role, RoleSet};
use crate::{IdentityRule, Issuer, ManagedRole, Operation, OperationSet, RoleChange};

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

/// What roles may do at paths that match a pattern and below; it replaces the defaults there, for every role, as far as
/// tags are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Paths such as `line1.press`: `*` stands for any text, `?` for one character.
    pub patterns: Vec<String>,
    /// What each role named here may do; the others may do nothing.
    pub grants: Vec<(Role, OperationSet)>,
    /// The least protection that the channel must have (OPC UA Part 3, 8.56).
    pub channel: ChannelSecurity,
}

/// Who holds a role besides those to whom the users file gives it (OPC UA Part 18, 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The role.
    pub role: Role,
    /// Names of users.
    pub users: Vec<String>,
    /// User certificates, by fingerprint in hexadecimal digits or by subject.
    pub certificates: Vec<String>,
    /// When there are any, only sessions of these applications hold the role, whoever gave it.
    pub applications: Vec<String>,
}

/// Who may do what, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    anonymous: Anonymous,
    own_roles: Vec<String>,
    rules: Vec<Rule>,
    mappings: Vec<Mapping>,
    issuers: Vec<Issuer>,
    /// What clients set for roles.
    managed: Vec<(Role, ManagedRole)>,
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
        Self {
            anonymous,
            own_roles: Vec::new(),
            rules: Vec::new(),
            mappings: Vec::new(),
            issuers: Vec::new(),
            managed: Vec::new(),
        }
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

    /// Adds a rule of who holds a role.
    pub fn add_mapping(&mut self, mapping: Mapping) {
        self.mappings.push(mapping);
    }

    /// Adds an identity provider.
    pub fn add_issuer(&mut self, issuer: Issuer) {
        self.issuers.push(issuer);
    }

    /// The identity providers.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The roles with these names; names of no role are passed over, and so are the roles that nobody is given.
    pub fn roles_named<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> RoleSet {
        let given = names.into_iter().filter_map(|name| self.role(name));
        let given = given.filter(|role| *role != Role::ANONYMOUS && *role != Role::AUTHENTICATED);
        given.fold(RoleSet::NONE, |set, role| set.union(RoleSet::of(&[role])))
    }

    /// The rules, in the order in which they count.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule that covers a zone; `None` where the defaults hold.
    pub fn rule(&self, zone: Zone) -> Option<&Rule> {
        self.rules.get(zone.index()?)
    }

    /// All roles, the well-known ones first.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        let all = (0..Role::N_WELL_KNOWN + self.own_roles.len() as u8).filter_map(Role::new);
        all.filter(|role| self.role_name(*role).is_some())
    }

    /// The name of a role.
    pub fn role_name(&self, role: Role) -> Option<&str> {
        role.well_known_name().or_else(|| {
            let own = self.own_roles.get(usize::from(role.bit() - Role::N_WELL_KNOWN)).map(String::as_str);
            own.filter(|name| !name.is_empty())
        })
    }

    /// Number of roles besides the well-known ones.
    pub(crate) const fn n_own_roles(&self) -> usize {
        self.own_roles.len()
    }

    /// Leaves out the number of a role that is gone, since sessions may still hold it.
    pub(crate) fn add_removed_role(&mut self) {
        if self.own_roles.len() < usize::from(Role::MAX - Role::N_WELL_KNOWN) {
            self.own_roles.push(String::new());
        }
    }

    /// Lays what clients set for a role over the rest.
    pub(crate) fn manage(&mut self, role: Role, managed: ManagedRole) {
        self.managed.push((role, managed));
    }

    /// What clients set for a role.
    pub fn managed(&self, role: Role) -> Option<&ManagedRole> {
        self.managed.iter().find(|(managed, _)| *managed == role).map(|(_, managed)| managed)
    }

    /// The rules by which the configuration gives a role.
    pub fn configured_identities(&self, role: Role) -> Vec<IdentityRule> {
        let certificate = |text: &String| {
            let is_digits = text.replace([':', ' '], "").bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_digits { IdentityRule::Thumbprint(text.clone()) } else { IdentityRule::Subject(text.clone()) }
        };
        let mut rules = match role {
            Role::ANONYMOUS => vec![IdentityRule::Anonymous],
            Role::AUTHENTICATED => vec![IdentityRule::Authenticated],
            role if self.anonymous.roles().contains(role) => vec![IdentityRule::Anonymous],
            _ => Vec::new(),
        };
        for mapping in self.mappings.iter().filter(|mapping| mapping.role == role) {
            rules.extend(mapping.users.iter().cloned().map(IdentityRule::UserName));
            rules.extend(mapping.certificates.iter().map(certificate));
        }
        rules
    }

    /// The applications to which the configuration keeps a role; none where it says nothing.
    pub fn configured_applications(&self, role: Role) -> Vec<String> {
        let of_role = self.mappings.iter().filter(|mapping| mapping.role == role);
        of_role.flat_map(|mapping| mapping.applications.iter().cloned()).collect()
    }

    /// Whether the configuration says that of which a change speaks.
    pub(crate) fn says(&self, role: Role, change: &RoleChange) -> bool {
        match change {
            RoleChange::AddIdentity(rule) | RoleChange::RemoveIdentity(rule) => {
                self.configured_identities(role).contains(rule)
            }
            RoleChange::AddApplication(_) | RoleChange::RemoveApplication(_) | RoleChange::ExcludeApplications(_) => {
                !self.configured_applications(role).is_empty()
            }
            _ => false,
        }
    }

    /// What a role may do in a zone.
    pub fn operations_of(&self, role: Role, zone: Zone) -> OperationSet {
        let defaults = role.default_operations();
        match self.rule(zone) {
            None => defaults,
            Some(rule) => {
                let granted = rule.grants.iter().filter(|(granted, _)| *granted == role);
                let granted = granted.fold(OperationSet::NONE, |set, (_, operations)| set.union(*operations));
                defaults.without(OperationSet::OF_TAGS).union(granted)
            }
        }
    }

    /// The role with this name, well-known or of the configuration.
    pub fn role(&self, name: &str) -> Option<Role> {
        Role::from_well_known_name(name).or_else(|| {
            let idx = self.own_roles.iter().position(|own| own == name && !own.is_empty())?;
            Role::new(Role::N_WELL_KNOWN + u8::try_from(idx).ok()?)
        })
    }

    /// The zone of a tag, device or folder; worked out once, when the tag is made.
    pub fn zone_of(&self, path: &str) -> Zone {
        let covers = |rule: &Rule| rule.patterns.iter().any(|pattern| glob::covers(pattern, path));
        let found = self.rules.iter().position(covers);
        found.and_then(|idx| u16::try_from(idx + 1).ok()).map_or(Zone::ELSEWHERE, Zone)
    }

    /// Whether a folder must be seen on the way to something that a rule lets the principal see.
    pub fn leads_to_visible(&self, principal: &Principal, folder: &str) -> bool {
        let leads = |rule: &Rule| rule.patterns.iter().any(|pattern| glob::leads_below(pattern, folder));
        let visible = principal.zones.iter().map(|rights| rights.operations.contains(Operation::Browse));
        self.rules.iter().zip(visible).any(|(rule, is_visible)| is_visible && leads(rule))
    }

    /// Works out what a peer may do; `roles` are those that the users file gives it. Anonymous peers hold the configured
    /// roles, whatever is given.
    pub fn principal(&self, peer: Peer<'_>, roles: RoleSet, origin: Origin) -> Principal {
        let roles = match peer.identity {
            Identity::Anonymous => self.anonymous.roles(),
            _ => roles.union(RoleSet::of(&[Role::ANONYMOUS, Role::AUTHENTICATED])),
        };
        let roles = self.managed_roles(&peer, origin.security, self.mapped(&peer, roles));
        let may_in =
            |zone| roles.iter().fold(OperationSet::NONE, |set, role| set.union(self.operations_of(role, zone)));
        let elsewhere = may_in(Zone::ELSEWHERE);
        let zones: Arc<[ZoneRights]> = (1..=self.rules.len())
            .map(|number| Zone(u16::try_from(number).unwrap_or(u16::MAX)))
            .map(|zone| ZoneRights {
                operations: may_in(zone),
                is_channel_safe: self.rule(zone).is_some_and(|rule| rule.channel <= origin.security),
            })
            .collect();
        Principal { identity: peer.identity, roles, origin, elsewhere, zones }
    }

    /// The roles after the mappings: those that they add, without those that are kept for other applications.
    fn mapped(&self, peer: &Peer<'_>, roles: RoleSet) -> RoleSet {
        let named = |mapping: &&Mapping| match &peer.identity {
            // A provider's users are named by the provider, which must not give rights to a local namesake.
            Identity::Anonymous | Identity::Issued(..) => false,
            Identity::User(name) => mapping.users.iter().any(|user| **user == **name),
            Identity::Certificate(fingerprint) => mapping.certificates.iter().any(|text| {
                *text == peer.subject || text.replace([':', ' '], "").eq_ignore_ascii_case(&fingerprint.to_string())
            }),
        };
        let added = self.mappings.iter().filter(named).map(|mapping| mapping.role);
        let roles = added.fold(roles, |roles, role| roles.union(RoleSet::of(&[role])));
        let held: Vec<Role> = roles.iter().filter(|role| !self.is_kept_for_others(*role, peer)).collect();
        RoleSet::of(&held)
    }

    /// The roles after what clients set for them.
    fn managed_roles(&self, peer: &Peer<'_>, security: ChannelSecurity, roles: RoleSet) -> RoleSet {
        if self.managed.is_empty() {
            return roles;
        }
        let given = self.managed.iter().filter(|(_, managed)| managed.is_given_to(peer));
        let kept = given.filter(|(role, _)| !self.is_kept_for_others(*role, peer));
        let roles = kept.fold(roles, |roles, (role, _)| roles.union(RoleSet::of(&[*role])));
        let counts = |role: &Role| self.managed(*role).is_none_or(|managed| managed.counts_for(peer, security));
        let held: Vec<Role> = roles.iter().filter(counts).collect();
        RoleSet::of(&held)
    }

    /// Whether the configuration keeps a role for other applications.
    fn is_kept_for_others(&self, role: Role, peer: &Peer<'_>) -> bool {
        let mut limits =
            self.mappings.iter().filter(|mapping| mapping.role == role && !mapping.applications.is_empty()).peekable();
        limits.peek().is_some()
            && !limits.any(|mapping| mapping.applications.iter().any(|uri| *uri == peer.application))
    }

    /// Whether peers without credentials may open a session.
    pub fn admits_anonymous(&self) -> bool {
        self.anonymous != Anonymous::None
    }
}

/// Why an operation is not allowed; a face maps it to its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// No role that the principal holds allows it.
    #[error("{0} is not allowed")]
    Role(Operation),
    /// The channel is not protected as a rule demands.
    #[error("{0} needs a better protected channel")]
    Channel(Operation),
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
    if !principal.may_in(zone, operation) {
        return Err(Denied::Role(operation));
    }
    // What exists, and who may use it, is no secret of the plant (OPC UA Part 3, 8.56).
    let is_use = OperationSet::OF_TAGS.contains(operation) && operation != Operation::Browse;
    if !is_use || principal.is_channel_safe(zone) { Ok(()) } else { Err(Denied::Channel(operation)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Face, Fingerprint};

    fn origin() -> Origin {
        Origin { face: Face::Ua, peer: None, security: ChannelSecurity::Encrypted }
    }

    fn user(policy: &Policy, roles: &[Role]) -> Principal {
        policy.principal(Peer::user("anna"), RoleSet::of(roles), origin())
    }

    fn rule(pattern: &str, grants: Vec<(Role, OperationSet)>) -> Rule {
        Rule { patterns: vec![pattern.to_owned()], grants, channel: ChannelSecurity::None }
    }

    fn mapping(role: Role) -> Mapping {
        Mapping { role, users: Vec::new(), certificates: Vec::new(), applications: Vec::new() }
    }

    #[test]
    fn mappings_give_roles_to_users_and_certificates() {
        let mut policy = Policy::new(Anonymous::None);
        let (anna, subject) = ("anna".to_owned(), "CN=Anna".to_owned());
        let digits = Fingerprint::of(b"bob").to_string();
        let certificates = vec![subject, digits.to_uppercase()];
        policy.add_mapping(Mapping { users: vec![anna], certificates, ..mapping(Role::OPERATOR) });
        let certificate = |bytes: &[u8], subject| Peer::certificate(Fingerprint::of(bytes), subject);
        for (peer, expected) in [
            (Peer::user("anna"), true),
            (Peer::user("bob"), false),
            (certificate(b"x", "CN=Anna"), true),
            (certificate(b"bob", "CN=Bob"), true),
            (certificate(b"x", "CN=Carl"), false),
            (Peer::anonymous(), false),
        ] {
            let principal = policy.principal(peer.clone(), RoleSet::NONE, origin());
            assert_eq!(principal.may(Operation::Write), expected, "{peer:?}");
        }
    }

    #[test]
    fn a_role_of_certain_applications_is_held_by_no_other() {
        let mut policy = Policy::new(Anonymous::None);
        policy.add_mapping(Mapping { applications: vec!["urn:hmi".to_owned()], ..mapping(Role::OPERATOR) });
        for (application, expected) in [("urn:hmi", true), ("urn:hmi2", false), ("", false)] {
            let peer = Peer { application, ..Peer::user("anna") };
            let principal = policy.principal(peer, RoleSet::of(&[Role::OPERATOR, Role::OBSERVER]), origin());
            assert_eq!(principal.may(Operation::Write), expected, "{application}");
            assert!(principal.may(Operation::Read));
        }
    }

    #[test]
    fn a_rule_may_demand_a_protected_channel() {
        let mut policy = Policy::new(Anonymous::None);
        let grants = vec![(Role::OPERATOR, OperationSet::of(&[Operation::Browse, Operation::Read]))];
        policy.add_rule(Rule { channel: ChannelSecurity::Signed, ..rule("safe", grants) }).expect("fits");
        let target = Target::Zone(policy.zone_of("safe.tag"));
        for (security, expected) in [
            (ChannelSecurity::None, Err(Denied::Channel(Operation::Read))),
            (ChannelSecurity::Signed, Ok(())),
            (ChannelSecurity::Encrypted, Ok(())),
        ] {
            let origin = Origin { security, ..origin() };
            let principal = policy.principal(Peer::user("anna"), RoleSet::of(&[Role::OPERATOR]), origin);
            assert_eq!(authorise(&principal, Operation::Read, target), expected);
            assert_eq!(authorise(&principal, Operation::Browse, target), Ok(()));
            assert_eq!(authorise(&principal, Operation::Write, target), Err(Denied::Role(Operation::Write)));
        }
    }

    #[test]
    fn administrators_keep_their_rights_where_a_rule_holds() {
        let mut policy = Policy::new(Anonymous::None);
        policy.add_rule(rule("*", Vec::new())).expect("fits");
        let admin = user(&policy, &[Role::SECURITY_ADMIN]);
        let target = Target::Zone(policy.zone_of("any"));
        assert!(authorise(&admin, Operation::ReadPermissions, target).is_ok());
        assert!(authorise(&admin, Operation::Read, target).is_err());
    }

    #[test]
    fn anonymous_may_do_what_the_configuration_says() {
        for (anonymous, read, write) in
            [(Anonymous::None, false, false), (Anonymous::Read, true, false), (Anonymous::Write, true, true)]
        {
            let policy = Policy::new(anonymous);
            let principal = policy.principal(Peer::anonymous(), RoleSet::ADMIN, origin());
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
            assert_eq!(authorise(&principal, operation, Target::Server), Err(Denied::Role(operation)));
        }
    }

    #[test]
    fn a_rule_replaces_the_defaults_in_its_part_of_the_tree() {
        let mut policy = Policy::new(Anonymous::None);
        let night = policy.add_role("night-shift").expect("fits");
        let read = OperationSet::of(&[Operation::Browse, Operation::Read]);
        let grants = vec![(night, OperationSet::of(&[Operation::Write])), (Role::OPERATOR, read)];
        policy.add_rule(rule("line1.press", grants)).expect("fits");
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
        larger.add_rule(rule("*", Vec::new())).expect("fits");
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
