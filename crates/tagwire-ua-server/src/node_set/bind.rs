//! Whether the value of a tag can stand for that of a variable.

use tagwire_model::ValueType;
use tagwire_ua_proto::types::NodeId;
use thiserror::Error;

use crate::address_space::{Model, Node, StandardNode, class};

/// Why a variable cannot show the value of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BindError {
    /// No model has such a node.
    #[error("no model has the node {0}")]
    Unknown(NodeId),
    /// The node has no value.
    #[error("{name} is no variable")]
    Class {
        /// BrowseName of the node.
        name: String,
    },
    /// The node describes the variables of instances.
    #[error("{name} belongs to a type and has no value of its own")]
    Declaration {
        /// BrowseName of the node.
        name: String,
    },
    /// The variable shows another tag.
    #[error("the variable is bound to tag {0} already")]
    Taken(Box<str>),
    /// The types of the values differ.
    #[error("{name} has values of type {wanted}, the tag has {found}")]
    DataType {
        /// BrowseName of the variable.
        name: String,
        /// Name of the variable's data type.
        wanted: String,
        /// Type of the tag.
        found: ValueType,
    },
    /// One is a scalar, or has another number of dimensions.
    #[error("{name} takes {wanted}, the tag has {found}")]
    Rank {
        /// BrowseName of the variable.
        name: String,
        /// What the variable takes, in words.
        wanted: String,
        /// Type of the tag.
        found: ValueType,
    },
}

pub(super) fn check(model: &Model, id: &NodeId, found: ValueType) -> Result<(), BindError> {
    let Some(node) = model.find(id.borrowed()) else { return Err(BindError::Unknown(id.clone())) };
    let name = model.browse_name(node).1.to_owned();
    if node.class() != class::VARIABLE {
        return Err(BindError::Class { name });
    }
    if model.is_declaration(node) {
        return Err(BindError::Declaration { name });
    }
    let data_type = model.data_type(node);
    if !data_type.is_some_and(|data_type| fits(model, data_type, found)) {
        let wanted = data_type.map_or_else(String::new, |data_type| model.name_of(data_type).to_owned());
        return Err(BindError::DataType { name, wanted, found });
    }
    let rank = found.dims.rank();
    let wanted = match (model.value_rank(node), rank) {
        (-1, 0) | (-2 | -3, 0) | (-2, _) | (-3, 1) => return Ok(()),
        (0, 1..) => return Ok(()),
        (wanted, rank) if usize::try_from(wanted).is_ok_and(|wanted| wanted == rank && rank > 0) => return Ok(()),
        (-1, _) => "a single value".to_owned(),
        (-3, _) => "a single value or an array of one dimension".to_owned(),
        (0, _) => "an array".to_owned(),
        (wanted, _) => format!("an array of {wanted} dimensions"),
    };
    Err(BindError::Rank { name, wanted, found })
}

/// Whether values of a tag's type are values of a data type: of the same built-in type, or of one below it.
fn fits(model: &Model, data_type: Node, found: ValueType) -> bool {
    const ENUMERATION: u32 = 29;
    const INT32: u32 = 6;
    let found = u32::from(found.data_type.ua_id());
    if let Node::Standard(wanted) = data_type
        && StandardNode::find(found).is_some_and(|found| found.is_subtype_of(wanted))
    {
        return true;
    }
    let built_in = model.with_supertypes(data_type).find_map(|node| match node {
        Node::Standard(node) if node.id() == ENUMERATION => Some(INT32),
        Node::Standard(node) if node.id() < 24 => Some(node.id()),
        _ => None,
    });
    built_in == Some(found)
}
