//! What can go wrong between the store and a database.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use tagwire_history::HistoryError;
use thiserror::Error;
use tokio_postgres::error::SqlState;

/// Why something was not sent, read or compared.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// The URL is not understood.
    #[error("the URL is not understood: {0}")]
    Url(tokio_postgres::Error),
    /// The variable that holds the password is not set.
    #[error("the variable {0} with the password is not set")]
    NoVariable(String),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Encryption cannot be set up.
    #[error("no encrypted connection: {0}")]
    Tls(String),
    /// The database cannot be reached.
    #[error("cannot reach {place}: {why}")]
    Unreachable {
        /// Host, port and database.
        place: String,
        /// What the system said.
        why: String,
    },
    /// It refused the user.
    #[error("{place} refuses the login: {why}")]
    Login {
        /// Host, port and database.
        place: String,
        /// What it said.
        why: String,
    },
    /// It has no such database.
    #[error("{place}: {why}")]
    NoDatabase {
        /// Host, port and database.
        place: String,
        /// What it said.
        why: String,
    },
    /// A newer version of the program made the tables.
    #[error("the tables in {place} have version {found}, this program knows up to {known}")]
    Newer {
        /// Host, port and database, and the schema.
        place: String,
        /// Their version.
        found: i32,
        /// The highest version known here.
        known: i32,
    },
    /// There are no tables.
    #[error("there are no tables of tagwire in {0}")]
    NoTables(String),
    /// It did not answer in time.
    #[error("the database does not answer")]
    Silent,
    /// It refused a statement.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// Another process forwards with the identity of this store.
    #[error("another process forwards under the identity of this store")]
    Moved,
    /// The own files.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A part of the program failed inside.
    #[error("a part of the program failed inside")]
    Inside,
}

impl From<tokio_postgres::Error> for ForwardError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(words(&error))
    }
}

impl ForwardError {
    /// Why connecting failed.
    pub(crate) fn connecting(place: String, error: &tokio_postgres::Error) -> Self {
        let why = words(error);
        match error.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                Self::Login { place, why }
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase { place, why },
            Some(_) => Self::Refused(why),
            // Without a password where one is wanted, the library gives up before the server can say so.
            None if why.contains("password") => Self::Login { place, why },
            None => Self::Unreachable { place, why },
        }
    }

    /// What to do about it; may be empty.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Url(_) => "write url = \"postgresql://user@host:5432/database\"",
            Self::NoVariable(_) => "set the variable for the process of the server, or name a password_file",
            Self::File { .. } => "see that the file is there and that the server may read it",
            Self::Tls(_) => "see the certificate of the database and ca_file",
            Self::Unreachable { .. } | Self::Silent => "see that the database runs and that host and port are right",
            Self::Login { .. } => "see the user in url and the password in password_env or password_file",
            Self::NoDatabase { .. } => "make the database, or name another one in url",
            Self::Newer { .. } => "use the newer version of tagwire on every server that shares the tables",
            Self::NoTables(_) => "start a server that forwards to this database, which makes the tables",
            Self::Moved => {
                "do not run two servers with copies of one data folder; delete the file identity in one of them"
            }
            Self::Refused(_) | Self::History(_) | Self::Inside => "",
        }
    }
}

/// What the library and the server say, without the layers in between.
fn words(error: &tokio_postgres::Error) -> String {
    if let Some(refusal) = error.as_db_error() {
        return match refusal.detail() {
            Some(detail) => format!("{} ({detail})", refusal.message()),
            None => refusal.message().to_owned(),
        };
    }
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
