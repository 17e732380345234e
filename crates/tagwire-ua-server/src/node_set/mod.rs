//! Models of others, read from NodeSet2 files (Part 6, Annex F): companion specifications and own ones.
//!
//! - [`Import`]: reads one file after the other and collects what is wrong with them.
//! - [`NodeSets`]: what was read, with variables bound to tags; [`crate::address_space::Model`] is made from it.
//! - [`Notice`]: one mistake or doubt, with its line.
//! - [`limits`]: how large a file may be.
//!
//! An XML entity is never expanded: a file with a document type declaration is refused as a whole.

mod bind;
mod bounds;
mod definition;
mod document;
mod draft;
mod element;
mod header;
mod import;
pub mod limits;
mod notice;
#[cfg(test)]
mod tests;
mod value;

pub use bind::BindError;
pub(crate) use draft::{DraftDefinition, DraftField, DraftNode, DraftReference, flag};
pub use import::{Import, NodeSets};
pub use notice::{Notice, Notices};
