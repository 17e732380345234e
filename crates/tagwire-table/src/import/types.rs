//! The types of tags, as the file says, as somebody knows, or as their first value is.

use std::collections::HashMap;
use std::sync::Arc;

use tagwire_model::ValueType;

use super::Taker;
use super::shape::Found;
use crate::TableError;

/// The types found so far.
pub(super) struct Types {
    asked: Option<ValueType>,
    pub(super) comma: bool,
    known: HashMap<Arc<str>, ValueType>,
    /// Why nobody could be asked.
    pub(super) error: Option<TableError>,
}

impl Types {
    pub(super) fn new(asked: Option<ValueType>, comma: bool) -> Self {
        Self { asked, comma, known: HashMap::new(), error: None }
    }

    /// How many tags there were.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The type of a tag.
    pub(super) fn of(&mut self, tag: &Arc<str>, found: &Found<'_>, taker: &mut dyn Taker) -> Result<ValueType, String> {
        if let Some(said) = found.value_type()? {
            self.known.insert(Arc::clone(tag), said);
            return Ok(said);
        }
        if let Some(known) = self.known.get(tag) {
            return Ok(*known);
        }
        let known = taker.types(&[tag.to_string()]).map_err(|error| {
            let text = error.to_string();
            self.error = Some(error);
            text
        })?;
        let asked = known.into_iter().next().flatten().or(self.asked);
        let value_type = asked.unwrap_or_else(|| found.natural_type(self.comma));
        // A value that is missing says nothing about the type.
        if asked.is_some() || found.has_value() {
            self.known.insert(Arc::clone(tag), value_type);
        }
        Ok(value_type)
    }
}
