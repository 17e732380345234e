//! Bits one after the other.

use crate::bytes::{fold, unfold};

/// Widths of a folded number, each with one more leading bit; zero takes a single bit.
const WIDTHS: [u32; 4] = [8, 16, 32, 64];

/// Words that are taken from the system at once; pieces of one size leave no holes between them.
const PIECE: usize = 32;

/// Pieces stay where they are while their list grows.
type Piece = Box<[u64; PIECE]>;

/// Bits that grow at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    /// The word that is being filled, from its low end.
    last: u64,
    used: u32,
    /// Whole words.
    n_words: u32,
    pieces: Vec<Piece>,
}

impl Bits {
    /// Appends the low `n` bits of `value`, 1 to 64.
    #[inline]
    pub(crate) fn push(&mut self, value: u64, n: u32) {
        let value = if n == 64 { value } else { value & ((1 << n) - 1) };
        self.last |= value << self.used;
        let free = 64 - self.used;
        if n < free {
            self.used += n;
            return;
        }
        let at = self.n_words as usize % PIECE;
        if at == 0 {
            self.pieces.push(Box::new([0; PIECE]));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece[at] = self.last;
        }
        self.n_words += 1;
        self.used = n - free;
        self.last = if self.used == 0 { 0 } else { value >> free };
    }

    /// Appends a number, the shorter the nearer to zero.
    #[inline]
    pub(crate) fn push_signed(&mut self, value: i64) {
        if value == 0 {
            return self.push(0, 1);
        }
        let folded = fold(value);
        let len = 64 - folded.leading_zeros();
        match len {
            0..=8 => self.push(0b01 | folded << 2, 10),
            9..=16 => self.push(0b011 | folded << 3, 19),
            17..=32 => self.push(0b0111 | folded << 4, 36),
            _ => {
                self.push(0b1111, 4);
                self.push(folded, 64);
            }
        }
    }

    /// Bytes in memory.
    pub(crate) fn size(&self) -> usize {
        self.pieces.len() * PIECE * 8
    }

    pub(crate) fn reader(&self) -> BitReader<'_> {
        BitReader { bits: self, word: 0, used: 0 }
    }
}

/// Reads what was pushed, in the same steps.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bits: &'a Bits,
    word: usize,
    used: u32,
}

impl BitReader<'_> {
    #[inline]
    fn word_at(&self, idx: usize) -> u64 {
        if idx >= self.bits.n_words as usize {
            return self.bits.last;
        }
        self.bits.pieces.get(idx / PIECE).map_or(0, |piece| piece[idx % PIECE])
    }

    /// The next `n` bits, 1 to 64.
    #[inline]
    pub(crate) fn take(&mut self, n: u32) -> u64 {
        let mut value = self.word_at(self.word) >> self.used;
        let here = 64 - self.used;
        if n >= here {
            self.word += 1;
            if n > here {
                value |= self.word_at(self.word) << here;
            }
            self.used = n - here;
        } else {
            self.used += n;
        }
        if n == 64 { value } else { value & ((1 << n) - 1) }
    }

    #[inline]
    pub(crate) fn take_signed(&mut self) -> i64 {
        if self.take(1) == 0 {
            return 0;
        }
        let mut class = 0;
        while class < 3 && self.take(1) == 1 {
            class += 1;
        }
        unfold(self.take(WIDTHS[class]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_whatever_their_widths() {
        let mut rng = fastrand::Rng::with_seed(1);
        let steps: Vec<(u64, u32)> = (0..5_000).map(|_| (rng.u64(..), rng.u32(1..=64))).collect();
        let mut bits = Bits::default();
        steps.iter().for_each(|(value, n)| bits.push(*value, *n));
        let mut reader = bits.reader();
        for (value, n) in steps {
            assert_eq!(reader.take(n), if n == 64 { value } else { value & ((1 << n) - 1) });
        }
    }

    #[test]
    fn numbers_of_every_size_come_back() {
        let mut numbers = vec![0, 1, -1, i64::MAX, i64::MIN];
        numbers.extend((0..64).flat_map(|shift| [1_i64 << shift, -(1_i64 << shift.min(62))]));
        let mut bits = Bits::default();
        numbers.iter().for_each(|number| bits.push_signed(*number));
        let mut reader = bits.reader();
        numbers.iter().for_each(|number| assert_eq!(reader.take_signed(), *number));
    }
}
