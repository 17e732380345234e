//! ASCII framing: `:`, two hexadecimal digits per byte, LRC, carriage return, line feed.

use super::MAX_PDU;
use super::frame::Scan;

/// `:`, unit, PDU and LRC in two digits each, carriage return, line feed.
const MAX_FRAME: usize = 1 + 2 * (MAX_PDU + 2) + 2;

/// The sum of all bytes, negated (serial line 1.02, 2.5.2.2).
fn lrc(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

/// Finds a line and leaves its bytes, without LRC, in `plain`.
pub(super) fn scan(bytes: &[u8], plain: &mut Vec<u8>) -> Scan {
    if bytes.first() != Some(&b':') {
        return Scan::Skip(bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()));
    }
    let Some(end) = bytes.iter().skip(1).take(MAX_FRAME).position(|byte| matches!(byte, b'\n' | b':')) else {
        return if bytes.len() > MAX_FRAME { Scan::Skip(1) } else { Scan::More };
    };
    let (text, len) = (&bytes[1..=end], end + 2);
    // A colon inside a line begins a new frame.
    if bytes[end + 1] == b':' {
        return Scan::Skip(end + 1);
    }
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    plain.clear();
    let digits = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    for byte in digits {
        match byte {
            Some(byte) => plain.push(byte),
            None => return Scan::Skip(len),
        }
    }
    match plain.split_last() {
        Some((sum, body)) if (2..=MAX_PDU + 1).contains(&body.len()) && lrc(body) == *sum => {
            Scan::Frame { len, transaction: 0, unit: body[0], pdu: 1..body.len() }
        }
        _ => Scan::Skip(len),
    }
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

pub(super) fn encode(unit: u8, out: &mut Vec<u8>, pdu: impl FnOnce(&mut Vec<u8>)) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut plain = Vec::with_capacity(MAX_PDU + 2);
    plain.push(unit);
    pdu(&mut plain);
    plain.push(lrc(&plain));
    out.push(b':');
    for byte in plain {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.extend_from_slice(b"\r\n");
}
