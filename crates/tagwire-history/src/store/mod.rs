//! The store: one writer, any number of readers.

mod append;
mod follow;
mod group;
mod join;
mod open;
mod options;
mod retain;
mod seal;
mod shared;
mod snapshot;
mod update;

pub use append::Store;
pub use open::{Opened, TagSpec};
pub use options::{Moment, Options};
pub use retain::{Retained, Retention, days};
pub use shared::{History, State};

pub(crate) use snapshot::Source;
