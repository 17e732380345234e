//! How a link gets its stream of bytes.

use std::io;
use std::sync::Arc;

use tagwire_driver::{BoxFuture, BuildError, Settings};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_serial::{ClearBuffer, DataBits, Parity, SerialPort as _, SerialPortBuilderExt as _, StopBits};

use crate::codec::Framing;

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

/// What carries the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Serial,
}

/// The kinds of link with their carrier and framing.
pub(super) const KINDS: [(&str, Carrier, Framing); 5] = [
    ("modbus-tcp", Carrier::Tcp, Framing::Tcp),
    ("modbus-rtu", Carrier::Serial, Framing::Rtu),
    ("modbus-ascii", Carrier::Serial, Framing::Ascii),
    ("modbus-rtu-over-tcp", Carrier::Tcp, Framing::Rtu),
    ("modbus-ascii-over-tcp", Carrier::Tcp, Framing::Ascii),
];

/// Carrier and framing of a kind.
pub(super) fn kind(name: &str) -> Option<(Carrier, Framing)> {
    KINDS.iter().find(|(known, ..)| *known == name).map(|(_, carrier, framing)| (*carrier, *framing))
}

/// Port of Modbus TCP (assigned by IANA).
const DEFAULT_PORT: u16 = 502;

/// Host and port of a link over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub name: Arc<str>,
    pub port: u16,
}

/// Parses `host`, `host:port` or `[v6]:port`.
pub(super) fn host(address: &str) -> Result<Host, BuildError> {
    let wrong = |problem: String| BuildError {
        key: "address",
        problem,
        fix: "write host:port, as in \"192.168.0.10:502\"; port 502 may be left out".to_owned(),
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
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| wrong(format!("\"{port}\" in \"{address}\" is no port")))?,
    };
    Ok(Host { name: Arc::from(name), port })
}

/// Connects over TCP.
pub(super) struct TcpConnector {
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

/// Opens a serial port.
pub(super) struct SerialConnector {
    path: String,
    baud: u32,
    parity: Parity,
    data_bits: DataBits,
    stop_bits: StopBits,
}

impl SerialConnector {
    pub(super) fn new(address: &str, framing: Framing, settings: &Settings) -> Result<Self, BuildError> {
        let path = address.trim();
        if path.is_empty() {
            let fix = "write the serial port, as in \"/dev/ttyUSB0\" or \"COM3\"".to_owned();
            return Err(BuildError { key: "address", problem: "address is empty".to_owned(), fix });
        }
        let data_bits = match settings.integer("data_bits") {
            Some(7) if framing == Framing::Rtu => {
                let problem = "RTU does not work with 7 data bits".to_owned();
                return Err(BuildError { key: "data_bits", problem, fix: "write data_bits = 8".to_owned() });
            }
            Some(7) => DataBits::Seven,
            _ => DataBits::Eight,
        };
        Ok(Self {
            path: path.to_owned(),
            baud: settings.integer("baud").and_then(|baud| u32::try_from(baud).ok()).unwrap_or(19_200),
            parity: match settings.text("parity") {
                Some("even") => Parity::Even,
                Some("odd") => Parity::Odd,
                _ => Parity::None,
            },
            data_bits,
            stop_bits: if settings.integer("stop_bits") == Some(2) { StopBits::Two } else { StopBits::One },
        })
    }
}

impl Connector for SerialConnector {
    fn connect(&mut self) -> BoxFuture<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let port = tokio_serial::new(&self.path, self.baud)
                .parity(self.parity)
                .data_bits(self.data_bits)
                .stop_bits(self.stop_bits)
                .open_native_async()?;
            port.clear(ClearBuffer::All)?;
            Ok(Box::new(port) as Box<dyn Stream>)
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
            let found = host(text).expect(text);
            assert_eq!((&*found.name, found.port), (name, port), "{text}");
        }
        for text in ["", ":502", "plc7:", "plc7:x", "plc7:70000", "plc7:0", "[::1", "/dev/ttyUSB0", "a b"] {
            let error = host(text).expect_err(text);
            assert_eq!(error.key, "address");
        }
    }
}
