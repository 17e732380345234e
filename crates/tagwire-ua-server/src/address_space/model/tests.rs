//! Nodes of models among the others: found, browsed, read, and bound to tags.

use std::sync::Arc;

use tagwire_model::Status;
use tagwire_ua_proto::ids::{attribute, node as ids};
use tagwire_ua_proto::services::{EnumDefinition, Range, StructureDefinition, StructureType};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NodeId, QualifiedName, Variant};

use crate::address_space::{
    AddressSpace, FIRST_INVERSE_SEGMENT, Namespaces, Node, Snapshot, StandardNode, reference_type,
};
use crate::fixture::{CONTEXT, plant};
use crate::node_set::{Import, NodeSets};

const PRESS: &str = include_str!("press.xml");
const URI: &str = "urn:example:press";
/// Index of the model's namespace.
const NS: u16 = 4;

fn node_sets() -> NodeSets {
    let mut import = Import::new(Namespaces::DEFAULT_TAGS_URI, ["urn:old"]);
    import.add(PRESS.as_bytes());
    let node_sets = import.finish();
    assert!(node_sets.notices().errors.is_empty(), "{:?}", node_sets.notices());
    node_sets
}

/// The plant of the other tests with the model, in which the speed of one press is that of `line1.press`.
fn space() -> AddressSpace {
    let hub = Arc::clone(plant().hub());
    let mut node_sets = node_sets();
    let value_type = tagwire_model::ValueType::parse("f64").expect("type");
    node_sets.bind(id(6001), "line1.press.speed", value_type).expect("fits");
    let namespaces = Namespaces::new("urn:host:tagwire", Namespaces::DEFAULT_TAGS_URI, ["urn:old", URI]);
    AddressSpace::with_node_sets(hub, namespaces, &node_sets)
}

fn id(number: u32) -> NodeId {
    NodeId::numeric(NS, number)
}

fn at(snapshot: &Snapshot<'_>, id: &NodeId) -> Node {
    snapshot.resolve(id.borrowed()).unwrap_or_else(|| panic!("no node {id}"))
}

fn targets(snapshot: &Snapshot<'_>, of: Node, type_id: &NodeId, forward: bool) -> Vec<NodeId> {
    let types = snapshot.reference_types(at(snapshot, type_id), true).expect("a reference type");
    let segments = snapshot.references(of);
    let (ahead, behind) = segments.split_at(FIRST_INVERSE_SEGMENT);
    let run = if forward { ahead } else { behind };
    let found = run.iter().flat_map(|segment| segment.iter().collect::<Vec<_>>());
    found.filter(|found| types.contains(found.type_ordinal)).map(|found| snapshot.node_id(found.target)).collect()
}

fn read(snapshot: &Snapshot<'_>, number: u32, attribute: u32) -> Result<Variant, Status> {
    snapshot.attribute(at(snapshot, &id(number)), attribute, &CONTEXT)
}

#[test]
fn nodes_of_a_model_hang_at_those_of_namespace_0_in_both_directions() {
    let space = space();
    let snapshot = space.snapshot();
    let objects = at(&snapshot, &NodeId::ns0(ids::OBJECTS_FOLDER));
    let organizes = NodeId::ns0(ids::ORGANIZES);
    assert!(targets(&snapshot, objects, &organizes, true).contains(&id(5001)));
    assert_eq!(targets(&snapshot, at(&snapshot, &id(5001)), &organizes, false), [NodeId::ns0(ids::OBJECTS_FOLDER)]);
    let base = at(&snapshot, &NodeId::ns0(ids::BASE_OBJECT_TYPE));
    let subtype = NodeId::ns0(ids::HAS_SUBTYPE);
    assert!(targets(&snapshot, base, &subtype, true).contains(&id(1001)));
    // The file tells only one end of each reference.
    assert_eq!(targets(&snapshot, at(&snapshot, &id(1001)), &subtype, true), [id(1002)]);
    assert_eq!(snapshot.type_definition(at(&snapshot, &id(5001))).map(|node| snapshot.node_id(node)), Some(id(1002)));
    assert_eq!(snapshot.browse_name(at(&snapshot, &id(5001))), (NS, "Press1"));
    assert!(snapshot.has_browse_name(at(&snapshot, &id(5001)), &QualifiedName::new(NS, "Press1")));
}

#[test]
fn reference_types_of_a_model_count_as_subtypes() {
    let space = space();
    let snapshot = space.snapshot();
    let press = at(&snapshot, &id(5001));
    let feeds = id(4001);
    assert_eq!(targets(&snapshot, press, &feeds, true), [id(5002)]);
    assert_eq!(targets(&snapshot, at(&snapshot, &id(5002)), &feeds, false), [id(5001)]);
    let hierarchical = NodeId::ns0(ids::HIERARCHICAL_REFERENCES);
    assert!(targets(&snapshot, press, &hierarchical, true).contains(&id(5002)));
    assert!(!targets(&snapshot, press, &NodeId::ns0(ids::AGGREGATES), true).contains(&id(5002)));
    let ordinal = StandardNode::n_reference_types();
    assert_eq!(reference_type(ordinal), None);
    assert_eq!(snapshot.reference_type(ordinal).map(|node| snapshot.node_id(node)), Some(feeds));
    assert_eq!(read(&snapshot, 4001, attribute::INVERSE_NAME).map(|name| name.type_id()), Ok(21));
}

#[test]
fn a_bound_variable_shows_the_tag_under_its_own_name() {
    let space = space();
    let snapshot = space.snapshot();
    let speed = at(&snapshot, &id(6001));
    let tag = at(&snapshot, &NodeId::string(2, "line1.press.speed"));
    assert_eq!(snapshot.value_tag(speed), snapshot.value_tag(tag));
    assert_eq!(snapshot.browse_name(speed), (NS, "Speed"));
    for attribute in [attribute::VALUE, attribute::DATA_TYPE, attribute::ACCESS_LEVEL, attribute::VALUE_RANK] {
        let (bound, own) = (read(&snapshot, 6001, attribute), snapshot.attribute(tag, attribute, &CONTEXT));
        assert_eq!(bound, own, "{attribute}");
    }
    let Ok(Variant::ExtensionObject(range)) = read(&snapshot, 6002, attribute::VALUE) else { panic!("a range") };
    let range = range.decode_as::<Range>().expect("a range").expect("whole");
    assert_eq!((range.low, range.high), (0.0, 100.0), "the tag's range and not that of the file");
}

#[test]
fn variables_without_a_tag_have_the_value_of_the_file_or_none() {
    let space = space();
    let snapshot = space.snapshot();
    assert_eq!(read(&snapshot, 6003, attribute::VALUE), Ok(Variant::from("PX-7")));
    assert_eq!(read(&snapshot, 6004, attribute::VALUE), Err(Status::BAD_NOT_CONNECTED));
    assert_eq!(read(&snapshot, 6004, attribute::ACCESS_LEVEL), Ok(1_u8.into()));
    assert_eq!(read(&snapshot, 1003, attribute::VALUE), Ok(Variant::Null), "describes the variables of instances");
    assert_eq!(read(&snapshot, 1003, attribute::ACCESS_LEVEL), Ok(3_u8.into()));
    assert_eq!(read(&snapshot, 5001, attribute::VALUE), Err(status::BAD_ATTRIBUTE_ID_INVALID));
    assert_eq!(read(&snapshot, 7001, attribute::EXECUTABLE), Ok(false.into()));
}

#[test]
fn data_types_tell_what_they_consist_of() {
    let space = space();
    let snapshot = space.snapshot();
    let definition = |number: u32| match read(&snapshot, number, attribute::DATA_TYPE_DEFINITION) {
        Ok(Variant::ExtensionObject(object)) => *object,
        other => panic!("{other:?}"),
    };
    let mode = definition(3001).decode_as::<EnumDefinition>().expect("an enumeration").expect("whole");
    let names: Vec<(i64, &str)> = mode.fields.iter().map(|field| (field.value, field.name.as_str())).collect();
    assert_eq!(names, [(0, "Idle"), (1, "Running"), (5, "Fault")]);
    let recipe = definition(3002).decode_as::<StructureDefinition>().expect("a structure").expect("whole");
    assert_eq!((recipe.default_encoding_id, recipe.base_data_type), (id(5003), NodeId::ns0(22)));
    assert_eq!(recipe.structure_type, StructureType::STRUCTURE_WITH_OPTIONAL_FIELDS);
    let longer = definition(3003).decode_as::<StructureDefinition>().expect("a structure").expect("whole");
    let names: Vec<&str> = longer.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["Name", "Mode", "Force", "Steps"], "inherited fields come first");
    assert_eq!((&longer.fields[1].data_type, longer.fields[3].value_rank), (&id(3001), 1));
}

#[test]
fn every_namespace_has_its_metadata() {
    let space = space();
    let snapshot = space.snapshot();
    let namespaces = at(&snapshot, &NodeId::ns0(ids::SERVER_NAMESPACES));
    let objects = targets(&snapshot, namespaces, &NodeId::ns0(ids::HAS_COMPONENT), true);
    let names: Vec<String> =
        objects.iter().map(|object| snapshot.browse_name(at(&snapshot, object)).1.to_owned()).collect();
    for uri in space.namespaces().uris() {
        assert_eq!(names.iter().filter(|name| **name == **uri).count(), 1, "{uri} in {names:?}");
    }
    let property = |name: &str| {
        let id = NodeId::string(1, format!("namespace:{URI}.{name}"));
        snapshot.attribute(at(&snapshot, &id), attribute::VALUE, &CONTEXT).expect("a value")
    };
    assert_eq!(property("NamespaceUri"), URI.into());
    assert_eq!(property("NamespaceVersion"), "1.1.0".into());
    assert_eq!(property("StaticNodeIdTypes"), vec![0_i32].into());
}
