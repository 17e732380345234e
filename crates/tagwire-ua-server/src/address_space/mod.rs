//! The nodes that clients see: namespace 0, and the hub's folders and tags below `Objects`.
//!
//! - [`AddressSpace`]: shared by all sessions; [`Snapshot`] is one request's consistent view of it.
//! - [`Node`]: what a NodeId leads to, a number or two; nothing is stored per tag.
//! - [`StandardNode`]: namespace 0, a table made at build time (decision 0002).
//! - [`Property`]: the properties that every tag shows of its configuration.
//! - [`Segment`]: the references of a node, in runs of one kind.
//! - [`ServerVariables`]: what the variables of the Server object tell.

mod attributes;
mod layout;
mod namespaces;
mod node;
mod property;
mod property_values;
mod references;
mod server_variables;
mod snapshot;
mod standard;
mod tag_ids;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::RwLock;
use tagwire_hub::Hub;
use tagwire_model::TagId;
use tagwire_ua_proto::types::NodeId;

pub use attributes::{Context, IMPLEMENTED_METHODS};
pub use namespaces::{NAMESPACE_SERVER, NAMESPACE_TAGS, Namespaces};
pub use node::{Node, class};
pub use property::Property;
pub use references::{FIRST_INVERSE_SEGMENT, N_SEGMENTS, Reference, Segment};
pub use server_variables::ServerVariables;
pub use snapshot::Snapshot;
pub use standard::{ReferenceTypes, StandardNode, reference_type};
pub use tag_ids::TagIdError;
use tag_ids::TagIds;

/// What the user of a session may do with a node. Asked once per node and operation; no answer may wait.
pub trait Rights {
    /// Whether the node and the references to it may be seen.
    fn may_browse(&self, node: Node, snapshot: &Snapshot<'_>) -> bool;

    /// Whether the value may be read.
    fn may_read(&self, node: Node, snapshot: &Snapshot<'_>) -> bool;

    /// Whether the value may be written, when its AccessLevel allows writing at all.
    fn may_write(&self, node: Node, snapshot: &Snapshot<'_>) -> bool;

    /// Whether events of the node may be received.
    fn may_receive_events(&self, _node: Node, _snapshot: &Snapshot<'_>) -> bool {
        false
    }

    /// Whether the method may be called.
    fn may_call(&self, node: Node, snapshot: &Snapshot<'_>) -> bool;
}

/// All nodes of the server.
pub struct AddressSpace {
    hub: Arc<Hub>,
    namespaces: Namespaces,
    tag_ids: RwLock<TagIds>,
}

impl AddressSpace {
    /// The standard nodes and the tags of `hub`.
    pub fn new(hub: Arc<Hub>, namespaces: Namespaces) -> Self {
        Self { hub, namespaces, tag_ids: RwLock::default() }
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
    /// [`TagIdError`] for an id that is taken, lies in a namespace of the server's own or is null.
    pub fn name_tags(&self, names: &[(TagId, NodeId)]) -> Result<(), TagIdError> {
        self.tag_ids.write().insert(names, &self.namespaces)
    }

    /// Forgets the names of tags. To be called before the hub removes the tags, since it gives out their numbers again.
    pub fn forget_tags(&self, tags: &[TagId]) {
        self.tag_ids.write().remove(tags);
    }

    /// A consistent view for one request. Making, removing and naming tags waits until it is dropped, and
    /// [`Hub::write`] or [`Hub::registry`] must not be called on the same thread before.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { registry: self.hub.registry(), tag_ids: self.tag_ids.read(), space: self }
    }
}
