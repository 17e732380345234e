//! The roles of the server: those of the configuration, with what clients changed of them.

use std::sync::Arc;

use tagwire_access::{IdentityRule, Policy, Role, RoleChange, RoleError};
use tagwire_ua_proto::types::{UaString, Variant};

use crate::address_space::{OwnRoles, RoleProperty};
use crate::server::{Leave, Server};
use crate::services::{endpoint_rule, identity_rule};
use crate::session::Session;

impl Server {
    /// Counts these rules from now on, without looking at what was done under those before.
    pub(crate) fn use_policy(&self, policy: Arc<Policy>) {
        self.events().set_policy(Arc::clone(&policy));
        self.address_space.set_roles(OwnRoles::of(&policy));
        self.store_policy(policy);
    }

    /// Changes a role. It counts for log-ins from then on; where somebody could have fewer rights, all sessions end but
    /// the one that asks.
    ///
    /// # Errors
    /// [`RoleError`]; then nothing was changed.
    pub(crate) fn change_role(
        &self,
        name: &str,
        change: &RoleChange,
        by: Option<&Arc<Session>>,
    ) -> Result<(), RoleError> {
        let base = self.base_policy();
        let given = match change {
            RoleChange::AddIdentity(IdentityRule::UserName(user))
            | RoleChange::RemoveIdentity(IdentityRule::UserName(user)) => {
                base.role(name).is_some_and(|role| self.has_role(user, role))
            }
            _ => false,
        };
        self.role_book.change(&base, name, change, given)?;
        self.use_policy(Arc::new(self.role_book.lay_over(&base, false)));
        if !change.only_widens() {
            let is_other = |session: &Session| by.is_none_or(|by| by.id != session.id);
            self.end_for_policy("roles changed", is_other);
        }
        Ok(())
    }

    /// Ends sessions because the rules of access changed.
    pub(crate) fn end_for_policy(&self, why: &'static str, is_meant: impl Fn(&Session) -> bool) {
        self.end_sessions_where(why, Leave::Durable, is_meant);
        self.owners.lock().orphans.iter_mut().for_each(|orphan| orphan.subscription.set_needs_check());
        self.end_orphans_where(|orphan| !orphan.subscription.is_durable());
    }

    /// The names of all roles.
    pub fn role_names(&self) -> Vec<String> {
        let policy = self.policy();
        policy.roles().filter_map(|role| policy.role_name(role)).map(str::to_owned).collect()
    }

    /// Whether the users file gives a role to a user.
    fn has_role(&self, user: &str, role: Role) -> bool {
        self.login.users().roles_of(user, &self.policy()).is_some_and(|roles| roles.contains(role))
    }

    /// What a property of a role tells.
    pub(crate) fn role_value(&self, role: Role, property: RoleProperty) -> Variant {
        let policy = self.policy();
        let managed = policy.managed(role);
        let configured = policy.configured_applications(role);
        match property {
            RoleProperty::Identities => {
                let mut rules = policy.configured_identities(role);
                let users = self.login.users().list();
                let holders = users.into_iter().filter(|user| self.has_role(&user.name, role));
                rules.extend(holders.map(|user| IdentityRule::UserName(user.name)));
                rules.extend(managed.iter().flat_map(|managed| managed.identities.iter().cloned()));
                let mut shown: Vec<IdentityRule> = Vec::with_capacity(rules.len());
                for rule in rules {
                    if !shown.contains(&rule) {
                        shown.push(rule);
                    }
                }
                Variant::structures(&shown.iter().map(identity_rule).collect::<Vec<_>>())
            }
            RoleProperty::Applications => {
                let set = managed.map(|managed| managed.applications.as_slice()).unwrap_or_default();
                let all = configured.iter().chain(set);
                all.map(|uri| UaString::from(uri.as_str())).collect::<Vec<_>>().into()
            }
            RoleProperty::ApplicationsExclude => {
                let exclude = configured.is_empty() && managed.is_none_or(|managed| managed.applications_exclude);
                exclude.into()
            }
            RoleProperty::Endpoints => {
                let set = managed.map(|managed| managed.endpoints.as_slice()).unwrap_or_default();
                Variant::structures(&set.iter().map(endpoint_rule).collect::<Vec<_>>())
            }
            RoleProperty::EndpointsExclude => managed.is_none_or(|managed| managed.endpoints_exclude).into(),
            RoleProperty::CustomConfiguration => false.into(),
        }
    }
}
