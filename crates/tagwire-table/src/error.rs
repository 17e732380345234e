//! What goes wrong with tables.

use std::io;
use std::path::{Path, PathBuf};

use tagwire_history::HistoryError;
use thiserror::Error;

/// What goes wrong with tables, by whose fault it is.
#[derive(Debug, Error)]
pub enum TableError {
    /// The operating system refused something.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The history cannot be read or written.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The file is there already.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// What is there of the file belongs to an export of something else.
    #[error("{0} holds a part of another export")]
    OtherExport(PathBuf),
    /// Another process writes the same file.
    #[error("another process writes {0}")]
    Busy(PathBuf),
    /// The name of the file does not say what it is to be.
    #[error("{0} has a name that ends neither in .csv nor in .parquet")]
    Format(PathBuf),
    /// This program was built without a part.
    #[error("this tagwire was built without {0}")]
    Without(&'static str),
    /// No tag has samples.
    #[error("no tag that samples are kept of matches {0}")]
    NoTag(String),
    /// The first line names no columns that are understood.
    #[error("{0}")]
    Header(String),
    /// A Parquet file is damaged, or cannot be written.
    #[error("{path}: {what}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library said.
        what: String,
    },
    /// The query is wrong, or failed.
    #[error("{0}")]
    Sql(String),
    /// The one who takes samples does not.
    #[error("{0}")]
    Refused(String),
}

impl TableError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + use<'_> {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
