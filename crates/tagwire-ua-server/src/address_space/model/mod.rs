//! The nodes of imported models: a table that is made at the start and never changes.
//!
//! - [`Model`]: the table; [`ModelNode`] is a place in it.
//! - `build`: from the nodes of the files to the table.
//! - `attributes`: what a node answers.
//! - `definition`: what data types consist of.
//! - `metadata`: what the server tells about each namespace.

mod attributes;
mod build;
mod definition;
mod hierarchy;
mod metadata;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use hashbrown::HashTable;
use tagwire_ua_proto::types::{NodeId, NodeIdRef};

use super::{Namespaces, Node, Reference, ReferenceTypes, StandardNode, reference_type};
use crate::node_set::{DraftNode, NodeSets, Notices, flag};

/// A node of a model, by its place in the table; always within the table that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelNode(u32);

impl ModelNode {
    /// The place and the NodeClass share one number, so that a [`Node`] stays small and knows its class.
    const CLASS_BITS: u32 = 8;

    const fn new(idx: usize, class: u8) -> Self {
        Self((idx as u32) << Self::CLASS_BITS | class as u32)
    }

    const fn idx(self) -> usize {
        (self.0 >> Self::CLASS_BITS) as usize
    }

    /// NodeClass as its bit.
    #[inline]
    pub const fn class(self) -> u8 {
        self.0 as u8
    }
}

/// Where something lies among the bytes of a [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u32,
    len: u32,
}

impl Place {
    const NONE: Self = Self { at: 0, len: 0 };
}

/// One node.
struct Record {
    id: NodeId,
    class: u8,
    flags: u8,
    access_level: u8,
    browse_namespace: u16,
    /// Text.
    browse_name: Place,
    /// LocalizedText as on the wire.
    display_name: Place,
    /// LocalizedText as on the wire.
    description: Place,
    /// LocalizedText as on the wire.
    inverse_name: Place,
    data_type: Option<Node>,
    value_rank: i32,
    /// Variant as on the wire.
    dimensions: Place,
    min_sampling: Option<f64>,
    /// Variant as on the wire.
    value: Place,
    /// Variant as on the wire.
    definition: Place,
    type_definition: Option<Node>,
    supertype: Option<Node>,
    /// Where the forward references begin, then where the inverse ones do.
    references: [u32; 2],
}

/// The nodes of all imported models, and the references between them and namespace 0.
#[derive(Default)]
pub struct Model {
    records: Box<[Record]>,
    index: HashTable<u32>,
    /// For each node the forward references, then the inverse ones; after all nodes those of `standard`.
    references: Box<[Reference]>,
    /// Where those of the nodes end.
    n_own: u32,
    /// References from nodes of namespace 0: where the forward ones begin, where the inverse ones do, and their end.
    standard: HashMap<StandardNode, [u32; 3]>,
    /// The reference types, whose ordinals follow those of namespace 0.
    reference_types: Box<[ModelNode]>,
    /// For each reference type, by its ordinal, itself and all its subtypes; empty without further reference types.
    subtypes: Box<[ReferenceTypes]>,
    /// Paths of the tags whose values variables show.
    bound: HashMap<ModelNode, Box<str>>,
    bytes: Box<[u8]>,
}

impl Model {
    /// The table for a server with these namespaces, with what it tells about each of them and `own` nodes.
    pub(super) fn new(node_sets: &NodeSets, namespaces: &Namespaces, mut own: Vec<DraftNode>) -> Self {
        own.extend(metadata::nodes(node_sets, namespaces));
        let mut model = Self::link(&node_sets.nodes, &own, &mut Notices::default());
        let bound = node_sets.bindings.iter();
        model.bound = bound.filter_map(|(id, tag)| Some((model.find(id.borrowed())?, tag.clone()))).collect();
        model
    }

    /// The node with an id.
    #[inline]
    pub(crate) fn find(&self, id: NodeIdRef<'_>) -> Option<ModelNode> {
        if self.index.is_empty() {
            return None;
        }
        let is = |idx: &u32| self.records.get(*idx as usize).is_some_and(|record| id == record.id);
        let idx = *self.index.find(id.hash64(), is)? as usize;
        self.records.get(idx).map(|record| ModelNode::new(idx, record.class))
    }

    fn record(&self, node: ModelNode) -> &Record {
        &self.records[node.idx()]
    }

    fn bytes(&self, place: Place) -> Option<&[u8]> {
        let found = self.bytes.get(place.at as usize..)?.get(..place.len as usize)?;
        (!found.is_empty()).then_some(found)
    }

    /// The id of a node.
    pub(super) fn id(&self, node: ModelNode) -> &NodeId {
        &self.record(node).id
    }

    /// Namespace and name of the BrowseName.
    pub(crate) fn browse_name(&self, node: ModelNode) -> (u16, &str) {
        let record = self.record(node);
        let name = self.bytes(record.browse_name).unwrap_or_default();
        (record.browse_namespace, std::str::from_utf8(name).unwrap_or_default())
    }

    /// The DisplayName as on the wire.
    pub(super) fn display_name(&self, node: ModelNode) -> &[u8] {
        const NO_TEXT: &[u8] = &[0];
        self.bytes(self.record(node).display_name).unwrap_or(NO_TEXT)
    }

    /// Whether the node belongs to a type, so that it describes instances and is none itself.
    pub(crate) fn is_declaration(&self, node: ModelNode) -> bool {
        self.record(node).flags & flag::DECLARATION != 0
    }

    /// The data type of a variable or variable type.
    pub(crate) fn data_type(&self, node: ModelNode) -> Option<Node> {
        self.record(node).data_type
    }

    /// ValueRank of a variable or variable type.
    pub(crate) fn value_rank(&self, node: ModelNode) -> i32 {
        self.record(node).value_rank
    }

    /// The type that an object or variable is an instance of.
    pub(super) fn type_definition(&self, node: ModelNode) -> Option<Node> {
        self.record(node).type_definition
    }

    /// A type and those that it is derived from, itself first.
    pub(crate) fn with_supertypes(&self, node: Node) -> impl Iterator<Item = Node> {
        let supertype = |node: &Node| match node {
            Node::Standard(node) => node.supertype().map(Node::Standard),
            Node::Model(node) => self.record(*node).supertype,
            _ => None,
        };
        std::iter::successors(Some(node), supertype).take(hierarchy::MAX_LEVELS)
    }

    /// The name of a node of a model or of namespace 0.
    pub(crate) fn name_of(&self, node: Node) -> &str {
        match node {
            Node::Standard(node) => node.browse_name(),
            Node::Model(node) => self.browse_name(node).1,
            _ => "",
        }
    }

    /// References of a node, forward or inverse.
    pub(super) fn references(&self, node: ModelNode, forward: bool) -> &[Reference] {
        let [first, middle] = self.record(node).references;
        let end = self.records.get(node.idx() + 1).map_or(self.n_own, |next| next.references[0]);
        let (from, to) = if forward { (first, middle) } else { (middle, end) };
        self.references.get(from as usize..to as usize).unwrap_or_default()
    }

    /// References between a node of namespace 0 and those of models.
    pub(super) fn standard_references(&self, node: StandardNode, forward: bool) -> &[Reference] {
        let Some([first, middle, end]) = self.standard.get(&node).copied() else { return &[] };
        let (from, to) = if forward { (first, middle) } else { (middle, end) };
        self.references.get(from as usize..to as usize).unwrap_or_default()
    }

    /// One reference type, perhaps with its subtypes; `None` when `node` is no reference type.
    pub(super) fn reference_types(&self, node: Node, with_subtypes: bool) -> Option<ReferenceTypes> {
        let ordinal = match node {
            Node::Standard(node) if self.subtypes.is_empty() => return ReferenceTypes::of(node, with_subtypes),
            Node::Standard(node) => node.ordinal()?,
            Node::Model(node) => {
                let place = self.reference_types.iter().position(|known| *known == node)?;
                u8::try_from(usize::from(StandardNode::n_reference_types()) + place).ok()?
            }
            _ => return None,
        };
        if with_subtypes {
            self.subtypes.get(usize::from(ordinal)).copied()
        } else {
            Some(ReferenceTypes::one(ordinal))
        }
    }

    /// The reference type with an ordinal.
    pub(super) fn reference_type(&self, ordinal: u8) -> Option<Node> {
        match reference_type(ordinal) {
            Some(node) => Some(Node::Standard(node)),
            None => {
                let place = usize::from(ordinal.checked_sub(StandardNode::n_reference_types())?);
                self.reference_types.get(place).copied().map(Node::Model)
            }
        }
    }

    /// The path of the tag whose value a variable shows.
    #[inline]
    pub(super) fn bound(&self, node: ModelNode) -> Option<&str> {
        self.bound.get(&node).map(|path| &**path)
    }

    /// Whether any variable shows the value of a tag.
    pub(super) fn has_bound(&self) -> bool {
        !self.bound.is_empty()
    }
}
