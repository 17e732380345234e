//! DataTypeDefinitions (Part 3, 8.48 to 8.52), complete with the fields that a structure inherits.

use tagwire_ua_proto::codec::Decode;
use tagwire_ua_proto::ids::node as ids;
use tagwire_ua_proto::services::{EnumDefinition, EnumField, StructureDefinition, StructureField, StructureType};
use tagwire_ua_proto::types::{LocalizedText, NodeId, Variant};

use super::super::{Node, Reference, StandardNode, class};
use super::Model;
use crate::node_set::{DraftDefinition, DraftField, DraftNode};

const STRUCTURE: u32 = 22;
const ENUMERATION: u32 = 29;
const DEFAULT_BINARY: &str = "Default Binary";

/// The definition of the node at `idx`; `None` when it is no data type that has one.
pub(super) fn of(model: &Model, drafts: &[&DraftNode], idx: usize, forward: &[Vec<Reference>]) -> Option<Variant> {
    let draft = *drafts.get(idx)?;
    if draft.class != class::DATA_TYPE {
        return None;
    }
    let node = Node::Model(super::ModelNode::new(idx, draft.class));
    let base = model.with_supertypes(node).find_map(|node| match node {
        Node::Standard(node) if matches!(node.id(), STRUCTURE | ENUMERATION) => Some(node.id()),
        _ => None,
    });
    match (base, &draft.definition) {
        (Some(ENUMERATION), Some(definition)) => Some(enumeration(definition)),
        (_, Some(definition)) if definition.is_option_set => Some(enumeration(definition)),
        (Some(STRUCTURE), definition) => {
            let is_abstract = draft.flags & crate::node_set::flag::IS_ABSTRACT != 0;
            if definition.is_none() && is_abstract {
                return None;
            }
            Some(structure(model, drafts, node, forward.get(idx)))
        }
        _ => None,
    }
}

fn enumeration(definition: &DraftDefinition) -> Variant {
    let field = |field: &DraftField| EnumField {
        value: field.value,
        display_name: field.display_name.clone().unwrap_or_else(|| LocalizedText::new(field.name.as_str())),
        description: field.description.clone(),
        name: field.name.clone(),
    };
    Variant::structure(&EnumDefinition { fields: definition.fields.iter().map(field).collect() })
}

fn structure(model: &Model, drafts: &[&DraftNode], node: Node, forward: Option<&Vec<Reference>>) -> Variant {
    let mut types: Vec<Node> = model.with_supertypes(node).collect();
    types.reverse();
    let (mut fields, mut is_union, mut has_optional, mut has_subtypes) = (Vec::new(), false, false, false);
    for ancestor in types {
        match ancestor {
            // The definition of a type of namespace 0 is complete, so it takes the place of what came before.
            Node::Standard(ancestor) => fields = standard_fields(ancestor),
            Node::Model(ancestor) => {
                let Some(definition) = drafts.get(ancestor.idx()).and_then(|draft| draft.definition.as_ref()) else {
                    continue;
                };
                is_union |= definition.is_union;
                has_subtypes |= definition.fields.iter().any(|field| field.allows_subtypes);
                fields.extend(definition.fields.iter().map(own_field));
            }
            _ => {}
        }
    }
    has_optional |= fields.iter().any(|field| field.is_optional);
    let structure_type = match (is_union, has_subtypes, has_optional) {
        (true, true, _) => StructureType::UNION_WITH_SUBTYPED_VALUES,
        (true, false, _) => StructureType::UNION,
        (false, true, _) => StructureType::STRUCTURE_WITH_SUBTYPED_VALUES,
        (false, false, true) => StructureType::STRUCTURE_WITH_OPTIONAL_FIELDS,
        (false, false, false) => StructureType::STRUCTURE,
    };
    Variant::structure(&StructureDefinition {
        default_encoding_id: encoding(drafts, forward).unwrap_or_default(),
        base_data_type: model.with_supertypes(node).nth(1).map(|base| id_of(drafts, base)).unwrap_or_default(),
        structure_type,
        fields,
    })
}

/// Part 3, 8.51: where a field takes subtypes in a structure without such a kind, IsOptional says so.
fn own_field(field: &DraftField) -> StructureField {
    StructureField {
        name: field.name.clone(),
        description: field.description.clone(),
        data_type: field.data_type.clone(),
        value_rank: field.value_rank,
        array_dimensions: field.dimensions.clone(),
        max_string_length: field.max_string_length,
        is_optional: field.is_optional || field.allows_subtypes,
    }
}

fn standard_fields(node: StandardNode) -> Vec<StructureField> {
    let definition = node.definition().and_then(|bytes| Variant::from_bytes(bytes).ok());
    match definition {
        Some(Variant::ExtensionObject(object)) => match object.decode_as::<StructureDefinition>() {
            Some(Ok(definition)) => definition.fields,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn encoding(drafts: &[&DraftNode], forward: Option<&Vec<Reference>>) -> Option<NodeId> {
    let ordinal = StandardNode::find(ids::HAS_ENCODING).and_then(StandardNode::ordinal)?;
    let targets = forward?.iter().filter(|reference| reference.type_ordinal == ordinal);
    targets.filter_map(|reference| if let Node::Model(node) = reference.target { Some(node) } else { None }).find_map(
        |node| {
            drafts
                .get(node.idx())
                .filter(|draft| draft.browse_name.name == DEFAULT_BINARY)
                .map(|draft| draft.id.clone())
        },
    )
}

fn id_of(drafts: &[&DraftNode], node: Node) -> NodeId {
    match node {
        Node::Standard(node) => NodeId::ns0(node.id()),
        Node::Model(node) => drafts.get(node.idx()).map(|draft| draft.id.clone()).unwrap_or_default(),
        _ => NodeId::NULL,
    }
}
