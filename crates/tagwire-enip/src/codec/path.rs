//! Paths: segments that lead to an object, to a tag or through modules (CIP Volume 1, appendix C), padded.

use super::{CodecError, Reader};

/// One segment of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A class.
    Class(u16),
    /// An instance of a class.
    Instance(u32),
    /// An element of an array.
    Element(u32),
    /// An attribute of an instance.
    Attribute(u16),
    /// A connection point.
    ConnectionPoint(u16),
    /// The name of a tag, of a program or of a member.
    Symbol(&'a [u8]),
    /// Out of a port to a module: a slot, or an address as text.
    Port {
        /// 1 is the backplane, 2 is usually the network.
        port: u16,
        /// The address behind the port.
        link: &'a [u8],
    },
    /// Which device is expected there.
    Key(&'a [u8]),
}

impl Segment<'_> {
    /// Appends the segment.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Class(id) => logical(out, 0x20, id.into()),
            Self::Instance(id) => logical(out, 0x24, id),
            Self::Element(id) => logical(out, 0x28, id),
            Self::ConnectionPoint(id) => logical(out, 0x2C, id.into()),
            Self::Attribute(id) => logical(out, 0x30, id.into()),
            Self::Symbol(name) => {
                out.extend_from_slice(&[0x91, name.len() as u8]);
                out.extend_from_slice(name);
                if name.len() % 2 == 1 {
                    out.push(0);
                }
            }
            Self::Port { port, link } => {
                let low = if port < 15 { port as u8 } else { 15 };
                let long = link.len() != 1;
                out.push(low | if long { 0x10 } else { 0 });
                if long {
                    out.push(link.len() as u8);
                }
                if low == 15 {
                    out.extend_from_slice(&port.to_le_bytes());
                }
                out.extend_from_slice(link);
                if link.len() % 2 == usize::from(long) {
                    out.push(0);
                }
            }
            Self::Key(key) => {
                out.extend_from_slice(&[0x34, 4]);
                out.extend_from_slice(key);
            }
        }
    }
}

/// A logical segment in its shortest form: 8, 16 or 32 bits.
fn logical(out: &mut Vec<u8>, kind: u8, id: u32) {
    match (u8::try_from(id), u16::try_from(id)) {
        (Ok(id), _) => out.extend_from_slice(&[kind, id]),
        (_, Ok(id)) => {
            out.extend_from_slice(&[kind | 1, 0]);
            out.extend_from_slice(&id.to_le_bytes());
        }
        _ => {
            out.extend_from_slice(&[kind | 2, 0]);
            out.extend_from_slice(&id.to_le_bytes());
        }
    }
}

/// A path that leads to an instance of a class.
pub fn to_instance(class: u16, instance: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    Segment::Class(class).encode(&mut out);
    Segment::Instance(instance).encode(&mut out);
    out
}

/// The segments of a path.
pub const fn segments(path: &[u8]) -> Segments<'_> {
    Segments { reader: Reader::new(path, "path") }
}

/// Iterator over the segments of a path; ends after the first error.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    reader: Reader<'a>,
}

impl<'a> Segments<'a> {
    /// What is left of the path.
    pub const fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }

    fn read(&mut self) -> Result<Segment<'a>, CodecError> {
        let kind = self.reader.u8()?;
        match kind {
            0x34 => {
                let format = self.reader.u8()?;
                if format != 4 {
                    return Err(CodecError::Value { what: "format of a key", value: format.into() });
                }
                Ok(Segment::Key(self.reader.bytes(8)?))
            }
            0x20..=0x33 => self.logical(kind),
            0x91 => {
                let len = usize::from(self.reader.u8()?);
                let name = self.reader.bytes(len)?;
                if len % 2 == 1 {
                    self.reader.u8()?;
                }
                Ok(Segment::Symbol(name))
            }
            0x01..=0x1F if kind & 0x0F != 0 => {
                let long = kind & 0x10 != 0;
                let len = if long { usize::from(self.reader.u8()?) } else { 1 };
                let port = match kind & 0x0F {
                    15 => self.reader.u16()?,
                    port => port.into(),
                };
                let link = self.reader.bytes(len)?;
                if len % 2 == usize::from(long) {
                    self.reader.u8()?;
                }
                Ok(Segment::Port { port, link })
            }
            _ => Err(CodecError::Value { what: "segment of a path", value: kind.into() }),
        }
    }

    fn logical(&mut self, kind: u8) -> Result<Segment<'a>, CodecError> {
        let id = match kind & 3 {
            0 => self.reader.u8()?.into(),
            1 => {
                self.reader.u8()?;
                self.reader.u16()?.into()
            }
            2 => {
                self.reader.u8()?;
                self.reader.u32()?
            }
            _ => return Err(CodecError::Value { what: "segment of a path", value: kind.into() }),
        };
        let short = |id: u32| u16::try_from(id).map_err(|_| CodecError::Value { what: "segment of a path", value: id });
        Ok(match kind & !3 {
            0x20 => Segment::Class(short(id)?),
            0x24 => Segment::Instance(id),
            0x28 => Segment::Element(id),
            0x2C => Segment::ConnectionPoint(short(id)?),
            _ => Segment::Attribute(short(id)?),
        })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let segment = self.read();
        if segment.is_err() {
            self.reader = Reader::new(&[], "path");
        }
        Some(segment)
    }
}

/// Why a text is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no route")]
pub struct RouteError(pub String);

/// Parses a route through modules: pairs of port and address between commas or slashes, as in `1,0` (backplane,
/// slot 0) or `1,1,2,192.168.1.7,1,0`. `bp` or `backplane` stand for port 1, `enet` for port 2. Empty for none.
///
/// # Errors
/// [`RouteError`] for anything else.
pub fn parse_route(text: &str) -> Result<Vec<u8>, RouteError> {
    let wrong = || RouteError(text.to_owned());
    let mut out = Vec::new();
    if text.trim().is_empty() {
        return Ok(out);
    }
    let parts: Vec<&str> = text.split([',', '/', '\\']).map(str::trim).collect();
    for pair in parts.chunks(2) {
        let &[port, link] = pair else { return Err(wrong()) };
        let port = match port.to_ascii_lowercase().as_str() {
            "bp" | "backplane" => 1,
            "enet" => 2,
            number => number.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
        };
        let is_name = link.contains('.') || link.contains(':') || link.parse::<u32>().is_err();
        if is_name {
            let is_plain = link.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
            if link.is_empty() || link.len() > 64 || !is_plain {
                return Err(wrong());
            }
            Segment::Port { port, link: link.as_bytes() }.encode(&mut out);
        } else {
            let slot = link.parse::<u8>().map_err(|_| wrong())?;
            Segment::Port { port, link: &[slot] }.encode(&mut out);
        }
    }
    if out.len() > 400 { Err(wrong()) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_comes_back() {
        let all = [
            Segment::Class(0x6B),
            Segment::Class(0x1234),
            Segment::Instance(7),
            Segment::Instance(0x1_0000),
            Segment::Element(300),
            Segment::Attribute(1),
            Segment::ConnectionPoint(100),
            Segment::Symbol(b"Pump"),
            Segment::Symbol(b"odd"),
            Segment::Port { port: 1, link: &[3] },
            Segment::Port { port: 2, link: b"10.0.0.7" },
            Segment::Port { port: 2, link: b"10.0.0.17" },
            Segment::Port { port: 40, link: &[3] },
            Segment::Key(&[0; 8]),
        ];
        let mut out = Vec::new();
        for segment in all {
            segment.encode(&mut out);
            assert_eq!(out.len() % 2, 0, "{segment:?}");
        }
        assert_eq!(segments(&out).collect::<Result<Vec<_>, _>>().expect("segments"), all);
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let mut out = Vec::new();
        Segment::Symbol(b"Tag").encode(&mut out);
        Segment::Element(1000).encode(&mut out);
        assert_eq!(out, [0x91, 3, b'T', b'a', b'g', 0, 0x29, 0, 0xE8, 3]);
        assert_eq!(to_instance(6, 1), [0x20, 6, 0x24, 1]);
    }

    #[test]
    fn routes_are_pairs_of_port_and_address() {
        assert_eq!(parse_route("1,0").expect("route"), [1, 0]);
        assert_eq!(parse_route("bp/3").expect("route"), [1, 3]);
        assert_eq!(parse_route("").expect("none"), []);
        let route = parse_route("1,1,2,10.0.0.17,1,0").expect("route");
        assert_eq!(route, [&[1, 1, 0x12, 9][..], b"10.0.0.17", &[0, 1, 0]].concat());
        for bad in ["1", "x,1", "1,300", "0,1", "1,", "1,a b"] {
            assert!(parse_route(bad).is_err(), "{bad}");
        }
    }
}
