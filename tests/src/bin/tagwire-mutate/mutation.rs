//! Ways to spoil bytes, each from a seeded generator.

use fastrand::Rng;

/// Numbers that lengths, counts and indices break on.
const NUMBERS: [u32; 10] =
    [0, 1, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF, 100_001, 0x0100_0000];
/// Length of the type and size of a chunk, and of the numbers that follow it on an open channel.
const HEADER_LEN: usize = 24;

/// Length of the service's id and of the header of a request in a session.
const REQUEST_HEADER_LEN: usize = 70;

/// Spoils a request body in one to four places; parts of another valid one may come into it.
pub(crate) fn spoil(body: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    for _ in 0..[1, 1, 1, 2, 2, 4][rng.usize(..6)] {
        // Mostly behind the header, so that the services get something to do.
        let from = if rng.u8(..) < 20 || body.len() < REQUEST_HEADER_LEN + 8 { 0 } else { REQUEST_HEADER_LEN };
        if body.len() <= from + 4 {
            return;
        }
        let at = rng.usize(from..body.len() - 3);
        // Mostly without a change of length, which few requests survive.
        match rng.u8(..17) {
            0..4 => body[at] ^= 1 << rng.u8(..8),
            8..11 => body[at] = rng.u8(..),
            11..15 => {
                let number = if rng.bool() { NUMBERS[rng.usize(..NUMBERS.len())] } else { rng.u32(..300) };
                body[at..at + 4].copy_from_slice(&number.to_le_bytes());
            }
            4 => body.truncate(at),
            5 => {
                let end = (at + rng.usize(1..40)).min(body.len());
                body.drain(at..end);
            }
            6 => {
                let end = (at + rng.usize(1..200)).min(body.len());
                let copy = body[at..end].to_vec();
                body.splice(at..at, copy.repeat(rng.usize(1..4)));
            }
            7 => {
                let start = rng.usize(..other.len());
                let end = (start + rng.usize(1..60)).min(other.len());
                body.splice(at..at, other[start..end].iter().copied());
            }
            _ => {
                let n = rng.usize(1..20);
                body.splice(at..at, std::iter::repeat_with(|| rng.u8(..)).take(n));
            }
        }
    }
}

/// Spoils the chunk that starts at `start`: its type, its size, its numbers, its content; or leaves it as it is.
pub(crate) fn spoil_frames(bytes: &mut Vec<u8>, start: usize, rng: &mut Rng) {
    let end = bytes.len();
    if end < start + HEADER_LEN {
        return;
    }
    match rng.u8(..24) {
        0 => bytes[start + rng.usize(..HEADER_LEN)] ^= 1 << rng.u8(..8),
        1 => bytes[start + 3] = *b"FCA?\0".get(rng.usize(..5)).unwrap_or(&b'F'),
        2 => {
            let size = NUMBERS[rng.usize(..NUMBERS.len())];
            bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        }
        3 => {
            let at = start + 8 + 4 * rng.usize(..4);
            bytes[at..at + 4].copy_from_slice(&NUMBERS[rng.usize(..NUMBERS.len())].to_le_bytes());
        }
        4 => bytes.truncate(rng.usize(start..end)),
        5 => {
            let kind = [*b"HEL", *b"OPN", *b"CLO", *b"ERR", *b"RHE", *b"ACK", *b"XXX"][rng.usize(..7)];
            bytes[start..start + 3].copy_from_slice(&kind);
        }
        6 => {
            let copy = bytes[start..].to_vec();
            bytes.extend_from_slice(&copy);
        }
        7..16 => {
            let at = rng.usize(start + HEADER_LEN - 1..end);
            bytes[at] = rng.u8(..);
        }
        _ => {}
    }
}
