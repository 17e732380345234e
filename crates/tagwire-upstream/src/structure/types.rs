//! The data types that are known of one server.

use std::collections::HashMap;
use std::sync::Arc;

use tagwire_ua_client::NodeId;

use super::built_in::BuiltIn;
use super::definition::Shape;

/// Types kept at most.
const MAX_TYPES: usize = 10_000;
/// Fields of all types together.
const MAX_ALL_FIELDS: usize = 200_000;
/// Number and Enumeration (Part 6, Annex A), and the last of those that derive from numbers.
const NUMBER: u32 = 26;
const UINTEGER: u32 = 28;
const ENUMERATION: u32 = 29;
/// Standard types that others derive from so often that asking for them each time would be a waste: their numbers and
/// those of their built-in types.
const STANDARD: [(u32, u32); 9] =
    [(30, 15), (288, 7), (289, 7), (290, 11), (291, 12), (293, 13), (294, 13), (295, 12), (311, 15)];

/// What a value of a type is in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    BuiltIn(BuiltIn),
    Structure(Arc<Shape>),
}

/// What is known, or why it is not.
pub(crate) type Known<T> = Result<T, Arc<str>>;

/// The data types that are known of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Types {
    kinds: HashMap<NodeId, Known<Kind>>,
    names: HashMap<NodeId, Box<str>>,
    /// The data type of each encoding.
    encodings: HashMap<NodeId, Known<NodeId>>,
    n_fields: usize,
}

/// The number of a node in namespace 0.
fn standard_id(node: &NodeId) -> Option<u32> {
    if node.namespace == 0 { node.as_u32() } else { None }
}

/// Whether a type is any structure.
pub(crate) fn is_any_structure(data_type: &NodeId) -> bool {
    standard_id(data_type) == Some(22)
}

/// The built-in type of a type that nobody needs to be asked about.
pub(crate) fn built_in(data_type: &NodeId) -> Option<BuiltIn> {
    match standard_id(data_type)? {
        NUMBER..=UINTEGER => Some(BuiltIn::VARIANT),
        ENUMERATION => Some(BuiltIn::INT32),
        id => BuiltIn::new(id).or_else(|| {
            let (_, built_in) = STANDARD.iter().find(|(known, _)| *known == id)?;
            BuiltIn::new(*built_in)
        }),
    }
}

impl Types {
    /// What a type is in bytes; `None` where it was never asked for.
    pub(crate) fn kind(&self, data_type: &NodeId) -> Option<Known<Kind>> {
        match built_in(data_type) {
            Some(found) => Some(Ok(Kind::BuiltIn(found))),
            None => self.kinds.get(data_type).cloned(),
        }
    }

    /// The name of a type.
    pub(crate) fn name(&self, data_type: &NodeId) -> Option<&str> {
        self.names.get(data_type).map(|name| &**name)
    }

    /// The data type of an encoding; `None` where it was never asked for.
    pub(crate) fn encoding(&self, encoding: &NodeId) -> Option<&Known<NodeId>> {
        self.encodings.get(encoding)
    }

    pub(crate) fn set_kind(&mut self, data_type: NodeId, kind: Known<Kind>) {
        let n_fields = |kind: &Known<Kind>| match kind {
            Ok(Kind::Structure(shape)) => shape.fields.len(),
            _ => 0,
        };
        self.n_fields -= self.kinds.remove(&data_type).as_ref().map_or(0, n_fields);
        if self.kinds.len() >= MAX_TYPES {
            return;
        }
        let kind = if self.n_fields + n_fields(&kind) > MAX_ALL_FIELDS {
            Err(Arc::from(format!("definitions of the server have more than {MAX_ALL_FIELDS} fields together")))
        } else {
            kind
        };
        self.n_fields += n_fields(&kind);
        self.kinds.insert(data_type, kind);
    }

    pub(crate) fn set_name(&mut self, data_type: NodeId, name: &str) {
        if self.names.len() < MAX_TYPES {
            self.names.insert(data_type, name.into());
        }
    }

    pub(crate) fn set_encoding(&mut self, encoding: NodeId, data_type: Known<NodeId>) {
        if self.encodings.len() < MAX_TYPES {
            self.encodings.insert(encoding, data_type);
        }
    }

    /// The shape of a structure; `None` for a type that is none or is not known.
    pub(crate) fn shape(&self, data_type: &NodeId) -> Option<&Shape> {
        match self.kinds.get(data_type) {
            Some(Ok(Kind::Structure(shape))) => Some(shape),
            _ => None,
        }
    }

    /// All structures that are known.
    pub(crate) fn structures(&self) -> impl Iterator<Item = (&NodeId, &Shape)> {
        self.kinds.keys().filter_map(|data_type| Some((data_type, self.shape(data_type)?)))
    }

    /// What is known beside some types.
    pub(crate) fn without(&self, data_types: &[NodeId]) -> Self {
        let mut rest = self.clone();
        for data_type in data_types {
            rest.n_fields -= rest.shape(data_type).map_or(0, |shape| shape.fields.len());
            rest.kinds.remove(data_type);
        }
        rest
    }

    /// Takes over what was learned, in place of what was known before; gives the structures that are others now.
    pub(crate) fn learn(&mut self, other: Self) -> Vec<NodeId> {
        let mut changed = Vec::new();
        for (data_type, kind) in other.kinds {
            let is_same = |shape: &Shape| matches!(&kind, Ok(Kind::Structure(new)) if **new == *shape);
            if self.shape(&data_type).is_some_and(|shape| !is_same(shape)) {
                changed.push(data_type.clone());
            }
            self.set_kind(data_type, kind);
        }
        other.names.into_iter().for_each(|(data_type, name)| self.set_name(data_type, &name));
        other.encodings.into_iter().for_each(|(encoding, data_type)| self.set_encoding(encoding, data_type));
        changed
    }
}
