//! The references of a node, in runs of one kind, so that a filter can pass over a run without looking at each.

use tagwire_access::Role;
use tagwire_hub::{FolderId, FolderKind, Registry};
use tagwire_model::TagId;
use tagwire_ua_proto::ids::node;

use super::role_node::{self, OwnRoles, RoleNode, RoleProperty};
use super::standard::StandardReferences;
use super::{DeviceMethod, HistoryNode, Node, Property, SessionNode, Snapshot, StandardNode, class};

/// One reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Ordinal of the reference type.
    pub type_ordinal: u8,
    /// The node at the other end.
    pub target: Node,
}

/// A run of references of one node in one direction. A place in a run can be looked at in constant time.
#[derive(Clone, Copy, Debug)]
pub enum Segment<'a> {
    /// No references.
    Empty,
    /// Between nodes of namespace 0.
    Standard(StandardReferences),
    /// From or to a node of a model.
    Model(&'a [Reference]),
    /// To one node, by a reference type's ordinal.
    One(u8, Node),
    /// To folders, by Organizes.
    Folders(&'a [FolderId]),
    /// To groups that are structures, by HasComponent.
    Structures(&'a [FolderId]),
    /// To tags, by HasComponent.
    Tags(&'a [TagId]),
    /// To all links and devices, by HasNotifier; a place is the number of a folder, and other folders are passed over.
    Notifiers(&'a Registry),
    /// To the methods of a device, by HasComponent.
    Methods(FolderId),
    /// To the server's own roles, by HasComponent.
    Roles(&'a OwnRoles),
    /// To so many sessions, by HasComponent.
    Sessions(usize),
    /// To so many components of a session's node, by HasComponent.
    SessionParts(SessionNode, usize),
    /// To the properties of a role, by HasProperty.
    RoleProperties(Role),
    /// To nodes that belong to the history of a tag.
    History(TagId, &'static [HistoryNode]),
    /// To properties of a tag, by HasProperty; the bits are places in [`Property::ALL`].
    Properties(TagId, u32),
}

impl Segment<'_> {
    /// The number of places, all but every one of which is a reference.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Standard(references) => references.len(),
            Self::Model(references) => references.len(),
            Self::One(..) => 1,
            Self::Folders(folders) | Self::Structures(folders) => folders.len(),
            Self::Notifiers(registry) => registry.end_of_folders(),
            Self::Tags(tags) => tags.len(),
            Self::Methods(_) => DeviceMethod::ALL.len(),
            Self::Roles(roles) => roles.len(),
            Self::Sessions(n) | Self::SessionParts(_, n) => *n,
            Self::RoleProperties(_) => RoleProperty::ALL.len(),
            Self::History(_, parts) => parts.len(),
            Self::Properties(_, set) => set.count_ones() as usize,
        }
    }

    /// Whether there is no reference.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first reference at or behind a place, and its own place.
    #[inline]
    pub fn next(&self, idx: usize) -> Option<(usize, Reference)> {
        let idx = match self {
            Self::Notifiers(registry) => registry.notifier_from(idx)?.0 as usize,
            _ => idx,
        };
        Some((idx, self.reference(idx)?))
    }

    /// All references of the run.
    pub fn iter(&self) -> impl Iterator<Item = Reference> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (place, reference) = self.next(at)?;
            at = place + 1;
            Some(reference)
        })
    }

    /// The reference at a place.
    #[inline]
    fn reference(&self, idx: usize) -> Option<Reference> {
        let (type_ordinal, target) = match self {
            Self::Empty => return None,
            Self::Standard(references) => {
                let reference = references.reference(idx)?;
                (reference.type_ordinal, Node::Standard(reference.other))
            }
            Self::Model(references) => return references.get(idx).copied(),
            Self::One(ordinal, node) => (*ordinal, *Some(node).filter(|_| idx == 0)?),
            Self::Folders(folders) => (ordinal(node::ORGANIZES), Node::Folder(*folders.get(idx)?)),
            Self::Notifiers(_) => (ordinal(node::HAS_NOTIFIER), Node::Folder(FolderId(u32::try_from(idx).ok()?))),
            Self::Structures(folders) => (ordinal(node::HAS_COMPONENT), Node::Structure(*folders.get(idx)?)),
            Self::Tags(tags) => (ordinal(node::HAS_COMPONENT), Node::Tag(*tags.get(idx)?)),
            Self::Methods(folder) => {
                (ordinal(node::HAS_COMPONENT), Node::Method(*folder, *DeviceMethod::ALL.get(idx)?))
            }
            Self::Roles(roles) => (ordinal(node::HAS_COMPONENT), roles.node(idx)?),
            Self::Sessions(n) => (ordinal(node::HAS_COMPONENT), Snapshot::session_at(idx).filter(|_| idx < *n)?),
            Self::SessionParts(node, n) => (ordinal(node::HAS_COMPONENT), node.child(idx).filter(|_| idx < *n)?),
            Self::RoleProperties(role) => {
                let property = Some(*RoleProperty::ALL.get(idx)?);
                (ordinal(node::HAS_PROPERTY), Node::Role(RoleNode { role: *role, property }))
            }
            Self::History(tag, parts) => return parts.get(idx).map(|part| part.reference(*tag)),
            Self::Properties(tag, set) => {
                let place = (0..Property::ALL.len()).filter(|place| set >> place & 1 != 0).nth(idx)?;
                (ordinal(node::HAS_PROPERTY), Node::Property(*tag, *Property::ALL.get(place)?))
            }
        };
        Some(Reference { type_ordinal, target })
    }

    /// Ordinal of the reference type and NodeClass of the targets, where all references of the run have the same.
    pub fn common(&self) -> Option<(u8, u8)> {
        match self {
            Self::Empty | Self::Standard(_) | Self::Model(_) | Self::History(..) => None,
            Self::One(ordinal, node) => Some((*ordinal, node.class())),
            Self::Folders(_) => Some((ordinal(node::ORGANIZES), class::OBJECT)),
            Self::Notifiers(_) => Some((ordinal(node::HAS_NOTIFIER), class::OBJECT)),
            Self::Tags(_) | Self::Structures(_) | Self::SessionParts(..) => {
                Some((ordinal(node::HAS_COMPONENT), class::VARIABLE))
            }
            Self::Methods(_) => Some((ordinal(node::HAS_COMPONENT), class::METHOD)),
            Self::Roles(_) | Self::Sessions(_) => Some((ordinal(node::HAS_COMPONENT), class::OBJECT)),
            Self::RoleProperties(_) | Self::Properties(..) => Some((ordinal(node::HAS_PROPERTY), class::VARIABLE)),
        }
    }

    /// Where a target stands in the run.
    pub fn position(&self, target: Node) -> Option<usize> {
        (0..self.len()).find(|idx| self.reference(*idx).is_some_and(|reference| reference.target == target))
    }
}

/// Number of runs that a node's references come in.
pub const N_SEGMENTS: usize = 7;
/// The first of the runs that hold inverse references; those before it are forward.
pub const FIRST_INVERSE_SEGMENT: usize = 5;

/// The ordinal of a reference type of namespace 0.
#[inline]
pub(super) fn ordinal(id: u32) -> u8 {
    StandardNode::find(id).and_then(StandardNode::ordinal).unwrap_or_default()
}

impl<'a> Snapshot<'a> {
    /// All references of a node: the runs of forward ones, then those of inverse ones. A node that is gone has none.
    pub fn references(&self, node: Node) -> [Segment<'_>; N_SEGMENTS] {
        let type_definition = || match self.type_definition(node) {
            Some(node) => Segment::One(ordinal(node::HAS_TYPE_DEFINITION), node),
            None => Segment::Empty,
        };
        match node {
            Node::Standard(node) => {
                let links = match node.id() {
                    node::OBJECTS_FOLDER => {
                        self.folder(FolderId::ROOT).map_or(Segment::Empty, |root| Segment::Folders(&root.folders))
                    }
                    node::SERVER => Segment::Notifiers(&self.registry),
                    node::SERVER_SERVER_CAPABILITIES_ROLE_SET => Segment::Roles(&self.roles),
                    node::SERVER_SERVER_DIAGNOSTICS_SESSIONS_DIAGNOSTICS_SUMMARY => {
                        Segment::Sessions(self.sessions().len())
                    }
                    _ => Segment::Empty,
                };
                let inverse = Segment::Standard(node.references(false));
                let [to_models, from_models] =
                    [true, false].map(|forward| Segment::Model(self.model().standard_references(node, forward)));
                // Scripts know what a plant shows by its place below Objects: models come before the links behind
                // them, and the folder Locations, which older servers do not have, comes after both.
                let (forward, last) = match node.id() {
                    node::OBJECTS_FOLDER => node.references(true).split_before(node::LOCATIONS),
                    _ => (node.references(true), StandardReferences::default()),
                };
                let (forward, last) = (Segment::Standard(forward), Segment::Standard(last));
                [forward, to_models, links, last, Segment::Empty, inverse, from_models]
            }
            Node::Role(RoleNode { role, property: None }) => {
                let above = match Node::standard(node::SERVER_SERVER_CAPABILITIES_ROLE_SET) {
                    Some(set) => Segment::One(ordinal(node::HAS_COMPONENT), set),
                    None => Segment::Empty,
                };
                let (properties, methods) =
                    (Segment::RoleProperties(role), Segment::Model(role_node::shared_methods()));
                [type_definition(), properties, methods, Segment::Empty, Segment::Empty, above, Segment::Empty]
            }
            Node::Role(RoleNode { role, property: Some(_) }) => {
                let above = Segment::One(ordinal(node::HAS_PROPERTY), Node::Role(RoleNode { role, property: None }));
                [
                    type_definition(),
                    Segment::Empty,
                    Segment::Empty,
                    Segment::Empty,
                    Segment::Empty,
                    above,
                    Segment::Empty,
                ]
            }
            Node::Session(node) => {
                let above =
                    node.above().map_or(Segment::Empty, |above| Segment::One(ordinal(node::HAS_COMPONENT), above));
                let parts = Segment::SessionParts(node, self.n_session_children(node));
                let empty = || Segment::Empty;
                [type_definition(), parts, empty(), empty(), empty(), above, empty()]
            }
            Node::Model(node) => {
                let [forward, inverse] = [true, false].map(|forward| self.model().references(node, forward));
                let (forward, inverse) = (Segment::Model(forward), Segment::Model(inverse));
                [forward, Segment::Empty, Segment::Empty, Segment::Empty, Segment::Empty, inverse, Segment::Empty]
            }
            Node::Folder(id) => match self.folder(id) {
                Some(folder) => {
                    let above = Segment::One(ordinal(node::ORGANIZES), self.folder_node(folder.parent));
                    let below = Segment::Folders(&folder.folders);
                    // All notifiers hang below the Server object and not below each other, or clients that ask a link
                    // for its hierarchical references would see each device twice (decision 0004).
                    let notified = match Node::standard(node::SERVER) {
                        Some(server) if folder.is_notifier() => Segment::One(ordinal(node::HAS_NOTIFIER), server),
                        _ => Segment::Empty,
                    };
                    let methods = if folder.kind == FolderKind::Device { Segment::Methods(id) } else { Segment::Empty };
                    let (tags, structures) = (Segment::Tags(&folder.tags), Segment::Structures(&folder.structures));
                    [type_definition(), below, structures, tags, methods, above, notified]
                }
                None => [Segment::Empty; N_SEGMENTS],
            },
            Node::Structure(id) => match self.folder(id) {
                Some(folder) => {
                    let above = Segment::One(ordinal(node::HAS_COMPONENT), self.folder_node(folder.parent));
                    let (tags, structures) = (Segment::Tags(&folder.tags), Segment::Structures(&folder.structures));
                    // Groups that a reload brought are shown until a restart tells what becomes of them.
                    let below = Segment::Folders(&folder.folders);
                    [type_definition(), below, structures, tags, Segment::Empty, above, Segment::Empty]
                }
                None => [Segment::Empty; N_SEGMENTS],
            },
            Node::Tag(id) => match self.tag(id) {
                Some(tag) => {
                    let above = Segment::One(ordinal(node::HAS_COMPONENT), self.folder_node(tag.folder));
                    let properties = Segment::Properties(id, Property::set_of(tag));
                    let history = match self.history_of(id) {
                        Some(_) => Segment::History(id, &[HistoryNode::Annotations, HistoryNode::Configuration]),
                        None => Segment::Empty,
                    };
                    let empty = || Segment::Empty;
                    [type_definition(), properties, history, empty(), empty(), above, empty()]
                }
                None => [Segment::Empty; N_SEGMENTS],
            },
            Node::History(tag, part) => {
                let above = part.above().map_or(Node::Tag(tag), |above| Node::History(tag, above));
                let above = Segment::One(part.reference_ordinal(), above);
                let empty = || Segment::Empty;
                [type_definition(), Segment::History(tag, part.below()), empty(), empty(), empty(), above, empty()]
            }
            Node::Property(tag, _) => {
                let above = Segment::One(ordinal(node::HAS_PROPERTY), Node::Tag(tag));
                let empty = || Segment::Empty;
                [type_definition(), empty(), empty(), empty(), empty(), above, empty()]
            }
            Node::Method(folder, _) => {
                let above = Segment::One(ordinal(node::HAS_COMPONENT), Node::Folder(folder));
                let empty = || Segment::Empty;
                [empty(), empty(), empty(), empty(), empty(), above, empty()]
            }
        }
    }

    /// The node that stands for a folder: `Objects` for the root.
    fn folder_node(&self, folder: FolderId) -> Node {
        match Node::standard(node::OBJECTS_FOLDER) {
            Some(objects) if folder == FolderId::ROOT => objects,
            _ => self.folder_or_structure(folder),
        }
    }
}
