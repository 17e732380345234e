//! Commands and replies: protected typed logical reads and writes, word range reads and writes, bits under a mask.

use std::fmt;

use crate::codec::connection::Originator;
use crate::codec::message::Request;
use crate::codec::{CodecError, Reader, class, path};

/// The service of the PCCC object that carries a command.
pub const EXECUTE: u8 = 0x4B;
/// Most bytes of data in one command or reply.
pub const MAX_DATA: usize = 244;

/// Command code of all functions used here.
const COMMAND: u8 = 0x0F;
/// Set in the command code of a reply.
const REPLY: u8 = 0x40;
/// Stands before a number of two bytes.
const WIDE: u8 = 0xFF;

/// Function codes.
pub mod function {
    /// PLC-5: writes words.
    pub const WORD_RANGE_WRITE: u8 = 0x00;
    /// PLC-5: reads words.
    pub const WORD_RANGE_READ: u8 = 0x01;
    /// PLC-5: changes bits of words.
    pub const READ_MODIFY_WRITE: u8 = 0x26;
    /// SLC: reads elements of a file, three address fields.
    pub const TYPED_READ: u8 = 0xA2;
    /// SLC: writes elements of a file, three address fields.
    pub const TYPED_WRITE: u8 = 0xAA;
    /// SLC: writes bits under a mask, three address fields.
    pub const MASKED_WRITE: u8 = 0xAB;
}

/// Appends a request to the message router that executes a command.
pub fn encode_execute(
    originator: Originator,
    transaction: u16,
    function: u8,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let mut data = Vec::with_capacity(64);
    encode_originator(originator, &mut data);
    data.extend_from_slice(&[COMMAND, 0]);
    data.extend_from_slice(&transaction.to_le_bytes());
    data.push(function);
    body(&mut data);
    Request { service: EXECUTE, path: &path::to_instance(class::PCCC, 1), data: &data }.encode(out);
}

fn encode_originator(originator: Originator, out: &mut Vec<u8>) {
    out.push(7);
    out.extend_from_slice(&originator.vendor.to_le_bytes());
    out.extend_from_slice(&originator.serial.to_le_bytes());
}

/// A command as a processor receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// Who asks, as it is repeated in the reply.
    pub requestor: &'a [u8],
    /// Command code.
    pub code: u8,
    /// Number that the reply carries too.
    pub transaction: u16,
    /// Function code.
    pub function: u8,
    /// What the function takes.
    pub data: &'a [u8],
}

impl<'a> Command<'a> {
    /// Takes the data of a request for [`EXECUTE`] apart.
    ///
    /// # Errors
    /// [`CodecError`] when it ends too early.
    pub fn decode(data: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "command");
        let len = usize::from(*data.first().unwrap_or(&0)).max(1);
        let requestor = reader.bytes(len)?;
        let (code, _status, transaction, function) = (reader.u8()?, reader.u8()?, reader.u16()?, reader.u8()?);
        Ok(Self { requestor, code, transaction, function, data: reader.rest() })
    }

    /// Whether the command is one of those with a function.
    pub const fn is_known(&self) -> bool {
        self.code == COMMAND
    }

    /// Appends the data of an answer.
    pub fn reply(&self, status: Sts, data: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.requestor);
        out.extend_from_slice(&[self.code | REPLY, status.status]);
        out.extend_from_slice(&self.transaction.to_le_bytes());
        if status.status == Sts::EXTENDED {
            out.push(status.extended);
        }
        out.extend_from_slice(data);
    }
}

/// A reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Number of the command.
    pub transaction: u16,
    /// Whether it worked.
    pub status: Sts,
    /// What the function gives.
    pub data: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Takes the data of an answer to [`EXECUTE`] apart.
    ///
    /// # Errors
    /// [`CodecError`] when it ends too early or is no reply.
    pub fn decode(data: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(data, "reply");
        let len = usize::from(*data.first().unwrap_or(&0)).max(1);
        reader.bytes(len)?;
        let (code, status, transaction) = (reader.u8()?, reader.u8()?, reader.u16()?);
        if code != COMMAND | REPLY {
            return Err(CodecError::Value { what: "code of a reply", value: code.into() });
        }
        let extended = if status == Sts::EXTENDED { reader.u8()? } else { 0 };
        Ok(Self { transaction, status: Sts { status, extended }, data: reader.rest() })
    }
}

/// Status of a reply, and the extended one when the status is [`Sts::EXTENDED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sts {
    /// 0 for success.
    pub status: u8,
    /// Tells more.
    pub extended: u8,
}

impl Sts {
    /// All is well.
    pub const SUCCESS: Self = Self::new(0);
    /// The command cannot be read.
    pub const ILLEGAL_COMMAND: Self = Self::new(0x10);
    /// The address is wrong, or its memory protected.
    pub const ADDRESS: Self = Self::new(0x50);
    /// The key switch or a lock forbids it.
    pub const DISALLOWED: Self = Self::new(0x60);
    /// As the extended status says.
    pub const EXTENDED: u8 = 0xF0;
    /// The address points to nothing.
    pub const NOTHING_THERE: Self = Self::extended(0x06);
    /// The file is of another size.
    pub const FILE_SIZE: Self = Self::extended(0x07);
    /// Address and size go beyond the end of the file.
    pub const BEYOND_END: Self = Self::extended(0x0A);

    /// A plain status.
    pub const fn new(status: u8) -> Self {
        Self { status, extended: 0 }
    }

    /// An extended status.
    pub const fn extended(extended: u8) -> Self {
        Self { status: Self::EXTENDED, extended }
    }

    /// Whether all is well.
    pub const fn is_success(self) -> bool {
        self.status == 0
    }

    /// What the status says.
    pub const fn name(self) -> &'static str {
        match (self.status, self.extended) {
            (0x00, _) => "success",
            (0x10, _) => "illegal command or format",
            (0x20, _) => "host has a problem and will not communicate",
            (0x30, _) => "remote node host is missing",
            (0x40, _) => "host could not complete the function because of a hardware fault",
            (0x50, _) => "address problem or memory protected",
            (0x60, _) => "function not allowed, usually because of the key switch",
            (0x70, _) => "processor is in program mode",
            (0x80, _) => "compatibility mode file missing",
            (0x90, _) => "remote node cannot buffer the command",
            (0xF0, 0x01) => "a field has an illegal value",
            (0xF0, 0x02 | 0x03) => "address has too few or too many levels",
            (0xF0, 0x04 | 0x05) => "symbol not found or malformed",
            (0xF0, 0x06) => "address points to nothing usable, usually a data file that does not exist",
            (0xF0, 0x07) => "file is of another size",
            (0xF0, 0x08) => "situation has changed since the start of the command",
            (0xF0, 0x09) => "data or file is too large",
            (0xF0, 0x0A) => "address and size go beyond the end of the file",
            (0xF0, 0x0B) => "access denied",
            (0xF0, 0x0C) => "resource is not available",
            (0xF0, 0x11) => "illegal data type",
            (0xF0, 0x12) => "invalid parameter or data",
            (0xF0, 0x1A | 0x1B) => "another node owns the file or program",
            _ => "unknown status",
        }
    }
}

impl fmt::Display for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.status == Self::EXTENDED {
            write!(f, "status F0, extended {:02X} ({})", self.extended, self.name())
        } else {
            write!(f, "status {:02X} ({})", self.status, self.name())
        }
    }
}

/// Size and three address fields of a protected typed logical read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Bytes of data.
    pub size: u8,
    /// Number of the file.
    pub file: u16,
    /// Code of its type.
    pub file_type: u8,
    /// Number of the element.
    pub element: u16,
    /// Word in the element.
    pub sub: u16,
}

impl Typed {
    /// Appends the fields.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.size);
        field(self.file, out);
        out.push(self.file_type);
        field(self.element, out);
        field(self.sub, out);
    }

    /// Takes the fields off the front; the rest is data.
    ///
    /// # Errors
    /// [`CodecError`] when they end too early.
    pub fn decode(data: &[u8]) -> Result<(Self, &[u8]), CodecError> {
        let mut reader = Reader::new(data, "address fields");
        let size = reader.u8()?;
        let file = read_field(&mut reader)?;
        let file_type = reader.u8()?;
        let (element, sub) = (read_field(&mut reader)?, read_field(&mut reader)?);
        Ok((Self { size, file, file_type, element, sub }, reader.rest()))
    }
}

fn field(number: u16, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(number) if number != WIDE => out.push(number),
        _ => {
            out.push(WIDE);
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

fn read_field(reader: &mut Reader<'_>) -> Result<u16, CodecError> {
    match reader.u8()? {
        WIDE => reader.u16(),
        number => Ok(number.into()),
    }
}

/// Appends what a word range read takes: so many words at an address in ASCII.
pub fn encode_word_range_read(address: &str, n_words: u16, out: &mut Vec<u8>) {
    encode_word_range(address, n_words, out);
    out.push((n_words * 2) as u8);
}

/// Appends what a word range write takes before its data.
pub fn encode_word_range(address: &str, n_words: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&n_words.to_le_bytes());
    encode_ascii(address, out);
}

/// Appends what a read-modify-write takes: bits of `and` that are 0 become 0, those of `or` that are 1 become 1.
pub fn encode_modify(address: &str, and: u16, or: u16, out: &mut Vec<u8>) {
    encode_ascii(address, out);
    out.extend_from_slice(&and.to_le_bytes());
    out.extend_from_slice(&or.to_le_bytes());
}

fn encode_ascii(address: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0, b'$']);
    out.extend_from_slice(address.as_bytes());
    out.push(0);
}

/// Takes an address in ASCII off the front.
///
/// # Errors
/// [`CodecError`] when there is none.
pub fn decode_ascii(data: &[u8]) -> Result<(&str, &[u8]), CodecError> {
    let wrong = || CodecError::Value { what: "address in ASCII", value: data.first().copied().unwrap_or(0).into() };
    let Some(rest) = data.strip_prefix(&[0, b'$']) else { return Err(wrong()) };
    let end = rest.iter().position(|byte| *byte == 0).ok_or_else(wrong)?;
    let (text, rest) = rest.split_at(end);
    let text = str::from_utf8(text).map_err(|_| wrong())?;
    Ok((text, rest.get(1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::message::Request;

    const ORIGINATOR: Originator = Originator { vendor: 0x1009, serial: 0x7119_1009 };

    #[test]
    fn a_typed_read_is_the_one_that_processors_know() {
        let mut out = Vec::new();
        let typed = Typed { size: 4, file: 7, file_type: 0x89, element: 300, sub: 0 };
        encode_execute(ORIGINATOR, 0x0102, function::TYPED_READ, &mut out, |out| typed.encode(out));
        #[rustfmt::skip]
        assert_eq!(out, [
            0x4B, 2, 0x20, 0x67, 0x24, 1,
            7, 0x09, 0x10, 0x09, 0x10, 0x19, 0x71,
            0x0F, 0, 2, 1, 0xA2,
            4, 7, 0x89, 0xFF, 0x2C, 1, 0,
        ]);
        let request = Request::decode(&out).expect("a request");
        let command = Command::decode(request.data).expect("a command");
        assert_eq!((command.transaction, command.function, command.is_known()), (0x0102, function::TYPED_READ, true));
        assert_eq!(Typed::decode(command.data), Ok((typed, &[][..])));
        for len in 0..request.data.len() {
            let cut = Command::decode(&request.data[..len]).and_then(|command| Typed::decode(command.data).map(|_| ()));
            assert!(cut.is_err(), "{len}");
        }
    }

    #[test]
    fn replies_carry_number_status_and_data() {
        let mut out = Vec::new();
        encode_execute(ORIGINATOR, 9, function::WORD_RANGE_READ, &mut out, |out| {
            encode_word_range_read("N7:0", 3, out);
        });
        let request = Request::decode(&out).expect("a request");
        let command = Command::decode(request.data).expect("a command");
        assert_eq!(command.data, [0, 0, 3, 0, 0, b'$', b'N', b'7', b':', b'0', 0, 6]);
        assert_eq!(decode_ascii(&command.data[4..]), Ok(("N7:0", &[6][..])));
        for (status, data) in [(Sts::SUCCESS, &[1, 2][..]), (Sts::ADDRESS, &[]), (Sts::BEYOND_END, &[])] {
            let mut answer = Vec::new();
            command.reply(status, data, &mut answer);
            assert_eq!(Reply::decode(&answer), Ok(Reply { transaction: 9, status, data }));
        }
        assert!(Sts::NOTHING_THERE.to_string().contains("data file"));
    }
}
