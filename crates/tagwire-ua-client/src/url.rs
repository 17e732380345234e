//! Addresses of servers.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// Longest URL accepted (OPC UA Part 6, 7.1.2.3).
const MAX_BYTES: usize = 4096;
const DEFAULT_PORT: u16 = 4840;
const SCHEME: &str = "opc.tcp://";

/// Where a server listens: `opc.tcp://host[:port][/path]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme than `opc.tcp`.
    #[error("\"{0}\" does not begin with \"opc.tcp://\"")]
    Scheme(String),
    /// No host, or characters that cannot stand in one.
    #[error("\"{0}\" holds no host name or address")]
    Host(String),
    /// The port is no number from 1 to 65535.
    #[error("\"{0}\" holds no port from 1 to 65535")]
    Port(String),
    /// Longer than 4096 bytes.
    #[error("URL is longer than 4096 bytes")]
    TooLong,
}

impl Url {
    /// Host name, IPv4 address, or IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port, 4840 where none was given.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this machine by name or address.
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

/// The scheme may be left out: `plc1`, `plc1:4841`.
impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(UrlError::TooLong);
        }
        let rest = match text.strip_prefix(SCHEME) {
            Some(rest) => rest,
            None if text.contains("://") => return Err(UrlError::Scheme(text.to_owned())),
            None => text,
        };
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, String::new()),
        };
        let no_host = || UrlError::Host(text.to_owned());
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or_else(no_host)?;
                address.parse::<Ipv6Addr>().map_err(|_| no_host())?;
                match port.strip_prefix(':') {
                    Some(port) => (address, Some(port)),
                    None if port.is_empty() => (address, None),
                    None => return Err(no_host()),
                }
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(no_host());
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| UrlError::Port(text.to_owned()))?,
            None => DEFAULT_PORT,
        };
        Ok(Self { host: host.to_owned(), port, path })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{SCHEME}[{}]:{}{}", self.host, self.port, self.path)
        } else {
            write!(f, "{SCHEME}{}:{}{}", self.host, self.port, self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_people_type() {
        for (text, printed) in [
            ("opc.tcp://plc1", "opc.tcp://plc1:4840"),
            ("opc.tcp://plc1:4841/a/b", "opc.tcp://plc1:4841/a/b"),
            (" plc1:4841 ", "opc.tcp://plc1:4841"),
            ("opc.tcp://[::1]:1/", "opc.tcp://[::1]:1/"),
            ("[fe80::1]", "opc.tcp://[fe80::1]:4840"),
        ] {
            let url: Url = text.parse().expect(text);
            assert_eq!(url.to_string(), printed);
            assert_eq!(url.to_string().parse(), Ok(url));
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "http://plc1",
            "opc.tcp://",
            "opc.tcp:///x",
            "opc.tcp://a b",
            "opc.tcp://a:0",
            "opc.tcp://a:65536",
            "opc.tcp://a:",
            "opc.tcp://[::1",
            "opc.tcp://[x]",
            "opc.tcp://[::1]x",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
        assert_eq!("a".repeat(5000).parse::<Url>(), Err(UrlError::TooLong));
    }

    #[test]
    fn knows_this_machine() {
        for (text, expected) in [("localhost", true), ("127.0.0.9", true), ("[::1]", true), ("plc1", false)] {
            assert_eq!(text.parse::<Url>().expect(text).is_loopback(), expected, "{text}");
        }
    }
}
