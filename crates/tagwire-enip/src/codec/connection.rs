//! Requests to the connection manager (CIP Volume 1, 3-5): connections of transport class 3, and single requests
//! passed on through modules.

use super::{CodecError, Reader, class, message::Request, path, service};

/// Path of the connection manager.
pub const MANAGER: [u8; 4] = [0x20, class::CONNECTION_MANAGER as u8, 0x24, 0x01];
/// Bytes of a large connection that current controllers take.
pub const LARGE: u16 = 4002;
/// Bytes of a connection that every controller takes.
pub const SMALL: u16 = 504;
/// Largest size of a Forward Open that is not large.
pub const MAX_SMALL: u16 = 511;

/// How long modules may take to pass a request on: ticks of 2^10 ms.
const PRIORITY_TICK: u8 = 0x0A;
const TIMEOUT_TICKS: u8 = 0x05;
/// Point to point, low priority, variable size.
const PARAMETERS: u16 = 0x4200;
/// Transport class 3, server, application trigger.
const TRANSPORT: u8 = 0xA3;

/// Who opens a connection, unique on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Originator {
    /// Vendor of the client.
    pub vendor: u16,
    /// Serial number of the client.
    pub serial: u32,
}

/// A connection to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardOpen<'a> {
    /// Number of the connection for messages from the device, chosen by the client.
    pub to_client: u32,
    /// Number of the connection for messages to the device; the device chooses another one.
    pub to_device: u32,
    /// Serial number of the connection, unique for its originator.
    pub serial: u16,
    /// Who opens it.
    pub originator: Originator,
    /// The connection ends after this many packet intervals without a message: 4 shifted left by so much.
    pub timeout_multiplier: u8,
    /// Packet interval in microseconds.
    pub interval: u32,
    /// Most bytes of a message, sequence count included.
    pub size: u16,
    /// Route and object; see [`message_router`].
    pub path: &'a [u8],
}

impl<'a> ForwardOpen<'a> {
    /// The service for this size.
    pub const fn service(&self) -> u8 {
        if self.size > MAX_SMALL { service::LARGE_FORWARD_OPEN } else { service::FORWARD_OPEN }
    }

    /// Appends the data of the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[PRIORITY_TICK, TIMEOUT_TICKS]);
        out.extend_from_slice(&self.to_device.to_le_bytes());
        out.extend_from_slice(&self.to_client.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.originator.vendor.to_le_bytes());
        out.extend_from_slice(&self.originator.serial.to_le_bytes());
        out.extend_from_slice(&[self.timeout_multiplier, 0, 0, 0]);
        for _ in 0..2 {
            out.extend_from_slice(&self.interval.to_le_bytes());
            if self.size > MAX_SMALL {
                out.extend_from_slice(&(u32::from(PARAMETERS) << 16 | u32::from(self.size)).to_le_bytes());
            } else {
                out.extend_from_slice(&(PARAMETERS | self.size).to_le_bytes());
            }
        }
        out.extend_from_slice(&[TRANSPORT, (self.path.len() / 2) as u8]);
        out.extend_from_slice(self.path);
    }

    /// Takes the data of a request apart; the size is the smaller one of both directions.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(service: u8, data: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "forward open");
        let _ticks = reader.u16()?;
        let (to_device, to_client, serial) = (reader.u32()?, reader.u32()?, reader.u16()?);
        let originator = Originator { vendor: reader.u16()?, serial: reader.u32()? };
        let timeout_multiplier = reader.u8()?;
        reader.bytes(3)?;
        let interval = reader.u32()?;
        let size = |reader: &mut Reader<'_>| match service {
            service::LARGE_FORWARD_OPEN => reader.u32().map(|parameters| parameters as u16),
            _ => reader.u16().map(|parameters| parameters & 0x1FF),
        };
        let to_device_size = size(&mut reader)?;
        let _interval = reader.u32()?;
        let size = to_device_size.min(size(&mut reader)?);
        let (_transport, n_words) = (reader.u8()?, reader.u8()?);
        let path = reader.bytes(2 * usize::from(n_words))?;
        Ok(Self { to_client, to_device, serial, originator, timeout_multiplier, interval, size, path })
    }
}

/// A connection that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Number for messages to the device.
    pub to_device: u32,
    /// Number for messages from the device.
    pub to_client: u32,
    /// Serial number of the connection.
    pub serial: u16,
    /// Who opened it.
    pub originator: Originator,
    /// Actual packet interval to the device in microseconds.
    pub interval: u32,
}

impl Opened {
    /// Takes the data of an answer apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(data: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "forward open");
        let (to_device, to_client, serial) = (reader.u32()?, reader.u32()?, reader.u16()?);
        let originator = Originator { vendor: reader.u16()?, serial: reader.u32()? };
        Ok(Self { to_device, to_client, serial, originator, interval: reader.u32()? })
    }

    /// Appends the data of the answer.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_device.to_le_bytes());
        out.extend_from_slice(&self.to_client.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.originator.vendor.to_le_bytes());
        out.extend_from_slice(&self.originator.serial.to_le_bytes());
        out.extend_from_slice(&self.interval.to_le_bytes());
        out.extend_from_slice(&self.interval.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}

/// The connection that a Forward Close ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardClose<'a> {
    /// Serial number of the connection.
    pub serial: u16,
    /// Who opened it.
    pub originator: Originator,
    /// The path it was opened with.
    pub path: &'a [u8],
}

impl<'a> ForwardClose<'a> {
    /// Appends the data of the request.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[PRIORITY_TICK, TIMEOUT_TICKS]);
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.originator.vendor.to_le_bytes());
        out.extend_from_slice(&self.originator.serial.to_le_bytes());
        out.extend_from_slice(&[(self.path.len() / 2) as u8, 0]);
        out.extend_from_slice(self.path);
    }

    /// Takes the data of a request apart.
    ///
    /// # Errors
    /// [`CodecError::Short`] when it ends too early.
    pub fn decode(data: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "forward close");
        let _ticks = reader.u16()?;
        let serial = reader.u16()?;
        let originator = Originator { vendor: reader.u16()?, serial: reader.u32()? };
        Ok(Self { serial, originator, path: reader.rest().get(2..).unwrap_or_default() })
    }

    /// Appends the data of the answer.
    pub fn encode_answer(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.originator.vendor.to_le_bytes());
        out.extend_from_slice(&self.originator.serial.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
    }
}

/// The path of a connection: the route, then the message router of the device at its end.
pub fn message_router(route: &[u8]) -> Vec<u8> {
    [route, &super::packet::PATH].concat()
}

/// Appends the data of an Unconnected Send: one request, and the route to the device that it is for.
pub fn encode_unconnected_send(out: &mut Vec<u8>, request: &Request<'_>, route: &[u8]) {
    out.extend_from_slice(&[PRIORITY_TICK, TIMEOUT_TICKS]);
    out.extend_from_slice(&(request.len() as u16).to_le_bytes());
    request.encode(out);
    if request.len() % 2 == 1 {
        out.push(0);
    }
    out.extend_from_slice(&[(route.len() / 2) as u8, 0]);
    out.extend_from_slice(route);
}

/// The request in the data of an Unconnected Send, and its route.
///
/// # Errors
/// [`CodecError::Short`] when it ends too early.
pub fn decode_unconnected_send(data: &[u8]) -> Result<(&[u8], &[u8]), CodecError> {
    let mut reader = Reader::new(data, "unconnected send");
    let _ticks = reader.u16()?;
    let len = usize::from(reader.u16()?);
    let request = reader.bytes(len)?;
    if len % 2 == 1 {
        reader.u8()?;
    }
    let n_words = reader.u8()?;
    reader.u8()?;
    Ok((request, reader.bytes(2 * usize::from(n_words))?))
}

/// The route in a path of a connection: its port segments.
pub fn route_of(whole: &[u8]) -> &[u8] {
    let mut segments = path::segments(whole);
    let mut len = 0;
    while let Some(Ok(path::Segment::Port { .. })) = segments.next() {
        len = whole.len() - segments.rest().len();
    }
    whole.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINATOR: Originator = Originator { vendor: 0x1337, serial: 0xCAFE_F00D };

    #[test]
    fn connections_of_both_sizes_come_back() {
        let path = message_router(&[1, 0]);
        for size in [SMALL, LARGE] {
            let open = ForwardOpen {
                to_client: 0x1111,
                to_device: 0x2222,
                serial: 3,
                originator: ORIGINATOR,
                timeout_multiplier: 5,
                interval: 2_000_000,
                size,
                path: &path,
            };
            let mut out = Vec::new();
            open.encode(&mut out);
            assert_eq!(ForwardOpen::decode(open.service(), &out), Ok(open));
            assert_eq!(route_of(open.path), [1, 0]);
            assert!(ForwardOpen::decode(open.service(), &out[..out.len() - 1]).is_err());
        }
        let close = ForwardClose { serial: 3, originator: ORIGINATOR, path: &path };
        let mut out = Vec::new();
        close.encode(&mut out);
        assert_eq!(ForwardClose::decode(&out), Ok(close));
        let opened = Opened { to_device: 1, to_client: 2, serial: 3, originator: ORIGINATOR, interval: 2_000_000 };
        out.clear();
        opened.encode(&mut out);
        assert_eq!((Opened::decode(&out), out.len()), (Ok(opened), 26));
    }

    #[test]
    fn an_unconnected_send_keeps_request_and_route_apart() {
        for data in [&[][..], &[1], &[1, 0]] {
            let request = Request { service: 0x4C, path: &[0x91, 2, b'a', b'b'], data };
            let mut out = Vec::new();
            encode_unconnected_send(&mut out, &request, &[1, 2]);
            let (inner, route) = decode_unconnected_send(&out).expect("a send");
            assert_eq!((Request::decode(inner), route), (Ok(request), &[1, 2][..]));
        }
    }
}
