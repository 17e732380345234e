//! The nodes that clients see: namespace 0, and the hub's folders and tags below `Objects`.
//!
//! - [`AddressSpace`]: shared by all sessions; [`Snapshot`] is one request's consistent view of it.
//! - [`Node`]: what a NodeId leads to, a number or two; nothing is stored per tag.
//! - [`StandardNode`]: namespace 0, a table made at build time (decision 0002).
//! - [`Model`]: the nodes of imported models, a table made at the start.
//! - [`DeviceMethod`]: the methods that every device has.
//! - [`Property`]: the properties that every tag shows of its configuration.
//! - [`Segment`]: the references of a node, in runs of one kind.
//! - [`StructureType`]: the data type of groups that are shown as one variable.
//! - [`RoleNode`]: the roles besides those of namespace 0.
//! - [`SessionNode`]: the sessions, while diagnostics are kept.
//! - [`ServerVariables`]: what the variables of the Server object tell.

mod attributes;
mod device_method;
mod history_node;
mod layout;
mod model;
mod namespaces;
mod node;
mod property;
mod property_values;
mod references;
mod role_node;
mod server_variables;
mod session_node;
mod session_value;
mod snapshot;
mod standard;
mod structure;
mod structure_value;
mod tag_ids;
#[cfg(test)]
mod tests;
mod units;

use std::cell::OnceCell;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::RwLock;
use tagwire_access::Operation;
use tagwire_hub::Hub;
use tagwire_model::{Status, TagId};
use tagwire_ua_proto::services::RolePermissionType;
use tagwire_ua_proto::types::NodeId;

pub(crate) use attributes::{ADD_ROLE, ENABLED_FLAG, REMOVE_ROLE, is_role_management};
pub use attributes::{Context, IMPLEMENTED_METHODS};
pub use device_method::DeviceMethod;
pub use history_node::HistoryNode;
pub use model::{Model, ModelNode};
pub use namespaces::{NAMESPACE_SERVER, NAMESPACE_TAGS, Namespaces};
pub use node::{Node, class};
pub use property::Property;
pub use references::{FIRST_INVERSE_SEGMENT, N_SEGMENTS, Reference, Segment};
pub use role_node::{OwnRoles, RoleMethod, RoleNode, RoleProperty};
pub(crate) use role_node::{role_method, role_node_id, role_of, role_property};
pub use server_variables::ServerVariables;
pub(crate) use server_variables::is_diagnostic_array;
pub use session_node::SessionNode;
pub use snapshot::Snapshot;
pub use standard::{ReferenceTypes, StandardNode, reference_type};
use structure::Structures;
pub use structure::{Field, FieldKind, StructureType};
pub use structure_value::StructureSample;
pub use tag_ids::TagIdError;
use tag_ids::TagIds;

use crate::diagnostics::SessionList;
use crate::history::HistorySource;
use crate::node_set::NodeSets;

/// What the user of a session may do with a node. Asked once per node and operation; no answer may wait.
pub trait Rights {
    /// Whether an operation is allowed; writing is possible only where the AccessLevel allows it too.
    ///
    /// # Errors
    /// `BadUserAccessDenied`, or `BadSecurityModeInsufficient` when only the channel is not protected well enough.
    fn check(&self, operation: Operation, node: Node, snapshot: &Snapshot<'_>) -> Result<(), Status>;

    /// [`Rights::check`] as yes or no.
    fn may(&self, operation: Operation, node: Node, snapshot: &Snapshot<'_>) -> bool {
        self.check(operation, node, snapshot).is_ok()
    }

    /// What each role may do with the node, or only the roles that the user holds (Part 3, 5.2.9 and 5.2.10).
    fn role_permissions(&self, _node: Node, _snapshot: &Snapshot<'_>, _own_only: bool) -> Vec<RolePermissionType> {
        Vec::new()
    }

    /// What the channel must be for the node to be used (Part 3, 5.2.11).
    fn access_restrictions(&self, _node: Node, _snapshot: &Snapshot<'_>) -> u16 {
        0
    }
}

/// All nodes of the server.
pub struct AddressSpace {
    hub: Arc<Hub>,
    namespaces: Namespaces,
    tag_ids: RwLock<TagIds>,
    model: Model,
    structures: Structures,
    roles: ArcSwap<OwnRoles>,
    history: ArcSwapOption<HistorySource>,
    sessions: ArcSwap<SessionList>,
}

impl AddressSpace {
    /// The standard nodes and the tags of `hub`.
    pub fn new(hub: Arc<Hub>, namespaces: Namespaces) -> Self {
        Self::with_node_sets(hub, namespaces, &NodeSets::default())
    }

    /// As [`AddressSpace::new`], with the nodes of imported models. `namespaces` has theirs from the first index behind
    /// those that the node sets were read for.
    pub fn with_node_sets(hub: Arc<Hub>, namespaces: Namespaces, node_sets: &NodeSets) -> Self {
        Self::with_structures(hub, namespaces, node_sets, &[])
    }

    /// As [`AddressSpace::with_node_sets`], with the types of the hub's structures by their number.
    pub fn with_structures(
        hub: Arc<Hub>,
        namespaces: Namespaces,
        node_sets: &NodeSets,
        types: &[StructureType],
    ) -> Self {
        let model = Model::new(node_sets, &namespaces, structure::nodes(types));
        let structures = Structures::new(types, &model);
        Self {
            hub,
            namespaces,
            tag_ids: RwLock::default(),
            model,
            structures,
            roles: ArcSwap::default(),
            history: ArcSwapOption::empty(),
            sessions: ArcSwap::default(),
        }
    }

    /// The table of tags.
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The namespace table.
    pub const fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// Names tags that do not go by their path; their path stays valid beside it. All or none are named.
    ///
    /// # Errors
    /// [`TagIdError`] for an id that is taken by a tag, lies in a namespace of the server's own or is null.
    pub fn name_tags(&self, names: &[(TagId, NodeId)]) -> Result<(), TagIdError> {
        self.tag_ids.write().insert(names, &self.namespaces)
    }

    /// Forgets the names of tags. To be called before the hub removes the tags, since it gives out their numbers again.
    pub fn forget_tags(&self, tags: &[TagId]) {
        self.tag_ids.write().remove(tags);
    }

    /// Shows these roles besides those of namespace 0.
    pub(crate) fn set_roles(&self, roles: OwnRoles) {
        self.roles.store(Arc::new(roles));
    }

    /// Shows the history of tags, or none.
    pub(crate) fn set_history(&self, source: Option<Arc<HistorySource>>) {
        self.history.store(source);
    }

    /// The sessions that are shown.
    pub(crate) fn sessions(&self) -> Arc<SessionList> {
        self.sessions.load_full()
    }

    /// Shows these sessions from now on. One thread at a time may do so.
    pub(crate) fn set_sessions(&self, mut sessions: SessionList) {
        sessions.version = self.sessions.load().version + 1;
        self.sessions.store(Arc::new(sessions));
    }

    /// A consistent view for one request. Making, removing and naming tags waits until it is dropped, and
    /// [`Hub::write`] or [`Hub::registry`] must not be called on the same thread before.
    pub fn snapshot(&self) -> Snapshot<'_> {
        let (registry, tag_ids, roles) = (self.hub.registry(), self.tag_ids.read(), self.roles.load());
        Snapshot { registry, tag_ids, roles, sessions: OnceCell::new(), space: self }
    }
}
