//! What can go wrong with the historian's files.

use std::io;

use thiserror::Error;

use crate::TagNumber;

/// Why the historian could not do something.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The system refused to read or write.
    #[error("{file}: {source}")]
    Io {
        /// The file, by its name in the folder.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A newer version of the program wrote the file.
    #[error("{file} has format {found}, this program reads up to {known}")]
    Newer {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
        /// The highest version known here.
        known: u32,
    },
    /// The file is not as it was written.
    #[error("{file} is damaged: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// What does not fit.
        what: &'static str,
    },
    /// A history is where one was to be put.
    #[error("a history is there, which is not overwritten")]
    Occupied,
    /// Another process owns the folder.
    #[error("another process uses the history")]
    InUse,
    /// The catalogue refused.
    #[error("catalogue: {0}")]
    Catalogue(Box<redb::Error>),
    /// Nothing can be written at the moment, and nothing is taken.
    #[error("history is paused: {why}")]
    Paused {
        /// What the system said.
        why: String,
    },
    /// No tag has this number.
    #[error("tag number {0} is not known")]
    UnknownTag(TagNumber),
    /// A value has another type than its tag.
    #[error("the value for tag number {0} has another type")]
    WrongType(TagNumber),
    /// More samples in one batch than can be numbered at once.
    #[error("a batch of {0} samples is too large")]
    TooLarge(usize),
    /// History that is kept elsewhere cannot be read.
    #[error("{0}")]
    Elsewhere(String),
    /// The thread that writes is gone.
    #[error("history is closed")]
    Closed,
}

impl HistoryError {
    pub(crate) fn io(file: &str) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io { file: file.to_owned(), source }
    }

    pub(crate) fn damaged(file: &str, what: &'static str) -> Self {
        Self::Damaged { file: file.to_owned(), what }
    }

    /// Whether the disk is full or a quota is used up, which time may heal.
    pub fn is_disk_full(&self) -> bool {
        let kind = match self {
            Self::Io { source, .. } => source.kind(),
            Self::Catalogue(error) => match &**error {
                redb::Error::Io(source) => source.kind(),
                _ => return false,
            },
            _ => return false,
        };
        matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
    }
}

/// Every error of redb means that the catalogue did not do what was asked.
macro_rules! from_redb {
    ($($error:ty),*) => {
        $(impl From<$error> for HistoryError {
            fn from(error: $error) -> Self {
                Self::Catalogue(Box::new(error.into()))
            }
        })*
    };
}

from_redb!(
    redb::Error,
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);
