//! S7 on the wire: TPKT and COTP frames, and the S7 messages inside. Bytes in, bytes out, no I/O.
//!
//! RFC 1006 carries ISO 8073 class 0 over TCP; S7comm has no published specification, its layout is common knowledge.

mod answer;
mod cotp;
mod fault;
mod frame;
mod header;
mod pointer;
mod request;

pub use answer::{Answer, AnswerBody, ReadAnswer, ReadItems, encode_refusal, encode_setup_answer, encode_write_answer};
pub use cotp::{Connect, Tsap};
pub use fault::{HeaderError, ReturnCode};
pub(crate) use frame::Place;
pub use frame::{FrameError, FrameReader, Tpdu, encode_data};
pub use header::PduError;
pub use pointer::{Area, Pointer, Size};
pub use request::{
    Pointers, Request, RequestBody, Setup, WriteItem, WriteItems, encode_read, encode_setup, encode_write,
};

/// Smallest message length that a CPU negotiates, in bytes.
pub const MIN_PDU: u16 = 240;
/// Largest message length that this crate negotiates, in bytes.
pub const MAX_PDU: u16 = 960;
/// Bytes of a request before its items: header, function, number of items.
pub const REQUEST_OVERHEAD: usize = 12;
/// Bytes of an answer before its items: header with error fields, function, number of items.
pub const ANSWER_OVERHEAD: usize = 14;
/// Bytes of one address in a request.
pub const POINTER_LEN: usize = 12;
/// Bytes before the data of one item.
pub const ITEM_OVERHEAD: usize = 4;

/// The big-endian word at `at`; `None` past the end.
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}
