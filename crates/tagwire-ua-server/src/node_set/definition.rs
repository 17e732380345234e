//! The Definition of a data type (Part 6, F.12).

use roxmltree::Node;
use tagwire_ua_proto::types::{LocalizedText, NodeId};

use super::document::{child, elements, raw_text};
use super::draft::{DraftDefinition, DraftField};
use super::header::Scope;
use super::notice::Notices;

/// BaseDataType, where a field names none.
const ANYTHING: u32 = 24;

pub(super) fn read(scope: &Scope, node: &str, element: Node<'_, '_>, notices: &mut Notices) -> DraftDefinition {
    let fields = elements(element).filter(|element| element.tag_name().name() == "Field");
    DraftDefinition {
        is_union: is_true(element, "IsUnion"),
        is_option_set: is_true(element, "IsOptionSet"),
        fields: fields.map(|field| read_field(scope, node, field, notices)).collect(),
    }
}

fn read_field(scope: &Scope, node: &str, field: Node<'_, '_>, notices: &mut Notices) -> DraftField {
    let name = field.attribute("Name").unwrap_or_default();
    let mut refuse = |problem: String| notices.error(scope.notice(field, node, problem, "correct the field"));
    let data_type = match field.attribute("DataType").map(|written| (written, scope.id(written))) {
        None => NodeId::ns0(ANYTHING),
        Some((_, Ok(id))) => id,
        Some((written, Err(error))) => {
            refuse(format!("the field \"{name}\" has the data type \"{written}\": {error}"));
            NodeId::ns0(ANYTHING)
        }
    };
    let mut number = |attribute: &str, default: i64| match field.attribute(attribute) {
        None => default,
        Some(written) => written.trim().parse().unwrap_or_else(|_| {
            refuse(format!("the field \"{name}\" has the {attribute} \"{written}\", which is no number"));
            default
        }),
    };
    DraftField {
        value_rank: i32::try_from(number("ValueRank", -1)).unwrap_or(-1),
        value: number("Value", -1),
        max_string_length: u32::try_from(number("MaxStringLength", 0)).unwrap_or(0),
        name: name.into(),
        display_name: child(field, "DisplayName").map(localized),
        description: child(field, "Description").map(localized).unwrap_or_default(),
        data_type,
        dimensions: dimensions(field),
        is_optional: is_true(field, "IsOptional"),
        allows_subtypes: is_true(field, "AllowSubTypes"),
    }
}

pub(super) fn is_true(element: Node<'_, '_>, attribute: &str) -> bool {
    matches!(element.attribute(attribute).map(str::trim), Some("true" | "1"))
}

/// ArrayDimensions, a list with commas; what is no number counts as unknown.
pub(super) fn dimensions(element: Node<'_, '_>) -> Vec<u32> {
    let written = element.attribute("ArrayDimensions").map(str::trim).filter(|written| !written.is_empty());
    written.map(|list| list.split(',').map(|len| len.trim().parse().unwrap_or(0)).collect()).unwrap_or_default()
}

/// A text with its language, as nodes have it: in an attribute and the content.
pub(super) fn localized(element: Node<'_, '_>) -> LocalizedText {
    LocalizedText {
        locale: element.attribute("Locale").filter(|locale| !locale.is_empty()).into(),
        text: raw_text(element).into(),
    }
}
