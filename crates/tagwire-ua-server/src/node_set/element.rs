//! One node of a file.

use roxmltree::Node;
use tagwire_ua_proto::ids::mask::access_level::CURRENT_READ;
use tagwire_ua_proto::types::{LocalizedText, NodeId, QualifiedName};

use super::definition::{self, dimensions, is_true, localized};
use super::document::{child, elements, text};
use super::draft::{DraftNode, DraftReference, flag};
use super::header::Scope;
use super::notice::Notices;
use super::value::{self, ValueError};
use crate::address_space::class;

/// The NodeClass of an element, as its bit; `None` for an element that is no node.
pub(super) fn class_of(name: &str) -> Option<u8> {
    Some(match name {
        "UAObject" => class::OBJECT,
        "UAVariable" => class::VARIABLE,
        "UAMethod" => class::METHOD,
        "UAObjectType" => class::OBJECT_TYPE,
        "UAVariableType" => class::VARIABLE_TYPE,
        "UAReferenceType" => class::REFERENCE_TYPE,
        "UADataType" => class::DATA_TYPE,
        "UAView" => class::VIEW,
        _ => return None,
    })
}

/// Reads a node; `None` when it has no id that can be used.
pub(super) fn read(scope: &Scope, element: Node<'_, '_>, class: u8, notices: &mut Notices) -> Option<DraftNode> {
    let written = element.attribute("NodeId").unwrap_or_default();
    let id = match scope.id(written) {
        Ok(id) if id.namespace != 0 => id,
        Ok(_) => {
            let problem = "a node of namespace 0 cannot be added or changed";
            notices.error(scope.notice(element, written, problem, "give it an id in a namespace of the file"));
            return None;
        }
        Err(error) => {
            let problem = format!("the NodeId \"{written}\" cannot be used: {error}");
            notices.error(scope.notice(element, "", problem, "correct the NodeId"));
            return None;
        }
    };
    let browse_name = match scope.name(element.attribute("BrowseName").unwrap_or_default()) {
        Ok((_, "")) => {
            notices.error(scope.notice(element, written, "the node has no BrowseName", "give it one"));
            QualifiedName::default()
        }
        Ok((namespace, name)) => QualifiedName::new(namespace, name),
        Err(error) => {
            let problem = format!("the BrowseName cannot be used: {error}");
            notices.error(scope.notice(element, written, problem, "correct the index before the colon"));
            QualifiedName::default()
        }
    };
    let flags = [
        (flag::IS_ABSTRACT, is_true(element, "IsAbstract")),
        (flag::SYMMETRIC, is_true(element, "Symmetric")),
        (flag::EXECUTABLE, element.attribute("Executable") != Some("false")),
        (flag::NO_LOOPS, is_true(element, "ContainsNoLoops")),
    ];
    let display_name = preferred(element, "DisplayName").filter(|name| !name.text.is_empty());
    let mut node = DraftNode {
        file: scope.file,
        line: scope.line(element),
        id,
        written: written.into(),
        class,
        flags: flags.iter().filter(|(_, is_set)| *is_set).fold(0, |flags, (flag, _)| flags | flag),
        access_level: CURRENT_READ,
        display_name: display_name.unwrap_or_else(|| LocalizedText::new(browse_name.name.as_str())),
        browse_name,
        description: preferred(element, "Description"),
        inverse_name: preferred(element, "InverseName"),
        definition: child(element, "Definition").map(|found| definition::read(scope, written, found, notices)),
        references: references(scope, written, element, notices),
        ..DraftNode::default()
    };
    if matches!(class, class::VARIABLE | class::VARIABLE_TYPE) {
        read_variable(scope, written, element, &mut node, notices);
    }
    Some(node)
}

/// The English text of several in different languages, or the first one.
fn preferred(element: Node<'_, '_>, name: &str) -> Option<LocalizedText> {
    let mut texts = elements(element).filter(|child| child.tag_name().name() == name).map(localized);
    let first = texts.next()?;
    let is_english = |text: &LocalizedText| text.locale.is_empty() || text.locale.starts_with("en");
    if is_english(&first) { Some(first) } else { Some(texts.find(is_english).unwrap_or(first)) }
}

fn references(scope: &Scope, node: &str, element: Node<'_, '_>, notices: &mut Notices) -> Vec<DraftReference> {
    let mut references = Vec::new();
    for reference in child(element, "References").into_iter().flat_map(elements) {
        let type_text = reference.attribute("ReferenceType").unwrap_or_default();
        let target_text = text(reference);
        let (type_id, target) = match (scope.id(type_text), scope.id(&target_text)) {
            (Ok(type_id), Ok(target)) => (type_id, target),
            (type_id, target) => {
                for (written, error) in [(type_text, type_id.err()), (&target_text, target.err())] {
                    let Some(error) = error else { continue };
                    let problem = format!("a reference names \"{written}\": {error}");
                    notices.error(scope.notice(reference, node, problem, "correct the id, or add the alias"));
                }
                continue;
            }
        };
        let is_forward = !matches!(reference.attribute("IsForward").map(str::trim), Some("false" | "0"));
        references.push(DraftReference { line: scope.line(reference), type_id, is_forward, target });
    }
    references
}

fn read_variable(scope: &Scope, written: &str, element: Node<'_, '_>, node: &mut DraftNode, notices: &mut Notices) {
    const BASE_DATA_TYPE: u32 = 24;
    node.data_type = match element.attribute("DataType").map(|data_type| (data_type, scope.id(data_type))) {
        None => NodeId::ns0(BASE_DATA_TYPE),
        Some((_, Ok(id))) => id,
        Some((data_type, Err(error))) => {
            let problem = format!("the data type is \"{data_type}\": {error}");
            notices.error(scope.notice(element, written, problem, "correct the id, or add the alias"));
            NodeId::ns0(BASE_DATA_TYPE)
        }
    };
    let mut number = |attribute: &str, default: f64| match element.attribute(attribute).map(str::trim) {
        None => default,
        Some(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()).unwrap_or_else(|| {
            let problem = format!("{attribute} is \"{text}\", which is no number");
            notices.error(scope.notice(element, written, problem, "write a number"));
            default
        }),
    };
    node.value_rank = number("ValueRank", -1.0) as i32;
    node.access_level = number("AccessLevel", f64::from(CURRENT_READ)) as u32 as u8;
    node.min_sampling =
        element.has_attribute("MinimumSamplingInterval").then(|| number("MinimumSamplingInterval", 0.0));
    node.dimensions = dimensions(element);
    let Some(value) = child(element, "Value").and_then(|value| elements(value).next()) else { return };
    match value::read(scope, value) {
        Ok(value) => node.value = Some(value),
        Err(ValueError::Unknown(what)) => {
            let problem = format!("the value is not kept: {what} cannot be read");
            let fix = "the variable shows no value; bind it to a tag if it needs one";
            notices.warn(scope.notice(value, written, problem, fix));
        }
        Err(ValueError::Wrong(what)) => {
            notices.error(scope.notice(value, written, format!("the value cannot be read: {what}"), "correct it"));
        }
    }
}
