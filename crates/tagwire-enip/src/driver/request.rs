//! What a read consists of: one request for each block or whole structure, packed into as few messages as possible.

use tagwire_driver::Block;

use super::device::{Device, Program};
use crate::codec::packet;

/// Whom a request serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    /// One block, by its index.
    Block(usize),
    /// The blocks whose tags lie in a structure that is read whole.
    Group(usize, Vec<usize>),
}

/// One request of a read.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub serves: Serves,
    /// First element and number of elements.
    pub range: (u32, u16),
    /// Bytes of data in the answer, as far as is known.
    pub n_bytes: usize,
    /// Bytes of the path.
    pub n_path: usize,
    /// Whether the path holds a number that another program may give to another tag.
    pub is_numbered: bool,
}

impl Ask {
    /// Bytes in a packet's request and in its answer.
    fn size(&self) -> (usize, usize) {
        (packet::PER_MESSAGE + 2 + self.n_path + 2, packet::PER_MESSAGE + 4 + 4 + self.n_bytes)
    }
}

/// Bytes of the request for the change counters, and of its answer.
const CHECK: (usize, usize) = (2 + 2 + 4 + 12, 2 + 4 + 2 + 5 * 4 + 2 * 2 + 3 * 4);

impl Device {
    /// The requests that blocks take. With `whole_only` false nothing from the program is used.
    pub(super) fn asks(&self, blocks: &[Block], wanted: &[usize], use_program: bool) -> Vec<Ask> {
        let program = self.program.as_ref().filter(|_| use_program && self.packs);
        let mut asks: Vec<Ask> = Vec::with_capacity(wanted.len());
        let mut groups: Vec<Option<usize>> = Vec::new();
        let counts = program.map(|program| self.counts(program, blocks, wanted)).unwrap_or_default();
        groups.resize(counts.len(), None);
        for &idx in wanted {
            let Some(block) = blocks.get(idx) else { continue };
            let group = program.and_then(|program| self.group(program, block));
            let is_worth = |group: &usize| {
                let n_leaves = program.and_then(|p| p.groups.get(*group)).map_or(usize::MAX, |group| group.n_leaves);
                counts.get(*group).is_some_and(|n| n * 3 >= n_leaves)
            };
            if let Some(number) = group.filter(is_worth) {
                if let Some(Some(at)) = groups.get(number)
                    && let Some(Ask { serves: Serves::Group(_, blocks), .. }) = asks.get_mut(*at)
                {
                    blocks.push(idx);
                    continue;
                }
                let Some(structure) = program.and_then(|program| program.groups.get(number)) else { continue };
                if let Some(place) = groups.get_mut(number) {
                    *place = Some(asks.len());
                }
                asks.push(Ask {
                    serves: Serves::Group(number, vec![idx]),
                    range: (0, 1),
                    n_bytes: structure.template.attributes.structure_size as usize,
                    n_path: structure.path.len(),
                    is_numbered: program.is_some_and(|program| !program.fingerprint.is_empty()),
                });
                continue;
            }
            asks.push(self.ask(program, block, idx));
        }
        asks
    }

    fn ask(&self, program: Option<&Program>, block: &Block, idx: usize) -> Ask {
        let tags = || block.tags.iter().filter_map(|tag| self.tags.get(*tag as usize));
        let start = tags().map(|tag| tag.item.start).min().unwrap_or(0);
        let end = tags().map(|tag| tag.item.end()).max().unwrap_or(0);
        let n = (end.saturating_sub(start)).clamp(1, u16::MAX.into());
        let size = tags().map(|tag| tag.n_bytes().div_ceil((tag.item.len as usize).max(1))).max().unwrap_or(4);
        let path = self.path(program, block);
        let is_numbered = program.is_some() && self.spot_path(program, block).is_some();
        let n_bytes = size * n as usize;
        Ask { serves: Serves::Block(idx), range: (start, n as u16), n_bytes, n_path: path.len(), is_numbered }
    }

    fn first(block: &Block) -> usize {
        block.tags.first().map_or(usize::MAX, |tag| *tag as usize)
    }

    fn spot_path<'a>(&self, program: Option<&'a Program>, block: &Block) -> Option<&'a [u8]> {
        program?.spots.get(Self::first(block))?.path.as_deref()
    }

    /// The path of a block: that of its first tag, by number where there is one.
    pub(super) fn path<'a>(&'a self, program: Option<&'a Program>, block: &Block) -> &'a [u8] {
        self.spot_path(program, block)
            .or_else(|| self.tags.get(Self::first(block)).map(|tag| &*tag.path))
            .unwrap_or_default()
    }

    /// The structure that is read whole for all tags of a block.
    fn group(&self, program: &Program, block: &Block) -> Option<usize> {
        let group = |tag: &u32| program.spots.get(*tag as usize)?.group.map(|(group, ..)| group);
        let first = block.tags.first().and_then(group)?;
        block.tags.iter().all(|tag| group(tag) == Some(first)).then_some(first)
    }

    /// How many tags of each structure the blocks have.
    fn counts(&self, program: &Program, blocks: &[Block], wanted: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; program.groups.len()];
        for block in wanted.iter().filter_map(|idx| blocks.get(*idx)) {
            if let Some(count) = self.group(program, block).and_then(|group| counts.get_mut(group)) {
                *count += block.tags.len();
            }
        }
        counts
    }

    /// How many of the requests fit one packet, and whether it ends with a look at the change counters; 0 when the first
    /// one does not fit any packet.
    pub(super) fn fit(&self, asks: &[Ask]) -> (usize, bool) {
        let (to_device, to_client) = self.room();
        let mut used = (packet::OVERHEAD, packet::ANSWER_OVERHEAD);
        let mut has_check = false;
        let most = if self.packs { usize::MAX } else { 1 };
        for (n, ask) in asks.iter().enumerate() {
            let needs_check = ask.is_numbered && !has_check;
            let extra = if needs_check { CHECK } else { (0, 0) };
            let (request, answer) = ask.size();
            used = (used.0 + request + extra.0, used.1 + answer + extra.1);
            if used.0 > to_device || used.1 > to_client || n >= most {
                return (n, has_check);
            }
            has_check |= needs_check;
        }
        (asks.len(), has_check)
    }
}
