//! Apache Parquet.

mod read;
mod write;

pub(crate) use read::ParquetTable;
pub(crate) use write::ParquetSink;

use std::path::Path;

use crate::TableError;

fn failed<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> TableError + use<'_, E> {
    move |error| TableError::Parquet { path: path.to_owned(), what: error.to_string() }
}
