//! What the server tells about each namespace below `Server/Namespaces` (Part 5, 6.3.13 and 6.3.14).

use tagwire_model::Timestamp;
use tagwire_ua_proto::ids::mask::access_level::CURRENT_READ;
use tagwire_ua_proto::ids::{data_type, node as ids};
use tagwire_ua_proto::types::{IdentifierRef, LocalizedText, NodeId, QualifiedName, UaString, Variant, VariantItems};

use super::super::{NAMESPACE_SERVER, Namespaces, class};
use crate::node_set::{DraftNode, DraftReference, NodeSets};

/// One object for each namespace but 0, which has its own, and those whose model brings one.
pub(super) fn nodes(node_sets: &NodeSets, namespaces: &Namespaces) -> Vec<DraftNode> {
    let mut nodes = Vec::new();
    for (index, uri) in namespaces.uris().iter().enumerate().skip(1) {
        let brings_its_own = node_sets.nodes.iter().any(|node| {
            node.browse_name.name == "NamespaceUri"
                && matches!(&node.value, Some(Variant::String(value)) if **value == **uri)
        });
        if !brings_its_own && let Ok(index) = u16::try_from(index) {
            add(&mut nodes, index, uri, node_sets);
        }
    }
    nodes
}

fn add(nodes: &mut Vec<DraftNode>, index: u16, uri: &str, node_sets: &NodeSets) {
    let model = node_sets.models.iter().find(|model| model.uri == uri);
    let version = match model {
        Some(model) => model.version.clone(),
        None if node_sets.nodes.iter().any(|node| node.id.namespace == index) => None,
        None => Some(env!("CARGO_PKG_VERSION").to_owned()),
    };
    let published = model.and_then(|model| Timestamp::parse_rfc3339(model.published.as_deref()?));
    let object = format!("namespace:{uri}");
    let id = NodeId::string(NAMESPACE_SERVER, object.as_str());
    nodes.push(DraftNode {
        id: id.clone(),
        class: class::OBJECT,
        browse_name: QualifiedName::new(index, uri),
        display_name: LocalizedText::new(uri),
        references: vec![
            reference(ids::HAS_TYPE_DEFINITION, true, NodeId::ns0(ids::NAMESPACE_METADATA_TYPE)),
            reference(ids::HAS_COMPONENT, false, NodeId::ns0(ids::SERVER_NAMESPACES)),
        ],
        ..DraftNode::default()
    });
    let properties: [(&str, u32, Variant); 7] = [
        ("NamespaceUri", data_type::STRING, UaString::from(uri).into()),
        ("NamespaceVersion", data_type::STRING, UaString::from(version.unwrap_or_default()).into()),
        ("NamespacePublicationDate", data_type::DATE_TIME, published.unwrap_or(Timestamp::NONE).into()),
        ("IsNamespaceSubset", data_type::BOOLEAN, false.into()),
        ("StaticNodeIdTypes", data_type::ID_TYPE, static_types(node_sets, index)),
        ("StaticNumericNodeIdRange", data_type::NUMERIC_RANGE, VariantItems::String(Vec::new()).into()),
        ("StaticStringNodeIdPattern", data_type::STRING, UaString::from("").into()),
    ];
    for (name, data_type, value) in properties {
        nodes.push(DraftNode {
            id: NodeId::string(NAMESPACE_SERVER, format!("{object}.{name}")),
            class: class::VARIABLE,
            access_level: CURRENT_READ,
            browse_name: QualifiedName::new(0, name),
            display_name: LocalizedText::new(name),
            data_type: NodeId::ns0(data_type),
            value_rank: value.value_rank(),
            value: Some(value),
            references: vec![
                reference(ids::HAS_TYPE_DEFINITION, true, NodeId::ns0(ids::PROPERTY_TYPE)),
                reference(ids::HAS_PROPERTY, false, id.clone()),
            ],
            ..DraftNode::default()
        });
    }
}

/// The kinds of identifier that a model uses, whose nodes are the same on every server (Part 3, 8.22).
fn static_types(node_sets: &NodeSets, index: u16) -> Variant {
    let mut kinds: Vec<i32> = Vec::new();
    for node in node_sets.nodes.iter().filter(|node| node.id.namespace == index) {
        let kind = match node.id.borrowed().identifier {
            IdentifierRef::Numeric(_) => 0,
            IdentifierRef::String(_) => 1,
            IdentifierRef::Guid(_) => 2,
            IdentifierRef::Opaque(_) => 3,
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.sort_unstable();
    kinds.into()
}

fn reference(type_id: u32, is_forward: bool, target: NodeId) -> DraftReference {
    DraftReference { line: 0, type_id: NodeId::ns0(type_id), is_forward, target }
}
