//! Messages of Pyro4 and Pyro5: bytes in, messages out, and back.

use thiserror::Error;

/// Longest payload taken, in bytes, also after it was inflated.
pub const MAX_DATA: usize = 4 * 1024 * 1024;
/// Most bytes of annotations.
pub const MAX_ANNOTATIONS: usize = 16 * 1024;
/// How many times longer a payload may become when it is inflated.
pub const MAX_RATIO: usize = 100;

const TAG: &[u8; 4] = b"PYRO";
const MAGIC_4: u16 = 0x34E9;
const MAGIC_5: u16 = 0x4DC5;
/// The serializer for literals.
const SERPENT: u8 = 1;

/// Which of the two formats a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Protocol version 48.
    Pyro4,
    /// Protocol version 502.
    Pyro5,
}

impl Dialect {
    const fn version(self) -> u16 {
        match self {
            Self::Pyro4 => 48,
            Self::Pyro5 => 502,
        }
    }

    /// The flag of a result that is a stream.
    pub const fn stream_flag(self) -> u16 {
        match self {
            Self::Pyro4 => 32,
            Self::Pyro5 => 16,
        }
    }

    const fn header_len(self) -> usize {
        match self {
            Self::Pyro4 => 24,
            Self::Pyro5 => 40,
        }
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first message of a client.
    Connect,
    /// Its acceptance.
    ConnectOk,
    /// Its refusal.
    ConnectFail,
    /// A call.
    Invoke,
    /// What a call gave.
    Result,
    /// A sign of life.
    Ping,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Connect, Self::ConnectOk, Self::ConnectFail, Self::Invoke, Self::Result, Self::Ping];

    const fn number(self) -> u8 {
        match self {
            Self::Connect => 1,
            Self::ConnectOk => 2,
            Self::ConnectFail => 3,
            Self::Invoke => 4,
            Self::Result => 5,
            Self::Ping => 6,
        }
    }
}

/// The payload is an exception.
pub const EXCEPTION: u16 = 1;
/// The payload is deflated.
pub const COMPRESSED: u16 = 2;
/// The caller waits for no answer.
pub const ONEWAY: u16 = 4;
/// The payload holds several calls.
pub const BATCH: u16 = 8;
/// The client wants to know the methods; Pyro4 only.
pub const META: u16 = 16;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The format of the peer.
    pub dialect: Dialect,
    /// What it is for.
    pub kind: Kind,
    /// Bits such as [`EXCEPTION`].
    pub flags: u16,
    /// The number that the answer repeats.
    pub sequence: u16,
    /// The id that the answer repeats; Pyro5 only.
    pub correlation: [u8; 16],
    /// The stream that a result stands for.
    pub stream: Option<String>,
    /// The payload.
    pub data: Vec<u8>,
}

impl Message {
    /// The answer to this message.
    pub fn answer(&self, kind: Kind, flags: u16, data: Vec<u8>) -> Self {
        Self { kind, flags, data, stream: None, ..self.clone() }
    }

    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        let annotations = self.annotations();
        let mut out = Vec::with_capacity(self.dialect.header_len() + annotations.len() + self.data.len());
        let data_len = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        let kind = self.kind.number();
        out.extend(TAG);
        out.extend(self.dialect.version().to_be_bytes());
        match self.dialect {
            Dialect::Pyro4 => {
                let annotations_len = u16::try_from(annotations.len()).unwrap_or(u16::MAX);
                let sum = [u32::from(kind), 48, data_len, u32::from(annotations_len), u32::from(SERPENT)]
                    .into_iter()
                    .chain([u32::from(self.flags), u32::from(self.sequence), u32::from(MAGIC_4)])
                    .fold(0_u32, u32::wrapping_add);
                out.extend(u16::from(kind).to_be_bytes());
                out.extend(self.flags.to_be_bytes());
                out.extend(self.sequence.to_be_bytes());
                out.extend(data_len.to_be_bytes());
                out.extend(u16::from(SERPENT).to_be_bytes());
                out.extend(annotations_len.to_be_bytes());
                out.extend([0, 0]);
                out.extend((sum as u16).to_be_bytes());
            }
            Dialect::Pyro5 => {
                out.extend([kind, SERPENT]);
                out.extend(self.flags.to_be_bytes());
                out.extend(self.sequence.to_be_bytes());
                out.extend(data_len.to_be_bytes());
                out.extend(u32::try_from(annotations.len()).unwrap_or(u32::MAX).to_be_bytes());
                out.extend(self.correlation);
                out.extend([0, 0]);
                out.extend(MAGIC_5.to_be_bytes());
            }
        }
        out.extend(annotations);
        out.extend(&self.data);
        out
    }

    fn annotations(&self) -> Vec<u8> {
        let Some(stream) = &self.stream else { return Vec::new() };
        let mut out = b"STRM".to_vec();
        match self.dialect {
            Dialect::Pyro4 => out.extend(u16::try_from(stream.len()).unwrap_or(u16::MAX).to_be_bytes()),
            Dialect::Pyro5 => out.extend(u32::try_from(stream.len()).unwrap_or(u32::MAX).to_be_bytes()),
        }
        out.extend(stream.as_bytes());
        out
    }
}

/// Why bytes are no message; the connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// Another protocol.
    #[error("peer does not speak Pyro")]
    Protocol,
    /// Another version; Pyro3 among them.
    #[error("peer speaks version {0} of Pyro")]
    Version(u16),
    /// The sum over the header is wrong.
    #[error("header of a message is damaged")]
    Damaged,
    /// A kind of message that there is not.
    #[error("message is of unknown type {0}")]
    Kind(u16),
    /// Another serializer, such as pickle, which would run what it reads.
    #[error("payload is written by serializer {0}, and only serpent is read")]
    Serializer(u16),
    /// Longer than the limits.
    #[error("message is too long")]
    TooLong,
    /// The deflated payload is damaged, or becomes too long.
    #[error("compressed payload cannot be read")]
    Compression,
}

/// Bytes that came, cut into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

struct Header {
    dialect: Dialect,
    kind: Kind,
    flags: u16,
    sequence: u16,
    correlation: [u8; 16],
    data_len: usize,
    annotations_len: usize,
}

impl Decoder {
    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message, once all of it has come.
    ///
    /// # Errors
    /// [`WireError`] as soon as the header tells that there will never be one.
    pub fn next_message(&mut self) -> Result<Option<Message>, WireError> {
        let Some(header) = self.header()? else { return Ok(None) };
        let begin = header.dialect.header_len() + header.annotations_len;
        let end = begin + header.data_len;
        let Some(data) = self.bytes.get(begin..end) else { return Ok(None) };
        let data = if header.flags & COMPRESSED == 0 { data.to_vec() } else { inflate(data)? };
        self.bytes.drain(..end);
        Ok(Some(Message {
            dialect: header.dialect,
            kind: header.kind,
            flags: header.flags & !COMPRESSED,
            sequence: header.sequence,
            correlation: header.correlation,
            stream: None,
            data,
        }))
    }

    fn header(&self) -> Result<Option<Header>, WireError> {
        let n_known = self.bytes.len().min(TAG.len());
        if self.bytes.get(..n_known) != TAG.get(..n_known) {
            return Err(WireError::Protocol);
        }
        let Some(version) = self.u16(4) else { return Ok(None) };
        let dialect = [Dialect::Pyro4, Dialect::Pyro5].into_iter().find(|dialect| dialect.version() == version);
        let dialect = dialect.ok_or(WireError::Version(version))?;
        if self.bytes.len() < dialect.header_len() {
            return Ok(None);
        }
        let u16 = |at| self.u16(at).unwrap_or_default();
        let u32 = |at| u32::from(u16(at)) << 16 | u32::from(u16(at + 2));
        let (kind, serializer, flags, sequence, data_len, annotations_len) = match dialect {
            Dialect::Pyro4 => (u16(6), u16(16), u16(8), u16(10), u32(12), u32::from(u16(18))),
            Dialect::Pyro5 => (u16(6) >> 8, u16(6) & 0xFF, u16(8), u16(10), u32(12), u32(16)),
        };
        let is_whole = match dialect {
            Dialect::Pyro4 => {
                let parts = [kind, 48, serializer, flags, sequence, MAGIC_4].map(u32::from);
                let sum = parts.into_iter().chain([data_len, annotations_len]).fold(0_u32, u32::wrapping_add);
                sum as u16 == u16(22)
            }
            Dialect::Pyro5 => u16(38) == MAGIC_5,
        };
        if !is_whole {
            return Err(WireError::Damaged);
        }
        let known = Kind::ALL.into_iter().find(|known| u16::from(known.number()) == kind);
        let known = known.ok_or(WireError::Kind(kind))?;
        // A sign of life has no payload that anybody reads.
        if serializer != u16::from(SERPENT) && known != Kind::Ping {
            return Err(WireError::Serializer(serializer));
        }
        let (data_len, annotations_len) = (data_len as usize, annotations_len as usize);
        if data_len > MAX_DATA || annotations_len > MAX_ANNOTATIONS {
            return Err(WireError::TooLong);
        }
        let mut correlation = [0; 16];
        if dialect == Dialect::Pyro5
            && let Some(found) = self.bytes.get(20..36)
        {
            correlation.copy_from_slice(found);
        }
        Ok(Some(Header { dialect, kind: known, flags, sequence, correlation, data_len, annotations_len }))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at + 2)?;
        Some(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]))
    }
}

fn inflate(data: &[u8]) -> Result<Vec<u8>, WireError> {
    let limit = MAX_DATA.min(data.len().saturating_mul(MAX_RATIO));
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, limit).map_err(|_| WireError::Compression)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(dialect: Dialect) -> Message {
        let correlation = if dialect == Dialect::Pyro5 { [7; 16] } else { [0; 16] };
        Message {
            dialect,
            kind: Kind::Invoke,
            flags: META,
            sequence: 65_535,
            correlation,
            stream: None,
            data: b"# serpent utf-8 python3.2\n(1,2)".to_vec(),
        }
    }

    #[test]
    fn messages_come_back_from_any_pieces() {
        for dialect in [Dialect::Pyro4, Dialect::Pyro5] {
            let sent = message(dialect);
            let bytes = [sent.encode(), sent.encode()].concat();
            for size in [1, 7, 24, bytes.len()] {
                let mut decoder = Decoder::default();
                let mut found = Vec::new();
                for piece in bytes.chunks(size) {
                    decoder.push(piece);
                    while let Some(message) = decoder.next_message().expect("good") {
                        found.push(message);
                    }
                }
                assert_eq!(found, [sent.clone(), sent.clone()]);
            }
        }
    }

    #[test]
    fn the_header_of_pyro4_is_the_measured_one() {
        let connect = Message {
            dialect: Dialect::Pyro4,
            kind: Kind::Connect,
            flags: META,
            sequence: 0,
            correlation: [0; 16],
            stream: None,
            data: vec![0; 10],
        };
        let bytes = connect.encode();
        let sum = 1 + 48 + 10 + 1 + 16 + 0x34E9_u16;
        let expected = [b"PYRO\0\x30\0\x01\0\x10\0\0\0\0\0\x0a\0\x01\0\0\0\0".as_slice(), &sum.to_be_bytes()].concat();
        assert_eq!(bytes.get(..24), Some(expected.as_slice()));
    }

    #[test]
    fn a_bad_header_is_refused_before_its_payload_comes() {
        let good = message(Dialect::Pyro4).encode();
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            let mut decoder = Decoder::default();
            decoder.push(bytes.get(..24).unwrap_or(&bytes));
            decoder.next_message()
        };
        assert_eq!(refused(&|bytes| bytes[0] = b'X'), Err(WireError::Protocol));
        assert_eq!(refused(&|bytes| bytes[5] = 47), Err(WireError::Version(47)));
        assert_eq!(refused(&|bytes| bytes[23] ^= 1), Err(WireError::Damaged));
        assert_eq!(refused(&|bytes| bytes[7] = 9), Err(WireError::Damaged));
        let sealed = |at: usize, by: u8| {
            refused(&|bytes: &mut Vec<u8>| {
                bytes[at] += by;
                let sum = u16::from_be_bytes([bytes[22], bytes[23]]).wrapping_add(if at % 2 == 1 {
                    u16::from(by)
                } else {
                    u16::from(by) << 8
                });
                bytes[22..24].copy_from_slice(&sum.to_be_bytes());
            })
        };
        assert_eq!(sealed(7, 5), Err(WireError::Kind(9)));
        assert_eq!(sealed(17, 3), Err(WireError::Serializer(4)));
        assert_eq!(sealed(18, 100), Err(WireError::TooLong));
    }

    #[test]
    fn a_payload_that_inflates_too_far_is_refused() {
        let deflated = |data: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(data, 6);
        let read = |data: Vec<u8>| {
            let sent = Message { flags: COMPRESSED, data, ..message(Dialect::Pyro4) };
            let mut decoder = Decoder::default();
            decoder.push(&sent.encode());
            decoder.next_message().map(|found| found.map(|message| message.data))
        };
        assert_eq!(read(deflated(b"(1,2)")), Ok(Some(b"(1,2)".to_vec())));
        assert_eq!(read(deflated(&vec![b' '; 1_000_000])), Err(WireError::Compression));
        assert_eq!(read(vec![1, 2, 3]), Err(WireError::Compression));
    }
}
