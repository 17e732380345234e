//! What is read from files, and what is refused.

use std::time::{Duration, Instant};

use tagwire_model::ValueType;
use tagwire_ua_proto::services::{Argument, EUInformation};
use tagwire_ua_proto::types::{NodeId, Variant};

use super::*;

/// The head of a file whose namespace 1 is `urn:m`.
const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd" xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
<NamespaceUris><Uri>urn:m</Uri></NamespaceUris>
<Models><Model ModelUri="urn:m" Version="1.2.0" PublicationDate="2024-05-01T00:00:00Z"/></Models>
<Aliases><Alias Alias="Double">i=11</Alias><Alias Alias="HasTypeDefinition">i=40</Alias><Alias Alias="Organizes">i=35</Alias></Aliases>
"#;

pub(crate) fn file(nodes: &str) -> String {
    format!("{HEAD}{nodes}</UANodeSet>")
}

pub(crate) fn import(texts: &[&str]) -> NodeSets {
    let mut import = Import::new("urn:tags", ["urn:old"]);
    texts.iter().for_each(|text| import.add(text.as_bytes()));
    import.finish()
}

fn variable(id: u32, attributes: &str, inner: &str) -> String {
    format!(
        "<UAVariable NodeId=\"ns=1;i={id}\" BrowseName=\"1:V{id}\" {attributes}><DisplayName>V</DisplayName>\n\
         <References><Reference ReferenceType=\"HasTypeDefinition\">i=63</Reference>\n\
         <Reference ReferenceType=\"Organizes\" IsForward=\"false\">i=85</Reference></References>{inner}</UAVariable>\n"
    )
}

fn problems(text: &str) -> Vec<String> {
    let node_sets = import(&[text]);
    node_sets.notices().errors.iter().map(|notice| format!("{}: {}", notice.line, notice.problem)).collect()
}

fn value(xml: &str) -> Variant {
    let node_sets = import(&[&file(&variable(1, "", &format!("<Value>{xml}</Value>")))]);
    assert!(node_sets.notices().errors.is_empty(), "{:?}", node_sets.notices());
    node_sets.nodes[0].value.clone().unwrap_or_default()
}

#[test]
fn ids_and_names_move_to_the_namespaces_of_the_server() {
    let node_sets = import(&[&file(&variable(7, "DataType=\"Double\"", ""))]);
    assert!(node_sets.notices().errors.is_empty(), "{:?}", node_sets.notices());
    assert_eq!(node_sets.namespaces().collect::<Vec<_>>(), ["urn:m"]);
    let node = &node_sets.nodes[0];
    assert_eq!((&node.id, node.browse_name.namespace), (&NodeId::numeric(4, 7), 4));
    assert_eq!(node.data_type, NodeId::ns0(11));
    assert_eq!(node_sets.id("nsu=urn:m;i=7"), Ok(NodeId::numeric(4, 7)));
    assert!(node_sets.id("nsu=urn:n;i=7").is_err());
    let named = Import::new("urn:tags", ["urn:m"]);
    assert_eq!(named.finish().id("nsu=urn:m;i=7"), Ok(NodeId::numeric(3, 7)));
}

#[test]
fn values_of_every_form_are_read() {
    assert_eq!(value("<uax:Double>-1.5e3</uax:Double>"), Variant::Double(-1500.0));
    assert_eq!(value("<Float>INF</Float>"), Variant::Float(f32::INFINITY));
    assert_eq!(value("<String> a &lt; b &#x6C34; </String>"), Variant::from(" a < b 水 "));
    assert_eq!(value("<ListOfInt32><Int32>1</Int32><Int32>-2</Int32></ListOfInt32>"), vec![1_i32, -2].into());
    assert_eq!(value("<ByteString>AQID\n BA==</ByteString>").to_owned(), Variant::ByteString(vec![1, 2, 3, 4].into()));
    let guid = "72962b91-fa75-4ae6-8d28-b404dc7daf63";
    assert_eq!(value(&format!("<Guid><String>{guid}</String></Guid>")), Variant::Guid(guid.parse().expect("guid")));
    assert_eq!(value("<NodeId><Identifier>ns=1;s=x</Identifier></NodeId>"), Variant::NodeId(NodeId::string(4, "x")));
    let name = "<QualifiedName><NamespaceIndex>1</NamespaceIndex><Name>q</Name></QualifiedName>";
    let Variant::QualifiedName(name) = value(name) else { panic!("a name") };
    assert_eq!((name.namespace, name.name.as_str()), (4, "q"));
    let Variant::LocalizedText(text) = value("<LocalizedText><Locale>de</Locale><Text>Druck</Text></LocalizedText>")
    else {
        panic!("a text")
    };
    assert_eq!((text.locale.as_str(), text.text.as_str()), ("de", "Druck"));
    let matrix = "<Matrix><Dimensions><UInt32>2</UInt32><UInt32>1</UInt32></Dimensions>\
                  <Elements><Byte>1</Byte><Byte>2</Byte></Elements></Matrix>";
    assert_eq!(value(matrix).value_rank(), 2);
    assert_eq!(value("<DateTime>2024-01-01T00:00:00</DateTime>"), value("<DateTime>2024-01-01T00:00:00Z</DateTime>"));
}

#[test]
fn known_structures_are_kept_and_others_are_told() {
    let object = |body: &str| {
        format!("<ExtensionObject><TypeId><Identifier>i=1</Identifier></TypeId><Body>{body}</Body></ExtensionObject>")
    };
    let unit = "<EUInformation><NamespaceUri>urn:u</NamespaceUri><UnitId>4408652</UnitId></EUInformation>";
    let Variant::ExtensionObject(found) = value(&object(unit)) else { panic!("a structure") };
    let found = found.decode_as::<EUInformation>().expect("a unit").expect("whole");
    assert_eq!((found.unit_id, found.namespace_uri.as_str()), (4_408_652, "urn:u"));
    let argument = "<Argument><Name>a</Name><DataType><Identifier>ns=1;i=3</Identifier></DataType></Argument>";
    let list = value(&format!("<ListOfExtensionObject>{}</ListOfExtensionObject>", object(argument)));
    let items = list.as_array().expect("array").items().clone();
    let tagwire_ua_proto::types::VariantItems::ExtensionObject(items) = items else { panic!("structures") };
    let argument = items[0].decode_as::<Argument>().expect("an argument").expect("whole");
    assert_eq!((argument.data_type, argument.value_rank), (NodeId::numeric(4, 3), -1));
    let text = file(&variable(1, "", &format!("<Value>{}</Value>", object("<Recipe/>"))));
    let node_sets = import(&[&text]);
    assert!(node_sets.notices().errors.is_empty());
    let warning = &node_sets.notices().warnings[0];
    assert_eq!((&*warning.node, warning.line), ("ns=1;i=1", 8));
    assert!(warning.problem.contains("<Recipe>"), "{}", warning.problem);
}

#[test]
fn mistakes_are_told_all_at_once_with_their_lines() {
    let nodes = [
        variable(1, "DataType=\"Duoble\"", ""),
        variable(1, "", ""),
        variable(2, "DataType=\"ns=1;i=99\"", "<Value><Int32>x</Int32></Value>"),
        "<UAObject NodeId=\"ns=3;i=1\" BrowseName=\"x\"/>\n<UAObject NodeId=\"i=85\" BrowseName=\"x\"/>\n".to_owned(),
        "<UAObject NodeId=\"ns=1;i=3\" BrowseName=\"1:o\"/>".to_owned(),
    ]
    .concat();
    let found = problems(&file(&nodes));
    let expected = [
        "6: the data type is \"Duoble\": neither a NodeId nor an alias of the file",
        "9: another node has this NodeId",
        "14: the value cannot be read: \"x\" is no Int32",
        "15: the NodeId \"ns=3;i=1\" cannot be used: namespace 3 is not among the NamespaceUris of the file",
        "16: a node of namespace 0 cannot be added or changed",
        "12: the data type ns=4;i=99 is not known",
        "17: the node has no type definition",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_model_that_is_needed_must_be_there_and_new_enough() {
    let needs = |date: &str| {
        format!(
            "<UANodeSet><NamespaceUris><Uri>urn:n</Uri><Uri>urn:m</Uri></NamespaceUris><Models><Model ModelUri=\"urn:n\">\n\
             <RequiredModel ModelUri=\"urn:m\" Version=\"1.3\" PublicationDate=\"{date}\"/></Model></Models></UANodeSet>"
        )
    };
    let (old, new) = (needs("2024-01-01T00:00:00Z"), needs("2025-01-01T00:00:00Z"));
    assert_eq!(problems(&old), ["2: urn:n needs the model urn:m 1.3, which is not there"]);
    assert!(import(&[&file(""), &old]).notices().errors.is_empty());
    let older = import(&[&file(""), &new]);
    assert_eq!(older.notices().errors[0].problem, "urn:n needs the model urn:m 1.3; the one there, 1.2.0, is older");
    assert_eq!(older.notices().errors[0].file, 1);
}

#[test]
fn entities_and_document_types_are_refused() {
    let laughs =
        "<!DOCTYPE z [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\n<UANodeSet>&b;</UANodeSet>";
    let external = "<?xml version=\"1.0\"?>\n<!DOCTYPE z SYSTEM \"file:///etc/passwd\"><UANodeSet/>";
    for (text, line) in [(laughs, 1), (external, 2)] {
        let found = problems(text);
        let expected = "the file has a document type declaration (DOCTYPE), which can hold entities";
        assert_eq!(found, [format!("{line}: {expected}")]);
    }
    let found = problems("<UANodeSet>&b;</UANodeSet>");
    assert!(found[0].starts_with("1: not valid XML"), "{found:?}");
}

#[test]
fn what_would_cost_much_is_refused_at_once() {
    let deep = format!("<UANodeSet>{}{}</UANodeSet>", "<a>".repeat(1_000_000), "</a>".repeat(1_000_000));
    let attributes: String = (0..200_000).map(|idx| format!(" a{idx}=\"\"")).collect();
    let wide = format!("<UANodeSet{attributes}/>");
    let long = file(&format!("<UAObject NodeId=\"ns=1;s={}\" BrowseName=\"1:x\"/>", "x".repeat(2 << 20)));
    let open = "<UANodeSet>".repeat(50);
    let values = format!("<Value>{}{}</Value>", "<Variant><Value>".repeat(20), "</Value></Variant>".repeat(20));
    let nested = file(&variable(1, "", &values));
    let cases = [
        (deep, "elements lie more than 64 levels deep"),
        (wide, "an element has more than 256 attributes"),
        (long, "a text is longer than 1024 KiB"),
        (open, "not valid XML"),
        (nested, "values lie more than 8 levels deep"),
        ("<a/>".to_owned(), "the file holds <a> and not <UANodeSet>"),
        (String::new(), "not valid XML"),
    ];
    for (text, expected) in cases {
        let begun = Instant::now();
        let found = problems(&text);
        assert!(found.iter().any(|found| found.contains(expected)), "{expected}: {found:?}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{expected}");
    }
}

#[test]
fn types_without_end_are_told_and_cut() {
    let a_type = |id: u32, above: u32| {
        format!(
            "<UAObjectType NodeId=\"ns=1;i={id}\" BrowseName=\"1:T{id}\"><References>\
             <Reference ReferenceType=\"i=45\" IsForward=\"false\">ns=1;i={above}</Reference></References></UAObjectType>\n"
        )
    };
    let found = problems(&file(&[a_type(1, 2), a_type(2, 3), a_type(3, 1)].concat()));
    assert_eq!(found, ["6: the line of its supertypes does not end"]);
}

#[test]
fn a_variable_takes_tags_of_its_type_only() {
    let nodes = [
        variable(1, "DataType=\"Double\"", ""),
        variable(2, "DataType=\"i=26\"", ""),
        variable(3, "DataType=\"i=294\" ValueRank=\"1\"", ""),
        variable(4, "ValueRank=\"-2\"", ""),
        "<UAObject NodeId=\"ns=1;i=5\" BrowseName=\"1:o\"><References>\
         <Reference ReferenceType=\"HasTypeDefinition\">i=58</Reference></References></UAObject>"
            .to_owned(),
    ];
    let mut node_sets = import(&[&file(&nodes.concat())]);
    assert!(node_sets.notices().errors.is_empty(), "{:?}", node_sets.notices());
    let mut bind = |id: u32, value_type: &str| {
        let value_type = ValueType::parse(value_type).expect("type");
        node_sets.bind(NodeId::numeric(4, id), "a.b.c", value_type).map_err(|error| error.to_string())
    };
    assert_eq!(bind(1, "f32"), Err("V1 has values of type Double, the tag has f32".to_owned()));
    assert_eq!(bind(1, "f64[3]"), Err("V1 takes a single value, the tag has f64[3]".to_owned()));
    assert_eq!(bind(1, "f64"), Ok(()));
    assert_eq!(bind(1, "f64"), Err("the variable is bound to tag a.b.c already".to_owned()));
    assert_eq!(bind(2, "string"), Err("V2 has values of type Number, the tag has string".to_owned()));
    assert_eq!(bind(2, "u16"), Ok(()));
    assert_eq!(bind(3, "datetime"), Err("V3 takes an array of 1 dimensions, the tag has datetime".to_owned()));
    assert_eq!(bind(3, "datetime[4]"), Ok(()));
    assert_eq!(bind(4, "f32[2,2]"), Ok(()));
    assert_eq!(bind(5, "f32"), Err("o is no variable".to_owned()));
    assert_eq!(bind(6, "f32"), Err("no model has the node ns=4;i=6".to_owned()));
}
