//! Comma-separated values (RFC 4180): an empty field is nothing, an empty field in quotes an empty text.

mod read;
mod write;

pub(crate) use read::CsvTable;
pub(crate) use write::CsvSink;
#[cfg(feature = "sql")]
pub(crate) use write::quote;
