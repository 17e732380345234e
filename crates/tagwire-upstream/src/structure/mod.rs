//! Members of structures: what an address says, what the server's types say, and the bytes between them. No input or
//! output here but in `load`, which asks for types.
//!
//! - `path`: the way to a member, as an address names it.
//! - `bytes`, `built_in`: OPC UA binary, never further than its bytes.
//! - `definition`: what a data type says of its fields.
//! - `types`: all types that are known of one server; `load` asks for those that are not.
//! - `walk`: from the body of a structure to the members that are wanted.
//! - `read`: members out of what a server told of a node.
//! - `splice`: a member in other bytes.
//! - `redefined`: definitions that a server changes while it runs.
//! - `leaves`: what a structure can give tags to.

mod built_in;
mod bytes;
mod definition;
mod leaves;
mod load;
mod path;
mod read;
mod redefined;
mod splice;
#[cfg(test)]
mod tests;
mod types;
mod walk;

use tagwire_driver::BoxFuture;
use tagwire_ua_client::{Client, Error, NodeId, TypeNode};

pub(crate) use leaves::{Leaves, leaves};
pub(crate) use load::{Ask, load};
pub(crate) use path::{Path, Step};
pub(crate) use read::{Members, locate, members, relied_on};
pub(crate) use redefined::{differing, reload};
pub(crate) use splice::change;
pub(crate) use types::Types;
pub(crate) use walk::{Miss, Wanted};

pub use walk::fuzz;

/// Whoever tells what data types consist of.
pub trait TypeSource: Send + Sync {
    /// The DataType of each variable.
    fn data_types<'a>(&'a self, variables: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<NodeId>>, Error>>;

    /// What each data type says of itself.
    fn type_nodes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<TypeNode>, Error>>;

    /// The data type that an encoding belongs to.
    fn type_of_encoding<'a>(&'a self, encoding: &'a NodeId) -> BoxFuture<'a, Result<Option<NodeId>, Error>>;

    /// The types that derive from these directly.
    fn subtypes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<NodeId>, Error>>;
}

impl TypeSource for Client {
    fn data_types<'a>(&'a self, variables: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<NodeId>>, Error>> {
        Box::pin(Self::data_types(self, variables))
    }

    fn type_nodes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<TypeNode>, Error>> {
        Box::pin(Self::type_nodes(self, types))
    }

    fn type_of_encoding<'a>(&'a self, encoding: &'a NodeId) -> BoxFuture<'a, Result<Option<NodeId>, Error>> {
        Box::pin(Self::type_of_encoding(self, encoding))
    }

    fn subtypes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<NodeId>, Error>> {
        Box::pin(Self::subtypes(self, types))
    }
}
