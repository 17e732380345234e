//! One request's view of the address space: from NodeIds to nodes, and what nodes are called.

use std::cell::OnceCell;
use std::sync::Arc;

use arc_swap::Guard;
use parking_lot::RwLockReadGuard;
use tagwire_history::TagNumber;
use tagwire_hub::{Folder, FolderId, FolderKind, PathTarget, Registry, TagView};
use tagwire_model::TagId;
use tagwire_ua_proto::codec::{Encode, write_str};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::{IdentifierRef, NodeId, NodeIdRef, QualifiedName};

use super::property::discrete_type;
use super::role_node::{self, OwnRoles, RoleNode};
use super::tag_ids::TagIds;
use super::{
    AddressSpace, DeviceMethod, HistoryNode, NAMESPACE_SERVER, NAMESPACE_TAGS, Node, Property, ReferenceTypes,
    StandardNode,
};
use crate::diagnostics::SessionList;
use crate::history::HistorySource;

/// A consistent view of all nodes, made by [`AddressSpace::snapshot`].
pub struct Snapshot<'a> {
    pub(super) registry: RwLockReadGuard<'a, Registry>,
    pub(super) tag_ids: RwLockReadGuard<'a, TagIds>,
    pub(super) roles: Guard<Arc<OwnRoles>>,
    /// Looked up by the first who asks, since next to no request does.
    pub(super) sessions: OnceCell<Arc<SessionList>>,
    pub(super) space: &'a AddressSpace,
}

/// What precedes the text of a NodeId whose identifier is a String in the namespace of tags (Part 6, 5.2.2.9).
const STRING_ID: [u8; 3] = [0x03, NAMESPACE_TAGS as u8, 0x00];

impl Snapshot<'_> {
    /// The address space.
    pub const fn space(&self) -> &AddressSpace {
        self.space
    }

    /// Grows whenever nodes of tags come or go.
    pub fn version(&self) -> u64 {
        self.registry.version()
    }

    /// Differs from any other time when any nodes came or went between.
    pub(crate) fn versions(&self) -> (u64, u64) {
        (self.version(), self.sessions().version)
    }

    /// The sessions that are shown.
    pub(super) fn sessions(&self) -> &SessionList {
        self.sessions.get_or_init(|| self.space.sessions())
    }

    /// A folder of the hub.
    #[inline]
    pub fn folder(&self, folder: FolderId) -> Option<&Folder> {
        self.registry.folder(folder)
    }

    /// A tag of the hub.
    #[inline]
    pub fn tag(&self, tag: TagId) -> Option<TagView<'_>> {
        self.registry.tag(tag)
    }

    /// Where history comes from; `None` while there is none.
    pub(crate) fn history(&self) -> Option<Arc<HistorySource>> {
        self.space.history.load_full()
    }

    /// Whether events are kept.
    pub(crate) fn has_event_history(&self) -> bool {
        self.space.history.load().as_ref().is_some_and(|source| source.journal().is_some())
    }

    /// Where the history of a tag comes from, and its number there; `None` for a tag without history.
    pub(crate) fn history_of(&self, tag: TagId) -> Option<(Arc<HistorySource>, TagNumber)> {
        let (source, tag) = (self.history()?, self.tag(tag)?);
        let number = source.number(tag.path, tag.value_type)?;
        Some((source, number))
    }

    /// All tags of the hub.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (TagId, TagView<'_>)> {
        self.registry.tags()
    }

    /// Tells the tags at up to [`Registry::BATCH`] paths.
    #[inline]
    pub fn tags_by_path<'p>(&self, paths: impl Iterator<Item = &'p [u8]> + Clone, tell: impl FnMut(Option<TagId>)) {
        self.registry.find_tags(paths, tell);
    }

    /// The node that an id names.
    #[inline]
    pub fn resolve(&self, id: NodeIdRef<'_>) -> Option<Node> {
        if let (0, IdentifierRef::Numeric(id)) = (id.namespace, id.identifier) {
            return Node::standard(id);
        }
        if let Some(tag) = self.tag_ids.find(&id) {
            return Some(Node::Tag(tag));
        }
        match (id.namespace, id.identifier) {
            (NAMESPACE_TAGS, IdentifierRef::String(path)) => match self.registry.find(path.as_bytes()) {
                Some(PathTarget::Tag(tag)) => Some(Node::Tag(tag)),
                Some(PathTarget::Folder(folder)) => Some(self.folder_or_structure(folder)),
                None => match self.belonging(path) {
                    None => self.model().find(id).map(Node::Model),
                    found => found,
                },
            },
            (NAMESPACE_SERVER, IdentifierRef::String(text)) => {
                let own = self.roles.find(text).or_else(|| self.session_node(id.namespace, id.identifier));
                own.or_else(|| self.model().find(id).map(Node::Model))
            }
            (NAMESPACE_SERVER, IdentifierRef::Opaque(_)) => {
                self.session_node(id.namespace, id.identifier).or_else(|| self.model().find(id).map(Node::Model))
            }
            _ => self.model().find(id).map(Node::Model),
        }
    }

    /// The node of a folder.
    #[inline]
    pub(super) fn folder_or_structure(&self, folder: FolderId) -> Node {
        match self.folder(folder).and_then(Folder::structure_type) {
            Some(_) => Node::Structure(folder),
            None => Node::Folder(folder),
        }
    }

    /// The property of a tag or the method of a device whose NodeId this is.
    fn belonging(&self, path: &str) -> Option<Node> {
        if let Some((path, part)) = HistoryNode::of_path(path)
            && let Some(PathTarget::Tag(tag)) = self.registry.find(path.as_bytes())
        {
            return Some(Node::History(tag, part)).filter(|node| self.exists(*node));
        }
        let (path, name) = path.rsplit_once('.')?;
        match self.registry.find(path.as_bytes())? {
            PathTarget::Tag(tag) => self.property(tag, name).map(|property| Node::Property(tag, property)),
            PathTarget::Folder(folder) => self.method(folder, name),
        }
    }

    /// The property of a tag with this name, when the tag has it.
    fn property(&self, tag: TagId, name: &str) -> Option<Property> {
        let meta = self.tag(tag)?;
        Property::from_name(name).filter(|property| property.exists(meta))
    }

    /// The method of a device whose NodeId ends in this name.
    fn method(&self, folder: FolderId, name: &str) -> Option<Node> {
        let method = DeviceMethod::from_id_name(name)?;
        Some(Node::Method(folder, method)).filter(|method| self.exists(*method))
    }

    /// A system tag below a folder, by the rest of its path.
    pub(crate) fn system_tag(&self, folder: FolderId, name: &str) -> Option<TagId> {
        let path = format!("{}.{name}", self.folder(folder)?.path);
        self.registry.find_tag(path.as_bytes())
    }

    /// Whether a node of an earlier snapshot is still there.
    pub fn exists(&self, node: Node) -> bool {
        match node {
            Node::Standard(_) | Node::Model(_) => true,
            Node::Role(node) => self.roles.name(node.role).is_some(),
            Node::Session(node) => self.session_exists(node),
            Node::Folder(folder) => self.folder(folder).is_some(),
            Node::Structure(folder) => self.folder(folder).and_then(Folder::structure_type).is_some(),
            Node::Tag(tag) => self.tag(tag).is_some(),
            Node::Property(tag, property) => self.tag(tag).is_some_and(|tag| property.exists(tag)),
            Node::History(tag, _) => self.history_of(tag).is_some(),
            Node::Method(folder, _) => self.folder(folder).is_some_and(|folder| folder.kind == FolderKind::Device),
        }
    }

    /// Whether a node can be subscribed to for events: the Server object, and below it the links and their devices.
    pub fn is_notifier(&self, node: Node) -> bool {
        match node {
            Node::Standard(node) => node.id() == node::SERVER,
            Node::Folder(folder) => self.folder(folder).is_some_and(Folder::is_notifier),
            Node::Structure(_)
            | Node::Tag(_)
            | Node::Property(..)
            | Node::History(..)
            | Node::Method(..)
            | Node::Role(_)
            | Node::Session(_)
            | Node::Model(_) => false,
        }
    }

    /// The id of a node, owned.
    pub fn node_id(&self, node: Node) -> NodeId {
        match node {
            Node::Standard(node) => NodeId::ns0(node.id()),
            Node::Folder(folder) | Node::Structure(folder) => {
                NodeId::string(NAMESPACE_TAGS, self.folder(folder).map_or("", |folder| &*folder.path))
            }
            Node::Tag(tag) => match self.tag_ids.id(tag) {
                Some(id) => id.clone(),
                None => NodeId::string(NAMESPACE_TAGS, self.tag(tag).map_or("", |tag| tag.path)),
            },
            Node::Role(node) => self.roles.node_id(node),
            Node::Session(node) => self.session_node_id(node),
            Node::Model(node) => self.model().id(node).clone(),
            Node::Property(tag, property) => {
                let path = self.tag(tag).map_or("", |tag| tag.path);
                NodeId::string(NAMESPACE_TAGS, format!("{path}.{}", property.name()))
            }
            Node::History(tag, part) => {
                let path = self.tag(tag).map_or("", |tag| tag.path);
                NodeId::string(NAMESPACE_TAGS, format!("{path}.{}", part.path()))
            }
            Node::Method(folder, method) => {
                let path = self.folder(folder).map_or("", |folder| &*folder.path);
                NodeId::string(NAMESPACE_TAGS, format!("{path}._{}", method.name()))
            }
        }
    }

    /// Appends the id of a node, encoded. As an ExpandedNodeId it has the same bytes.
    #[inline]
    pub fn write_node_id(&self, node: Node, out: &mut Vec<u8>) {
        match node {
            Node::Standard(node) => write_standard_id(node, out),
            Node::Folder(folder) | Node::Structure(folder) => {
                out.extend_from_slice(&STRING_ID);
                write_str(self.folder(folder).map_or("", |folder| &*folder.path), out);
            }
            Node::Tag(tag) => match self.tag_ids.id(tag) {
                Some(id) => id.encode(out),
                None => {
                    out.extend_from_slice(&STRING_ID);
                    write_str(self.tag(tag).map_or("", |tag| tag.path), out);
                }
            },
            Node::Model(node) => self.model().id(node).encode(out),
            Node::Property(..) | Node::History(..) | Node::Method(..) | Node::Role(_) | Node::Session(_) => {
                self.node_id(node).encode(out);
            }
        }
    }

    /// Namespace and name that tell a node from its siblings.
    #[inline]
    pub fn browse_name(&self, node: Node) -> (u16, &str) {
        match node {
            Node::Standard(node) => (0, node.browse_name()),
            Node::Folder(folder) | Node::Structure(folder) => {
                (NAMESPACE_TAGS, self.folder(folder).map_or("", Folder::name))
            }
            Node::Tag(tag) => (NAMESPACE_TAGS, self.tag(tag).map_or("", TagView::name)),
            Node::Property(_, property) => (property.name_namespace(), property.name()),
            Node::History(_, part) => (0, part.name()),
            Node::Method(_, method) => (NAMESPACE_TAGS, method.name()),
            Node::Role(RoleNode { role, property: None }) => {
                (NAMESPACE_SERVER, self.roles.name(role).unwrap_or_default())
            }
            Node::Role(RoleNode { property: Some(property), .. }) => (0, property.name()),
            Node::Session(node) => self.session_browse_name(node),
            Node::Model(node) => self.model().browse_name(node),
        }
    }

    /// Whether the BrowseName is `name`.
    #[inline]
    pub fn has_browse_name(&self, node: Node, name: &QualifiedName) -> bool {
        match node {
            Node::Standard(node) => {
                name.namespace == 0 && node.browse_name_bytes().get(4..) == Some(name.name.as_bytes())
            }
            _ => self.browse_name(node) == (name.namespace, &*name.name),
        }
    }

    /// Appends the BrowseName, encoded as a QualifiedName.
    #[inline]
    pub fn write_browse_name(&self, node: Node, out: &mut Vec<u8>) {
        match node {
            Node::Standard(node) => {
                out.extend_from_slice(&[0, 0]);
                out.extend_from_slice(node.browse_name_bytes());
            }
            _ => {
                let (namespace, name) = self.browse_name(node);
                out.extend_from_slice(&namespace.to_le_bytes());
                write_str(name, out);
            }
        }
    }

    /// Appends the DisplayName, encoded as a LocalizedText.
    #[inline]
    pub fn write_display_name(&self, node: Node, out: &mut Vec<u8>) {
        const TEXT_ONLY: u8 = 0x02;
        if let Node::Model(node) = node {
            return out.extend_from_slice(self.model().display_name(node));
        }
        out.push(TEXT_ONLY);
        match node {
            Node::Standard(node) => out.extend_from_slice(node.display_name_bytes()),
            _ => write_str(self.browse_name(node).1, out),
        }
    }

    /// The type that an object or variable is an instance of.
    #[inline]
    pub fn type_definition(&self, node: Node) -> Option<Node> {
        match node {
            Node::Standard(node) => node.type_definition().map(Node::Standard),
            Node::Folder(_) => Node::standard(node::FOLDER_TYPE),
            Node::Structure(_) => Node::standard(node::BASE_DATA_VARIABLE_TYPE),
            Node::Tag(tag) => Node::standard(tag_type(self.tag(tag)?)),
            Node::Property(..) | Node::Role(RoleNode { property: Some(_), .. }) => Node::standard(node::PROPERTY_TYPE),
            Node::Role(RoleNode { property: None, .. }) => role_node::role_type(),
            Node::History(_, part) => Node::standard(part.type_definition()),
            Node::Session(node) => node.type_definition().map(Node::Standard),
            Node::Method(..) => None,
            Node::Model(node) => self.model().type_definition(node),
        }
    }

    /// One reference type, perhaps with its subtypes; `None` when `node` is no reference type.
    pub fn reference_types(&self, node: Node, with_subtypes: bool) -> Option<ReferenceTypes> {
        self.model().reference_types(node, with_subtypes)
    }

    /// The reference type with an ordinal.
    #[inline]
    pub fn reference_type(&self, ordinal: u8) -> Option<Node> {
        self.model().reference_type(ordinal)
    }

    /// The child of a folder with this name, without looking at the others.
    pub(crate) fn child(&self, folder: FolderId, name: &QualifiedName) -> Option<Node> {
        if name.namespace != NAMESPACE_TAGS {
            return None;
        }
        let above = self.folder(folder)?;
        let path =
            if above.path.is_empty() { name.name.to_string() } else { format!("{}.{}", above.path, &*name.name) };
        match self.registry.find(path.as_bytes())? {
            PathTarget::Tag(tag) => {
                Some(Node::Tag(tag)).filter(|_| self.tag(tag).is_some_and(|tag| tag.folder == folder))
            }
            PathTarget::Folder(child) => Some(self.folder_or_structure(child))
                .filter(|_| self.folder(child).is_some_and(|child| child.parent == folder)),
        }
    }
}

/// Appends the shortest encoding of a numeric id in namespace 0.
#[inline]
pub(super) fn write_standard_id(node: StandardNode, out: &mut Vec<u8>) {
    let id = node.id().to_le_bytes();
    match id {
        [low, 0, 0, 0] => out.extend_from_slice(&[0x00, low]),
        [low, high, 0, 0] => out.extend_from_slice(&[0x01, 0x00, low, high]),
        [a, b, c, d] => out.extend_from_slice(&[0x02, 0, 0, a, b, c, d]),
    }
}

/// The variable type of a tag (Part 8, 5.3.2): what its configuration promises, and no more.
fn tag_type(tag: TagView<'_>) -> u32 {
    let extra = tag.meta.extra.as_deref();
    let is_number = tag.value_type.data_type.is_number();
    if tag.is_system {
        node::BASE_DATA_VARIABLE_TYPE
    } else if let Some(discrete) = discrete_type(tag) {
        discrete
    } else if is_number && extra.is_some_and(|extra| extra.eu_range.is_some()) {
        node::ANALOG_ITEM_TYPE
    } else if is_number && extra.is_some_and(|extra| !extra.unit.is_empty()) {
        node::ANALOG_UNIT_TYPE
    } else {
        node::DATA_ITEM_TYPE
    }
}
