//! History as tables: files in and out, and SQL over what is kept.
//!
//! - [`Selection`] says which samples: of which tags, from when to when.
//! - [`Export`] writes them into a file, CSV or Parquet, and goes on where an earlier one was cut off.
//! - [`import()`] takes samples from such files, and from files of other makers, and tells every line that it cannot take.
//! - [`COLUMNS`] are the columns of every table, whatever its form.
//! - `Database` (feature `sql`) answers SQL over the tables `history` and `tags`.
//!
//! `docs/history-files.md` tells users what stands in each column.

#[cfg(feature = "parquet")]
mod arrow;
mod cell;
mod csv;
mod error;
mod export;
mod field;
mod import;
mod journal;
#[cfg(feature = "parquet")]
mod parquet;
mod selection;
#[cfg(feature = "sql")]
mod sql;
mod time;

use tagwire_model::Status;

pub use error::TableError;
pub use export::{Done, Export, Exported, Format, Progress};
pub use import::{ImportOptions, ImportTold, Problem, Taker, import};
pub use selection::Selection;
#[cfg(feature = "sql")]
pub use sql::{Answer, Database};

/// The columns of every table, in their order.
pub const COLUMNS: [&str; 9] = ["tag", "time", "server_time", "type", "value", "text", "status", "quality", "reason"];

/// Tells the name of a status.
pub type StatusNames = fn(Status) -> String;
