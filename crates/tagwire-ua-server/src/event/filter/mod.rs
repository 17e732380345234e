//! The filter of an event item: checked once, then applied to every event (Part 4, 7.7 and 7.22.3).
//!
//! - `check`: from the wire to a filter, with a code for everything that is wrong.
//! - `evaluate`: the condition, in logic of three values.
//! - `convert`, `compare`: values of different types.
//! - `like`: patterns.

mod check;
mod compare;
mod convert;
mod evaluate;
mod like;
#[cfg(test)]
mod tests;

use tagwire_model::Status;
use tagwire_ua_proto::services::{EventFilterResult, FilterOperator};
use tagwire_ua_proto::types::{NumericRange, Variant};

use super::{Event, Field};
use crate::address_space::StandardNode;

/// Which events an item wants, and which of their fields.
#[derive(Debug)]
pub struct Filter {
    select: Box<[Select]>,
    /// The first is the outermost; none means every event.
    elements: Box<[Element]>,
}

/// Why a filter cannot be used.
#[derive(Debug)]
pub struct FilterRefused {
    /// The code of the operation.
    pub status: Status,
    /// What is wrong with which part; `None` when the filter as a whole is wrong.
    pub result: Option<Box<EventFilterResult>>,
}

impl From<Status> for FilterRefused {
    fn from(status: Status) -> Self {
        Self { status, result: None }
    }
}

/// A field of an event, as an operand or a select clause names it.
#[derive(Debug)]
struct Select {
    /// `None` for what no event has.
    field: Option<Field>,
    /// Only events of this type have it; `None` for events of any type that has the field.
    only_of: Option<StandardNode>,
    range: Option<NumericRange>,
}

/// One operator with its operands.
#[derive(Debug)]
struct Element {
    operator: FilterOperator,
    operands: Box<[Operand]>,
    /// Whether the result of the filter depends on it.
    counts: bool,
}

#[derive(Debug)]
enum Operand {
    Literal(Variant),
    /// The result of a later element.
    Element(usize),
    Field(Select),
}

impl Filter {
    /// The number of fields that each notification has.
    pub fn n_fields(&self) -> usize {
        self.select.len()
    }

    /// The wanted fields of an event, in the order of the select clauses; null for those that it does not have.
    pub fn fields<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = Variant> + 'a {
        self.select.iter().map(|select| select.value(event))
    }
}

impl Select {
    fn value(&self, event: &Event) -> Variant {
        let applies = self.only_of.is_none_or(|wanted| event.event_type().is_subtype_of(wanted));
        let value = self.field.filter(|_| applies).and_then(|field| event.value(field));
        match (value, &self.range) {
            (None, _) => Variant::Null,
            (Some(value), None) => value.clone(),
            (Some(value), Some(range)) => range.read_variant(value).unwrap_or_default(),
        }
    }
}
