//! How a link gets its stream of bytes.

use std::io;

use tagwire_driver::{BoxFuture, BuildError, Connector, Host, Settings, Stream};
use tokio_serial::{ClearBuffer, DataBits, Parity, SerialPort as _, SerialPortBuilderExt as _, StopBits};

use crate::codec::Framing;

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

/// Where a link over TCP leads to.
pub(super) fn host(address: &str) -> Result<Host, BuildError> {
    Host::parse(address, DEFAULT_PORT)
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
