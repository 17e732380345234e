//! MBAP framing: transaction, protocol 0, length, unit, PDU.

use super::frame::{FrameError, Scan};
use super::{MAX_PDU, word};

/// Bytes before the PDU.
const HEADER: usize = 7;

pub(super) fn scan(bytes: &[u8], any_protocol: bool) -> Result<Scan, FrameError> {
    if let Some(protocol) = word(bytes, 2)
        && protocol != 0
        && !any_protocol
    {
        return Err(FrameError::Protocol(protocol));
    }
    let Some(announced) = word(bytes, 4) else { return Ok(Scan::More) };
    // The length counts the unit and a PDU of 1 to 253 bytes.
    if !(2..=MAX_PDU + 1).contains(&usize::from(announced)) {
        return Err(FrameError::Length(announced));
    }
    let len = HEADER - 1 + usize::from(announced);
    match (word(bytes, 0), bytes.get(6)) {
        (Some(transaction), Some(&unit)) if bytes.len() >= len => {
            Ok(Scan::Frame { len, transaction, unit, pdu: HEADER..len })
        }
        _ => Ok(Scan::More),
    }
}

pub(super) fn encode(transaction: u16, unit: u8, out: &mut Vec<u8>, pdu: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    let [high, low] = transaction.to_be_bytes();
    out.extend_from_slice(&[high, low, 0, 0, 0, 0, unit]);
    pdu(out);
    let announced = (out.len() - at - HEADER + 1) as u16;
    out[at + 4..at + 6].copy_from_slice(&announced.to_be_bytes());
}
