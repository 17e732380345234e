//! The store: one writer, any number of readers.

mod append;
mod follow;
mod frozen;
mod group;
mod import;
mod join;
mod open;
mod options;
mod recover;
mod retain;
mod seal;
mod shared;
mod snapshot;
mod update;

pub use append::Store;
pub use frozen::{Frozen, FrozenHistory, freeze_folder};
pub use import::{Import, Imported, imports_from_bytes, imports_to_bytes};
pub use open::{Opened, TagSpec};
pub use options::{Moment, Options};
pub use retain::{Retained, Retention, days};
pub use shared::{History, State};

pub(crate) use snapshot::Source;
