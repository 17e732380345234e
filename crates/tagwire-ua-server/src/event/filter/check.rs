//! From the EventFilter of a request to a filter that can be applied, or to what is wrong with it.

use tagwire_model::Status;
use tagwire_ua_proto::ids::{attribute, node};
use tagwire_ua_proto::services::{
    ContentFilterElement, ContentFilterElementResult, ContentFilterResult, ElementOperand, EventFilter,
    EventFilterResult, FilterOperator, LiteralOperand, SimpleAttributeOperand,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{ExtensionObject, NodeId, NumericRange, Variant};

use super::convert::is_castable;
use super::{Element, Filter, FilterRefused, Operand, Select};
use crate::address_space::{Snapshot, StandardNode, class};
use crate::event::Field;
use crate::event::fields::event_type;
use crate::limits;

impl Filter {
    /// Checks a filter. Select clauses that are wrong give null fields and do not stand in the way of an item; a
    /// condition that is wrong does (Part 4, 7.22.3).
    ///
    /// # Errors
    /// [`FilterRefused`] with `BadEventFilterInvalid`, and the code of each clause that is wrong.
    pub fn check(asked: &EventFilter, snapshot: &Snapshot<'_>) -> Result<(Self, EventFilterResult), FilterRefused> {
        let (clauses, elements) = (&asked.select_clauses, &asked.where_clause.elements);
        let is_too_large = clauses.len() > limits::MAX_SELECT_CLAUSES as usize
            || elements.len() > limits::MAX_WHERE_ELEMENTS as usize
            || elements.iter().any(|element| element.filter_operands.len() > limits::MAX_WHERE_OPERANDS);
        if clauses.is_empty() || is_too_large {
            return Err(status::BAD_EVENT_FILTER_INVALID.into());
        }
        let mut result = EventFilterResult::default();
        let select = clauses
            .iter()
            .map(|clause| {
                let checked = Select::check(clause, snapshot);
                result.select_clause_results.push(checked.as_ref().err().copied().unwrap_or_default());
                checked.unwrap_or(Select { field: None, only_of: None, range: None })
            })
            .collect();
        let mut checked = Vec::with_capacity(elements.len());
        let mut is_good = true;
        for (idx, element) in elements.iter().enumerate() {
            match check_element(element, idx, elements.len(), snapshot) {
                Ok(element) => {
                    checked.push(element);
                    result.where_clause_result.element_results.push(ContentFilterElementResult::default());
                }
                Err(refused) => {
                    is_good = false;
                    result.where_clause_result.element_results.push(refused);
                }
            }
        }
        if !is_good {
            return Err(FilterRefused { status: status::BAD_EVENT_FILTER_INVALID, result: Some(Box::new(result)) });
        }
        // Nothing is said of a condition with which nothing is wrong.
        result.where_clause_result = ContentFilterResult::default();
        mark_those_that_count(&mut checked);
        Ok((Self { select, elements: checked.into() }, result))
    }
}

/// An element that cannot be traced back to the first one is ignored (Part 4, 7.7.1). Elements refer to later ones only,
/// so that one pass finds all.
fn mark_those_that_count(elements: &mut [Element]) {
    if let Some(first) = elements.first_mut() {
        first.counts = true;
    }
    for idx in 0..elements.len() {
        let Some((done, later)) = elements.split_at_mut_checked(idx + 1) else { return };
        let Some(element) = done.last().filter(|element| element.counts) else { continue };
        for operand in &element.operands {
            if let Operand::Element(target) = operand
                && let Some(target) = target.checked_sub(idx + 1).and_then(|at| later.get_mut(at))
            {
                target.counts = true;
            }
        }
    }
}

impl Select {
    fn check(asked: &SimpleAttributeOperand, snapshot: &Snapshot<'_>) -> Result<Self, Status> {
        // Clients that leave the type out mean any, as python-opcua does.
        let owner = if asked.type_definition_id.is_null() {
            StandardNode::find(node::BASE_EVENT_TYPE)
        } else {
            event_type(snapshot.resolve(asked.type_definition_id.borrowed()))
        };
        let owner = owner.ok_or(status::BAD_TYPE_DEFINITION_INVALID)?;
        let range = NumericRange::parse(asked.index_range.as_str()).map_err(|_| status::BAD_INDEX_RANGE_INVALID)?;
        if asked.browse_path.is_empty() {
            // The NodeId of the instance, which conditions have and other events have not.
            return match (asked.attribute_id, range) {
                (attribute::NODE_ID, None) => Ok(Self { field: None, only_of: None, range: None }),
                (attribute::NODE_ID, Some(_)) => Err(Status::BAD_TYPE_MISMATCH),
                _ => Err(status::BAD_ATTRIBUTE_ID_INVALID),
            };
        }
        if asked.browse_path.iter().any(|name| name.name.is_empty()) {
            return Err(status::BAD_BROWSE_NAME_INVALID);
        }
        if asked.browse_path.iter().any(|name| name.namespace != 0) {
            return Err(status::BAD_NODE_ID_UNKNOWN);
        }
        let path: Vec<&str> = asked.browse_path.iter().map(|name| name.name.as_str()).collect();
        let field = Field::find(&path).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        let is_base = owner.id() == node::BASE_EVENT_TYPE;
        if !is_base && !field.belongs_to(owner) {
            return Err(status::BAD_NODE_ID_UNKNOWN);
        }
        let declaration = field.declaration().ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        match (declaration.class(), asked.attribute_id) {
            (class::VARIABLE, attribute::VALUE) => {}
            // Objects below an event exist for conditions only, so that there is no NodeId to tell yet.
            (class::OBJECT, attribute::NODE_ID) => return Ok(Self { field: None, only_of: None, range: None }),
            _ => return Err(status::BAD_ATTRIBUTE_ID_INVALID),
        }
        if range.is_some() && !can_be_cut(declaration) {
            return Err(Status::BAD_TYPE_MISMATCH);
        }
        // A clause of BaseEventType finds the field in every event that has it (Part 4, 7.22.3).
        Ok(Self { field: Some(field), only_of: (!is_base).then_some(owner), range })
    }
}

/// Whether a range can be applied to the values of a variable: to arrays, texts and bytes.
fn can_be_cut(variable: StandardNode) -> bool {
    const STRING: u32 = 12;
    const BYTE_STRING: u32 = 15;
    const ANYTHING: u32 = 24;
    let is_text = |data_type: StandardNode| matches!(data_type.id(), STRING | BYTE_STRING | ANYTHING);
    variable.value_rank() != -1
        || std::iter::successors(StandardNode::find(variable.data_type()), |node| node.supertype())
            .take_while(|data_type| data_type.id() != ANYTHING || variable.data_type() == ANYTHING)
            .any(is_text)
}

/// How many operands an operator takes; `None` for those that events do not offer.
fn n_operands(operator: FilterOperator) -> Option<std::ops::RangeInclusive<usize>> {
    Some(match operator {
        FilterOperator::IS_NULL | FilterOperator::NOT | FilterOperator::OF_TYPE => 1..=1,
        FilterOperator::BETWEEN => 3..=3,
        FilterOperator::IN_LIST => 2..=limits::MAX_WHERE_OPERANDS,
        FilterOperator::IN_VIEW | FilterOperator::RELATED_TO => return None,
        _ => 2..=2,
    })
}

fn check_element(
    asked: &ContentFilterElement,
    idx: usize,
    n_elements: usize,
    snapshot: &Snapshot<'_>,
) -> Result<Element, ContentFilterElementResult> {
    let refuse = |status_code| ContentFilterElementResult { status_code, ..Default::default() };
    let operator = asked.filter_operator;
    if !operator.is_known() {
        return Err(refuse(status::BAD_FILTER_OPERATOR_INVALID));
    }
    let n_wanted = n_operands(operator).ok_or_else(|| refuse(status::BAD_FILTER_OPERATOR_UNSUPPORTED))?;
    if !n_wanted.contains(&asked.filter_operands.len()) {
        return Err(refuse(status::BAD_FILTER_OPERAND_COUNT_MISMATCH));
    }
    let mut codes = Vec::new();
    let mut operands = Vec::with_capacity(asked.filter_operands.len());
    for (place, operand) in asked.filter_operands.iter().enumerate() {
        let checked = check_operand(operand, idx, n_elements, snapshot);
        let checked = checked.and_then(|operand| suits(operator, place, &operand, snapshot).map(|()| operand));
        codes.push(checked.as_ref().err().copied().unwrap_or_default());
        operands.extend(checked.ok());
    }
    if operands.len() < codes.len() {
        return Err(ContentFilterElementResult {
            status_code: status::BAD_FILTER_OPERAND_INVALID,
            operand_status_codes: codes,
            ..Default::default()
        });
    }
    Ok(Element { operator, operands: operands.into(), counts: false })
}

fn check_operand(
    operand: &ExtensionObject,
    idx: usize,
    n_elements: usize,
    snapshot: &Snapshot<'_>,
) -> Result<Operand, Status> {
    let invalid = |_| status::BAD_FILTER_OPERAND_INVALID;
    if let Some(literal) = operand.decode_as::<LiteralOperand>() {
        return literal.map(|literal| Operand::Literal(literal.value)).map_err(|_| status::BAD_FILTER_LITERAL_INVALID);
    }
    if let Some(field) = operand.decode_as::<SimpleAttributeOperand>() {
        return Select::check(&field.map_err(invalid)?, snapshot).map(Operand::Field);
    }
    let Some(element) = operand.decode_as::<ElementOperand>() else {
        return Err(status::BAD_FILTER_OPERAND_INVALID);
    };
    // Only later elements may be named, so that there can be no loop (Part 4, 7.7.4.2).
    let target = element.map_err(invalid)?.index as usize;
    if target <= idx || target >= n_elements {
        return Err(status::BAD_FILTER_OPERAND_INVALID);
    }
    Ok(Operand::Element(target))
}

/// Checks the constants for which an operator has a use of its own.
fn suits(operator: FilterOperator, place: usize, operand: &Operand, snapshot: &Snapshot<'_>) -> Result<(), Status> {
    let Operand::Literal(literal) = operand else { return Ok(()) };
    let is_good = match (operator, place) {
        (FilterOperator::OF_TYPE, _) => named_type(literal).is_some_and(|id| {
            let found = snapshot.resolve(id.borrowed());
            found.is_some_and(|node| matches!(node.class(), class::OBJECT_TYPE | class::VARIABLE_TYPE))
        }),
        (FilterOperator::CAST, 1) => named_type(literal).and_then(NodeId::as_ns0).is_some_and(is_castable),
        _ => true,
    };
    if is_good { Ok(()) } else { Err(status::BAD_FILTER_OPERAND_INVALID) }
}

/// The type that a value names.
pub(super) fn named_type(value: &Variant) -> Option<&NodeId> {
    match value {
        Variant::NodeId(id) => Some(id),
        Variant::ExpandedNodeId(id) if id.is_local() => Some(&id.node_id),
        _ => None,
    }
}
