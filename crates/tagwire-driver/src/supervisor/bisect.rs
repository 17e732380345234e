//! Finding out why a block was refused by asking for its halves.

use crate::{Block, Span};

/// A part of a refused block that still has to be asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) block: Block,
    split: usize,
}

/// A refused block that was cut in two.
#[derive(Debug)]
struct Split {
    cut: Option<Span>,
    n_pieces: usize,
    n_read: usize,
}

/// The pieces of refused blocks, and what their answers mean.
#[derive(Debug, Default)]
pub(crate) struct Bisect {
    pieces: Vec<Piece>,
    splits: Vec<Split>,
}

impl Bisect {
    /// Drops all pieces.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.splits.clear();
    }

    /// Whether no piece is left.
    pub(crate) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The next piece to ask for, in address order.
    pub(crate) fn next(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop();
        if piece.is_none() {
            self.splits.clear();
        }
        piece
    }

    /// Cuts a refused block in halves, each planned by `plan`. Returns whether there is anything to ask: a block whose
    /// halves cover the same units as the whole (bits of one word) or that serves one tag cannot be cut.
    pub(crate) fn split(&mut self, block: &Block, plan: impl Fn(&[u32]) -> Vec<Block>) -> bool {
        if block.tags.len() < 2 {
            return false;
        }
        let (left, right) = block.tags.split_at(block.tags.len() / 2);
        let (left, right) = (plan(left), plan(right));
        let same = |part: &Block| block.len > 0 && part.start == block.start && part.len == block.len;
        if left.iter().chain(&right).all(same) {
            return false;
        }
        let cut = right
            .first()
            .filter(|first| first.area == block.area && first.start > block.start)
            .map(|first| Span { area: first.area, start: first.start, len: 1 });
        let split = self.splits.len();
        self.splits.push(Split { cut, n_pieces: left.len() + right.len(), n_read: 0 });
        self.pieces.extend(left.into_iter().chain(right).rev().map(|block| Piece { block, split }));
        true
    }

    /// Notes that a piece could be read. When all pieces of a block that was refused as a whole can be read, returns the
    /// boundary between its halves: only reaching across it is refused.
    pub(crate) fn read(&mut self, piece: &Piece) -> Option<Span> {
        let split = self.splits.get_mut(piece.split)?;
        split.n_read += 1;
        if split.n_read == split.n_pieces { split.cut } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Limits, merge};

    fn spans(len: u32) -> Vec<(u32, Span)> {
        (0..100).map(|tag| (tag, Span { area: 0, start: tag * len, len })).collect()
    }

    fn plan(spans: &[(u32, Span)], tags: &[u32]) -> Vec<Block> {
        let chosen: Vec<_> = tags.iter().map(|tag| spans[*tag as usize]).collect();
        merge(0, &chosen, Limits { max_len: 1_000, max_gap: 0 }, &[])
    }

    /// Bisects until nothing is left; `refuses` tells what the device does. Returns refused tags, cuts and requests.
    fn run(spans: &[(u32, Span)], refuses: impl Fn(&Block) -> bool) -> (Vec<u32>, Vec<u32>, usize) {
        let all: Vec<u32> = (0..spans.len() as u32).collect();
        let mut bisect = Bisect::default();
        assert!(bisect.split(&plan(spans, &all)[0], |tags| plan(spans, tags)));
        let (mut refused, mut cuts, mut n_requests) = (Vec::new(), Vec::new(), 0);
        while let Some(piece) = bisect.next() {
            n_requests += 1;
            if !refuses(&piece.block) {
                cuts.extend(bisect.read(&piece).map(|cut| cut.start));
            } else if !bisect.split(&piece.block, |tags| plan(spans, tags)) {
                refused.extend(&piece.block.tags);
            }
        }
        (refused, cuts, n_requests)
    }

    #[test]
    fn one_bad_tag_among_a_hundred_is_found_in_few_requests() {
        let (refused, cuts, n_requests) = run(&spans(2), |block| block.tags.contains(&37));
        assert_eq!((refused, cuts), (vec![37], vec![]));
        assert!(n_requests <= 14, "{n_requests}");
    }

    #[test]
    fn a_boundary_that_must_not_be_crossed_is_found_without_refusing_a_tag() {
        let crosses = |block: &Block| block.start < 60 && block.start + block.len > 60;
        let (refused, cuts, _) = run(&spans(2), crosses);
        assert_eq!((refused, cuts), (vec![], vec![60]));
    }

    #[test]
    fn bits_of_one_refused_word_are_refused_together() {
        let bits: Vec<(u32, Span)> = (0..16).map(|tag| (tag, Span { area: 0, start: 5, len: 1 })).collect();
        let all: Vec<u32> = (0..16).collect();
        assert!(!Bisect::default().split(&plan(&bits, &all)[0], |tags| plan(&bits, tags)));
    }
}
