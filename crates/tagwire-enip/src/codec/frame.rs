//! Frames of the encapsulation (CIP Volume 2, 2-3): a header of 24 bytes and up to 65,511 bytes of data.

use tagwire_driver::Intake;

use super::{CodecError, Reader};

/// What a frame is for (CIP Volume 2, table 2-3.2).
pub mod command {
    /// Does nothing.
    pub const NOP: u16 = 0x0000;
    /// Who is there?
    pub const LIST_SERVICES: u16 = 0x0004;
    /// Which devices are there?
    pub const LIST_IDENTITY: u16 = 0x0063;
    /// Which interfaces are there?
    pub const LIST_INTERFACES: u16 = 0x0064;
    /// Begins a session.
    pub const REGISTER_SESSION: u16 = 0x0065;
    /// Ends a session.
    pub const UNREGISTER_SESSION: u16 = 0x0066;
    /// A message outside a connection.
    pub const SEND_RR_DATA: u16 = 0x006F;
    /// A message on a connection.
    pub const SEND_UNIT_DATA: u16 = 0x0070;
}

/// What the status of a frame says (CIP Volume 2, table 2-3.3).
pub const fn status_text(status: u32) -> &'static str {
    match status {
        0x0000 => "success",
        0x0001 => "command is not supported",
        0x0002 => "out of memory",
        0x0003 => "data is wrong",
        0x0064 => "session is not known",
        0x0065 => "length is wrong",
        0x0069 => "protocol version is not supported",
        _ => "status is not known",
    }
}

/// Length of the header.
pub const HEADER_LEN: usize = 24;
/// Most data of one frame.
pub const MAX_DATA: usize = 65_511;
/// Port of EtherNet/IP over TCP (assigned by IANA).
pub const PORT: u16 = 44_818;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// One of [`command`].
    pub command: u16,
    /// The session's number; 0 before there is one.
    pub session: u32,
    /// 0 for success.
    pub status: u32,
    /// Chosen by the client, repeated in the answer.
    pub context: [u8; 8],
    /// What follows the header.
    pub data: &'a [u8],
}

/// Appends a frame whose data `data` appends.
pub fn encode_frame(
    out: &mut Vec<u8>,
    command: u16,
    session: u32,
    status: u32,
    context: [u8; 8],
    data: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&command.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&session.to_le_bytes());
    out.extend_from_slice(&status.to_le_bytes());
    out.extend_from_slice(&context);
    out.extend_from_slice(&[0; 4]);
    data(out);
    let len = (out.len() - start - HEADER_LEN).min(MAX_DATA) as u16;
    if let Some(place) = out.get_mut(start + 2..start + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

/// The data of Register Session, in both directions: version 1, no options.
pub const REGISTER_DATA: [u8; 4] = [1, 0, 0, 0];

/// Finds frames in a stream.
#[derive(Debug)]
pub struct FrameReader {
    intake: Intake,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameReader {
    /// Room offered to each read.
    const CHUNK: usize = 8 * 1024;

    /// Nothing received yet.
    pub const fn new() -> Self {
        Self { intake: Intake::new(Self::CHUNK, HEADER_LEN + MAX_DATA + Self::CHUNK) }
    }

    /// Forgets what was received.
    pub const fn clear(&mut self) {
        self.intake.clear();
    }

    /// Whether a frame has begun and not ended.
    pub fn is_partial(&self) -> bool {
        !self.intake.waiting().is_empty()
    }

    /// Room for bytes from the stream; tell with [`FrameReader::filled`] how many came.
    pub fn space(&mut self) -> &mut [u8] {
        self.intake.space()
    }

    /// Notes that the first `n` bytes of [`FrameReader::space`] were filled.
    pub fn filled(&mut self, n: usize) {
        self.intake.filled(n);
    }

    /// The next complete frame.
    ///
    /// # Errors
    /// [`CodecError::Value`] for bytes that cannot be a header: the stream can no longer be followed.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CodecError> {
        let waiting = self.intake.waiting();
        let mut header = Reader::new(waiting, "header");
        let (Ok(command), Ok(len)) = (header.u16(), header.u16()) else { return Ok(None) };
        check_command(command)?;
        if usize::from(len) > MAX_DATA {
            return Err(CodecError::Value { what: "length of a frame", value: len.into() });
        }
        let total = HEADER_LEN + usize::from(len);
        if waiting.len() < total {
            return Ok(None);
        }
        let (session, status) = (header.u32()?, header.u32()?);
        let context = header.u64()?.to_le_bytes();
        let _options = header.u32()?;
        let place = self.intake.take(total);
        let data = self.intake.taken(place.start + HEADER_LEN..place.end);
        Ok(Some(Frame { command, session, status, context, data }))
    }
}

fn check_command(command: u16) -> Result<(), CodecError> {
    use command::{
        LIST_IDENTITY, LIST_INTERFACES, LIST_SERVICES, NOP, REGISTER_SESSION, SEND_RR_DATA, SEND_UNIT_DATA,
        UNREGISTER_SESSION,
    };
    match command {
        NOP | LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES | REGISTER_SESSION | UNREGISTER_SESSION
        | SEND_RR_DATA | SEND_UNIT_DATA => Ok(()),
        _ => Err(CodecError::Value { what: "command of a frame", value: command.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_whatever_the_pieces() {
        let mut bytes = Vec::new();
        encode_frame(&mut bytes, command::REGISTER_SESSION, 0, 0, *b"abcdefgh", |out| {
            out.extend_from_slice(&REGISTER_DATA);
        });
        encode_frame(&mut bytes, command::SEND_RR_DATA, 7, 0, [0; 8], |out| out.extend_from_slice(&[9; 300]));
        for step in [1, 7, 24, 100, 1000] {
            let mut reader = FrameReader::new();
            let mut found = Vec::new();
            for piece in bytes.chunks(step) {
                reader.space()[..piece.len()].copy_from_slice(piece);
                reader.filled(piece.len());
                while let Some(frame) = reader.next_frame().expect("frames") {
                    found.push((frame.command, frame.session, frame.context[0], frame.data.len()));
                }
            }
            assert_eq!(found, [(0x65, 0, b'a', 4), (0x6F, 7, 0, 300)], "{step}");
            assert!(!reader.is_partial());
        }
    }

    #[test]
    fn noise_is_no_frame() {
        let mut reader = FrameReader::new();
        reader.space()[..4].copy_from_slice(b"HTTP");
        reader.filled(4);
        assert!(reader.next_frame().is_err());
    }
}
