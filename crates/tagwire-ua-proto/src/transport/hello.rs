//! Messages of the connection itself (Part 6, 7.1.2.3 to 7.1.2.6).

use tagwire_model::Status;

use super::{ChunkKind, Fault, FrameHeader, MessageKind, TransportError};
use crate::codec::{Decode, DecodeError, Encode, Reader, write_str};

/// The version of UA-TCP that is spoken.
pub const PROTOCOL_VERSION: u32 = 0;
/// Smallest buffer that either side may have.
pub const MIN_BUFFER: u32 = 8192;
/// Longest endpoint URL in bytes.
pub const ENDPOINT_URL_MAX: usize = 4096;
/// Longest reason in bytes; longer ones are cut when written and refused when read.
pub const REASON_MAX: usize = 4096;
/// Largest frame before buffers are negotiated. A Hello with a URL that is somewhat too long still fits, so that it
/// gets the right answer.
pub const HELLO_FRAME_MAX: usize = 16_384;

/// First message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Highest version that the client speaks.
    pub protocol_version: u32,
    /// Largest chunk in bytes that the client can receive.
    pub receive_buffer: u32,
    /// Largest chunk in bytes that the client will send.
    pub send_buffer: u32,
    /// Largest response in bytes, 0 for any.
    pub max_message: u32,
    /// Most chunks of a response, 0 for any.
    pub max_chunks: u32,
    /// Where the client wanted to connect to.
    pub endpoint_url: &'a str,
}

impl<'a> Hello<'a> {
    /// Reads what follows the frame header.
    ///
    /// # Errors
    /// [`Fault::EndpointUrl`], [`Fault::BufferTooSmall`], [`Fault::Decode`].
    pub fn parse(content: &'a [u8]) -> Result<Self, TransportError> {
        let mut reader = Reader::new(content);
        let hello = Self {
            protocol_version: reader.u32()?,
            receive_buffer: reader.u32()?,
            send_buffer: reader.u32()?,
            max_message: reader.u32()?,
            max_chunks: reader.u32()?,
            endpoint_url: limited(&mut reader, ENDPOINT_URL_MAX, Fault::EndpointUrl)?,
        };
        reader.finish()?;
        if hello.receive_buffer < MIN_BUFFER || hello.send_buffer < MIN_BUFFER {
            return Err(Fault::BufferTooSmall.into());
        }
        Ok(hello)
    }

    /// Appends the whole frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = FrameHeader::open(MessageKind::Hello, ChunkKind::Final, out);
        let numbers = [self.protocol_version, self.receive_buffer, self.send_buffer, self.max_message, self.max_chunks];
        u32::encode_items(&numbers, out);
        write_str(self.endpoint_url, out);
        FrameHeader::close(start, out);
    }
}

/// Answer of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// Highest version that the server speaks.
    pub protocol_version: u32,
    /// Largest chunk in bytes that the server can receive.
    pub receive_buffer: u32,
    /// Largest chunk in bytes that the server will send.
    pub send_buffer: u32,
    /// Largest request in bytes, 0 for any.
    pub max_message: u32,
    /// Most chunks of a request, 0 for any.
    pub max_chunks: u32,
}

impl Acknowledge {
    /// Reads what follows the frame header.
    ///
    /// # Errors
    /// [`Fault::BufferTooSmall`], [`Fault::Decode`].
    pub fn parse(content: &[u8]) -> Result<Self, TransportError> {
        let mut reader = Reader::new(content);
        let acknowledge = Self {
            protocol_version: reader.u32()?,
            receive_buffer: reader.u32()?,
            send_buffer: reader.u32()?,
            max_message: reader.u32()?,
            max_chunks: reader.u32()?,
        };
        reader.finish()?;
        if acknowledge.receive_buffer < MIN_BUFFER || acknowledge.send_buffer < MIN_BUFFER {
            return Err(Fault::BufferTooSmall.into());
        }
        Ok(acknowledge)
    }

    /// Appends the whole frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = FrameHeader::open(MessageKind::Acknowledge, ChunkKind::Final, out);
        let numbers = [self.protocol_version, self.receive_buffer, self.send_buffer, self.max_message, self.max_chunks];
        u32::encode_items(&numbers, out);
        FrameHeader::close(start, out);
    }
}

/// Last message before the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorMessage<'a> {
    /// Why.
    pub error: Status,
    /// Why, in words.
    pub reason: &'a str,
}

impl<'a> ErrorMessage<'a> {
    /// Reads what follows the frame header.
    ///
    /// # Errors
    /// [`Fault::Decode`].
    pub fn parse(content: &'a [u8]) -> Result<Self, TransportError> {
        let mut reader = Reader::new(content);
        let error = Status::decode(&mut reader)?;
        let reason = limited(&mut reader, REASON_MAX, Fault::Decode(DecodeError::Budget))?;
        Ok(Self { error, reason })
    }

    /// Appends the whole frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = FrameHeader::open(MessageKind::Error, ChunkKind::Final, out);
        self.error.encode(out);
        let end = (0..=self.reason.len().min(REASON_MAX)).rfind(|end| self.reason.is_char_boundary(*end));
        write_str(end.and_then(|end| self.reason.get(..end)).unwrap_or_default(), out);
        FrameHeader::close(start, out);
    }
}

/// First message of a server that dials the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseHello<'a> {
    /// ApplicationUri of the server.
    pub server_uri: &'a str,
    /// The endpoint that the client shall use.
    pub endpoint_url: &'a str,
}

impl<'a> ReverseHello<'a> {
    /// Reads what follows the frame header.
    ///
    /// # Errors
    /// [`Fault::EndpointUrl`], [`Fault::Decode`].
    pub fn parse(content: &'a [u8]) -> Result<Self, TransportError> {
        let mut reader = Reader::new(content);
        let server_uri = limited(&mut reader, ENDPOINT_URL_MAX, Fault::EndpointUrl)?;
        let endpoint_url = limited(&mut reader, ENDPOINT_URL_MAX, Fault::EndpointUrl)?;
        reader.finish()?;
        Ok(Self { server_uri, endpoint_url })
    }

    /// Appends the whole frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = FrameHeader::open(MessageKind::ReverseHello, ChunkKind::Final, out);
        write_str(self.server_uri, out);
        write_str(self.endpoint_url, out);
        FrameHeader::close(start, out);
    }
}

fn limited<'a>(reader: &mut Reader<'a>, max_len: usize, fault: Fault) -> Result<&'a str, TransportError> {
    let text = reader.str()?.unwrap_or_default();
    if text.len() > max_len { Err(fault.into()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(endpoint_url: &str) -> Hello<'_> {
        Hello {
            protocol_version: 99,
            receive_buffer: 65_535,
            send_buffer: 8192,
            max_message: 0,
            max_chunks: 5,
            endpoint_url,
        }
    }

    #[test]
    fn messages_of_the_connection_round_trip() {
        let mut out = Vec::new();
        hello("opc.tcp://localhost:4840").write(&mut out);
        assert_eq!(out[..8], *b"HELF\x38\0\0\0");
        assert_eq!(Hello::parse(&out[8..]), Ok(hello("opc.tcp://localhost:4840")));
        let acknowledge = Acknowledge {
            protocol_version: 0,
            receive_buffer: 8192,
            send_buffer: 65_535,
            max_message: 1 << 24,
            max_chunks: 512,
        };
        out.clear();
        acknowledge.write(&mut out);
        assert_eq!(Acknowledge::parse(&out[8..]), Ok(acknowledge));
        out.clear();
        let reverse = ReverseHello { server_uri: "urn:a", endpoint_url: "opc.tcp://b" };
        reverse.write(&mut out);
        assert_eq!(ReverseHello::parse(&out[8..]), Ok(reverse));
    }

    #[test]
    fn a_hello_beyond_the_limits_is_refused() {
        let mut out = Vec::new();
        hello(&"x".repeat(5000)).write(&mut out);
        assert_eq!(Hello::parse(&out[8..]), Err(Fault::EndpointUrl.into()));
        out.clear();
        Hello { receive_buffer: 100, ..hello("") }.write(&mut out);
        assert_eq!(Hello::parse(&out[8..]), Err(Fault::BufferTooSmall.into()));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        ErrorMessage { error: Status::BAD, reason: &"水".repeat(2000) }.write(&mut out);
        let message = ErrorMessage::parse(&out[8..]).expect("error");
        assert_eq!(message.reason.len(), 4095);
    }
}
