//! Damage to the bytes of a request.

use fastrand::Rng;

/// Numbers at which code tends to break.
const NUMBERS: &[u32] = &[0, 1, 2, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 1_000_000, 65_536];

/// Damages a body in one to four places, or cuts it, or lets it go on.
pub(super) fn damage(body: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.usize(..4) {
        if body.is_empty() {
            return;
        }
        let at = rng.usize(..body.len());
        match rng.u8(..10) {
            0..=2 => body[at] = rng.u8(..),
            3 => body[at] ^= 1 << rng.u8(..8),
            4 | 5 => {
                let number = NUMBERS[rng.usize(..NUMBERS.len())].to_le_bytes();
                for (place, byte) in body[at..].iter_mut().zip(number) {
                    *place = byte;
                }
            }
            6 => body.truncate(at),
            7 => drop(body.drain(at..(at + rng.usize(..8)).min(body.len()))),
            8 => {
                let copy: Vec<u8> = body[at..(at + rng.usize(..32)).min(body.len())].to_vec();
                drop(body.splice(at..at, copy));
            }
            _ => {
                let n = rng.usize(1..16);
                body.extend(std::iter::repeat_with(|| rng.u8(..)).take(n));
            }
        }
    }
}
