//! Attributes and references of all nodes, and namespace 0 against its source.

use std::collections::HashSet;

use tagwire_model::Status;
use tagwire_ua_proto::ids::{attribute, data_type, node as ids};
use tagwire_ua_proto::services::{EUInformation, Range, ServerStatusDataType, StructureDefinition};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{LocalizedText, NodeId, QualifiedName, UaString, Variant, VariantItems};

use super::*;
use crate::fixture::{ALL, CONTEXT, Operator, Quiet, plant};
use crate::limits;

fn standard(id: u32) -> StandardNode {
    StandardNode::find(id).expect("in namespace 0")
}

fn tag_node(snapshot: &Snapshot<'_>, path: &str) -> Node {
    snapshot.resolve(NodeId::string(NAMESPACE_TAGS, path).borrowed()).unwrap_or_else(|| panic!("no node {path}"))
}

/// Mandatory attributes of each class and the built-in type of their values (Part 3, 5).
fn mandatory(class_bit: u8) -> Vec<(u32, u8)> {
    let mut attributes = vec![
        (attribute::NODE_ID, 17),
        (attribute::NODE_CLASS, 6),
        (attribute::BROWSE_NAME, 20),
        (attribute::DISPLAY_NAME, 21),
    ];
    attributes.extend_from_slice(match class_bit {
        class::OBJECT => &[(attribute::EVENT_NOTIFIER, 3)],
        class::VARIABLE => &[
            (attribute::DATA_TYPE, 17),
            (attribute::VALUE_RANK, 6),
            (attribute::ACCESS_LEVEL, 3),
            (attribute::USER_ACCESS_LEVEL, 3),
            (attribute::HISTORIZING, 1),
        ],
        class::METHOD => &[(attribute::EXECUTABLE, 1), (attribute::USER_EXECUTABLE, 1)],
        class::OBJECT_TYPE | class::DATA_TYPE => &[(attribute::IS_ABSTRACT, 1)],
        class::VARIABLE_TYPE => &[(attribute::DATA_TYPE, 17), (attribute::VALUE_RANK, 6), (attribute::IS_ABSTRACT, 1)],
        class::REFERENCE_TYPE => &[(attribute::IS_ABSTRACT, 1), (attribute::SYMMETRIC, 1)],
        class::VIEW => &[(attribute::CONTAINS_NO_LOOPS, 1), (attribute::EVENT_NOTIFIER, 3)],
        other => panic!("class {other}"),
    });
    attributes
}

/// All nodes that can be reached from the root by forward references.
fn crawl(snapshot: &Snapshot<'_>) -> Vec<Node> {
    let mut nodes = vec![Node::Standard(standard(ids::ROOT_FOLDER))];
    let mut seen: HashSet<Node> = nodes.iter().copied().collect();
    let mut at = 0;
    while let Some(node) = nodes.get(at).copied() {
        at += 1;
        for segment in &snapshot.references(node)[..FIRST_INVERSE_SEGMENT] {
            let targets = segment.iter().map(|reference| reference.target);
            nodes.extend(targets.filter(|target| seen.insert(*target)));
        }
    }
    nodes
}

#[test]
fn every_node_can_be_reached_and_answers_its_mandatory_attributes() {
    let space = plant();
    let snapshot = space.snapshot();
    let nodes = crawl(&snapshot);
    assert!(nodes.len() > 5_000, "{}", nodes.len());
    for node in nodes {
        for (attribute, type_id) in mandatory(node.class()) {
            let value = snapshot.attribute(node, attribute, &CONTEXT);
            let value = value.unwrap_or_else(|error| panic!("{} {attribute}: {error}", snapshot.node_id(node)));
            assert_eq!(value.type_id(), type_id, "{} {attribute}", snapshot.node_id(node));
        }
        assert_eq!(snapshot.resolve(snapshot.node_id(node).borrowed()), Some(node));
    }
}

#[test]
fn attributes_of_other_classes_are_refused() {
    let space = plant();
    let snapshot = space.snapshot();
    for node in [Node::Standard(standard(ids::SERVER)), tag_node(&snapshot, "line1.press")] {
        for attribute in [attribute::VALUE, attribute::DATA_TYPE, attribute::EXECUTABLE, attribute::SYMMETRIC, 0, 99] {
            assert_eq!(snapshot.attribute(node, attribute, &CONTEXT), Err(status::BAD_ATTRIBUTE_ID_INVALID));
        }
    }
    let variable = tag_node(&snapshot, "line1.press.speed");
    for attribute in [attribute::EVENT_NOTIFIER, attribute::IS_ABSTRACT, attribute::INVERSE_NAME] {
        assert_eq!(snapshot.attribute(variable, attribute, &CONTEXT), Err(status::BAD_ATTRIBUTE_ID_INVALID));
    }
}

/// The built-in type that carries values of a data type; 24 for those that any type may carry.
fn built_in(data_type: StandardNode) -> u8 {
    std::iter::successors(Some(data_type), |node| node.supertype())
        .find_map(|node| match node.id() {
            29 => Some(6),
            id @ 1..=25 => Some(id as u8),
            _ => None,
        })
        .unwrap_or(24)
}

/// The structure types whose encoding an ExtensionObject names.
fn is_encoding_of(encoding: &NodeId, data_type: StandardNode) -> bool {
    let Some(node) = encoding.as_ns0().and_then(StandardNode::find) else { return false };
    node.references(false).iter().any(|reference| reference.other.is_subtype_of(data_type))
}

#[test]
fn values_have_the_type_and_rank_that_their_variable_states() {
    let space = plant();
    let snapshot = space.snapshot();
    for node in crawl(&snapshot).into_iter().filter(|node| node.class() == class::VARIABLE) {
        let id = snapshot.node_id(node);
        let value = match snapshot.attribute(node, attribute::VALUE, &CONTEXT) {
            // Diagnostics of sessions are off.
            Err(Status::BAD_NOT_READABLE) if matches!(id.as_ns0(), Some(2290 | 3707 | 3708)) => continue,
            // There has been no transaction of certificates that these could tell about.
            Err(Status::BAD_OUT_OF_SERVICE) if (32337..=32342).contains(&id.as_ns0().unwrap_or_default()) => continue,
            value => value.expect("readable"),
        };
        let data_type = standard(snapshot.data_type(node));
        let expected = built_in(data_type);
        let is_any = matches!(data_type.id(), 22 | 24 | 26..=29) || data_type.is_abstract();
        if value.is_null() {
            let is_declared = matches!(node, Node::Standard(node) if node.is_declaration() && expected == 22);
            assert!(
                is_any || is_declared || matches!(node, Node::Tag(_)),
                "{id} of {} has no value",
                data_type.browse_name()
            );
            continue;
        }
        assert!(
            expected == value.type_id() || expected == 24,
            "{id}: {} is {}",
            data_type.browse_name(),
            value.type_id()
        );
        match (snapshot.value_rank(node), value.value_rank()) {
            (-2, _) | (-3, -1 | 1) => {}
            (0, rank) => assert!(rank > 0, "{id}"),
            (stated, rank) => assert_eq!(stated, rank, "{id}"),
        }
        if let Variant::ExtensionObject(object) = &value {
            assert!(is_encoding_of(&object.type_id, data_type), "{id} holds {}", object.type_id);
        }
        if let Some(VariantItems::ExtensionObject(objects)) = value.as_array().map(|array| array.items()) {
            for object in objects {
                assert!(is_encoding_of(&object.type_id, data_type), "{id} holds {}", object.type_id);
            }
        }
    }
}

#[test]
fn every_reference_is_there_in_both_directions() {
    let space = plant();
    let snapshot = space.snapshot();
    let non_hierarchical = ReferenceTypes::of(standard(ids::NON_HIERARCHICAL_REFERENCES), true).expect("a type");
    for source in crawl(&snapshot) {
        let forward = snapshot.references(source);
        for segment in &forward[..FIRST_INVERSE_SEGMENT] {
            for reference in segment.iter() {
                let is_static = matches!((source, reference.target), (Node::Standard(_), Node::Standard(_)));
                if !is_static && non_hierarchical.contains(reference.type_ordinal) {
                    // Types do not list their thousands of instances.
                    continue;
                }
                let back = snapshot.references(reference.target);
                let is_back = |back: Reference| back.target == source && back.type_ordinal == reference.type_ordinal;
                assert!(
                    back[FIRST_INVERSE_SEGMENT..].iter().flat_map(Segment::iter).any(is_back),
                    "{} -> {}",
                    snapshot.node_id(source),
                    snapshot.node_id(reference.target)
                );
            }
        }
    }
}

#[test]
fn the_table_holds_every_node_and_reference_of_its_source() {
    let source = include_str!(concat!(env!("OUT_DIR"), "/namespace0.txt"));
    let mut n_nodes = 0;
    let mut references = HashSet::new();
    for line in source.lines() {
        let mut words = line.splitn(4, ' ');
        let kind = words.next();
        let mut node = || standard(words.next().expect("an id").parse().expect("a number"));
        if kind == Some("r") {
            references.insert((node(), node(), node()));
        } else {
            let node = node();
            assert_eq!(words.next().map(str::parse), Some(Ok(node.class())));
            assert_eq!(words.next(), Some(node.browse_name()));
            n_nodes += 1;
        }
    }
    assert!(n_nodes > 5_000 && references.len() > 12_000);
    assert_eq!(StandardNode::all().len(), n_nodes);
    let in_table: HashSet<_> = StandardNode::all()
        .flat_map(|node| {
            let kind = |ordinal: u8| reference_type(ordinal).expect("a type");
            node.references(true).iter().map(move |reference| (node, kind(reference.type_ordinal), reference.other))
        })
        .collect();
    assert_eq!(in_table, references);
}

#[test]
fn structures_are_described_with_inherited_fields_and_base_type() {
    let space = plant();
    let snapshot = space.snapshot();
    for node in StandardNode::all().filter(|node| node.class() == class::DATA_TYPE) {
        let definition = snapshot.attribute(Node::Standard(node), attribute::DATA_TYPE_DEFINITION, &CONTEXT);
        let is_structure = node.is_subtype_of(standard(data_type::STRUCTURE)) && node.id() != data_type::STRUCTURE;
        let is_enumeration =
            node.is_subtype_of(standard(data_type::ENUMERATION)) && node.id() != data_type::ENUMERATION;
        if is_structure || is_enumeration {
            assert!(definition.is_ok(), "{} has no definition", node.browse_name());
        }
        let Ok(Variant::ExtensionObject(object)) = definition else { continue };
        let Some(structure) = object.decode_as::<StructureDefinition>() else { continue };
        let structure = structure.expect("decodes");
        assert_eq!(structure.base_data_type.as_ns0(), node.supertype().map(StandardNode::id));
        let encoding = standard(structure.default_encoding_id.as_ns0().expect("namespace 0"));
        assert_eq!(encoding.browse_name(), "Default Binary");
    }
    let token = snapshot.attribute(Node::Standard(standard(322)), attribute::DATA_TYPE_DEFINITION, &CONTEXT);
    let Ok(Variant::ExtensionObject(token)) = token else { panic!("no definition") };
    let token = token.decode_as::<StructureDefinition>().expect("a structure").expect("decodes");
    let names: Vec<&str> = token.fields.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["PolicyId", "UserName", "Password", "EncryptionAlgorithm"]);
}

#[test]
fn tags_go_by_their_path_or_by_the_id_they_were_given() {
    let space = plant();
    let snapshot = space.snapshot();
    let old = tag_node(&snapshot, "line1.press.old");
    assert_eq!(snapshot.node_id(old), NodeId::numeric(3, 1001));
    assert_eq!(snapshot.resolve(NodeId::numeric(3, 1001).borrowed()), Some(old));
    let group = tag_node(&snapshot, "line1.press.alarms");
    assert_eq!(snapshot.node_id(group), NodeId::string(2, "line1.press.alarms"));
    assert!(matches!(group, Node::Folder(_)));
    for id in [
        NodeId::NULL,
        NodeId::ns0(99_999_999),
        NodeId::string(0, "line1.press.old"),
        NodeId::string(2, "line1.press.nothing"),
        NodeId::string(2, ""),
        NodeId::string(2, "line1.press.state.EURange"),
        NodeId::numeric(2, 1),
        NodeId::numeric(77, 1001),
    ] {
        assert_eq!(snapshot.resolve(id.borrowed()), None, "{id}");
    }
}

#[test]
fn an_analog_tag_shows_range_unit_and_its_configuration() {
    let space = plant();
    let snapshot = space.snapshot();
    let speed = tag_node(&snapshot, "line1.press.speed");
    let value = |name: &str| {
        let property = tag_node(&snapshot, &format!("line1.press.speed.{name}"));
        snapshot.attribute(property, attribute::VALUE, &CONTEXT).expect("readable")
    };
    let attribute_of = |attribute: u32| snapshot.attribute(speed, attribute, &CONTEXT).expect("there");
    assert_eq!(snapshot.type_definition(speed).map(|node| snapshot.browse_name(node).1), Some("AnalogItemType"));
    assert_eq!(attribute_of(attribute::DESCRIPTION), LocalizedText::new("spindle speed").into());
    assert_eq!(attribute_of(attribute::DATA_TYPE), NodeId::ns0(data_type::DOUBLE).into());
    assert_eq!(attribute_of(attribute::MINIMUM_SAMPLING_INTERVAL), 100.0.into());
    assert_eq!(attribute_of(attribute::ACCESS_LEVEL), 3_u8.into());
    assert_eq!(attribute_of(attribute::ACCESS_LEVEL_EX), 3_u32.into());
    assert_eq!(value("EURange"), Variant::structure(&Range { low: 0.0, high: 100.0 }));
    let Variant::ExtensionObject(unit) = value("EngineeringUnits") else { panic!("no structure") };
    let unit = unit.decode_as::<EUInformation>().expect("units").expect("decodes");
    assert_eq!(unit.display_name, LocalizedText::new("rpm"));
    assert_eq!((unit.unit_id, unit.description), (5_394_509, LocalizedText::new("revolutions per minute")));
    assert_eq!(unit.namespace_uri, "http://www.opcfoundation.org/UA/units/un/cefact");
    assert_eq!(value("_Address"), "40001".into());
    assert_eq!(value("_RawDataType"), "u16".into());
    assert_eq!(value("_ScalingType"), "Linear".into());
    assert_eq!(value("_ScalingRawHigh"), 4000.0.into());
    assert_eq!(value("_ScalingClampHigh"), true.into());
}

#[test]
fn other_tags_promise_no_more_than_they_have() {
    let space = plant();
    let snapshot = space.snapshot();
    let type_of =
        |path: &str| snapshot.type_definition(tag_node(&snapshot, path)).map(|node| snapshot.browse_name(node).1);
    assert_eq!(type_of("line1.press.state"), Some("DataItemType"));
    assert_eq!(type_of("line1.press._System._Error"), Some("BaseDataVariableType"));
    assert_eq!(type_of("line1.press"), Some("FolderType"));
    let recipe = tag_node(&snapshot, "line1.press.recipe");
    assert_eq!(snapshot.value_rank(recipe), 2);
    let dimensions = snapshot.attribute(recipe, attribute::ARRAY_DIMENSIONS, &CONTEXT);
    assert_eq!(dimensions, Ok(vec![2_u32, 3].into()));
    let state = tag_node(&snapshot, "line1.press.state");
    assert_eq!(snapshot.access_level(state), 1);
    let level = snapshot.user_access_level(state, &Operator { hidden: "state" });
    assert_eq!(level, 0);
    assert_eq!(snapshot.user_access_level(tag_node(&snapshot, "line1.press.speed"), &ALL), 3);
    let error = tag_node(&snapshot, "line1.press._System._Error");
    assert!(snapshot.references(error)[1].is_empty(), "a system tag has no properties");
}

#[test]
fn names_lie_in_the_namespace_that_defines_them() {
    let space = plant();
    let snapshot = space.snapshot();
    let name = |path: &str| snapshot.attribute(tag_node(&snapshot, path), attribute::BROWSE_NAME, &CONTEXT);
    assert_eq!(name("line1.press.speed"), Ok(QualifiedName::new(2, "speed").into()));
    assert_eq!(name("line1.press.speed.EURange"), Ok(QualifiedName::new(0, "EURange").into()));
    assert_eq!(name("line1.press.speed._Address"), Ok(QualifiedName::new(2, "_Address").into()));
    let server = snapshot.attribute(Node::Standard(standard(ids::SERVER)), attribute::BROWSE_NAME, &CONTEXT);
    assert_eq!(server, Ok(QualifiedName::new(0, "Server").into()));
}

#[test]
fn the_server_object_tells_what_the_server_enforces() {
    let space = plant();
    let snapshot = space.snapshot();
    let value = |id: u32| snapshot.attribute(Node::Standard(standard(id)), attribute::VALUE, &CONTEXT).expect("good");
    let uris = ["http://opcfoundation.org/UA/", "urn:host:tagwire", "urn:tagwire:tags", "urn:old"];
    assert_eq!(value(ids::SERVER_NAMESPACE_ARRAY), uris.map(UaString::from).to_vec().into());
    assert_eq!(value(ids::SERVER_SERVER_ARRAY), vec![UaString::from("urn:host:tagwire")].into());
    assert_eq!(value(ids::SERVER_SERVER_STATUS_STATE), 0_i32.into());
    let Variant::ExtensionObject(state) = value(ids::SERVER_SERVER_STATUS) else { panic!("no structure") };
    assert_eq!(state.decode_as::<ServerStatusDataType>(), Some(Ok(Quiet.status())));
    assert_eq!(
        value(ids::SERVER_SERVER_CAPABILITIES_OPERATION_LIMITS_MAX_NODES_PER_READ),
        limits::MAX_NODES_PER_READ.into()
    );
    assert_eq!(value(2277), 3_u32.into());
    assert_eq!(value(ids::SERVER_SERVER_REDUNDANCY_REDUNDANCY_SUPPORT), 0_i32.into());
    let Variant::Array(arguments) = value(ids::SERVER_GET_MONITORED_ITEMS_OUTPUT_ARGUMENTS) else { panic!("no array") };
    assert_eq!(arguments.items().len(), 2);
}

#[test]
fn only_implemented_methods_are_executable() {
    let space = plant();
    let snapshot = space.snapshot();
    let executable: Vec<u32> = StandardNode::all()
        .filter(|node| node.class() == class::METHOD && !node.is_declaration())
        .filter(|node| snapshot.attribute(Node::Standard(*node), attribute::EXECUTABLE, &CONTEXT) == Ok(true.into()))
        .map(StandardNode::id)
        .filter(|id| role_method(*id).is_none())
        .filter(|id| !crate::configuration::is_method(*id))
        .collect();
    assert_eq!(
        executable,
        [
            ids::SERVER_GET_MONITORED_ITEMS,
            ids::SERVER_SET_SUBSCRIPTION_DURABLE,
            ids::SERVER_RESEND_DATA,
            ids::SERVER_REQUEST_SERVER_STATE_CHANGE,
            ADD_ROLE,
            REMOVE_ROLE
        ]
    );
}

#[test]
fn subtypes_follow_the_hierarchy() {
    let hierarchical = ReferenceTypes::of(standard(ids::HIERARCHICAL_REFERENCES), true).expect("a type");
    let ordinal = |id: u32| standard(id).ordinal().expect("a reference type");
    assert!(hierarchical.contains(ordinal(ids::HAS_PROPERTY)));
    assert!(hierarchical.contains(ordinal(ids::ORGANIZES)));
    assert!(!hierarchical.contains(ordinal(ids::HAS_TYPE_DEFINITION)));
    let alone = ReferenceTypes::of(standard(ids::HIERARCHICAL_REFERENCES), false).expect("a type");
    assert!(!alone.contains(ordinal(ids::ORGANIZES)));
    assert_eq!(ReferenceTypes::of(standard(ids::SERVER), true), None);
}
