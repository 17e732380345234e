//! RTU framing: unit, PDU, CRC with its low byte first. Frames are told apart by their own length, not by silence.

use super::frame::{Expected, Scan};
use super::{Function, MAX_PDU};

/// Unit, PDU, CRC.
const MAX_FRAME: usize = MAX_PDU + 3;

/// CRC-16 with the reflected polynomial 0xA001 (serial line 1.02, appendix B).
pub(super) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| step(crc, *byte))
}

const fn step(crc: u16, byte: u8) -> u16 {
    crc >> 8 ^ TABLE[((crc ^ byte as u16) & 0xFF) as usize]
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut idx = 0;
    while idx < 256 {
        let mut crc = idx as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[idx] = crc;
        idx += 1;
    }
    table
};

fn is_intact(frame: &[u8]) -> bool {
    frame.split_last_chunk::<2>().is_some_and(|(body, sum)| crc(body) == u16::from_le_bytes(*sum))
}

/// The frame of `len` bytes at the front, as far as it has come.
fn frame(bytes: &[u8], len: usize) -> Scan {
    match bytes.get(..len) {
        None => Scan::More,
        Some(frame) if is_intact(frame) => Scan::Frame { len, transaction: 0, unit: frame[0], pdu: 1..len - 2 },
        Some(_) => Scan::Skip(1),
    }
}

/// Looks for an expected answer; nothing else can be told from garbage.
pub(super) fn scan_answer(bytes: &[u8], expected: &[Expected]) -> Scan {
    let Some(&unit) = bytes.first() else { return Scan::More };
    let Some(&function) = bytes.get(1) else {
        return if expected.iter().any(|one| one.unit == unit) { Scan::More } else { Scan::Skip(1) };
    };
    let mut best = Scan::Skip(1);
    for one in expected.iter().filter(|one| one.matches(unit, function)) {
        let len = if function & Function::EXCEPTION_BIT != 0 { 5 } else { one.pdu_len + 3 };
        let counts = matches!(function, 1..=4 | 23);
        if counts && bytes.get(2).is_some_and(|count| usize::from(*count) + 2 != one.pdu_len) {
            continue;
        }
        match frame(bytes, len) {
            Scan::More => best = Scan::More,
            Scan::Skip(_) => {}
            found @ Scan::Frame { .. } => return found,
        }
    }
    best
}

/// Looks for a request. A function that is not known has no known length, so its end is where the CRC fits.
pub(super) fn scan_request(bytes: &[u8]) -> Scan {
    match bytes.get(1) {
        None => Scan::More,
        Some(function) if Function::from_code(*function).is_some() => scan_known(bytes),
        Some(_) => scan_unknown(bytes),
    }
}

fn scan_known(bytes: &[u8]) -> Scan {
    let counted = |at: usize| match bytes.get(at) {
        None => Scan::More,
        Some(&count) if at + 3 + usize::from(count) > MAX_FRAME => Scan::Skip(1),
        Some(&count) => frame(bytes, at + 3 + usize::from(count)),
    };
    match bytes.get(1).and_then(|code| Function::from_code(*code)) {
        None => Scan::Skip(1),
        Some(Function::WriteCoils | Function::WriteRegisters) => counted(6),
        Some(Function::ReadWriteRegisters) => counted(10),
        Some(Function::MaskWriteRegister) => frame(bytes, 10),
        Some(_) => frame(bytes, 8),
    }
}

fn scan_unknown(bytes: &[u8]) -> Scan {
    let mut sum = 0xFFFF;
    for (idx, byte) in bytes.iter().enumerate().take(MAX_FRAME - 2) {
        sum = step(sum, *byte);
        let len = idx + 3;
        if idx >= 1 && bytes.get(idx + 1..len).is_some_and(|tail| tail == sum.to_le_bytes()) {
            return Scan::Frame { len, transaction: 0, unit: bytes[0], pdu: 1..len - 2 };
        }
    }
    // Garbage looks like an unknown function; a request behind it must not wait for the garbage to end.
    let behind = (1..bytes.len()).find(|at| matches!(scan_known(&bytes[*at..]), Scan::Frame { .. }));
    match behind {
        Some(at) => Scan::Skip(at),
        None if bytes.len() >= MAX_FRAME => Scan::Skip(1),
        None => Scan::More,
    }
}

pub(super) fn encode(unit: u8, out: &mut Vec<u8>, pdu: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(unit);
    pdu(out);
    let sum = crc(&out[at..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_specification() {
        assert_eq!(crc(&[2, 7]).to_le_bytes(), [0x41, 0x12]);
    }

    #[test]
    fn a_request_with_an_unknown_function_is_still_a_frame() {
        let mut bytes = Vec::new();
        encode(5, &mut bytes, |out| out.extend_from_slice(&[43, 14, 1, 0]));
        let len = bytes.len();
        assert_eq!(scan_request(&bytes), Scan::Frame { len, transaction: 0, unit: 5, pdu: 1..len - 2 });
        assert_eq!(scan_request(&bytes[..len - 1]), Scan::More);
    }
}
