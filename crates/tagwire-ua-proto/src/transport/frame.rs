//! One frame: eight bytes of header and what they announce (Part 6, 7.1.2.2).

use super::{Fault, TransportError};

/// Type, chunk kind and size: what every frame starts with.
pub const FRAME_HEADER_LEN: usize = 8;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// First message of a client.
    Hello,
    /// Answer to it.
    Acknowledge,
    /// Last message before the connection closes.
    Error,
    /// First message of a server that dials the client.
    ReverseHello,
    /// OpenSecureChannel request or response.
    Open,
    /// Request or response of any other service.
    Message,
    /// CloseSecureChannel request.
    Close,
}

impl MessageKind {
    /// The three letters on the wire.
    pub const fn code(self) -> [u8; 3] {
        *match self {
            Self::Hello => b"HEL",
            Self::Acknowledge => b"ACK",
            Self::Error => b"ERR",
            Self::ReverseHello => b"RHE",
            Self::Open => b"OPN",
            Self::Message => b"MSG",
            Self::Close => b"CLO",
        }
    }

    /// The kind with these letters.
    pub const fn from_code(code: [u8; 3]) -> Option<Self> {
        Some(match &code {
            b"HEL" => Self::Hello,
            b"ACK" => Self::Acknowledge,
            b"ERR" => Self::Error,
            b"RHE" => Self::ReverseHello,
            b"OPN" => Self::Open,
            b"MSG" => Self::Message,
            b"CLO" => Self::Close,
            _ => return None,
        })
    }
}

/// Where in its message a chunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// More chunks follow.
    Intermediate,
    /// The last or only chunk.
    Final,
    /// The sender gives the message up.
    Abort,
}

impl ChunkKind {
    /// The letter on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Intermediate => b'C',
            Self::Final => b'F',
            Self::Abort => b'A',
        }
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame carries.
    pub kind: MessageKind,
    /// Where in its message it stands.
    pub chunk: ChunkKind,
    /// Bytes of the whole frame, header included.
    pub len: usize,
}

impl FrameHeader {
    /// Reads a header and checks its size against `max_len`, before anything of the rest has to arrive.
    ///
    /// # Errors
    /// [`Fault::MessageType`], [`Fault::FrameTooShort`], [`Fault::FrameTooLarge`].
    #[inline]
    pub fn parse(bytes: [u8; FRAME_HEADER_LEN], max_len: usize) -> Result<Self, TransportError> {
        let [a, b, c, chunk, size @ ..] = bytes;
        let kind = MessageKind::from_code([a, b, c]).ok_or(Fault::MessageType)?;
        let chunk = match chunk {
            b'F' => ChunkKind::Final,
            b'C' if kind == MessageKind::Message => ChunkKind::Intermediate,
            b'A' if kind == MessageKind::Message => ChunkKind::Abort,
            _ => return Err(Fault::MessageType.into()),
        };
        let len = u32::from_le_bytes(size) as usize;
        if len < FRAME_HEADER_LEN {
            return Err(Fault::FrameTooShort.into());
        }
        if len > max_len {
            return Err(Fault::FrameTooLarge.into());
        }
        Ok(Self { kind, chunk, len })
    }

    /// Appends the header of a frame whose size is not known yet; [`Self::close`] fills it in.
    pub fn open(kind: MessageKind, chunk: ChunkKind, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&kind.code());
        out.extend_from_slice(&[chunk.code(), 0, 0, 0, 0]);
        start
    }

    /// Fills in the size of the frame that starts at `start` and ends with the buffer.
    pub fn close(start: usize, out: &mut [u8]) {
        let len = (out.len() - start) as u32;
        if let Some(place) = out.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }
}

/// The header of the frame that `received` starts with, once all of it is there; `None` while bytes are missing.
/// A frame that is too large is refused as soon as its header is there.
///
/// # Errors
/// As [`FrameHeader::parse`].
#[inline]
pub fn next_frame(received: &[u8], max_len: usize) -> Result<Option<FrameHeader>, TransportError> {
    let Some(header) = received.first_chunk() else {
        return Ok(None);
    };
    let header = FrameHeader::parse(*header, max_len)?;
    Ok((received.len() >= header.len).then_some(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(code: &[u8; 4], size: u32) -> Vec<u8> {
        let mut bytes = code.to_vec();
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes
    }

    #[test]
    fn sizes_are_judged_from_the_header_alone() {
        let fault = |bytes: &[u8]| next_frame(bytes, 8192).map_err(TransportError::fault);
        for size in 0..8 {
            assert_eq!(fault(&header(b"MSGF", size)), Err(Fault::FrameTooShort));
        }
        assert_eq!(fault(&header(b"MSGF", 8193)), Err(Fault::FrameTooLarge));
        assert_eq!(fault(&header(b"MSGF", u32::MAX)), Err(Fault::FrameTooLarge));
        assert_eq!(fault(&header(b"MSGF", 9)), Ok(None));
        assert_eq!(fault(b"MSG"), Ok(None));
    }

    #[test]
    fn unknown_types_are_refused() {
        for code in [b"XXXF", b"MSGX", b"OPNC", b"HELC", b"CLOA", b"msgF"] {
            assert_eq!(next_frame(&header(code, 8), 8192).map_err(TransportError::fault), Err(Fault::MessageType));
        }
    }

    #[test]
    fn a_frame_is_returned_when_all_of_it_is_there() {
        let mut out = vec![0xEE];
        let start = FrameHeader::open(MessageKind::Message, ChunkKind::Intermediate, &mut out);
        out.extend_from_slice(b"body");
        FrameHeader::close(start, &mut out);
        let expected = FrameHeader { kind: MessageKind::Message, chunk: ChunkKind::Intermediate, len: 12 };
        assert_eq!(next_frame(&out[1..], 8192), Ok(Some(expected)));
        assert_eq!(next_frame(&out[1..12], 8192), Ok(None));
    }
}
