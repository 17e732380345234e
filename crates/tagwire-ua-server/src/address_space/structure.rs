//! Structures: groups of tags that clients see as one variable, and the data types of these (decision 0006).

use tagwire_model::ValueType;
use tagwire_ua_proto::ids::{data_type, node as ids};
use tagwire_ua_proto::types::{LocalizedText, NodeId, QualifiedName};

use super::{Model, NAMESPACE_TAGS, Node, class};
use crate::node_set::{DraftDefinition, DraftField, DraftNode, DraftReference};

/// ValueRank of a single value (Part 3, 5.6.2).
const SCALAR: i32 = -1;

/// A type of structures. Its number is its place in the list that an [`super::AddressSpace`] is made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructureType {
    /// BrowseName of the data type, without dots.
    pub name: Box<str>,
    /// Its fields in the order in which they are encoded.
    pub fields: Vec<Field>,
}

/// One field of a structure.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Name of the tag or group within the structure's group.
    pub name: Box<str>,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a field of a structure holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// The value of a tag of this type.
    Tag(ValueType),
    /// Another structure, by the number of its type.
    Structure(u16),
}

/// The types with the ids of their nodes.
#[derive(Default)]
pub(super) struct Structures {
    types: Box<[Known]>,
}

struct Known {
    fields: Vec<Field>,
    data_type: Option<Node>,
    encoding: NodeId,
}

impl Structures {
    /// The types, whose nodes are in `model`.
    pub(super) fn new(types: &[StructureType], model: &Model) -> Self {
        let known = types.iter().map(|structure| Known {
            fields: structure.fields.clone(),
            data_type: model.find(data_type_id(&structure.name).borrowed()).map(Node::Model),
            encoding: encoding_id(&structure.name),
        });
        Self { types: known.collect() }
    }

    /// The fields of a type.
    #[inline]
    pub(super) fn fields(&self, number: u16) -> Option<&[Field]> {
        Some(&self.types.get(usize::from(number))?.fields)
    }

    /// The DataType node of a type.
    pub(super) fn data_type(&self, number: u16) -> Option<Node> {
        self.types.get(usize::from(number))?.data_type
    }

    /// The id of a type's binary encoding.
    pub(super) fn encoding(&self, number: u16) -> Option<&NodeId> {
        Some(&self.types.get(usize::from(number))?.encoding)
    }
}

/// No path of a tag begins with an underscore but those of the server, which has no link of this name.
fn data_type_id(name: &str) -> NodeId {
    NodeId::string(NAMESPACE_TAGS, format!("_types.{name}"))
}

fn encoding_id(name: &str) -> NodeId {
    NodeId::string(NAMESPACE_TAGS, format!("_types.{name}.Binary"))
}

/// Two nodes for each type: the data type and its binary encoding.
pub(super) fn nodes(types: &[StructureType]) -> Vec<DraftNode> {
    let mut nodes = Vec::with_capacity(types.len() * 2);
    for structure in types {
        let encoding = encoding_id(&structure.name);
        nodes.push(DraftNode {
            id: data_type_id(&structure.name),
            class: class::DATA_TYPE,
            browse_name: QualifiedName::new(NAMESPACE_TAGS, &*structure.name),
            display_name: LocalizedText::new(&*structure.name),
            definition: Some(DraftDefinition {
                fields: structure.fields.iter().map(|field| draft(field, types)).collect(),
                ..DraftDefinition::default()
            }),
            references: vec![
                reference(ids::HAS_SUBTYPE, false, NodeId::ns0(data_type::STRUCTURE)),
                reference(ids::HAS_ENCODING, true, encoding.clone()),
            ],
            ..DraftNode::default()
        });
        nodes.push(DraftNode {
            id: encoding,
            class: class::OBJECT,
            browse_name: QualifiedName::new(0, "Default Binary"),
            display_name: LocalizedText::new("Default Binary"),
            references: vec![reference(ids::HAS_TYPE_DEFINITION, true, NodeId::ns0(ids::DATA_TYPE_ENCODING_TYPE))],
            ..DraftNode::default()
        });
    }
    nodes
}

fn draft(field: &Field, types: &[StructureType]) -> DraftField {
    let (data_type, value_rank, dimensions) = match field.kind {
        FieldKind::Tag(ValueType { data_type, dims }) => {
            let rank = if dims.rank() == 0 { SCALAR } else { dims.rank() as i32 };
            (NodeId::ns0(u32::from(data_type.ua_id())), rank, dims.lens().to_vec())
        }
        FieldKind::Structure(number) => {
            let within = types.get(usize::from(number)).map(|within| data_type_id(&within.name));
            (within.unwrap_or_default(), SCALAR, Vec::new())
        }
    };
    DraftField { name: (&*field.name).into(), data_type, value_rank, dimensions, ..DraftField::default() }
}

fn reference(type_id: u32, is_forward: bool, target: NodeId) -> DraftReference {
    DraftReference { line: 0, type_id: NodeId::ns0(type_id), is_forward, target }
}
