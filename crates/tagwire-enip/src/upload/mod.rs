//! What a controller tells about its program: the list of tags and the layouts of structures, page by page.
//!
//! - [`Upload`]: the state of an upload; requests out, answers in.
//! - [`Symbols`]: what it brings, and what an [`crate::address::Address`] means by it.

mod listing;
mod nesting;
mod resolve;
mod steps;
mod symbols;

pub use listing::Leaf;
pub(crate) use resolve::{Field, Place};
pub(crate) use steps::change_request;
pub use steps::{Upload, UploadError};
pub use symbols::{Scope, Symbols, Template};
