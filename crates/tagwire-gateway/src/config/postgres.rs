//! `[history.postgres]`: a database that gets the samples, too, and may serve history.

use std::path::PathBuf;

use tagwire_driver::KeyKind;
use tagwire_forward::{Settings, UrlError};
use toml::de::DeTable;

use super::key::{Known, Presence, Shape, section};
use super::problem::Complaint;
use super::walk::Walk;

section! {
    /// A PostgreSQL database that gets every sample as well.
    pub struct PostgresKeys {
        /// The database, as `postgresql://user@host:5432/database`; never with a password.
        pub url: String = Shape::One(KeyKind::Text), Presence::Required;
        /// Variable of the environment that holds the password.
        pub password_env: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// File whose first line is the password.
        /// A relative path starts at the folder of this file.
        pub password_file: Option<PathBuf> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Whether samples of this server go there; a server that only serves history from there needs not.
        pub forward: bool = Shape::One(KeyKind::Bool), Presence::Default("true");
        /// Schema of the tables; made when it is missing.
        pub schema: String = Shape::One(KeyKind::Text), Presence::Default("tagwire");
        /// What the names of the tables begin with.
        pub table_prefix: Option<String> = Shape::One(KeyKind::Text), Presence::Optional;
        /// Whether the table of samples is made a hypertable of the extension TimescaleDB, which must be there; not tested.
        pub timescale: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// Whether the connection is encrypted and the certificate of the database checked.
        pub tls: bool = Shape::One(KeyKind::Bool), Presence::Default("false");
        /// File with the certificates of the authorities that may vouch for the database.
        /// A relative path starts at the folder of this file.
        pub ca_file: PathBuf = Shape::One(KeyKind::Text), Presence::Default("/etc/ssl/certs/ca-certificates.crt");
        /// Most samples of one transaction.
        pub batch: u32 = Shape::One(KeyKind::Integer { min: 100, max: 100_000 }), Presence::Default("10000");
    }
}

const SUBJECT: &str = "[history.postgres]";
/// Longest name of a schema, and of a prefix before the names of tables, so that PostgreSQL cuts off nothing.
const MAX_NAME: usize = 40;

/// Reads the section.
pub(crate) fn read(walk: &mut Walk<'_>, table: &DeTable<'_>, line: u32) -> PostgresKeys {
    let mut checked = walk.check(SUBJECT.to_owned(), table, line, Known::own(PostgresKeys::KEYS));
    let has_url = checked.has("url");
    let lines = ["url", "password_file", "schema", "table_prefix"].map(|key| checked.line_of(key));
    let keys = PostgresKeys::take(&mut checked, &mut walk.report());
    let mut complain = |line, problem: String, fix: &str| {
        walk.report().complain(line, SUBJECT, Complaint::new(problem, fix));
    };
    if has_url && let Err(error) = Settings::check_url(&keys.url) {
        let fix = match error {
            UrlError::HasPassword => {
                "remove the password, and name a variable in password_env or a file in password_file"
            }
            _ => "write url = \"postgresql://user@host:5432/database\"",
        };
        complain(lines[0], format!("\"url\": {error}"), fix);
    }
    if keys.password_env.is_some() && keys.password_file.is_some() {
        complain(lines[1], "there are two places for one password".to_owned(), "remove password_env or password_file");
    }
    let names = [(lines[2], "schema", Some(&keys.schema)), (lines[3], "table_prefix", keys.table_prefix.as_ref())];
    for (line, key, name) in names {
        let is_name = |name: &str| {
            let mut chars = name.chars();
            chars.next().is_some_and(|first| first.is_ascii_lowercase() || first == '_')
                && chars.all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || other == '_')
                && name.len() <= MAX_NAME
        };
        if let Some(name) = name.filter(|name| !is_name(name)) {
            let problem = format!("\"{key}\" is \"{name}\", which is no name for tables");
            complain(line, problem, "write small letters, digits and _, at most 40, not with a digit first");
        }
    }
    keys
}
