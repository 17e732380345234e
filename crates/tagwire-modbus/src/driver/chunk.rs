//! Values longer than one request: which part goes into which.

use crate::address::Table;

/// One request's share of a block or of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Units before it in the block or value.
    pub skip: u32,
    /// Units in it.
    pub len: u16,
}

/// Cuts `len` units into requests of at most `limit`, between elements of `group` units wherever they fit.
pub(super) fn chunks(len: u32, group: u32, limit: u32) -> impl Iterator<Item = Chunk> {
    let step = if group <= limit { limit / group.max(1) * group.max(1) } else { limit.max(1) };
    let step = if len <= limit { len } else { step };
    let n_chunks = len.div_ceil(step.max(1));
    (0..n_chunks).map(move |idx| {
        let skip = idx * step;
        Chunk { skip, len: step.min(len - skip) as u16 }
    })
}

/// The data of a long block, put together from several answers.
#[derive(Debug)]
pub(super) struct Assembly {
    is_bits: bool,
    data: Vec<u8>,
    n_left: u32,
}

impl Assembly {
    pub(super) fn new(table: Table, len: u32) -> Self {
        let is_bits = table.is_bits();
        let n_bytes = if is_bits { len.div_ceil(8) } else { len * 2 };
        Self { is_bits, data: vec![0; n_bytes as usize], n_left: len }
    }

    /// Adds one answer; the whole once nothing is missing.
    pub(super) fn add(&mut self, chunk: Chunk, data: &[u8]) -> Option<&[u8]> {
        let (skip, len) = (chunk.skip as usize, usize::from(chunk.len));
        if self.is_bits {
            copy_bits(data, 0, &mut self.data, skip, len);
        } else if let Some((to, from)) = self.data.get_mut(skip * 2..(skip + len) * 2).zip(data.get(..len * 2)) {
            to.copy_from_slice(from);
        }
        self.n_left = self.n_left.saturating_sub(u32::from(chunk.len));
        (self.n_left == 0).then_some(&self.data)
    }
}

/// Copies `n` packed bits; bits past either end are dropped.
pub(super) fn copy_bits(from: &[u8], from_bit: usize, to: &mut [u8], to_bit: usize, n: usize) {
    for idx in 0..n {
        let (source, target) = (from_bit + idx, to_bit + idx);
        if let (Some(source_byte), Some(target_byte)) = (from.get(source / 8), to.get_mut(target / 8)) {
            *target_byte |= (source_byte >> (source % 8) & 1) << (target % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_elements() {
        let cut = |len, group, limit| chunks(len, group, limit).map(|c| (c.skip, c.len)).collect::<Vec<_>>();
        assert_eq!(cut(125, 1, 125), [(0, 125)]);
        assert_eq!(cut(200, 2, 125), [(0, 124), (124, 76)]);
        assert_eq!(cut(400, 4, 125), [(0, 124), (124, 124), (248, 124), (372, 28)]);
        assert_eq!(cut(9, 4, 3), [(0, 3), (3, 3), (6, 3)]);
    }

    #[test]
    fn answers_join_in_any_order() {
        let mut registers = Assembly::new(Table::HoldingRegisters, 3);
        assert_eq!(registers.add(Chunk { skip: 2, len: 1 }, &[5, 6]), None);
        assert_eq!(registers.add(Chunk { skip: 0, len: 2 }, &[1, 2, 3, 4]), Some(&[1, 2, 3, 4, 5, 6][..]));
        let mut coils = Assembly::new(Table::Coils, 13);
        assert_eq!(coils.add(Chunk { skip: 0, len: 5 }, &[0b1_0101]), None);
        assert_eq!(coils.add(Chunk { skip: 5, len: 8 }, &[0xFF]), Some(&[0b1111_0101, 0b1_1111][..]));
    }
}
