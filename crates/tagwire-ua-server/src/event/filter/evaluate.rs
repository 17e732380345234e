//! The condition of a filter, in logic of three values (Part 4, 7.7.3).
//!
//! A comparison with null is null, and so is the negation of null; And and Or are null where the value that is not known
//! would decide. An event passes when the first element is true.
//!
//! Everything that is looked at is counted, so that no filter takes longer than `MAX_FILTER_STEPS` allow: what a client
//! may send is enough for operands that are compared a million times, and for patterns that take hours.

use std::cell::Cell;
use std::cmp::Ordering;

use tagwire_ua_proto::codec::Encode as _;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::FilterOperator;
use tagwire_ua_proto::types::Variant;

use super::check::named_type;
use super::compare::{bitwise, compare, equals};
use super::convert::{cast, implicit};
use super::{Element, Filter, Operand};
use crate::address_space::StandardNode;
use crate::event::Event;
use crate::limits::MAX_FILTER_STEPS;

const BOOLEAN: u8 = 1;
const STRING: u8 = 12;
/// What is copied and compared in one step.
const BYTES_PER_STEP: usize = 64;

impl Filter {
    /// Whether the item wants an event.
    pub fn accepts(&self, event: &Event) -> bool {
        if self.elements.is_empty() {
            return true;
        }
        // Elements refer to later ones only, so that going backwards every operand is there when it is needed, and a
        // chain of a thousand costs no stack.
        let mut results: Vec<Variant> = vec![Variant::Null; self.elements.len()];
        let steps = Cell::new(MAX_FILTER_STEPS);
        for (idx, element) in self.elements.iter().enumerate().rev().filter(|(_, element)| element.counts) {
            let result = Evaluation { event, results: &results, steps: &steps }.element(element);
            if steps.get() == 0 {
                return false;
            }
            if let Some(slot) = results.get_mut(idx) {
                *slot = result;
            }
        }
        results.first().and_then(as_bool) == Some(true)
    }
}

/// One event, and what is known so far.
struct Evaluation<'a> {
    event: &'a Event,
    results: &'a [Variant],
    /// What the filter may still take; nothing when it took too much.
    steps: &'a Cell<usize>,
}

impl Evaluation<'_> {
    /// The value of an operand, and null when there are no steps left to look at it.
    fn operand(&self, element: &Element, place: usize) -> Variant {
        if self.steps.get() == 0 {
            return Variant::Null;
        }
        let value = match element.operands.get(place) {
            Some(Operand::Literal(value)) => value.clone(),
            Some(Operand::Element(target)) => self.results.get(*target).cloned().unwrap_or_default(),
            Some(Operand::Field(select)) => select.value(self.event),
            None => Variant::Null,
        };
        self.steps.set(self.steps.get().saturating_sub(1 + n_bytes(&value) / BYTES_PER_STEP));
        value
    }

    fn element(&self, element: &Element) -> Variant {
        let operand = |place: usize| self.operand(element, place);
        let ordered = |is_wanted: fn(Ordering) -> bool| known(order(&operand(0), &operand(1), is_wanted));
        match element.operator {
            FilterOperator::EQUALS => known(equal(&operand(0), &operand(1))),
            FilterOperator::IS_NULL => is_null(&operand(0)).into(),
            FilterOperator::GREATER_THAN => ordered(Ordering::is_gt),
            FilterOperator::LESS_THAN => ordered(Ordering::is_lt),
            FilterOperator::GREATER_THAN_OR_EQUAL => ordered(Ordering::is_ge),
            FilterOperator::LESS_THAN_OR_EQUAL => ordered(Ordering::is_le),
            FilterOperator::LIKE => known(self.like(&operand(0), &operand(1))),
            FilterOperator::NOT => known(as_bool(&operand(0)).map(|value| !value)),
            FilterOperator::BETWEEN => {
                let value = operand(0);
                let (low, high) = (operand(1), operand(2));
                known(and(order(&value, &low, Ordering::is_ge), order(&value, &high, Ordering::is_le)))
            }
            FilterOperator::IN_LIST => {
                let value = operand(0);
                let each = (1..element.operands.len()).map(|place| equal(&value, &operand(place)));
                known(each.reduce(or).flatten())
            }
            FilterOperator::AND => known(and(as_bool(&operand(0)), as_bool(&operand(1)))),
            FilterOperator::OR => known(or(as_bool(&operand(0)), as_bool(&operand(1)))),
            FilterOperator::CAST => {
                let data_type = operand(1);
                let data_type = named_type(&data_type).and_then(|id| id.as_ns0());
                data_type.and_then(|data_type| cast(&operand(0), data_type)).unwrap_or_default()
            }
            FilterOperator::OF_TYPE => self.is_of_type(&operand(0)),
            FilterOperator::BITWISE_AND => bitwise(&operand(0), &operand(1), |a, b| a & b).unwrap_or_default(),
            FilterOperator::BITWISE_OR => bitwise(&operand(0), &operand(1), |a, b| a | b).unwrap_or_default(),
            _ => Variant::Null,
        }
    }

    fn like(&self, text: &Variant, pattern: &Variant) -> Option<bool> {
        if is_null(text) || is_null(pattern) {
            return None;
        }
        match (implicit(text, STRING), implicit(pattern, STRING)) {
            (Some(Variant::String(text)), Some(Variant::String(pattern))) => {
                let mut steps = self.steps.get();
                let found = super::like::matches(text.as_str(), pattern.as_str(), &mut steps);
                self.steps.set(if found.is_some() { steps } else { 0 });
                found
            }
            _ => Some(false),
        }
    }

    fn is_of_type(&self, wanted: &Variant) -> Variant {
        let Some(id) = named_type(wanted) else { return Variant::Null };
        let wanted = id.as_ns0().and_then(StandardNode::find);
        let is_base = id.as_ns0() == Some(node::BASE_EVENT_TYPE);
        (is_base || wanted.is_some_and(|wanted| self.event.event_type().is_subtype_of(wanted))).into()
    }
}

/// About how much of a value there is to copy and to compare, beyond what every value has.
fn n_bytes(value: &Variant) -> usize {
    match value {
        Variant::String(text) => text.as_str().len(),
        Variant::ByteString(bytes) => bytes.len(),
        Variant::LocalizedText(text) => text.text.as_str().len(),
        Variant::Array(_) | Variant::ExtensionObject(_) | Variant::DataValue(_) => {
            let mut encoded = Vec::new();
            value.encode(&mut encoded);
            encoded.len()
        }
        _ => 0,
    }
}

fn known(value: Option<bool>) -> Variant {
    value.map_or(Variant::Null, Variant::Boolean)
}

fn as_bool(value: &Variant) -> Option<bool> {
    match implicit(value, BOOLEAN) {
        Some(Variant::Boolean(value)) => Some(value),
        _ => None,
    }
}

/// Part 4, 7.7.3: a StatusCode in the place of a value of another type would count as null too, but fields here have
/// either a value or none.
fn is_null(value: &Variant) -> bool {
    match value {
        Variant::Null => true,
        Variant::String(text) => text.is_null(),
        Variant::ByteString(bytes) => bytes.is_null(),
        Variant::NodeId(id) => id.is_null(),
        Variant::ExtensionObject(object) => object.is_null(),
        _ => false,
    }
}

fn equal(a: &Variant, b: &Variant) -> Option<bool> {
    if is_null(a) || is_null(b) { None } else { Some(equals(a, b)) }
}

fn order(a: &Variant, b: &Variant, is_wanted: fn(Ordering) -> bool) -> Option<bool> {
    if is_null(a) || is_null(b) { None } else { Some(compare(a, b).is_some_and(is_wanted)) }
}

const fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

const fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}
