//! How a link gets its stream of bytes, for drivers that speak over TCP.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{BoxFuture, BuildError};

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens the stream of a link; tests put their own in place of TCP or a serial port.
pub trait Connector: Send {
    /// Opens a new stream.
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>>;
}

/// A closure that makes a stream at once, such as one end of `tokio::io::duplex`.
impl<F, S> Connector for F
where
    F: FnMut() -> io::Result<S> + Send,
    S: Stream + 'static,
{
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        let stream = self().map(|stream| Box::new(stream) as Box<dyn Stream>);
        Box::pin(async move { stream })
    }
}

/// Host and port of a link over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name or address.
    pub name: Arc<str>,
    /// TCP port.
    pub port: u16,
}

impl Host {
    /// Parses `host`, `host:port` or `[v6]:port`.
    ///
    /// # Errors
    /// [`BuildError`] for the key `address`.
    pub fn parse(address: &str, default_port: u16) -> Result<Self, BuildError> {
        let wrong = |problem: String| BuildError {
            key: "address",
            problem,
            fix: format!("write host:port, as in \"192.168.0.10:{default_port}\"; port {default_port} may be left out"),
        };
        let address = address.trim();
        let (name, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (name, rest) = rest.split_once(']').ok_or_else(|| wrong(format!("\"{address}\" lacks a ]")))?;
                (name, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').unwrap_or(rest)) })
            }
            None => match address.split_once(':') {
                // Two colons without brackets are a version 6 address without a port.
                Some((_, port)) if port.contains(':') => (address, None),
                Some((name, port)) => (name, Some(port)),
                None => (address, None),
            },
        };
        if name.is_empty() || name.contains(char::is_whitespace) || name.contains('/') {
            return Err(wrong(format!("\"{address}\" is no host and port")));
        }
        let port = match port {
            None => default_port,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| wrong(format!("\"{port}\" in \"{address}\" is no port")))?,
        };
        Ok(Self { name: Arc::from(name), port })
    }
}

/// Connects over TCP.
#[derive(Clone, Debug)]
pub struct TcpConnector {
    /// Where to.
    pub host: Host,
}

impl Connector for TcpConnector {
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect((&*self.host.name, self.host.port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_port() {
        for (text, name, port) in [
            ("127.0.0.1:5020", "127.0.0.1", 5020),
            ("plc7", "plc7", 502),
            ("[::1]:1502", "::1", 1502),
            ("[::1]", "::1", 502),
            ("fe80::1", "fe80::1", 502),
        ] {
            let found = Host::parse(text, 502).expect(text);
            assert_eq!((&*found.name, found.port), (name, port), "{text}");
        }
        for text in ["", ":502", "plc7:", "plc7:x", "plc7:70000", "plc7:0", "[::1", "/dev/ttyUSB0", "a b"] {
            let error = Host::parse(text, 502).expect_err(text);
            assert_eq!(error.key, "address");
        }
    }
}
