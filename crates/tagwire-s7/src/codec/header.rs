//! The header of every message: kind, number of the job, lengths of the parts behind it.

use thiserror::Error;

use super::word;

/// First byte of every message.
const PROTOCOL: u8 = 0x32;

/// A request of a client.
pub(super) const JOB: u8 = 1;
/// An answer without data: the job was refused.
pub(super) const ACK: u8 = 2;
/// An answer with data.
pub(super) const ACK_DATA: u8 = 3;

/// Agrees on the length of messages and the number of jobs.
pub(super) const SETUP: u8 = 0xF0;
/// Reads items.
pub(super) const READ: u8 = 4;
/// Writes items.
pub(super) const WRITE: u8 = 5;

/// Why bytes are no message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PduError {
    /// The first byte is another protocol's.
    #[error("message begins with 0x{0:02X} instead of 0x32")]
    Protocol(u8),
    /// A kind of message that this crate does not speak.
    #[error("message of kind {0} is not known")]
    Kind(u8),
    /// A function that this crate does not speak.
    #[error("function 0x{0:02X} is not known")]
    Function(u8),
    /// Shorter or longer than its own fields say.
    #[error("message has a wrong length")]
    Length,
    /// A field with a value that is not allowed.
    #[error("message has a field with a value that is not allowed")]
    Field,
}

/// The parts of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub kind: u8,
    pub reference: u16,
    /// Error class and code; 0 in messages without them.
    pub error: u16,
    pub parameters: &'a [u8],
    pub data: &'a [u8],
}

pub(super) fn parts(pdu: &[u8]) -> Result<Parts<'_>, PduError> {
    let protocol = *pdu.first().ok_or(PduError::Length)?;
    if protocol != PROTOCOL {
        return Err(PduError::Protocol(protocol));
    }
    let kind = *pdu.get(1).ok_or(PduError::Length)?;
    let field = |at| word(pdu, at).ok_or(PduError::Length);
    let (reference, n_parameters, n_data) = (field(4)?, usize::from(field(6)?), usize::from(field(8)?));
    let (error, header) = match kind {
        JOB => (0, 10),
        ACK | ACK_DATA => (field(10)?, 12),
        other => return Err(PduError::Kind(other)),
    };
    let body = pdu.get(header..).filter(|body| body.len() == n_parameters + n_data).ok_or(PduError::Length)?;
    let (parameters, data) = body.split_at(n_parameters);
    Ok(Parts { kind, reference, error, parameters, data })
}

/// Appends a message around what `parameters` and `data` append.
pub(super) fn encode(
    kind: u8,
    reference: u16,
    error: u16,
    out: &mut Vec<u8>,
    parameters: impl FnOnce(&mut Vec<u8>),
    data: impl FnOnce(&mut Vec<u8>),
) {
    let at = out.len();
    let [high, low] = reference.to_be_bytes();
    out.extend_from_slice(&[PROTOCOL, kind, 0, 0, high, low, 0, 0, 0, 0]);
    if kind != JOB {
        out.extend_from_slice(&error.to_be_bytes());
    }
    let begin = out.len();
    parameters(out);
    let middle = out.len();
    data(out);
    let n_data = out.len() - middle;
    out[at + 6..at + 8].copy_from_slice(&((middle - begin) as u16).to_be_bytes());
    out[at + 8..at + 10].copy_from_slice(&(n_data as u16).to_be_bytes());
}
