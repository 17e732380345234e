//! Modbus on the wire: requests and answers, and the three framings that carry them. Bytes in, bytes out, no I/O.

mod ascii;
mod frame;
mod function;
mod request;
mod response;
mod rtu;
mod tcp;

pub(crate) use frame::Place;
pub use frame::{Expected, Frame, FrameError, FrameReader, Framing, Role, encode_frame};
pub use function::{Exception, Function, PduError};
pub use request::Request;
pub use response::Response;

/// Longest PDU: 253 bytes (Modbus application protocol 1.1b3, 4.1).
pub const MAX_PDU: usize = 253;
/// Most registers in one read (6.3).
pub const MAX_READ_REGISTERS: u16 = 125;
/// Most coils or discrete inputs in one read (6.1).
pub const MAX_READ_BITS: u16 = 2000;
/// Most registers in one write (6.12).
pub const MAX_WRITE_REGISTERS: u16 = 123;
/// Most coils in one write (6.11).
pub const MAX_WRITE_BITS: u16 = 1968;
/// Most registers written by function 23 (6.17).
pub const MAX_READ_WRITE_REGISTERS: u16 = 121;

/// The big-endian word at `at`; `None` past the end.
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}
