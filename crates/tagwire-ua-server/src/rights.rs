//! What the user of a session may do with a node.

use std::sync::Arc;

use tagwire_access::{ChannelSecurity, Denied, Operation, Policy, Principal, Role, Target, Zone, authorise};
use tagwire_model::{Status, TagId};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::RolePermissionType;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::NodeId;

use crate::address_space::{
    Node, Rights, Snapshot, is_diagnostic_array, is_role_management, role_node_id, role_property,
};
use crate::configuration;
use crate::server::Server;
use crate::zones::Zones;

/// The rights of a user; nobody may do anything.
#[derive(Clone, Copy)]
pub(crate) struct UserRights<'a> {
    pub(crate) principal: Option<&'a Principal>,
    pub(crate) server: &'a Server,
}

impl UserRights<'_> {
    fn zone(&self, principal: &Principal, node: Node, snapshot: &Snapshot<'_>) -> Zone {
        if principal.has_zones() { self.server.zones(snapshot).of(node, snapshot) } else { Zone::ELSEWHERE }
    }
}

impl Rights for UserRights<'_> {
    fn check(&self, operation: Operation, node: Node, snapshot: &Snapshot<'_>) -> Result<(), Status> {
        let principal = self.principal.ok_or(Status::BAD_USER_ACCESS_DENIED)?;
        if let Some(needed) = administrative(node, operation) {
            // Who talks to the server, and how, is told over encrypted channels only (A27).
            let is_safe = principal.origin().security == ChannelSecurity::Encrypted;
            let may = authorise(principal, needed, Target::Server).map_err(|denied| denied_status(&denied));
            return may.and(if is_safe { Ok(()) } else { Err(status::BAD_SECURITY_MODE_INSUFFICIENT) });
        }
        // Whoever may have a session needs the types and the names of the server's tables to make use of anything.
        let is_public = match node {
            Node::Standard(_) | Node::Role(_) => matches!(operation, Operation::Browse | Operation::Read),
            Node::Model(node) => snapshot.is_public(node, operation),
            _ => false,
        };
        if is_public {
            return Ok(());
        }
        if let Node::Structure(folder) = node
            && matches!(operation, Operation::Read | Operation::Write)
        {
            // Nobody gets at a tag by way of its structure.
            let rights = TagRights::new(self.server, principal, operation, snapshot);
            return snapshot.members(folder)?.into_iter().try_for_each(|tag| rights.check(tag));
        }
        let target = Target::Zone(self.zone(principal, node, snapshot));
        authorise(principal, operation, target).map_err(|denied| denied_status(&denied)).or_else(|status| match node {
            Node::Folder(folder) | Node::Structure(folder)
                if operation == Operation::Browse
                    && principal.has_zones()
                    && snapshot
                        .folder(folder)
                        .is_some_and(|folder| self.server.policy().leads_to_visible(principal, &folder.path)) =>
            {
                Ok(())
            }
            _ => Err(status),
        })
    }

    fn role_permissions(&self, node: Node, snapshot: &Snapshot<'_>, own_only: bool) -> Vec<RolePermissionType> {
        let Some(principal) = self.principal else { return Vec::new() };
        let (policy, zone) = (self.server.policy(), self.zone(principal, node, snapshot));
        let shown = policy.roles().filter(|role| !own_only || principal.roles().contains(*role));
        let permission = |role| RolePermissionType {
            role_id: role_id(&policy, role),
            permissions: permissions(&policy, role, zone),
        };
        shown.map(permission).filter(|permission| own_only || permission.permissions != 0).collect()
    }

    fn access_restrictions(&self, node: Node, snapshot: &Snapshot<'_>) -> u16 {
        const SIGNING_REQUIRED: u16 = 0x01;
        const ENCRYPTION_REQUIRED: u16 = 0x02;
        let Some(principal) = self.principal else { return 0 };
        let zone = self.zone(principal, node, snapshot);
        match self.server.policy().rule(zone).map(|rule| rule.channel) {
            None | Some(ChannelSecurity::None) => 0,
            Some(ChannelSecurity::Signed) => SIGNING_REQUIRED,
            Some(ChannelSecurity::Encrypted) => ENCRYPTION_REQUIRED,
        }
    }
}

/// What it takes to use a node of the server that is not for everybody.
fn administrative(node: Node, operation: Operation) -> Option<Operation> {
    if role_property(node).is_some() && matches!(operation, Operation::Read | Operation::Write) {
        return Some(Operation::ManageUsers);
    }
    if let Node::Session(node) = node {
        // Not even that there is such a session is told to others.
        return Some(if node.is_of_security() { Operation::ManageUsers } else { Operation::ReadDiagnostics });
    }
    let Node::Standard(node) = node else { return None };
    let id = node.id();
    match operation {
        Operation::Call if configuration::is_method(id) => Some(Operation::ManageTrust),
        Operation::Call if is_role_management(id) => Some(Operation::ManageUsers),
        Operation::Read
            if id
                == node::SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY_SESSION_SECURITY_DIAGNOSTICS_ARRAY =>
        {
            Some(Operation::ManageUsers)
        }
        Operation::Read if is_diagnostic_array(id) => Some(Operation::ReadDiagnostics),
        Operation::Write => Some(Operation::ManageUsers),
        _ => None,
    }
}

/// The status that tells a client why it may not.
pub(crate) const fn denied_status(denied: &Denied) -> Status {
    match denied {
        Denied::Role(_) => Status::BAD_USER_ACCESS_DENIED,
        Denied::Channel(_) => status::BAD_SECURITY_MODE_INSUFFICIENT,
    }
}

/// What a user may do with the values of tags, for requests about many.
pub(crate) struct TagRights<'a> {
    operation: Operation,
    /// What holds where no rule does.
    elsewhere: Result<(), Status>,
    zones: Option<(Arc<Zones>, &'a Principal)>,
}

impl<'a> TagRights<'a> {
    pub(crate) fn new(
        server: &Server,
        principal: &'a Principal,
        operation: Operation,
        snapshot: &Snapshot<'_>,
    ) -> Self {
        let elsewhere = authorise(principal, operation, Target::Server).map_err(|denied| denied_status(&denied));
        let zones = principal.has_zones().then(|| (server.zones(snapshot), principal));
        Self { operation, elsewhere, zones }
    }

    /// Whether the operation is allowed on this tag.
    #[inline]
    pub(crate) fn check(&self, tag: TagId) -> Result<(), Status> {
        match &self.zones {
            None => self.elsewhere,
            Some((zones, principal)) => authorise(principal, self.operation, Target::Zone(zones.of_tag(tag)))
                .map_err(|denied| denied_status(&denied)),
        }
    }
}

/// The node of a role.
fn role_id(policy: &Policy, role: Role) -> NodeId {
    role_node_id(role, policy.role_name(role).unwrap_or_default())
}

/// The permission bits of a role (Part 3, 8.55).
fn permissions(policy: &Policy, role: Role, zone: Zone) -> u32 {
    const ADD_REFERENCE: u32 = 0x2000;
    const REMOVE_REFERENCE: u32 = 0x4000;
    const DELETE_NODE: u32 = 0x8000;
    const ADD_NODE: u32 = 0x1_0000;
    let bit = |operation| match operation {
        Operation::Browse => 0x1,
        Operation::ReadPermissions => 0x2,
        Operation::WriteAttribute => 0x4,
        Operation::WritePermissions => 0x8,
        Operation::Read => 0x20,
        Operation::Write => 0x40,
        Operation::HistoryRead => 0x80,
        Operation::HistoryInsert => 0x100,
        Operation::HistoryModify => 0x200,
        Operation::HistoryDelete => 0x400,
        Operation::ReceiveEvents => 0x800,
        Operation::Call => 0x1000,
        Operation::ManageNodes => ADD_REFERENCE | REMOVE_REFERENCE | DELETE_NODE | ADD_NODE,
        _ => 0,
    };
    policy.operations_of(role, zone).iter().map(bit).fold(0, |bits, bit| bits | bit)
}
