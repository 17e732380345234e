//! Where samples go, and how.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::ForwardError;

/// Where the password comes from; it is read again for each connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Password {
    /// None is sent.
    #[default]
    None,
    /// The variable of the environment with this name.
    Environment(String),
    /// The first line of this file.
    File(PathBuf),
}

/// Whether the connection is encrypted; the certificate of the database is then always checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// It is not.
    #[default]
    Off,
    /// It is, and the authorities in this file are trusted.
    Trusting(PathBuf),
}

/// Where samples go, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `postgresql://user@host:port/database`, without a password.
    pub url: String,
    /// The password.
    pub password: Password,
    /// Encryption.
    pub tls: Tls,
    /// The schema that holds the tables.
    pub schema: String,
    /// What the names of the tables begin with.
    pub prefix: String,
    /// Whether the table of samples is to be a hypertable of TimescaleDB.
    pub timescale: bool,
    /// Most samples of one transaction.
    pub batch: usize,
    /// The name of this server, for people who look at the table of nodes.
    pub node: String,
}

/// Why a URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It is none.
    #[error("the URL is not understood")]
    NotUnderstood,
    /// It names no host.
    #[error("the URL names no host")]
    NoHost,
    /// It names no user.
    #[error("the URL names no user")]
    NoUser,
    /// It names no database.
    #[error("the URL names no database")]
    NoDatabase,
    /// It carries a password, which does not belong into a configuration.
    #[error("the URL carries a password")]
    HasPassword,
}

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(20);

impl Settings {
    /// Checks a URL.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn check_url(url: &str) -> Result<(), UrlError> {
        let config = Config::from_str(url).map_err(|_| UrlError::NotUnderstood)?;
        if config.get_password().is_some() {
            return Err(UrlError::HasPassword);
        }
        if config.get_hosts().is_empty() {
            return Err(UrlError::NoHost);
        }
        if config.get_user().is_none() {
            return Err(UrlError::NoUser);
        }
        if config.get_dbname().is_none() {
            return Err(UrlError::NoDatabase);
        }
        Ok(())
    }

    /// What the client library needs, with the password as it is now.
    pub(crate) fn config(&self, application: &str) -> Result<Config, ForwardError> {
        let mut config = Config::from_str(&self.url).map_err(ForwardError::Url)?;
        let password = match &self.password {
            Password::None => None,
            Password::Environment(name) => {
                Some(std::env::var(name).map_err(|_| ForwardError::NoVariable(name.clone()))?)
            }
            Password::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|source| ForwardError::File { path: path.clone(), source })?;
                Some(text.lines().next().unwrap_or_default().to_owned())
            }
        };
        if let Some(password) = password {
            config.password(password);
        }
        config
            .application_name(application)
            .connect_timeout(CONNECT_PATIENCE)
            .keepalives_idle(SILENCE / 2)
            .keepalives_interval(SILENCE / 4)
            .keepalives_retries(2)
            .tcp_user_timeout(SILENCE)
            .ssl_mode(if self.tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
        Ok(config)
    }

    /// Host, port and database, for people.
    pub fn place(&self) -> String {
        let Ok(config) = Config::from_str(&self.url) else { return "the database".to_owned() };
        let host = match config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_anything_connects() {
        assert_eq!(Settings::check_url("postgresql://plant@db.example:5432/history"), Ok(()));
        for (url, error) in [
            ("postgresql://plant:secret@db/history", UrlError::HasPassword),
            ("postgresql://db/history", UrlError::NoUser),
            ("postgresql://plant@db", UrlError::NoDatabase),
            ("mysql//", UrlError::NotUnderstood),
            ("user=plant dbname=history", UrlError::NoHost),
        ] {
            assert_eq!(Settings::check_url(url), Err(error), "{url}");
        }
    }
}
